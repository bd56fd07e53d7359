"""The open plate as a work list: its grid and the list are two views of the same fields."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from qtpy.QtCore import QObject

from napari_cellvino.core.image import MetadataOverrides
from napari_cellvino.gui.plate.plate_controller import PlateController
from napari_cellvino.gui.plate.plate_run_controller import PlateRunController
from napari_cellvino.gui.plate.well_values_controller import WellValuesController
from napari_cellvino.gui.worklist.list_run_controller import ListRunController
from napari_cellvino.gui.worklist.work_list_controller import WorkListController
from napari_cellvino.results.schema import Row
from napari_cellvino.workflows.list_memory import last_list


class PlateList(QObject):
    """Makes a work list of each plate that is opened, and keeps both at one field, one run, one folder of results."""

    def __init__(
        self,
        plates: PlateController,
        well_values: WellValuesController,
        plate_runner: PlateRunController,
        work_list: WorkListController,
        list_runner: ListRunController,
    ) -> None:
        super().__init__()
        self._plates, self._well_values, self._plate_runner = plates, well_values, plate_runner
        self._list, self._list_runner = work_list, list_runner
        self._root: Path | None = None  # that a plate of the last time had its results in
        plates.show_number = self.show
        plates.opened.connect(self._on_plate)
        well_values.changed.connect(self._on_values)
        plate_runner.taken.connect(self._on_row)
        plate_runner.ended.connect(work_list.refresh)

    @property
    def runner(self) -> ListRunController | PlateRunController:
        """What runs the fields of the list."""
        return self._plate_runner if self._is_listed() else self._list_runner

    def come_back(self) -> None:
        """Bring back the list of the last time, if there was one; no image is opened."""
        memory = last_list()
        if memory is not None and memory.plate:
            (path,) = memory.inputs
            self._root = memory.root
            self._plates.open_as(path, memory.overrides.get(str(path), MetadataOverrides()))
        elif memory is not None:
            self._list.come_back(memory)

    def show(self, number: int) -> None:
        """Show a field of the plate by its number, from 0; where another list took its place, it comes back."""
        if not self._is_listed():
            self._make_list()
        self._list.show(number)

    def run(self, numbers: Sequence[int], *, replace: bool = False) -> None:
        """Run fields of the list, by their numbers from 0."""
        current = self._plates.current
        if current is not None and self._is_listed():
            self._plate_runner.run_fields([current.source.plate.fields[number] for number in numbers], anew=replace)
        else:
            self._list_runner.run(numbers, replace=replace)

    def choose_root(self, root: Path) -> None:
        """Take another folder of results for the list."""
        if self._is_listed():
            self._well_values.choose(str(root))
        else:
            self._list.choose_root(root)

    def _is_listed(self) -> bool:
        current = self._plates.current
        return self._list.is_plate and current is not None and self._list.inputs == (current.source.path,)

    def _make_list(self) -> None:
        current = self._plates.current
        if current is not None:
            self._list.open_plate(current.source, current.overrides, self._well_values.root, self._plates.show_field)

    def _on_plate(self) -> None:
        root, self._root = self._root, None
        if self._plates.current is None or self._plates.failure is not None:
            return
        if root is not None:
            self._well_values.choose(str(root))
        self._make_list()

    def _on_values(self) -> None:
        if self._is_listed():
            self._list.choose_root(self._well_values.root)

    def _on_row(self, row: Row) -> None:
        if self._is_listed():
            self._list.take(row)
