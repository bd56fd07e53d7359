"""Cells as small pictures, to choose many at a glance; of a stack, all planes of the chosen cell side by side."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QAbstractListModel, QLineF, QModelIndex, QSize, Qt
from qtpy.QtGui import QImage, QPainter, QPen, QPixmap, QPolygonF
from qtpy.QtWidgets import QAbstractItemView, QLabel, QListView, QVBoxLayout, QWidget
from skimage.segmentation import find_boundaries

from napari_cellvino.annotation import Annotation
from napari_cellvino.annotation.region import Region
from napari_cellvino.gui.napari_bridge.canvas import DOT_PX, HALO, LEFT_OUT, REVIEWED
from napari_cellvino.gui.review.review_controller import ReviewController
from napari_cellvino.gui.review.state_markers import Sign, sign_of
from napari_cellvino.gui.widgets.chosen_rows import choose_rows, chosen_rows
from napari_cellvino.gui.widgets.quiet_focus import QuietFocus

SIDE = 72  # px of a picture on the screen
MARGIN = 6  # px of the image round a cell
MOST_SHOWN = 500
MOST_PLANES = 24
STRIP_PX = 360  # width of all planes of a cell on the screen
LINE = (255, 214, 10)
_HERE = QModelIndex()

Pixels = NDArray[np.floating]


class GalleryModel(QAbstractListModel):
    """One picture per cell, made when it is seen."""

    def __init__(self, reviewer: ReviewController) -> None:
        super().__init__()
        self._reviewer = reviewer
        self.ids: list[int] = []
        self._made: dict[int, QPixmap] = {}
        self._of: dict[int, Pixels | None] = {}

    def show(self, ids: list[int]) -> None:
        """List these cells; pictures are made anew."""
        self.beginResetModel()
        self.ids = list(ids)
        self._made.clear()
        self._of.clear()
        self.endResetModel()

    def rowCount(self, parent: QModelIndex = _HERE) -> int:  # noqa: N802 (Qt's name)
        """Return the number of cells."""
        return 0 if parent.isValid() else len(self.ids)

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        """Return the picture of a cell, or its number."""
        id_ = self.ids[index.row()]
        if role == Qt.ItemDataRole.ToolTipRole:
            return f"#{id_}"
        if role != Qt.ItemDataRole.DecorationRole:
            return None
        if id_ not in self._made:
            self._made[id_] = self.picture(id_)
        return self._made[id_]

    def picture(self, id_: int) -> QPixmap:
        """Return the picture of a cell, in its middle plane; an empty one where it was deleted."""
        annotation = self._reviewer.annotation
        if annotation is None or id_ not in annotation.records:
            return QPixmap(SIDE, SIDE)
        region = annotation.geometry(id_).region
        plane = (region.low[0] + region.high[0]) // 2 if len(region.low) == 3 else None
        return signed_pixmap(square_pixmap(self._cut(annotation, id_, plane), SIDE), sign_of(annotation.records[id_]))

    def planes(self, id_: int) -> QPixmap | None:
        """Return all planes of a cell of a stack side by side; None of a single plane."""
        annotation = self._reviewer.annotation
        if annotation is None or len(annotation.shape) == 2 or id_ not in annotation.records:
            return None
        region = annotation.geometry(id_).region
        cuts = [self._cut(annotation, id_, z) for z in range(region.low[0], region.high[0])]
        return cell_pixmap(np.concatenate(cuts[:MOST_PLANES], axis=1), STRIP_PX)

    def _cut(self, annotation: Annotation, id_: int, plane: int | None) -> NDArray[np.uint8]:
        """Return a cell with its outline in one plane, (Y, X, RGB)."""
        region = annotation.geometry(id_).region
        flat = Region(region.low[-2:], region.high[-2:]).expanded(MARGIN, annotation.shape[-2:])
        pixels = self._pixels(flat, plane)
        high = max(float(pixels.max(initial=0)), 1e-9)
        low = float(pixels.min(initial=high))
        grey = np.clip((pixels - low) * (255 / max(high - low, 1e-9)), 0, 255).astype(np.uint8)
        rgb = np.repeat(grey[..., None], 3, axis=2)
        if annotation.labels is not None:
            labels = annotation.labels if plane is None else annotation.labels[plane]
            rgb[find_boundaries(labels[flat.slices] == id_, mode="inner")] = LINE
        return rgb

    def _pixels(self, part: Region, plane: int | None) -> Pixels:
        """Return a part of what the model saw; planes of a stack, which may be read from a file, are kept whole."""
        if plane is None:
            found = self._reviewer.workspace.intensity(part=part.slices)
        else:
            if plane not in self._of:
                self._of[plane] = self._reviewer.workspace.intensity(plane)
            whole = self._of[plane]
            found = None if whole is None else whole[part.slices]
        return np.zeros(part.shape, np.float32) if found is None else found


def signed_pixmap(picture: QPixmap, sign: Sign) -> QPixmap:
    """Return the picture of a cell with its sign, as it is drawn on the cell itself."""
    (x0, y0), (x1, y1) = ((share * picture.width(), share * picture.height()) for share in (0.2, 0.8))
    falling, rising = QLineF(x0, y0, x1, y1), QLineF(x0, y1, x1, y0)
    with QPainter(picture) as painter:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for wider, line, dot in ((2, HALO, HALO), (0, LEFT_OUT, REVIEWED)):
            painter.setPen(QPen(line, 2 + wider))
            painter.drawLines({Sign.EXCLUDED: [rising], Sign.REJECTED: [rising, falling]}.get(sign, []))
            painter.setPen(QPen(dot, DOT_PX + wider, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
            painter.drawPoints(QPolygonF([rising.center()] if sign is Sign.REVIEWED else []))
    return picture


class Gallery(QWidget):
    """The pictures, linked with what is chosen; Q leaves the chosen ones out of the counts."""

    def __init__(self, reviewer: ReviewController) -> None:
        super().__init__()
        self._reviewer = reviewer
        self.cells = GalleryModel(reviewer)
        self._ignoring = False
        self.list = QListView()
        self.list.setModel(self.cells)
        self.list.setViewMode(QListView.ViewMode.IconMode)
        self.list.setResizeMode(QListView.ResizeMode.Adjust)
        self.list.setMovement(QListView.Movement.Static)
        self.list.setUniformItemSizes(True)
        self.list.setLayoutMode(QListView.LayoutMode.Batched)
        self.list.setGridSize(QSize(SIDE + 8, SIDE + 8))
        self.list.setIconSize(QSize(SIDE, SIDE))
        self.list.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.list.setAccessibleName("Pictures of cells")
        self.list.setToolTip("A click goes to the cell; Shift and Ctrl choose several")
        QuietFocus(self.list)
        self.strip = QLabel()
        self.strip.setAccessibleName("All planes of the chosen cell")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.list, 1)
        layout.addWidget(self.strip)
        self.list.selectionModel().selectionChanged.connect(self._choose)

    def draw(self, ids: list[int]) -> None:
        """Show these cells, and highlight those that are chosen."""
        self._ignoring = True
        self.cells.show(ids)
        self._ignoring = False
        self.highlight()

    def highlight(self) -> None:
        """Highlight the cells that are chosen."""
        chosen = self._reviewer.selection
        planes = self.cells.planes(chosen[0]) if len(chosen) == 1 else None
        self.strip.setVisible(planes is not None)
        if planes is not None:
            self.strip.setPixmap(planes)
        wanted = set(chosen[:MOST_SHOWN])
        if self._ignoring or wanted == set(self._chosen()):
            return
        self._ignoring = True
        choose_rows(self.list, [(row, row) for row, id_ in enumerate(self.cells.ids) if id_ in wanted])
        self._ignoring = False

    def _chosen(self) -> list[int]:
        return [self.cells.ids[row] for row in chosen_rows(self.list)]

    def _choose(self) -> None:
        if not self._ignoring:
            ids = self._chosen()
            self._ignoring = True
            if len(ids) == 1:
                self._reviewer.show_cell(ids[0])
            else:
                self._reviewer.select(ids)
            self._ignoring = False


def cell_pixmap(rgb: NDArray[np.uint8], width_px: int, height_px: int = SIDE) -> QPixmap:
    """Return a picture (Y, X, RGB), no wider and no higher than asked for."""
    height, width = rgb.shape[:2]
    image = QImage(np.ascontiguousarray(rgb).data, width, height, 3 * width, QImage.Format.Format_RGB888)
    return QPixmap.fromImage(image).scaled(width_px, height_px, Qt.AspectRatioMode.KeepAspectRatio)


def square_pixmap(rgb: NDArray[np.uint8], side: int) -> QPixmap:
    """Return a picture (Y, X, RGB) in the middle of a square: rows of pictures stay in line."""
    picture, square = cell_pixmap(rgb, side, side), QPixmap(side, side)
    square.fill(Qt.GlobalColor.transparent)
    with QPainter(square) as painter:
        painter.drawPixmap((side - picture.width()) // 2, (side - picture.height()) // 2, picture)
    return square
