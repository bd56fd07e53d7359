"""A plot whose points are wells: one under the mouse shows its picture, a click goes there, chosen ones have rings."""

from __future__ import annotations

import html
from collections.abc import Collection, Mapping

import numpy as np
from qtpy.QtCore import QEvent, QPoint, QPointF, Qt, Signal
from qtpy.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent, QPen
from qtpy.QtWidgets import QToolTip

from napari_cellvino.figures.point_picture import PlateWell, PointPicture
from napari_cellvino.gui.widgets.wide_picture import WidePicture
from napari_cellvino.results.plate_page import Thumbnails

NEAR = 9  # px from a point to the mouse
THUMBNAIL = 220  # px
RING = 7.0  # px from a point to its ring
RING_COLOUR = "#d55e00"


class PointsView(WidePicture):
    """Shows a `PointPicture`; hidden without one."""

    well_clicked = Signal(str, str)  # plate, well

    def __init__(self, name: str) -> None:
        super().__init__(name, plot=True)
        self._picture: PointPicture | None = None
        self._thumbnails: Thumbnails = {}
        self._told: Mapping[PlateWell, str] = {}
        self._marked: frozenset[PlateWell] = frozenset()

    def show_points(
        self, picture: PointPicture | None, thumbnails: Thumbnails, told: Mapping[PlateWell, str] | None = None
    ) -> None:
        """Show a plot with the pictures of its wells, and what else is told of each."""
        if picture is not self._picture:
            self.show_picture(picture.pixels if picture is not None else None)
        self._picture, self._thumbnails, self._told = picture, thumbnails, told or {}
        self.update()

    def mark(self, wells: Collection[PlateWell]) -> None:
        """Put rings round the points of wells."""
        self._marked = frozenset(wells)
        self.update()

    @property
    def marked(self) -> frozenset[PlateWell]:
        """The wells that have rings."""
        return self._marked

    def place_of(self, well: PlateWell) -> QPoint | None:
        """Return where the first point of a well is in this widget, None where there is none."""
        picture = self._picture
        if picture is None or well not in picture.wells:
            return None
        x, y = picture.points[picture.wells.index(well)] / self._scale(picture)
        return QPoint(round(x), round(y))

    def well_at(self, at: QPoint) -> PlateWell | None:
        """Return the well whose point is near a place, None where there is none."""
        picture = self._picture
        if picture is None or not len(picture.points):
            return None
        scale = self._scale(picture)
        away = np.hypot(*(picture.points - np.array([at.x(), at.y()]) * scale).T)
        nearest = int(away.argmin())
        return picture.wells[nearest] if away[nearest] <= NEAR * scale else None

    def described(self, at: QPoint) -> str:
        """Return what a place shows, as rich text; empty where there is no well."""
        found = self.well_at(at)
        if found is None:
            return ""
        plate, well = found
        picture, told = self._thumbnails.get(found), self._told.get(found, "")
        shown = f'<br><img src="{html.escape(str(picture))}" width="{THUMBNAIL}">' if picture is not None else ""
        said = f"<br>{html.escape(told)}" if told else ""
        return f"<b>{html.escape(well)}</b> · {html.escape(plate)}{said}{shown}"

    def event(self, event: QEvent) -> bool:
        """Tell of the well under the mouse."""
        if event.type() != QEvent.Type.ToolTip:
            return bool(super().event(event))
        text = self.described(event.pos())
        if text:
            QToolTip.showText(event.globalPos(), text, self)
        else:
            QToolTip.hideText()
        return True

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802 (Qt's name)
        """Go to the well that is clicked."""
        found = self.well_at(event.pos()) if event.button() == Qt.MouseButton.LeftButton else None
        if found is not None:
            self.well_clicked.emit(*found)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 (Qt's name)
        """Paint the plot, and the rings."""
        super().paintEvent(event)
        picture = self._picture
        if picture is None or not self._marked:
            return
        with QPainter(self) as painter:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(QPen(QColor(RING_COLOUR), 2))
            for point, well in zip(picture.points / self._scale(picture), picture.wells, strict=True):
                if well in self._marked:
                    painter.drawEllipse(QPointF(*point.tolist()), RING, RING)

    def _scale(self, picture: PointPicture) -> float:
        """Return pixels of the picture per pixel of the widget."""
        return float(picture.pixels.shape[1] / max(self.width(), 1))
