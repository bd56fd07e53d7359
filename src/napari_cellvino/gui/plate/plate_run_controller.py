"""Run the recipe over wells of a plate on a thread of its own; what the fields give is taken as it comes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from qtpy.QtCore import Signal

from napari_cellvino.core.image import Stack
from napari_cellvino.core.plate import FieldOfView, Well
from napari_cellvino.gui.plate.plate_controller import PlateController
from napari_cellvino.gui.plate.well_values_controller import WellValuesController
from napari_cellvino.gui.run.background_run import BackgroundRun
from napari_cellvino.gui.widgets.serial_worker import SerialWorker
from napari_cellvino.gui.worklist.list_run_controller import ListRun
from napari_cellvino.io.plates import PlateSource
from napari_cellvino.results.plate_place import PlateChoices, field_origin
from napari_cellvino.workflows.executor import RunEvent
from napari_cellvino.workflows.field_task import FieldOutcome, PlateAddress
from napari_cellvino.workflows.run_plate import fit_to_plate, run_plate
from napari_cellvino.workflows.run_progress import RunProgress
from napari_cellvino.workflows.work_list import field_id
from napari_cellvino.workflows.workspace import Workspace


@dataclass(slots=True)
class PlateRun(ListRun):
    """One run: its fields in order, what it works on, and what has become of it so far."""

    source: PlateSource = field(kw_only=True)
    fields: tuple[FieldOfView, ...] = field(kw_only=True)
    root: Path = field(kw_only=True)
    done: Counter[Well] = field(default_factory=Counter)
    failed: dict[str, str] = field(default_factory=dict)  # why, by the field's label

    def share_of_wells(self) -> dict[Well, float]:
        """Return the part of the fields of each well that has come to an end."""
        wanted = Counter(f.well for f in self.fields)
        return {well: self.done[well] / count for well, count in wanted.items()}

    def failed_wells(self) -> frozenset[Well]:
        """Return the wells with a field that failed."""
        return frozenset(f.well for f in self.fields if f.label in self.failed)


class PlateRunController(BackgroundRun[PlateRun]):
    """The run over a plate of one window."""

    taken = Signal(object)  # the row of a field that has come to its end

    def __init__(
        self, workspace: Workspace, plates: PlateController, numbers: WellValuesController, worker: SerialWorker
    ) -> None:
        super().__init__(worker)
        self._workspace, self._plates, self._well_values = workspace, plates, numbers
        self._channel = ""
        plates.opened.connect(self._another)
        workspace.stack_changed.connect(self._keep_channel)

    @property
    def channel(self) -> str:
        """The channel that cells are looked for in: the recipe's, unless that is for an image of something else."""
        return self._workspace.recipe.channel if self._recipe_is_ours() else self._channel

    def choose_channel(self, name: str) -> None:
        """Look for cells in another channel of the plate."""
        self._channel = name
        if self._recipe_is_ours():
            self._workspace.choose(channel=name)
        self.changed.emit()

    def _recipe_is_ours(self) -> bool:
        stack, current = self._workspace.stack, self._plates.current
        return stack is None or (current is not None and stack.origin.path == str(current.source.path))

    def _keep_channel(self, stack: Stack | None) -> None:
        """Let a field of the plate be seen in the channel that was chosen for it before any was open."""
        ours = stack is not None and self._recipe_is_ours()
        if ours and stack is not None and self._channel in stack.channels and not self._workspace.recipe.channel:
            self._workspace.choose(channel=self._channel)

    def run(self, wells: Iterable[Well], *, anew: bool = False, labels_back: bool = False) -> None:
        """Start a run over wells; results made with other choices fail, or are made ``anew``.

        With ``labels_back``, label images are written into an OME-Zarr plate too.
        """
        current, chosen = self._plates.current, frozenset(wells)
        if current is not None:
            fields = [field for field in current.source.plate.fields if field.well in chosen]
            self.run_fields(fields, anew=anew, labels_back=labels_back)

    def run_fields(self, fields: Sequence[FieldOfView], *, anew: bool = False, labels_back: bool = False) -> None:
        """Start a run over fields; the choices are those of `run`."""
        current = self._plates.current
        if current is None or self.running or self._workspace.package is None or not fields:
            return
        source = current.source
        ids = tuple(field_id(field_origin(source, field)) for field in fields)
        progress = RunProgress(len(fields))
        run = PlateRun(ids, progress, source=source, fields=tuple(fields), root=self._well_values.root)
        choices = PlateChoices(self._well_values.layout, labels_back=labels_back, replace=anew, keeps_layout=False)
        self._well_values.keep_layout()  # in order with what is typed during the run
        chosen_here = self._workspace.pipeline().with_overrides(current.overrides).with_choices(channel=self.channel)
        pipeline = fit_to_plate(chosen_here, current.source.plate)
        address = PlateAddress(current.source.path, current.overrides)
        self._start(
            run,
            lambda: run_plate(run.source, fields, pipeline, run.root, self._engines, choices, address=address),
            self._on_event,
        )

    def close(self) -> None:
        """Stop all work, listen no more and let go of the network."""
        self._workspace.stack_changed.disconnect(self._keep_channel)
        super().close()

    def _on_event(self, run: PlateRun, event: RunEvent) -> None:
        run.take(event)
        if not isinstance(event, FieldOutcome):
            return
        run.done[Well.parse(str(event.row["well"]))] += 1
        if event.failed:
            run.failed[str(event.row["position"])] = str(event.row["error"])
        if self._shows(run):
            self._well_values.take(event.row)
            self.taken.emit(event.row)

    def _shows(self, run: PlateRun) -> bool:
        """Return whether the grid and the folder of results are those of a run."""
        current = self._plates.current
        return current is not None and current.source.path == run.source.path and self._well_values.root == run.root

    def _on_rest(self, run: PlateRun) -> None:
        run.progress.end()
        if self._shows(run):
            self._well_values.read()

    def _another(self) -> None:
        """Forget what became of another plate; a run that is under way goes on."""
        if self._plates.failure is not None:  # the one before is still open
            return
        self._channel = ""
        self._forget_last()
