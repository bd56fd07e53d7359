"""Teaching on the open image: strokes are painted, the model that comes of them answers, and is saved in the end."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

import napari
import numpy as np
from napari.layers import Layer
from qtpy.QtCore import QTimer

from napari_cellvino.core.errors import CellvinoError, OptionError
from napari_cellvino.core.image import ALL_CHANNELS, ZChoice, ZMode
from napari_cellvino.core.recipe import Recipe
from napari_cellvino.engines.remote.address import is_address
from napari_cellvino.gui.napari_bridge.cell_labels import CellLabels
from napari_cellvino.gui.open.open_controller import OpenController
from napari_cellvino.gui.run.model_catalogue import ModelCatalogue
from napari_cellvino.gui.save.save_controller import SaveController
from napari_cellvino.gui.teach.stroke_layer import (
    KINDS,
    FoundLayer,
    PaintedKind,
    StrokeLayer,
    box_in_view,
    kind_of_class,
)
from napari_cellvino.gui.teach.stroke_pages import StrokePage, compare_accepted, lies_on_planes, open_page
from napari_cellvino.gui.teach.taught_model import MadeModel, make_model
from napari_cellvino.gui.widgets.formatting import THIN, format_count
from napari_cellvino.gui.widgets.one_task import OneTask
from napari_cellvino.gui.widgets.serial_worker import SerialWorker, Task
from napari_cellvino.quality.side_by_side import ResultComparison
from napari_cellvino.training.teach.strokes import StrokedImage, StrokeKind, alike
from napari_cellvino.training.teach.viewed_part import ViewedPart
from napari_cellvino.workflows.workspace import Workspace

if TYPE_CHECKING:
    from napari_cellvino.workflows.live_teaching import LiveAnswer, LiveTeacher

SETTLE_MS = 120  # after a stroke, a slider or the camera came to rest
FEWEST_JUDGED = 10  # accepted cells
SET_BACK = "The strokes were replaced by what does not fit this image; they were set back."
GONE = "The layer of the strokes was deleted; the strokes are kept: start again to go on."


class TeachController(OneTask):
    """Strokes of all images that were painted on, and the answer for the one that is open."""

    def __init__(
        self,
        viewer: napari.Viewer,
        workspace: Workspace,
        opener: OpenController,
        saver: SaveController,
        catalogue: ModelCatalogue,
        worker: SerialWorker,
    ) -> None:
        super().__init__()
        self._viewer, self._workspace, self._opener = viewer, workspace, opener
        self._saver, self._catalogue, self._worker = saver, catalogue, worker
        self._task = Task()
        self._teacher: LiveTeacher | None = None  # of the thread
        self._pages: dict[tuple[object, int, bool], StrokePage] = {}
        self._layers: tuple[StrokeLayer, FoundLayer] | None = None
        self._hidden: list[Layer] = []  # results of runs, which would lie over the answer
        self.page: StrokePage | None = None
        self.answer: LiveAnswer | None = None
        self.kinds: tuple[PaintedKind, ...] = KINDS
        self.kind = StrokeKind.CELL.value
        self.values: dict[str, float] = {}
        self.every_channel = self.whole = False
        self.said, self.made = "", ""
        self.left_out = 0  # images that were painted on and are of another kind than the one that is open
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(SETTLE_MS)
        self._timer.timeout.connect(self._ask)
        workspace.stack_changed.connect(self._turn_page)
        workspace.recipe_changed.connect(self._turn_page)
        viewer.scene.camera.events.connect(self._on_view)
        viewer.dims.events.point.connect(self._on_view)
        viewer.layers.events.removed.connect(self._on_removed)

    def close(self) -> None:
        """Stop, and let go of the viewer."""
        self.stop()
        self._workspace.stack_changed.disconnect(self._turn_page)
        self._workspace.recipe_changed.disconnect(self._turn_page)
        self._viewer.scene.camera.events.disconnect(self._on_view)
        self._viewer.dims.events.point.disconnect(self._on_view)
        self._viewer.layers.events.removed.disconnect(self._on_removed)

    # -- what the user does

    @property
    def active(self) -> bool:
        """Whether strokes are painted now."""
        return self._layers is not None

    def start(self) -> None:
        """Lay the strokes over the open image, and paint."""
        self.failure, self.said, self.made = None, "", ""
        try:
            self._open()
        except CellvinoError as error:
            self._fail(error)
            return
        self._ask_soon()
        self.changed.emit()

    def stop(self) -> None:
        """Take the layers away; the strokes are kept."""
        self._timer.stop()
        self._task.stop()
        layers, self._layers = self._layers, None
        for layer in layers or ():
            layer.close()
        for result in self._hidden:
            result.visible = True
        self._hidden = []
        self.said = ""
        self.page = self.answer = None
        self.working = ""
        self.changed.emit()

    def choose(self, number: int) -> None:
        """Paint with a kind."""
        self.kind = number
        if self._layers is not None:
            self._layers[0].choose(number)
        self.changed.emit()

    def name_classes(self, names: Sequence[str]) -> None:
        """Let cells of these classes be painted, beside cells of none."""
        self.kinds = (*KINDS, *(kind_of_class(number, name) for number, name in enumerate(names)))
        if self.kind > len(self.kinds):
            self.choose(StrokeKind.CELL.value)
        self.changed.emit()

    def use_every_channel(self, every: bool) -> None:
        """Learn from all channels, or from the one that is chosen."""
        self.every_channel = every
        self._ask_soon()

    def look_at_all(self) -> None:
        """Answer for the whole image, however large it is."""
        self.whole = True
        self._ask_soon()

    def slide(self, values: Mapping[str, float]) -> None:
        """Decode with other values."""
        self.values |= values
        self._ask_soon()

    def go_to_next(self) -> None:
        """Look at the place where a stroke would teach most."""
        answer, layers = self.answer, self._layers
        if answer is None or layers is None:
            return
        place = answer.next
        y, x = place.y + answer.where.box[0], place.x + answer.where.box[1]
        layer = layers[0].layer
        lead = [0.0] * (layer.ndim - 2)
        corners = [layer.data_to_world([*lead, y + s * place.side, x + s * place.side])[-2:] for s in (-0.75, 0.75)]
        low, high = (np.array(corner) for corner in corners)
        camera = self._viewer.scene.camera
        camera.center = (*camera.center[:-2], *((low + high) / 2).tolist())
        reach = float(max(np.ptp([low, high], axis=0).max(), 1e-9))
        camera.zoom = min(self._viewer.window._qt_viewer.canvas.size) / reach
        unsure, cells = f"{100 * place.unsure:.0f}{THIN}%", format_count(place.cells)
        self.said = f"Here {unsure} could be cell as well as background; a stroke decides about {cells}."
        self.changed.emit()

    def accept(self) -> None:
        """Keep the cell under the mouse as it is: it is learnt from, and the model is judged by it."""
        answer, page, layers = self.answer, self.page, self._layers
        if answer is None or page is None or layers is None:
            return
        y, x = layers[0].cursor()[-2:]
        labels, (y0, x0, y1, x1) = answer.found.label_image(), answer.where.box
        id_ = int(labels[y - y0, x - x0]) if y0 <= y < y1 and x0 <= x < x1 else 0
        if not id_:
            self.said = "No cell is under the mouse; point at one and press A."
            self.changed.emit()
            return
        flat = page.cells if page.cells.ndim == 2 else page.cells[self._plane]
        part = flat[y0:y1, x0:x1]
        part[(labels == id_) & (part == 0)] = int(page.cells.max()) + 1
        self.said = f"{page.accepted} accepted"
        self._ask_soon()
        self.changed.emit()

    def save_model(self, name: str) -> None:
        """Make a model of all strokes, install it and choose it."""
        page = self.page
        if page is None or not page.painted:
            self._fail(OptionError("nothing is painted yet; paint some cells and some background first"))
            return
        classes = tuple(kind.title for kind in self.kinds[len(KINDS) :])
        recipe, before = self._recipe, self._workspace.recipe.model
        images = self._images(page)
        answer = self.answer
        seen, zoom = (dict(self.values), None) if answer is None else (dict(answer.values), answer.size.zoom)
        self._task.stop()
        self.working, self.failure = "making the model …", None
        self._task = Task(done=self._installed, failed=self._fail, stopped=self._stop)
        self._worker.start(lambda: make_model(images, name, classes, recipe, seen, zoom, before), self._task)
        self.changed.emit()

    # -- what follows

    def _images(self, page: StrokePage) -> list[StrokedImage]:
        """Return the image of a page and the others that were painted on, but those of another kind."""
        all_images = [page.image, *(p.image for p in self._pages.values() if p is not page and p.painted)]
        used = alike(all_images, self._recipe)
        self.left_out = len(all_images) - len(used)
        return used

    @property
    def judged(self) -> ResultComparison | None:
        """How the accepted cells in view are found; None before ten are there."""
        answer, page = self.answer, self.page
        if answer is None or page is None or page.accepted < FEWEST_JUDGED:
            return None
        y0, x0, y1, x1 = answer.where.box
        flat = page.cells if page.cells.ndim == 2 else page.cells[(answer.where.way.plane or 1) - 1]
        return compare_accepted(flat[y0:y1, x0:x1], answer.found.label_image())

    @property
    def is_part(self) -> bool:
        """Whether the answer is for a part of the image only."""
        if self.answer is None or self.page is None:
            return False
        y0, x0, y1, x1 = self.answer.where.box
        return (y1 - y0, x1 - x0) != self.page.kinds.shape[-2:]

    @property
    def _recipe(self) -> Recipe:
        """The recipe of the window, for all channels where that is wanted."""
        recipe = self._workspace.recipe
        if is_address(recipe.device):
            recipe = recipe.model_copy(update={"device": "AUTO"})  # no pixel leaves
        stack = self._workspace.stack
        if stack is None or stack.shape.c == 1 or stack.rgb:
            return recipe
        channel = ALL_CHANNELS if self.every_channel else recipe.channel or "1"
        return recipe.model_copy(update={"channel": channel})

    @property
    def _plane(self) -> int:
        """The plane of a stack that is shown, from 0."""
        if self._layers is None or self._layers[0].layer.ndim < 3:
            return 0
        layer = self._layers[0].layer
        return int(
            np.clip(round(layer.world_to_data(self._viewer.dims.point[-layer.ndim :])[0]), 0, len(layer.data) - 1)
        )

    def _open(self) -> None:
        """Show the page of the open image."""
        stack, picture = self._workspace.stack, self._opener.picture
        if stack is None or picture is None:
            raise OptionError("no image is open; open one first (tab 1)")
        recipe = self._workspace.recipe
        key = (stack.planes, recipe.frame or 1, lies_on_planes(stack, recipe))
        if key not in self._pages:
            results = self._saver.root_of(stack.origin) if self._saver.folder else None
            self._pages[key] = open_page(stack, recipe, results)
        page = self.page = self._pages[key]
        source = picture.layers[0]
        keys = {kind.key: partial(self.choose, kind.number) for kind in KINDS} | {
            "N": self.go_to_next,
            "A": self.accept,
        }
        self._hidden = [layer for layer in self._viewer.layers if isinstance(layer, CellLabels) and layer.visible]
        for result in self._hidden:
            result.visible = False
        found = FoundLayer(self._viewer, source, f"{page.stem}: taught cells")
        strokes = StrokeLayer(self._viewer, source, page.kinds, f"{page.stem}: strokes", keys)
        strokes.changed.connect(self._on_strokes)
        strokes.refused.connect(self._on_refused)
        strokes.chosen.connect(self._on_chosen)
        self._layers = strokes, found
        strokes.choose(self.kind)

    def _turn_page(self, _: object = None) -> None:
        """Follow the window to another image, time point or way along z."""
        stack, page = self._workspace.stack, self.page
        if not self.active or page is None:
            return
        recipe = self._workspace.recipe
        planes = stack is not None and lies_on_planes(stack, recipe)
        same = stack is not None and stack.planes is page.stack.planes and page.frame == (recipe.frame or 1)
        if same and planes == (page.kinds.ndim == 3):
            self._ask_soon()
            return
        self.stop()
        if stack is not None:
            self.whole = False
            self.start()

    def _on_removed(self, _: object = None) -> None:
        if self._layers is not None and not self._layers[0].is_there:
            self.stop()
            self.said = GONE
            self.changed.emit()

    def _on_view(self, _: object = None) -> None:
        """Look at another part of a large image, or another plane."""
        if self._layers is not None and self.answer is not None and self._where() != self.answer.where:
            self._ask_soon()

    def _on_strokes(self, kinds: np.ndarray) -> None:
        if self.page is not None:
            self.page.kinds = kinds
            self.said = ""
            self._ask_soon()

    def _on_refused(self) -> None:
        self.said = SET_BACK
        self.changed.emit()

    def _on_chosen(self, number: int) -> None:
        """Take note of the number that napari's own tools paint with; there is nothing but kinds."""
        if number in {kind.number for kind in self.kinds}:
            self.kind = number
            self.changed.emit()
        elif number and self._layers is not None:
            self._layers[0].layer.selected_label = self.kind

    def _ask_soon(self) -> None:
        if self.active:
            self._timer.start()

    def _where(self) -> ViewedPart:
        page, picture = self.page, self._opener.picture
        assert page is not None
        shape = page.kinds.shape[-2], page.kinds.shape[-1]
        way = self._workspace.recipe.z_choice
        if page.kinds.ndim == 3:
            way = ZChoice(ZMode.PLANE, self._plane + 1)
        box = (0, 0, *shape) if picture is None else box_in_view(picture.layers[0], shape, whole=self.whole)
        return ViewedPart(0, way, box)

    def _ask(self) -> None:
        """Keep the strokes, and ask what comes of them, in the thread."""
        page = self.page
        if not self.active or page is None:
            return
        images, recipe, where = self._images(page), self._recipe, self._where()
        said = [image.strokes for image in images]
        kept = StrokePage(page.stem, page.stack, page.frame, page.folder, page.kinds.copy(), page.cells.copy())
        kinds = {kind for strokes in said for kind in np.unique(strokes.kinds).tolist()}
        cells = any(kind not in (0, 2, 3) for kind in kinds) or any(strokes.cells is not None for strokes in said)
        both = cells and StrokeKind.BACKGROUND in kinds
        self._task.stop()
        self.working, self.failure = "learning …" if both else "", None
        self._task = Task(done=self._show, failed=self._fail, stopped=self._stop, progressed=self._show_first)
        values = dict(self.values)

        def work() -> Generator[LiveAnswer, None, LiveAnswer | None]:
            kept.save()
            if both:
                return (yield from self._taught().answer(images, recipe, where, values))
            self._taught().prepare(images, recipe, where)
            return None

        self._worker.start(work, self._task)
        self.changed.emit()

    def _taught(self) -> LiveTeacher:
        """Return what learns; it is made, and OpenVINO is loaded, with the first strokes."""
        if self._teacher is None:
            from napari_cellvino.workflows.live_teaching import LiveTeacher

            self._teacher = LiveTeacher()
        return self._teacher

    def _show_first(self, answer: LiveAnswer) -> None:
        if self._layers is not None:
            self.answer = answer
            self._layers[1].show(answer.found.label_image(), answer.where.box)
            self.changed.emit()

    def _show(self, answer: LiveAnswer | None) -> None:
        self.working = ""
        if answer is not None:
            self._show_first(answer)
        elif self._layers is not None:
            self.answer = None
            self._layers[1].show(np.zeros((1, 1), np.int32), (0, 0, 1, 1))
        self.changed.emit()

    def _installed(self, made: MadeModel) -> None:
        self.working, self.made = "", str(made)
        self._catalogue.refresh(made.package.spec.name)
        self.changed.emit()
