"""Where the results of an image belong: one folder for a list or a plate, wherever in the window it is chosen."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from napari_cellvino.core.image import Origin, Stack, channel_index
from napari_cellvino.core.recipe import Recipe
from napari_cellvino.gui.open.prepared_saved_field import folder_read
from napari_cellvino.gui.plate.plate_list import PlateList
from napari_cellvino.gui.plate.well_values_controller import WellValuesController
from napari_cellvino.gui.save.save_controller import Home, SaveController
from napari_cellvino.gui.worklist.work_list_controller import WorkListController
from napari_cellvino.measure.rings import WIDTH
from napari_cellvino.results.plate_place import PlatePlace, folder_name, ring_width_of
from napari_cellvino.workflows.workspace import Workspace


class ResultHomes:
    """Tells the saver where an image of the list, or of the plate, belongs, and keeps both at one folder."""

    def __init__(
        self,
        workspace: Workspace,
        saver: SaveController,
        work_list: WorkListController,
        plate_list: PlateList,
        well_values: WellValuesController,
    ) -> None:
        self._workspace, self._saver, self._list = workspace, saver, work_list
        self._plate_list, self._well_values = plate_list, well_values
        work_list.opened.connect(self._on_list)
        work_list.moved.connect(self._on_list)
        work_list.moved.connect(saver.follow_home)
        work_list.wanted_root = self._chosen
        saver.home, saver.move_home = self.home, self._move

    @property
    def root(self) -> Path | None:
        """The folder of all results: that of the list, unless an image that is not in it was saved elsewhere."""
        root, stack = self._list.root, self._workspace.stack
        outside = stack is not None and self._saver.saved is not None and not self._list.holds(stack.origin)
        if root is not None and not outside:
            return root
        return Path(self._saver.folder).expanduser() if self._saver.folder else None

    def home(self, origin: Origin) -> Home | None:
        """Return where the results of an image of the open plate, or of the work list, go, or None."""
        stack, shown, saved = self._workspace.stack, self._workspace.shown, self._workspace.saved
        ring_px = None if saved is None else ring_width_of(saved.key, saved.recipe)
        return self.home_of(origin, stack, None if shown is None else shown.recipe, ring_px or WIDTH)

    def home_of(self, origin: Origin, stack: Stack | None, recipe: Recipe | None, ring_px: int = WIDTH) -> Home | None:
        """Return where a result of an image goes; ``recipe`` is that of the result, if there is one."""
        root, plate = self._list.root, self._well_values.home_of(origin.path)
        field = None if plate is None else plate.source.plate.field_labelled(origin.position)
        if plate is None or field is None:
            return (root, None) if root is not None and self._list.holds(origin) else None
        if stack is None or recipe is None:
            return plate.root, None
        segmented = channel_index(stack, recipe.channel)
        return plate.root, PlatePlace(plate.source, field, plate.layout, segmented, ring_px)

    def result_folder(self, origin: Origin) -> Callable[[], Path] | None:
        """Return what tells where the result of an image is, or would be, and reads it; None without a folder."""
        plate = self._well_values.home_of(origin.path)
        if plate is not None:
            field = plate.source.plate.field_labelled(origin.position)
            return None if field is None else partial(folder_read, self._saver.store_of(plate.root), folder_name(field))
        root = Path(self._saver.folder).expanduser()
        there = self._saver.folder and root.is_dir()
        return partial(self._saver.store_of(root).choose_folder, origin) if there else None

    def _chosen(self) -> Path | None:
        return Path(self._saver.chosen).expanduser() if self._saver.chosen else None

    def _move(self, origin: Origin, root: Path) -> bool:
        """Have the list of an image, or its plate, keep its results in another folder; return whether there is one."""
        if not self._list.holds(origin):
            return False
        self._plate_list.choose_root(root)
        return True

    def _on_list(self) -> None:
        """Save, plot and export where the results of the work list, or of the plate, are."""
        root = self._list.root
        if root is not None and self._workspace.stack is None:  # an image that is shown has a folder of its own
            self._saver.look_in(root)
