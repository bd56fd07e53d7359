"""The cells of all saved fields of one window: which are listed, which are chosen, what is done to them."""

from __future__ import annotations

import getpass
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from qtpy.QtCore import Signal

from napari_cellvino.core.cell_classifier import CellClassifier
from napari_cellvino.core.errors import CellvinoError
from napari_cellvino.core.gates import Corner, Gate, GateAction, gate_over
from napari_cellvino.gui.cells.cell_navigation import CellNavigation
from napari_cellvino.gui.cells.class_examples import ClassExamples
from napari_cellvino.gui.review.review_controller import ReviewController
from napari_cellvino.gui.save.save_controller import SaveController
from napari_cellvino.gui.widgets.failure import Failure, failure_of
from napari_cellvino.gui.widgets.formatting import format_count
from napari_cellvino.gui.widgets.one_task import OneTask
from napari_cellvino.gui.widgets.serial_worker import SerialWorker, Task
from napari_cellvino.gui.widgets.turns import Turns
from napari_cellvino.results.cell_table import CellQuery, CellTable, CellTables, Rows
from napari_cellvino.workflows.change_results import (
    ChangedField,
    Describe,
    classify_results,
    edit_results,
    gate_results,
    rules_of,
    undo_edits,
)
from napari_cellvino.workflows.workspace import Workspace

NO_ROWS: Rows = np.zeros(0, np.intp)


@dataclass(frozen=True, slots=True)
class _Step:
    """Something that was done to cells of several fields, or with gates or classes, and can be taken back."""

    name: str
    fields: tuple[ChangedField, ...] = ()
    take_back: Callable[[], None] | None = None  # of gates or classes: those before again


class CellsController(OneTask):
    """One table, one choice of cells; the pictures and the plot both show it.

    What is chosen of the field that is reviewed is chosen there too, and the other way round. What is done to its
    cells is a step of its review; other fields are written in the thread.
    """

    selected = Signal()
    written = Signal()  # saved fields are others now

    def __init__(
        self,
        workspace: Workspace,
        reviewer: ReviewController,
        saver: SaveController,
        worker: SerialWorker,
        reader: SerialWorker,
    ) -> None:
        super().__init__()
        self._workspace, self._reviewer, self._saver = workspace, reviewer, saver
        self._worker, self._reader = worker, reader
        self._tables, self._reads = CellTables(), Task()
        self._wanted = False  # whether a panel shows it
        self.root: Path | None = None  # of the table
        self.table, self.query, self.rows = CellTable(), CellQuery(), NO_ROWS
        self.selection: Rows = NO_ROWS
        self.region: Gate | None = None  # that was drawn last, as long as it is seen
        self.gates: tuple[Gate, ...] = ()
        self.classifier: CellClassifier | None = None
        self.examples = ClassExamples()
        self.said = ""
        self._steps: list[_Step] = []
        self.navigation = CellNavigation(self, workspace, reviewer)
        self._turns = Turns(self)
        self._ignoring = False
        self._was_busy = False
        self.root_wanted: Callable[[], Path | None] = lambda: None  # the folder of all results
        self.shown_again: Callable[[], object] = lambda: None
        saver.changed.connect(self._on_saver)
        saver.left_saved.connect(self.look)
        reviewer.changed.connect(self._on_review)

    def close(self) -> None:
        """Stop all work, and let go of the workspace."""
        self._reads.stop()
        self._turns.stop()
        self.navigation.close()

    # -- what is listed

    def want(self, wanted: bool) -> None:
        """Read the table from now on whenever results change, or no longer."""
        self._wanted = wanted
        if wanted:
            self.look()

    def look(self) -> None:
        """Read what changed in the folder of results."""
        root = self.root_wanted()
        if not self._wanted or root is None:
            return
        self._reads.stop()
        self._reads = Task(done=partial(self._take, root), failed=self._fail)
        self._reader.start(lambda: (self._tables.read(root), *rules_of(root)), self._reads)

    def _take(self, root: Path, read: tuple[CellTable, tuple[Gate, ...], CellClassifier | None]) -> None:
        chosen = self.table.chosen(self.selection) if root == self.root else {}
        if root != self.root:
            self._steps.clear()
            self.examples.clear()
            self.region, self.said = None, ""
        self.root, (self.table, self.gates, self.classifier) = root, read
        kept = [self.table.rows_of(folder, ids) for folder, ids in chosen.items()]
        self.selection = np.concatenate([NO_ROWS, *kept]).astype(np.intp)
        self._list()

    def show_only(self, query: CellQuery) -> None:
        """List other cells, or in another order."""
        self.query = query
        self._list()

    def _list(self) -> None:
        if self.query.kind is not None and self.query.kind not in self.table.kinds:
            self.query = replace(self.query, kind=None)
        self.rows = self.query.rows(self.table)
        self.changed.emit()
        self.selected.emit()

    # -- which are chosen

    def select(self, rows: Sequence[int] | Rows) -> None:
        """Choose cells by their rows in the table; those of the field under review are chosen there."""
        self._select(rows)

    def _select(self, rows: Sequence[int] | Rows, region: Gate | None = None) -> None:
        self.region = region
        self._take_selection(np.unique(np.asarray(rows, np.intp)))
        folder = self._saver.saved
        if folder is not None and self._reviewer.annotation is not None:
            here = self.table.chosen(self.selection).get(folder, [])
            there = self._reviewer.annotation.records
            self._ignoring = True
            self._reviewer.select([id_ for id_ in here if id_ in there])
            self._ignoring = False

    def _take_selection(self, rows: Rows) -> None:
        self.selection = rows
        self.said, self.failure = "", None
        self.selected.emit()
        self.changed.emit()

    def draw(self, x: str, y: str, corners: Sequence[Corner]) -> None:
        """Choose the listed cells in a region that was drawn over one or two measurements."""
        region = gate_over(x, y, corners, action=GateAction.EXCLUDE)
        inside = self.table.in_gate(region)
        self._select(self.rows[inside[self.rows]], region)

    def forget_region(self) -> None:
        """Let go of the region that was drawn: it is not seen any more."""
        if self.region is not None:
            self.region = None
            self.selected.emit()

    def go_to(self, row: int) -> None:
        """Open the field of a cell and look at the cell from near."""
        if 0 <= row < len(self.table):
            origin = self.table.fields[int(self.table.field_number[row])].origin
            self.navigation.go_to(origin, int(self.table.id[row]))

    def _on_review(self) -> None:
        """Choose here what is chosen in the review."""
        folder = self._saver.saved
        if self._ignoring or self.navigation.arriving or not self._wanted or folder is None:
            return
        ids = self._reviewer.selection
        if sorted(self.table.chosen(self.selection).get(folder, [])) != sorted(ids) and ids:
            self.selection, self.region = self.table.rows_of(folder, ids), None
            self.selected.emit()

    # -- what is done to them

    def refuse(self, why: str) -> None:
        """Say why something cannot be done."""
        self.said, self.failure = "", Failure(why)
        self.changed.emit()

    def mark(self, name: str, describe: Describe) -> None:
        """Do something to the chosen cells: in the field under review as a step of it, in others on disk."""
        chosen = self.table.chosen(self.selection)
        if not chosen or self.working or self.root is None:
            return
        root, author = self.root, getpass.getuser()

        def go_on() -> None:
            here = self._mark_here(chosen, describe)
            elsewhere = partial(edit_results, root, chosen, describe, author=author)
            self._turns.take(partial(self._follow, elsewhere, partial(self._end_marks, name, here)))

        self._begin(f"{name} …")
        self._turns.take(go_on)

    def _mark_here(self, chosen: dict[Path, list[int]], describe: Describe) -> list[ChangedField]:
        """Do something to chosen cells of the field under review, take these out of ``chosen``, and return the step."""
        here = self._saver.saved
        if here is None or here not in chosen or self._reviewer.annotation is None:
            return []
        ids = [id_ for id_ in chosen.pop(here) if id_ in self._reviewer.annotation.records]
        if not ids or self._reviewer.do(lambda annotation: describe(annotation, ids)) is None:
            return []
        session = self._reviewer.editor.session
        return [ChangedField(here, None if session is None else session.history.next_undo)]

    def _end_marks(self, name: str, here: list[ChangedField], fields: tuple[ChangedField, ...]) -> None:
        done = [*here, *(field for field in fields if field.edit is not None)]
        cells = sum(len(field.edit.records) for field in done if field.edit is not None)
        if done:
            self._steps.append(_Step(name, tuple(done)))
            self.said = f"{name}: {format_count(cells)} in {format_count(len(done), 'field')}"
        self._tell_failures(fields)

    def add_gate(self, action: GateAction, class_name: str = "") -> None:
        """Make a gate of the region that is drawn, and apply it to all saved fields and to all runs to come."""
        if self.region is None or self.working:
            return
        gate = Gate.model_validate(self.region.model_dump() | {"action": action, "class_name": class_name})
        if gate in self.gates:
            self.refuse("This region is a gate of the recipe already.")
        else:
            self._gate((*self.gates, gate))

    def remove_gate(self, number: int) -> None:
        """Take a gate away, by its number from 0; what it did is taken back."""
        if not self.working:
            self._gate(tuple(gate for n, gate in enumerate(self.gates) if n != number))

    def _gate(self, gates: tuple[Gate, ...], *, undo: bool = False) -> None:
        root, before = self.root, self.gates
        if root is None:
            return

        def end(fields: tuple[ChangedField, ...]) -> None:
            if not undo:
                self._steps.append(_Step("Gates", take_back=partial(self._gate, before, undo=True)))
            self.gates = gates
            self._workspace.choose(gates=[gate.model_dump() for gate in gates])
            self.said = f"{format_count(len(gates), 'gate')} in the recipe, applied to {_fields(fields)}"
            self._tell_failures(fields)
            self.shown_again()

        self._start("applying gates …", partial(gate_results, root, gates), end, leave=True)

    # -- classes learnt from examples

    def add_examples(self, name: str) -> None:
        """Make the chosen cells examples of a class."""
        if len(self.selection) and name:
            self.examples.add(self.table, self.selection, name)
            self.said, self.failure = f"Examples: {self.examples.describe()}", None
            self.changed.emit()

    def classify(self) -> None:
        """Learn the classes of the examples, and give them to all cells of saved fields and of runs to come."""
        if self.working or self.root is None:
            return
        try:
            learnt = self.examples.learn(self.table)
        except CellvinoError as error:
            self.refuse(failure_of(error).message)
            return
        self._classify(learnt)

    def unclassify(self) -> None:
        """Take the classifier away: cells have the class of the model again."""
        if not self.working and self.root is not None:
            self._classify(None)

    def _classify(self, classifier: CellClassifier | None, *, undo: bool = False) -> None:
        root, before = self.root, self.classifier

        def end(fields: tuple[ChangedField, ...]) -> None:
            if not undo:
                self._steps.append(_Step("Classes", take_back=partial(self._classify, before, undo=True)))
            self.classifier = classifier
            self._workspace.choose(classifier=None if classifier is None else classifier.model_dump())
            agreed = (
                ""
                if classifier is None or classifier.agreement is None
                else (f", {100 * classifier.agreement:.0f} % of held-out examples got their own class")
            )
            done = "Classes taken away from" if classifier is None else "Classes given to"
            self.said = f"{done} {_fields(fields)}{agreed}"
            self._tell_failures(fields)
            self.shown_again()

        if root is not None:
            self._start("classifying …", partial(classify_results, root, classifier), end, leave=True)

    @property
    def undo_name(self) -> str:
        """What undo would take back."""
        return self._steps[-1].name if self._steps else ""

    def undo(self) -> None:
        """Take back what was done last to several fields."""
        if not self._steps or self.working or self.root is None:
            return
        step = self._steps.pop()
        if step.take_back is not None:
            step.take_back()
            return
        elsewhere = [field for field in step.fields if not self._undo_here(field)]
        self._start("undoing …", partial(undo_edits, self.root, elsewhere), partial(self._end_undo, step))

    def _undo_here(self, field: ChangedField) -> bool:
        """Take back an edit in the field under review; return whether it is that field."""
        session, edit = self._reviewer.editor.session, field.edit
        if field.folder != self._saver.saved or self._reviewer.annotation is None or edit is None:
            return False
        if session is not None and session.history.next_undo is edit:
            self._reviewer.undo()
        else:
            self._reviewer.do(lambda _: edit.inverse())
        return True

    def _end_undo(self, step: _Step, fields: tuple[ChangedField, ...]) -> None:
        self.said = f"Undone: {step.name} in {format_count(len(step.fields), 'field')}"
        self._tell_failures(fields)

    def _tell_failures(self, fields: Sequence[ChangedField]) -> None:
        failed = [field for field in fields if field.error]
        if failed:
            first = f"{failed[0].folder.name}: {failed[0].error}"
            more = f" (and {len(failed) - 1} more)" if len(failed) > 1 else ""
            self.failure = Failure(f"{format_count(len(failed), 'field')} left unchanged. {first}{more}")

    def _start(
        self,
        what: str,
        work: Callable[[], object],
        end: Callable[[tuple[ChangedField, ...]], None],
        *,
        leave: bool = False,
    ) -> None:
        """Do work on the thread once all corrections are saved; ``leave`` closes the review of the field first."""
        self._begin(what)
        self._turns.take(partial(self._follow, work, end, leave=leave))

    def _begin(self, what: str) -> None:
        """Say what is under way: it is seen before it is done."""
        self.working, self.said, self.failure = what, "", None
        self.changed.emit()

    def _follow(
        self,
        work: Callable[[], object],
        end: Callable[[tuple[ChangedField, ...]], None],
        *,
        leave: bool = False,
    ) -> None:
        def begin() -> None:
            if leave:
                self._leave_field()
            self._worker.start(work, Task(done=finished, failed=self._fail, lasting=True))

        def finished(fields: tuple[ChangedField, ...]) -> None:
            self.working = ""
            end(fields)
            self.look()
            self.written.emit()
            self.changed.emit()

        self._saver.when_saved(begin, self._stop)

    def _leave_field(self) -> None:
        """Close the review of a field whose result is on disk: it is read again from there."""
        if self._saver.saved is None:
            return
        self._reviewer.take_saved(None)
        self._workspace.show_saved(None)
        self._workspace.show(None)

    def _on_saver(self) -> None:
        """Read again what was just saved, or what stands in another folder."""
        busy, moved = self._saver.state.busy, self.root_wanted() != self.root
        if (self._was_busy and not busy) or moved:
            self.look()
        self._was_busy = busy


def _fields(fields: Sequence[ChangedField]) -> str:
    return format_count(sum(not field.error for field in fields), "field")
