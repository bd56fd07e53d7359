"""Run the recipe over fields of the work list on a thread of its own; the list takes what they give as it comes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial

from napari_cellvino.gui.run.background_run import BackgroundRun
from napari_cellvino.gui.widgets.serial_worker import SerialWorker
from napari_cellvino.gui.worklist.work_list_controller import WorkListController
from napari_cellvino.workflows.executor import RunEvent
from napari_cellvino.workflows.field_task import FieldOutcome
from napari_cellvino.workflows.run_folder import run_listed
from napari_cellvino.workflows.run_progress import RunProgress
from napari_cellvino.workflows.work_list import FieldId, field_id
from napari_cellvino.workflows.workspace import Workspace


@dataclass(slots=True)
class ListRun:
    """One run: its fields in order, and what has become of them so far; ``finished`` are those that did not fail."""

    ids: tuple[FieldId, ...]
    progress: RunProgress
    share: float = 0.0  # of the field under way
    notices: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    ended: set[FieldId] = field(default_factory=set)
    finished: set[FieldId] = field(default_factory=set)

    @property
    def now(self) -> FieldId | None:
        """The field under way."""
        return self.ids[self.progress.number - 1] if self.progress.now else None

    def take(self, event: RunEvent) -> None:
        """Take an event in."""
        self.progress.take(event)
        if isinstance(event, FieldOutcome):
            self.ended.add(self.ids[event.number - 1])
            self.finished.update(() if event.failed else [self.ids[event.number - 1]])
        else:
            self.share = event.progress.done / max(event.progress.total, 1)


class ListRunController(BackgroundRun[ListRun]):
    """The run over the work list of one window."""

    def __init__(self, workspace: Workspace, work_list: WorkListController, worker: SerialWorker) -> None:
        super().__init__(worker)
        self._workspace, self._list = workspace, work_list
        work_list.opened.connect(self._forget_last)

    def run(self, numbers: Iterable[int], *, replace: bool = False) -> None:
        """Start a run over fields, by their numbers from 0; with ``replace`` over results made with other choices."""
        work_list, root = self._list, self._list.root
        origins = [work_list.fields[number].origin for number in numbers]
        if self.running or root is None or self._workspace.package is None or not origins:
            return
        run = ListRun(tuple(map(field_id, origins)), RunProgress(len(origins)))
        pipeline, overrides = self._workspace.pipeline(), dict(work_list.overrides)
        running = partial(
            run_listed, origins, pipeline, root, replace=replace, overrides=overrides, named=work_list.inputs
        )
        self._start(run, lambda: running(self._engines), self._take)

    def _take(self, run: ListRun, event: RunEvent) -> None:
        run.take(event)
        if isinstance(event, FieldOutcome):
            self._list.take(event.row)

    def _on_rest(self, run: ListRun) -> None:
        run.progress.end()
        self._list.refresh()
