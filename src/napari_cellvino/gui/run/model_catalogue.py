"""Which models and devices there are: found out on the thread, since hashing and importing OpenVINO take a while."""

from __future__ import annotations

from qtpy.QtCore import QObject, Signal

from napari_cellvino.core.errors import CellvinoError, OptionError
from napari_cellvino.core.recipe import Recipe
from napari_cellvino.core.settings import Settings, load_settings
from napari_cellvino.engines.engine import Device
from napari_cellvino.engines.provider import list_devices, list_servers
from napari_cellvino.gui.shell.preferences import take_preferences
from napari_cellvino.gui.widgets.failure import Failure, failure_of
from napari_cellvino.gui.widgets.serial_worker import SerialWorker, Task
from napari_cellvino.model_package import ModelOutput, ModelPackage
from napari_cellvino.model_package.registry import ListedPackage, find_package, list_packages
from napari_cellvino.workflows.workspace import Workspace

FURTHER_STEPS = {"whole_cells", "cell_channel", "spots", "spot_channel", "spot_partner"}
KEPT_OF_A_RECIPE = {"model", "outline", "diameter_px", "precision", "parameters", "gates", "classifier", *FURTHER_STEPS}


class ModelCatalogue(QObject):
    """Lists models and devices, and verifies the model chosen."""

    packages_listed = Signal(object)  # tuple[ListedPackage, ...]
    devices_listed = Signal(object)  # tuple[Device, ...]
    changed = Signal()  # `checking` or `failure`

    def __init__(self, workspace: Workspace, worker: SerialWorker) -> None:
        super().__init__()
        self._workspace, self._worker = workspace, worker
        self.packages: tuple[ListedPackage, ...] = ()
        self._here: tuple[Device, ...] = ()
        self._servers: tuple[Device, ...] = ()
        self.failure: Failure | None = None
        self.checking = ""  # model that is being verified
        self.checking_outline = ""  # the same for the one that outlines
        self._task, self._outline_task = Task(), Task()

    def start(self) -> None:
        """Begin to list models and devices; signals report the result."""
        try:
            take_preferences()
        except CellvinoError as error:
            self._fail(error)
            return
        self.checking = self._workspace.recipe.model
        self._worker.start(_look, Task(done=self._listed, failed=self._fail))
        self._worker.start(list_devices, Task(done=self._devices, failed=self._fail))

    def refresh(self, name: str) -> None:
        """List what there is now and choose a model of it."""
        self._worker.start(_look, Task(done=lambda found: self._refreshed(found[1], name), failed=self._fail))

    def _refreshed(self, packages: tuple[ListedPackage, ...], name: str) -> None:
        self.packages = packages
        self.packages_listed.emit(packages)
        self.choose(name)

    def choose(self, name: str) -> None:
        """Verify a model and choose it; the last choice counts."""
        self._task.stop()
        self.checking, self.failure = name, None
        self._task = Task(done=lambda package: self._verified(name, package), failed=self._fail)
        self._worker.start(lambda: find_package(name), self._task)
        self.changed.emit()

    def choose_recipe(self, recipe: Recipe) -> None:
        """Verify the models of a recipe and choose them with their parameters, and the way along z before an image."""
        self._task.stop()
        self.checking, self.failure = recipe.model, None
        self._task = Task(done=lambda found: self._recipe_verified(recipe, *found), failed=self._fail)
        self._worker.start(lambda: _find(recipe), self._task)
        self.changed.emit()

    def _recipe_verified(self, recipe: Recipe, package: ModelPackage, outline: ModelPackage | None) -> None:
        self.checking = ""
        choices = recipe.model_dump(include=KEPT_OF_A_RECIPE | ({"z"} if self._workspace.stack is None else set()))
        try:
            self._workspace.choose(package=package, outlining=outline, **choices)
        except CellvinoError as error:
            self.failure = failure_of(error)
        self.changed.emit()

    def choose_outline(self, name: str) -> None:
        """Verify a model that outlines cells and choose it, or none where the name is empty."""
        self._outline_task.stop()
        self.failure, self.checking_outline = None, name
        if name:
            self._outline_task = Task(done=lambda outline: self._outline_verified(name, outline), failed=self._fail)
            self._worker.start(lambda: find_package(name), self._outline_task)
        else:
            self._workspace.choose(outline="")
        self.changed.emit()

    def _outline_verified(self, name: str, outline: ModelPackage) -> None:
        self.checking_outline = ""
        package = self._workspace.package
        if package is not None and package.spec.gives is ModelOutput.BOXES:  # else another model was chosen meanwhile
            self._workspace.choose(outline=name, outlining=outline)
        self.changed.emit()

    def capabilities(self, device: str) -> tuple[str, ...]:
        """Return the capabilities of a device, in OpenVINO's terms; those of all devices for AUTO."""
        named = [d for d in self.devices if d.name == device] or list(self._here)
        return tuple(
            capabilities for d in (self._here if device == "AUTO" else named) for capabilities in d.capabilities
        )

    def _listed(self, found: tuple[Settings, tuple[ListedPackage, ...]]) -> None:
        settings, self.packages = found
        self.packages_listed.emit(self.packages)
        if settings.device != self._workspace.recipe.device:
            self._workspace.recipe = self._workspace.recipe.model_copy(update={"device": settings.device})
        self.choose(self._workspace.recipe.model)

    @property
    def devices(self) -> tuple[Device, ...]:
        """The devices of this computer, then the servers."""
        return (*self._here, *self._servers)

    def _devices(self, devices: tuple[Device, ...]) -> None:
        self._here = devices
        self.devices_listed.emit(self.devices)

    def _list_servers(self, servers: tuple[Device, ...]) -> None:
        if servers != self._servers:
            self._servers = servers
            self.devices_listed.emit(self.devices)

    def _verified(self, name: str, package: ModelPackage) -> None:
        self.checking = ""
        self._worker.start(lambda: list_servers(package.spec.name), Task(done=self._list_servers, failed=self._fail))
        self._workspace.choose(model=name, package=package)
        self.changed.emit()

    def _fail(self, error: BaseException) -> None:
        self.checking = self.checking_outline = ""
        self.failure = failure_of(error)
        self.changed.emit()


def _find(recipe: Recipe) -> tuple[ModelPackage, ModelPackage | None]:
    if not recipe.model:
        raise OptionError(
            "the last run here found spots and no cells, which the window does not run; choose a model to find cells, "
            "or run it again from the command line"
        )
    return find_package(recipe.model), find_package(recipe.outline) if recipe.outline else None


def _look() -> tuple[Settings, tuple[ListedPackage, ...]]:
    return load_settings(), list_packages()
