"""The work list of one window: its fields, which of them is shown, and where their results are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from qtpy.QtCore import QObject, Signal

from napari_cellvino.core.image import MetadataOverrides, Origin, Stack
from napari_cellvino.gui.open.open_controller import OpenController
from napari_cellvino.gui.widgets.failure import Failure, failure_of
from napari_cellvino.gui.widgets.serial_worker import SerialWorker, Task
from napari_cellvino.io.plates import PlateSource
from napari_cellvino.results.schema import Row
from napari_cellvino.results.store import ResultStore
from napari_cellvino.workflows.list_memory import ListMemory, forget_list, keep_list
from napari_cellvino.workflows.work_list import (
    FieldId,
    FolderState,
    WorkField,
    WorkState,
    after_run,
    at_any_time,
    check_input,
    field_id,
    plate_fields,
    read_work_list,
    row_id,
    standing_in,
    standing_of_plate,
    usual_root,
)
from napari_cellvino.workflows.workspace import Workspace

Show = Callable[[int], object]
"""Shows a field of a plate by its number, from 0."""


@dataclass(frozen=True, slots=True)
class _Opened:
    """A list before its fields are known, or one of a plate, whose fields are."""

    inputs: tuple[Path, ...]
    store: ResultStore
    show: Show | None = None


class WorkListController(QObject):
    """Fields in order; panels draw them when `changed` says so.

    The field of the viewer and the current one of the list are the same: choosing either chooses both.
    """

    changed = Signal()
    opened = Signal()  # another list is here, or none; its fields come in
    read = Signal()  # all fields of a list are in
    moved = Signal()  # results go to another folder
    found = Signal()  # a result of the current field stands on disk by now

    def __init__(self, workspace: Workspace, opener: OpenController, reader: SerialWorker) -> None:
        super().__init__()
        self._workspace, self._opener, self._reader = workspace, opener, reader
        self.fields: tuple[WorkField, ...] = ()
        self.inputs: tuple[Path, ...] = ()
        self.store: ResultStore | None = None
        self.overrides: dict[str, MetadataOverrides] = {}  # that the user gave, by the paths of images
        self._said: dict[str, MetadataOverrides] = {}  # the same for the list that is being opened
        self.wanted_root: Callable[[], Path | None] = lambda: None  # the folder that results of what is opened go to
        self.reading = False
        self.failure: Failure | None = None
        self._show_in_plate: Show | None = None
        self._rows: dict[FieldId, int] = {}
        self._current: int | None = None
        self._asked: int | None = None  # the field asked for last: walking goes on from one that cannot be opened
        self._to_show: tuple[Path, ...] = ()  # files or folders whose first field is shown as soon as it is listed
        self._reads, self._looks = Task(), Task()
        workspace.stack_changed.connect(self._follow)
        workspace.recipe_changed.connect(self._follow)
        opener.changed.connect(self._follow)
        opener.corrected.connect(self._keep_correction)

    def close(self) -> None:
        """Let go of the workspace."""
        self._reads.stop()
        self._looks.stop()
        self._workspace.stack_changed.disconnect(self._follow)
        self._workspace.recipe_changed.disconnect(self._follow)

    # -- what is in it

    @property
    def root(self) -> Path | None:
        """The folder of results; None without a list."""
        return self.store.root if self.store is not None else None

    def open(self, inputs: Sequence[Path], root: Path | None = None, *, shown: bool = True) -> None:
        """Make a list of files and folders and show the first field of them, unless that is not wanted.

        They join the list that is there if their results go to the same folder, else they take its place.
        """
        self._reads.stop()
        self._looks.stop()
        self.reading, self.failure = True, None
        self._said = self.overrides
        given, before = (
            tuple(inputs),
            _Opened(self.inputs, self.store) if self.store is not None and not self.is_plate else None,
        )
        wanted = self.wanted_root()
        opened = Task(done=lambda made: self._begin(made, given if shown else ()), failed=self._fail)
        self._reads = self._reader.start(lambda: _opened(given, root, before, wanted), opened)
        self.changed.emit()

    def open_plate(self, source: PlateSource, overrides: MetadataOverrides, root: Path, show: Show) -> None:
        """Make a list of the fields of an open plate, which ``show`` shows; no pixel is read."""
        self._reads.stop()
        self._looks.stop()
        self.reading, self.failure = False, None
        self._said = {str(source.path): overrides}
        self._take_over(_Opened((source.path,), ResultStore(root), show))
        self.fields = plate_fields(source)
        self._rows = {field.id: number for number, field in enumerate(self.fields)}
        self.opened.emit()
        self._follow()
        self._end_reading(None)
        self.refresh()

    def clear(self) -> None:
        """Empty the list; nothing on disk is touched."""
        self._reads.stop()
        self._take_over(None)
        self.reading = False
        forget_list()
        self.changed.emit()

    def come_back(self, memory: ListMemory) -> None:
        """Bring back a list of files and folders; no image is opened."""
        self.open(memory.inputs, memory.root, shown=False)
        self._said = dict(memory.overrides)

    def choose_root(self, root: Path) -> None:
        """Take another folder of results, and look at what stands there."""
        if self.store is not None and root != self.store.root:
            self.store = ResultStore(root)
            self._remember()
            self.refresh()
            self.moved.emit()

    def _begin(self, made: _Opened, shown: tuple[Path, ...]) -> None:
        self._take_over(made)
        self._to_show = tuple(path.expanduser().absolute() for path in shown)
        self.opened.emit()
        fields, said = Task(progressed=self._add, done=self._end_reading, failed=self._fail), dict(self.overrides)
        self._reads = self._reader.start(lambda: read_work_list(made.inputs, made.store, said), fields)
        self.changed.emit()

    def _take_over(self, made: _Opened | None) -> None:
        self.fields, self._rows, self._current, self._asked = (), {}, None, None
        self.inputs = () if made is None else made.inputs
        self._show_in_plate = None if made is None else made.show
        self.store = None if made is None else made.store
        self.overrides = {} if made is None else self._said
        if made is None:
            self.opened.emit()

    def _add(self, field: WorkField) -> None:
        self._rows[field.id] = len(self.fields)
        self.fields = (*self.fields, field)
        self._follow()
        if field.state is not WorkState.FAILED and _places(field) & {*self._to_show}:
            self._to_show = ()
            self.show(len(self.fields) - 1)
        self.changed.emit()

    def _end_reading(self, _: object) -> None:
        self.reading = False
        self._remember()
        self.read.emit()
        self.changed.emit()

    def tell(self, error: BaseException) -> None:
        """Say what went wrong with what stands in the folder of results."""
        self.failure = failure_of(error)
        self.changed.emit()

    def _fail(self, error: BaseException) -> None:
        self.reading = False
        self.tell(error)

    def _remember(self) -> None:
        """Keep the list for the next time; one image alone is not worth it."""
        if self.store is not None and len(self.fields) > 1:
            said, plate = self.overrides, self.is_plate
            keep_list(ListMemory(inputs=self.inputs, root=self.store.root, overrides=said, plate=plate))

    # -- which field is shown

    @property
    def current(self) -> int | None:
        """The number of the field shown, from 0; None where it is not in the list."""
        return self._current

    @property
    def has_results(self) -> bool:
        """Whether any of its fields was run."""
        return any(field.summary is not None for field in self.fields)

    @property
    def is_plate(self) -> bool:
        """Whether the fields are those of a plate."""
        return self._show_in_plate is not None

    def holds(self, origin: Origin) -> bool:
        """Return whether an image is in the list."""
        return self._id(origin) in self._rows

    def _id(self, origin: Origin) -> FieldId:
        return at_any_time(field_id(origin)) if self.is_plate else field_id(origin)

    def show_origin(self, origin: Origin) -> bool:
        """Show a field by where its pixels are, and return whether it is in the list."""
        number = self._rows.get(self._id(origin))
        if number is not None:
            self.show(number)
        return number is not None

    def show(self, number: int) -> None:
        """Show a field in the viewer; it is the current one as soon as it is seen."""
        known = self._asked if self._opener.reading else self._current
        if 0 <= number < len(self.fields) and (number != known or self._opener.field_failed):
            self._asked = number
            if self._show_in_plate is not None:
                self._show_in_plate(number)
                return
            origin = self.fields[number].origin
            self._opener.show_origin(origin, self.overrides.get(origin.path, MetadataOverrides()))

    def step(self, by: int) -> None:
        """Show the field that many further on in the list."""
        self.show((-1 if self._asked is None else self._asked) + by)

    def next_to_review(self, *, doubtful: bool = False) -> int | None:
        """Return the field after the current one, and round to it, that has cells to be reviewed, or doubtful ones."""
        count, start = len(self.fields), -1 if self._current is None else self._current
        for number in ((start + further) % count for further in range(1, count)):
            found = self.fields[number].summary
            if found is not None and (found.doubtful if doubtful else found.waiting):
                return number
        return None

    def _follow(self, _: object = None) -> None:
        """Take the field that the viewer shows for the current one, or the one that cannot be read."""
        stack = self._workspace.stack
        here = None if stack is None else self._id(stack.origin_of(self._workspace.recipe.frame))
        number = None if here is None else self._rows.get(here)
        if self._opener.field_failed:
            number = self._asked
        if number != self._current and not self._opener.reading:
            self._current = self._asked = number
            self.changed.emit()

    def _keep_correction(self, stack: Stack) -> None:
        path, store = stack.origin.path, self.store
        if store is None or path not in {field.origin.path for field in self.fields}:
            return
        before = self.overrides.get(path, MetadataOverrides())
        self.overrides[path] = stack.overrides
        if self.is_plate or before.axes == stack.overrides.axes:
            self._remember()
        else:  # the image may be other fields now
            self.open(self.inputs, store.root, shown=False)

    # -- what has become of them

    def refresh(self) -> None:
        """Look again at what stands in the folder of results."""
        store = self.store
        if store is not None and not self.reading:
            self._looks.stop()
            self._looks = Task(done=self._take_standing, failed=self._fail)
            look = standing_of_plate if self.is_plate else standing_in
            self._reader.start(lambda: look(store), self._looks)

    def take(self, row: Row) -> None:
        """Take in the outcome of a run, whose row of ``counts.csv`` this is."""
        id_ = at_any_time(row_id(row)) if self.is_plate else row_id(row)
        number, store = self._rows.get(id_), self.store
        if number is not None and store is not None:
            field = self.fields[number]
            self._reader.start(lambda: after_run(field, row, store), Task(done=self._put, failed=self._fail))

    def _put(self, field: WorkField) -> None:
        number = self._rows.get(field.id)
        if number is not None:
            self.fields = (*self.fields[:number], field, *self.fields[number + 1 :])
            self.changed.emit()

    def _take_standing(self, standing: FolderState) -> None:
        at = self._current
        before = self.fields[at] if at is not None else None
        self.fields = tuple(standing.of(field) for field in self.fields)
        self.changed.emit()
        if at is not None and before is not None and before.summary is None and self.fields[at].summary is not None:
            self.found.emit()


def _places(field: WorkField) -> frozenset[Path]:
    """Return the paths by which somebody may ask for a field: those of its image and of its result, and all above."""
    paths = [Path(field.origin.path), *([field.folder] if field.folder is not None else [])]
    return frozenset(place for path in paths for place in (path, *path.parents))


def _opened(inputs: tuple[Path, ...], root: Path | None, before: _Opened | None, wanted: Path | None) -> _Opened:
    given = tuple(path.expanduser().absolute() for path in inputs)
    usual = root or usual_root(given)
    if root is None and wanted is not None and usual != given[0]:  # that is a folder of results itself
        usual = wanted
    if root is None and len(given) == 1:
        check_input(given[0], ResultStore(usual))
    if before is None or before.store.root != usual:
        return _Opened(given, ResultStore(usual))
    return _Opened(tuple(dict.fromkeys((*before.inputs, *given))), before.store)
