"""What the results of a plate or work list that is opened were last made with is chosen again: a run goes on so."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtCore import QObject

from napari_cellvino.core.errors import CellvinoError
from napari_cellvino.core.recipe import Recipe
from napari_cellvino.gui.plate.plate_controller import PlateController
from napari_cellvino.gui.plate.plate_run_controller import PlateRunController
from napari_cellvino.gui.plate.well_values_controller import WellValuesController
from napari_cellvino.gui.run.model_catalogue import ModelCatalogue
from napari_cellvino.gui.worklist.work_list_controller import WorkListController
from napari_cellvino.results.store import ResultStore
from napari_cellvino.results.usual_folder import results_at_home
from napari_cellvino.workflows.workspace import Workspace


class EarlierRecipe(QObject):
    """Listens to the plates and the work list of one window."""

    def __init__(
        self,
        workspace: Workspace,
        catalogue: ModelCatalogue,
        work_list: WorkListController,
        plates: PlateController,
        plate_runner: PlateRunController,
        well_values: WellValuesController,
    ) -> None:
        super().__init__()
        self._workspace, self._catalogue, self._list = workspace, catalogue, work_list
        self._plates, self._plate_runner, self._well_values = plates, plate_runner, well_values
        self._list_root: Path | None = None  # the folder of results whose recipe was chosen
        work_list.opened.connect(self._forget)
        work_list.read.connect(self._take_list)
        workspace.package_changed.connect(self._take_list)  # a model may be verified later than the list is read
        plates.opened.connect(self._take_plate)

    def close(self) -> None:
        """Let go of the workspace."""
        self._workspace.package_changed.disconnect(self._take_list)

    def _forget(self) -> None:
        if self._list.store is None:
            self._list_root = None

    def _take_list(self, _: object = None) -> None:
        """Choose it once for each folder of results."""
        store, stack = self._list.store, self._workspace.stack
        if store is None or self._list.is_plate or store.root == self._list_root or self._workspace.package is None:
            return
        self._list_root = store.root
        if store.root == results_at_home() and not self._list.has_results:
            return  # it is that of other images
        try:
            recipe = _recipe_of(store)
        except CellvinoError as error:
            self._list.tell(error)
            return
        if recipe is not None:
            if recipe.channel and (stack is None or recipe.channel in stack.channels):
                self._workspace.choose(channel=recipe.channel)
            self._catalogue.choose_recipe(recipe)

    def _take_plate(self) -> None:
        """Choose it whenever a plate is opened."""
        if self._plates.current is None or self._plates.failure is not None:
            return
        try:
            recipe = _recipe_of(ResultStore(self._well_values.root))
        except CellvinoError as error:
            self._plates.show_failure(error)
            return
        if recipe is not None:
            self._plate_runner.choose_channel(recipe.channel)
            self._catalogue.choose_recipe(recipe)


def _recipe_of(store: ResultStore) -> Recipe | None:
    return store.recipe() if store.has_recipe else None
