"""A picture as wide as the panel that it is in."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtGui import QImage, QPixmap, QResizeEvent
from qtpy.QtWidgets import QLabel, QSizePolicy

from napari_cellvino.figures.composite import Picture


class WidePicture(QLabel):
    """Hidden until there is a picture; keeps its shape."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._shown: QPixmap | None = None
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(name)
        self.show_pixmap(None)

    def show_picture(self, picture: Picture | None) -> None:
        """Show an RGB picture (Y, X, 3), or nothing."""
        if picture is None:
            self.show_pixmap(None)
            return
        height, width, _ = picture.shape
        image = QImage(picture.tobytes(), width, height, 3 * width, QImage.Format.Format_RGB888)
        self.show_pixmap(QPixmap.fromImage(image))

    def show_pixmap(self, pixmap: QPixmap | None) -> None:
        """Show a picture, or nothing."""
        self._shown = pixmap
        self.setVisible(pixmap is not None)
        self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 (Qt's name)
        """Keep to the width."""
        self._fit()

    def _fit(self) -> None:
        if self._shown is not None and self.width() > 0:
            fitted = self._shown.scaledToWidth(self.width(), Qt.TransformationMode.SmoothTransformation)
            self.setFixedHeight(fitted.height())
            self.setPixmap(fitted)
