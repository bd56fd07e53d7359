"""A picture as wide as the panel that it is in; a plot, which is on white paper, takes the colours of a dark theme.

Only what is seen changes: the file of a plot stays on white, as it is printed. Images in a plot keep their colours.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from qtpy.QtCore import QEvent, QRect, Qt
from qtpy.QtGui import QColor, QImage, QPalette, QPixmap, QResizeEvent
from qtpy.QtWidgets import QLabel, QSizePolicy
from superqt.utils import qimage_to_array

from napari_cellvino.figures.composite import Picture
from napari_cellvino.figures.plot_style import PLACES

_DARK = 128  # a background of less lightness is that of a dark theme
_RESTYLED = (QEvent.Type.StyleChange, QEvent.Type.PaletteChange)


class WidePicture(QLabel):
    """Hidden until there is a picture; keeps its shape. A ``plot`` is drawn on the background of a dark theme."""

    def __init__(self, name: str, *, plot: bool = False) -> None:
        super().__init__()
        self._plot = plot
        self._shown: QPixmap | None = None
        self._images: tuple[QRect, ...] = ()  # in it
        self._themed: tuple[int, QColor, QPixmap] | None = None  # of which picture, on which background
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(name)
        self.show_pixmap(None)

    def show_picture(self, picture: Picture | None) -> None:
        """Show an RGB picture (Y, X, 3), or nothing."""
        self.show_pixmap(None if picture is None else QPixmap.fromImage(_image(picture)))

    def show_file(self, path: Path | None) -> None:
        """Show a picture in a file, which may say where images lie in it (`save_png`), or nothing."""
        image = None if path is None else QImage(str(path))
        self.show_pixmap(None if image is None else QPixmap.fromImage(image), () if image is None else _places(image))

    def show_pixmap(self, pixmap: QPixmap | None, images: tuple[QRect, ...] = ()) -> None:
        """Show a picture, in which some images keep their colours, or nothing."""
        self._shown, self._images = pixmap, images
        self.setVisible(pixmap is not None)
        self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 (Qt's name)
        """Keep to the width."""
        self._fit()

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802 (Qt's name)
        """Take the colours of another theme."""
        super().changeEvent(event)
        if self._plot and event.type() in _RESTYLED:
            self._fit()

    def _fit(self) -> None:
        if self._shown is not None and self.width() > 0:
            seen = self._in_theme(self._shown) if self._plot else self._shown
            fitted = seen.scaledToWidth(self.width(), Qt.TransformationMode.SmoothTransformation)
            self.setFixedHeight(fitted.height())
            self.setPixmap(fitted)

    def _in_theme(self, plot: QPixmap) -> QPixmap:
        """Return a plot on the background of a dark theme, or as it is."""
        behind = self.palette().color(QPalette.ColorRole.Window)
        if behind.lightness() >= _DARK:
            return plot
        known = self._themed
        if known is None or known[:2] != (plot.cacheKey(), behind):
            paper = (behind.red(), behind.green(), behind.blue())
            pixels = qimage_to_array(plot.toImage())[..., :3]
            themed = on_dark(pixels, paper)
            for place in self._images:
                inside = np.s_[place.top() : place.bottom() + 1, place.left() : place.right() + 1]
                themed[inside] = pixels[inside]
            known = self._themed = (plot.cacheKey(), behind, QPixmap.fromImage(_image(themed)))
        return known[2]


def on_dark(pixels: Picture, paper: tuple[int, int, int]) -> Picture:
    """Return a plot (Y, X, 3) with light for dark, each hue kept: white becomes ``paper``, black becomes white."""
    wide = pixels.astype(np.int32)
    turned = wide + 255 - wide.max(2, keepdims=True) - wide.min(2, keepdims=True)  # lightness in HSL, hue stays
    low = np.array(paper, np.int32)
    themed: Picture = (low + turned * (255 - low) // 255).astype(np.uint8)
    return themed


def _places(image: QImage) -> tuple[QRect, ...]:
    """Return where images lie in a plot, as its file says."""
    sides = [[int(side) for side in place.split(",")] for place in image.text(PLACES).split()]
    return tuple(QRect(left, top, right - left, bottom - top) for left, top, right, bottom in sides)


def _image(pixels: Picture) -> QImage:
    height, width, _ = pixels.shape
    return QImage(pixels.tobytes(), width, height, 3 * width, QImage.Format.Format_RGB888).copy()
