"""The plate that is open in the window, and which of its fields is shown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from qtpy.QtCore import QObject, Signal
from qtpy.QtWidgets import QFileDialog, QWidget

from napari_cellvino.core.image import MetadataOverrides, Stack
from napari_cellvino.core.plate import FieldOfView, Well
from napari_cellvino.gui.open.open_controller import OpenController
from napari_cellvino.gui.plate.well_map import WellMap
from napari_cellvino.gui.widgets.failure import Failure, failure_of
from napari_cellvino.gui.widgets.serial_worker import SerialWorker, Task
from napari_cellvino.io.plates import PlateSource, open_plate
from napari_cellvino.io.plates.name_pattern import compile_pattern
from napari_cellvino.io.plates.plate_source import field_position
from napari_cellvino.io.plates.registry import find_plate
from napari_cellvino.results.plate_store import earlier_pattern


@dataclass(frozen=True, slots=True, eq=False)
class OpenPlate:
    """An opened plate with its wells counted."""

    source: PlateSource
    wells: WellMap
    overrides: MetadataOverrides = field(default_factory=MetadataOverrides)


class PlateController(QObject):
    """Opens plates and their fields; panels draw it when `changed` says so.

    ``asked`` is the folder that was to be opened last: where no reader knows it, a pattern of its names may be typed.
    """

    changed = Signal()
    opened = Signal()  # another plate is here, or a folder that is none

    def __init__(self, opener: OpenController, files: SerialWorker) -> None:
        super().__init__()
        self._opener, self._files = opener, files
        self.current: OpenPlate | None = None
        self.reading = ""
        self.asked: Path | None = None
        self.failure: Failure | None = None
        self.well: Well | None = None
        self.number = 0  # of the field shown among those of its well, from 0
        self._task = Task()
        self.show_number: Callable[[int], object] = self.show_field  # the work list's, where there is one
        opener.corrected.connect(self.correct)

    def open(self, path: Path, pattern: str = "", *, otherwise: Callable[[], None] | None = None) -> None:
        """Open a plate by its folder or index; what was open stays open until it is there.

        A pattern that does not tell the well is for images of no plate. Where a folder is no plate and holds images, or
        results of some, ``otherwise`` is called if that is given.
        """
        self._task.stop()
        if pattern and not compile_pattern(pattern).tells_well:
            self.failure = None
            self._opener.open(path, pattern)
            self.changed.emit()
            return
        self.reading, self.asked, self.failure = path.name, path, None
        self._task = Task(done=lambda opened: self._set_current(opened, otherwise), failed=self._fail)
        said = MetadataOverrides(pattern=pattern)
        self._files.start(lambda: _open(path, said, images=otherwise is not None), self._task)
        self.changed.emit()

    def choose(self, overrides: MetadataOverrides) -> None:
        """Open the plate again with other choices on how its files are taken."""
        if self.current is not None:
            self.open_as(self.current.source.path, overrides)

    def open_as(self, path: Path, overrides: MetadataOverrides) -> None:
        """Open a plate with choices on how its files are taken."""
        self._task.stop()
        self.reading, self.asked, self.failure = path.name, path, None
        self._task = Task(done=lambda opened: self._set_current(opened, None), failed=self._fail)
        self._files.start(lambda: _open(path, overrides), self._task)
        self.changed.emit()

    def cease(self) -> None:
        """Open no plate that is still being read: something else is to be shown."""
        self._task.stop()
        self.reading = ""
        self.changed.emit()

    def show_failure(self, error: BaseException) -> None:
        """Say what went wrong with what stands in the folder of the plate."""
        self.failure = failure_of(error)
        self.changed.emit()

    def correct(self, stack: Stack) -> None:
        """Give all fields the pixel size and the channel names that the user gave one of them."""
        current = self.current
        if current is None or stack.origin.path != str(current.source.path):
            return
        path = current.source.path
        self._task.stop()
        self._task = Task(done=self._take_corrected, failed=self._fail)
        self._files.start(lambda: _open(path, stack.overrides), self._task)

    def _take_corrected(self, opened: OpenPlate) -> None:
        if self.current is not None and self.current.source.path == opened.source.path:
            self.current = replace(opened, wells=self.current.wells)
            self.changed.emit()

    def show(self, well: Well, number: int = 0) -> None:
        """Show a field of a well, counted from 0, in the viewer."""
        if self.current is None or not 0 <= number < len(self.current.wells.fields.get(well, ())):
            return
        self.show_number(self.current.source.plate.fields.index(self.current.wells.fields[well][number]))

    def show_field(self, number: int) -> None:
        """Show a field of the plate, counted from 0, in the viewer."""
        if self.current is None:
            return
        source, wells = self.current.source, self.current.wells
        field = source.plate.fields[number]
        self.well, self.number = field.well, wells.fields[field.well].index(field)
        self._opener.show_field(source, field_position(source.plate, field, number))
        self.changed.emit()

    def neighbour(self, step: int) -> tuple[Well, int] | None:
        """Return the field ``step`` (1 or -1) from the one shown, in the order of the plate; None where it ends."""
        if self.current is None:
            return None
        fields = self.current.source.plate.fields
        at = fields.index(self.field) + step if self.field is not None else min(step, 1) - 1
        if not 0 <= at < len(fields):
            return None
        well = fields[at].well
        return well, self.current.wells.fields[well].index(fields[at])

    def go(self, step: int) -> None:
        """Show the next field (1) or the one before (-1)."""
        there = self.neighbour(step)
        if there is not None:
            self.show(*there)

    @property
    def field(self) -> FieldOfView | None:
        """The field shown last, or None."""
        return None if self.current is None or self.well is None else self.current.wells.fields[self.well][self.number]

    def _set_current(self, opened: OpenPlate | None, otherwise: Callable[[], None] | None) -> None:
        if opened is None:
            self.reading, self.asked = "", None
            self.changed.emit()
            if otherwise is not None:
                otherwise()
            return
        self.current, self.reading, self.well, self.number = opened, "", None, 0
        self.opened.emit()
        self.changed.emit()

    def _fail(self, error: BaseException) -> None:
        self.reading, self.failure = "", failure_of(error)
        self.opened.emit()
        self.changed.emit()


def ask_plate(parent: QWidget, plates: PlateController) -> None:
    """Let the user choose the folder of a plate and open it."""
    chosen = QFileDialog.getExistingDirectory(parent, "Open the folder of a plate")
    if chosen:
        plates.open(Path(chosen))


def _open(path: Path, overrides: MetadataOverrides, *, images: bool = False) -> OpenPlate | None:
    """Return the opened plate, by the pattern of an earlier run where it has no other sign of being one.

    None where ``images`` are welcome and a folder is no plate.
    """
    source = find_plate(path, overrides) if path.is_dir() else None
    if source is None:
        overrides = overrides if overrides.pattern else replace(overrides, pattern=earlier_pattern(path))
        if images and not overrides.pattern:
            return None
        source = open_plate(path, overrides)
    return OpenPlate(source, WellMap.of(source.plate), overrides)
