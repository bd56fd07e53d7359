"""What the cells in the picture are coloured by: chosen here, made in a thread, and made anew after every edit."""

from __future__ import annotations

from qtpy.QtCore import QObject, Signal

from napari_cellvino.gui.napari_bridge import Paint, is_light, paint_of, plain_paint
from napari_cellvino.gui.review.cell_colouring import PLAIN, CellColumns, colour_cells, offers
from napari_cellvino.gui.review.review_canvas import ReviewCanvas
from napari_cellvino.gui.review.review_controller import ReviewController
from napari_cellvino.gui.widgets.delay import debouncer
from napari_cellvino.gui.widgets.serial_worker import SerialWorker, Task
from napari_cellvino.workflows.workspace import Workspace

DELAY_MS = 250  # after the last edit or result


class ColourController(QObject):
    """Colours the cells that are reviewed; a plain colour until something is chosen."""

    changed = Signal()  # legend or offers

    def __init__(
        self, workspace: Workspace, reviewer: ReviewController, canvas: ReviewCanvas, worker: SerialWorker
    ) -> None:
        super().__init__()
        self._workspace, self._reviewer, self._canvas, self._worker = workspace, reviewer, canvas, worker
        self.by = PLAIN
        self.legend = ""
        self._task = Task()
        self._due = False  # whether other colours were chosen than are shown
        self._delay = debouncer(self, DELAY_MS, self._start)
        for signal in (reviewer.edited, reviewer.replaced, canvas.entered):
            signal.connect(self._on_change)

    def close(self) -> None:
        """Colour nothing any more."""
        self._task.stop()
        self._delay.cancel()

    @property
    def offers(self) -> list[tuple[str, str]]:
        """What the cells can be coloured by, the name to choose it by before its title; nothing without a result."""
        shown, annotation = self._workspace.shown, self._reviewer.annotation
        return [] if shown is None or annotation is None else offers(annotation, shown.plane)

    def choose(self, by: str) -> None:
        """Colour by state, by class, by the column of a measurement, or plainly."""
        self.by = by
        self._start()

    def _on_change(self, _: object = None) -> None:
        self._task.stop()
        if self._due or self.by != PLAIN:
            self._delay.throttle()

    def _start(self) -> None:
        self._task.stop()
        shown, annotation, stack = self._workspace.shown, self._reviewer.annotation, self._workspace.stack
        layer = self._canvas.layer
        if shown is None or annotation is None or stack is None or layer is None:
            return
        if self.by not in dict(self.offers):
            self.by = PLAIN  # another image has no such channel
        cells = CellColumns.of(annotation, shown.plane, stack=stack, frame=shown.recipe.frame)
        self._due = True
        by, contour, rgb = self.by, layer.contour, stack.rgb
        self._task = Task(done=lambda made: self._show(*made))
        self._worker.start(lambda: _painted(cells, by, contour, rgb=rgb), self._task)

    def _show(self, legend: str, paint: Paint) -> None:
        self.legend, self._due = legend, False
        if self._canvas.layer is not None:
            self._canvas.layer.paint_cells(paint)
        self.changed.emit()


def _painted(cells: CellColumns, by: str, contour: int, *, rgb: bool) -> tuple[str, Paint]:
    """Return the legend and the paint of cells."""
    if by == PLAIN:
        light = is_light(cells.plane.pixels, rgb=rgb)
        return "", plain_paint(cells.objects, cells.classes, cells.labels, contour, light=light)
    found = colour_cells(cells, by)
    return found.legend, paint_of(found.ids, found.hues, cells.labels, contour)
