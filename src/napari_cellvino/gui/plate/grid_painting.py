"""Paint the wells of a plate: one pass over all places, for 6 to 1,536 wells."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import ceil

from napari.utils.theme import get_theme
from qtpy.QtCore import QPointF, QRectF, Qt
from qtpy.QtGui import QBrush, QColor, QImage, QPainter, QPen, QPolygonF

from napari_cellvino.core.plate import Well
from napari_cellvino.gui.plate.grid_geometry import LEFT, TOP, GridGeometry
from napari_cellvino.gui.plate.well_map import WellMap
from napari_cellvino.gui.widgets.colours import colours

_LABEL_PX = {"row": 13.0, "column": 17.0}  # room that a letter and a number need


@dataclass(frozen=True, slots=True)
class GridColours:
    """Colours of the grid in a theme."""

    text: QColor
    imaged: QColor
    empty: QColor
    chosen: QColor
    doubtful: QColor
    failed: QColor

    @classmethod
    def of(cls, theme: str) -> GridColours:
        """Return the colours for a napari theme."""
        surface, meaning = get_theme(theme), colours(theme)
        named = (surface.text, surface.primary, surface.foreground)
        tones = (meaning.done, meaning.attention, meaning.failure)
        return cls(*(QColor(c.as_hex()) for c in named), *(QColor(tone) for tone in tones))


@dataclass(frozen=True, slots=True, eq=False)
class GridView:
    """What the grid shows of each well, beside what there is of it.

    ``shades`` are the colours of wells with a number; ``by_number``, the others are hatched. ``pictures`` are small
    ones of what is in the wells. ``share`` is the part of a well's fields that a run has done, ``failed`` are wells
    with a field that failed, ``marks`` a sign each; ``tip`` says what a well holds.
    """

    wells: WellMap | None = None
    shades: Mapping[Well, QColor] = field(default_factory=dict)
    share: Mapping[Well, float] = field(default_factory=dict)
    failed: frozenset[Well] = frozenset()
    marks: Mapping[Well, str] = field(default_factory=dict)
    pictures: Mapping[Well, QImage] = field(default_factory=dict)
    by_number: bool = False
    tip: Callable[[Well], str] | None = None


def paint_grid(painter: QPainter, view: GridView, grid: GridGeometry, ink: GridColours) -> None:
    """Paint letters, numbers and wells."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, grid.side >= 10)
    _paint_labels(painter, grid, ink)
    if view.wells is None:
        return
    for row in range(grid.rows):
        for column in range(grid.columns):
            _paint_well(painter, view, Well(row, column), grid, ink)


def paint_choice(
    painter: QPainter, grid: GridGeometry, ink: GridColours, *, chosen: frozenset[Well], current: Well | None
) -> None:
    """Paint a frame around chosen wells, and one around the well that the keys are at."""
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(ink.chosen, 2 if grid.side >= 10 else 1.2))
    for well in chosen:
        painter.drawRect(grid.square(well))
    if current is not None:
        painter.setPen(QPen(ink.text, 2 if grid.side >= 10 else 1.5))
        painter.drawRect(grid.cell(current))


def _paint_labels(painter: QPainter, grid: GridGeometry, ink: GridColours) -> None:
    painter.setPen(ink.text)
    font = painter.font()
    font.setPixelSize(11)
    painter.setFont(font)
    step = ceil(_LABEL_PX["column"] / grid.side)
    for column in range(0, grid.columns, step):
        where = QRectF(LEFT + column * grid.side - 10, 0, grid.side + 20, TOP)
        painter.drawText(where, Qt.AlignmentFlag.AlignCenter, str(column + 1))
    step = ceil(_LABEL_PX["row"] / grid.side)
    for row in range(0, grid.rows, step):
        where = QRectF(0, TOP + row * grid.side - 6, LEFT - 5, grid.side + 12)
        painter.drawText(where, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, Well(row, 0).letters)


def _paint_well(painter: QPainter, view: GridView, well: Well, grid: GridGeometry, ink: GridColours) -> None:
    square, wells = grid.square(well), view.wells
    if wells is None or well not in wells.fields:
        _paint_empty(painter, square, ink, absent=wells is not None and well in wells.absent)
        return
    shade = view.shades.get(well)
    painter.setPen(Qt.PenStyle.NoPen)
    if shade is None and view.by_number:
        paint_hatched(painter, square, ink)
    else:
        painter.fillRect(square, shade or ink.imaged)
    if well in view.pictures:
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.drawImage(square, view.pictures[well])
    if well in wells.incomplete:
        _paint_corner(painter, square, ink)
    if well in view.share:
        _paint_share(painter, square, view.share[well], ink)
    if well in view.failed:
        _paint_failure(painter, square, ink)
    elif well in view.marks and grid.side >= 11 and well not in view.pictures:
        _paint_mark(painter, square, view.marks[well], shade or ink.imaged)


def _paint_empty(painter: QPainter, square: QRectF, ink: GridColours, *, absent: bool) -> None:
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(ink.doubtful if absent else ink.empty, 1))
    painter.drawRect(square.adjusted(0.5, 0.5, -0.5, -0.5))
    if absent:
        _cross(painter, square, ink.doubtful)


def _cross(painter: QPainter, square: QRectF, colour: QColor) -> None:
    inset = square.width() / 4
    box = square.adjusted(inset, inset, -inset, -inset)
    painter.setPen(QPen(colour, 2 if square.width() >= 14 else 1))
    painter.drawLine(box.topLeft(), box.bottomRight())
    painter.drawLine(box.bottomLeft(), box.topRight())


def paint_hatched(painter: QPainter, square: QRectF, ink: GridColours) -> None:
    """Paint a well of which a number is not known."""
    painter.fillRect(square, ink.empty)
    lines = QColor(ink.text)
    lines.setAlpha(90)
    painter.fillRect(square, QBrush(lines, Qt.BrushStyle.BDiagPattern))


def _paint_failure(painter: QPainter, square: QRectF, ink: GridColours) -> None:
    """Cross a well out, with a rim in the colour of the ground so that it is seen on every shade."""
    inset = square.width() / 4
    box = square.adjusted(inset, inset, -inset, -inset)
    for colour, width in ((ink.empty, 5), (ink.failed, 2)):
        painter.setPen(QPen(colour, width if square.width() >= 14 else width / 2))
        painter.drawLine(box.topLeft(), box.bottomRight())
        painter.drawLine(box.bottomLeft(), box.topRight())


def _paint_corner(painter: QPainter, square: QRectF, ink: GridColours) -> None:
    """Mark a well that misses something by a corner in the colour of what needs attention."""
    size = max(3.0, square.width() / 3)
    corner = square.topRight()
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(ink.doubtful)
    painter.drawPolygon(QPolygonF([corner, corner - QPointF(size, 0), corner + QPointF(0, size)]))


def _paint_share(painter: QPainter, square: QRectF, share: float, ink: GridColours) -> None:
    """Show how much of a well is done by a bar at its lower edge."""
    height = max(2.0, square.height() / 6)
    bar = QRectF(square.left(), square.bottom() - height, square.width(), height)
    painter.fillRect(bar, ink.empty)
    painter.fillRect(QRectF(bar.left(), bar.top(), bar.width() * share, height), ink.chosen)


def _paint_mark(painter: QPainter, square: QRectF, mark: str, ground: QColor) -> None:
    light = ground.lightnessF() > 0.45
    painter.setPen(QColor("black" if light else "white"))
    painter.drawText(square, Qt.AlignmentFlag.AlignCenter, mark)
