"""Many cells at once: those that a limit finds are counted before they are deleted; masks of others come in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from qtpy.QtWidgets import QComboBox, QDoubleSpinBox, QPushButton, QVBoxLayout, QWidget

from napari_cellvino.annotation import Annotation
from napari_cellvino.annotation.tools.delete import delete
from napari_cellvino.annotation.tools.selection import Selection, below_score, larger_than, smaller_than, touching_edge
from napari_cellvino.gui.review.mask_import_controller import MaskImportController
from napari_cellvino.gui.review.review_controller import ReviewController
from napari_cellvino.gui.review.review_view import size_unit
from napari_cellvino.gui.widgets.form_layout import CollapsibleSection, ignore_wheel, narrow, side_by_side, text_line
from napari_cellvino.gui.widgets.usable import enable_unless

LARGEST = 10_000_000  # of any unit
ROOM_PX = 8  # above and below two lines of text
_BY_SCORE = 2  # row of the limits


class ManyCells(QWidget):
    """A limit, the cells that it finds, a button that takes them away, and one that brings masks of a file."""

    def __init__(self, reviewer: ReviewController, masks: MaskImportController, focus: Callable[[], None]) -> None:
        super().__init__()
        self._reviewer, self._masks, self._focus = reviewer, masks, focus
        self._of_one = 1.0  # of the unit that a pixel or voxel is
        self.kind = narrow(QComboBox())
        for title in ("smaller than", "larger than", "score below", "touching the edge"):
            self.kind.addItem(title)
        self.kind.setAccessibleName("Which cells")
        self.kind.setToolTip("Which cells to find; they are chosen in the picture before anything is deleted")
        self.limit = ignore_wheel(QDoubleSpinBox())
        self.limit.setKeyboardTracking(False)
        self.limit.setAccessibleName("Limit")
        self.limit.setToolTip("The score or the size that divides them")
        self.found = text_line()
        self.found.setMinimumHeight(2 * self.found.fontMetrics().height() + ROOM_PX)  # a shown section does not grow
        self.delete_button = QPushButton("Delete them")
        self.delete_button.setToolTip("Take these cells away; accepted ones are spared, and undo brings all back")
        self.masks_button = QPushButton()
        self.fold = CollapsibleSection(
            "Many at once",
            side_by_side(self.kind, self.limit, stretch=0),
            self.found,
            side_by_side(self.delete_button, self.masks_button),
        )
        self.fold.setToolTip("Find cells by score, size or the edge, or take in the masks of a file")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.fold)
        self.fold.toggled.connect(self._open)
        self.kind.activated.connect(self._choose_kind)
        self.limit.valueChanged.connect(self.look)
        self.delete_button.clicked.connect(self._delete)
        self.masks_button.clicked.connect(lambda: masks.ask(self))
        masks.changed.connect(self._draw_masks)
        masks.taken.connect(self._close)
        self._draw_masks()
        self._choose_kind(0)

    def _open(self, shown: bool) -> None:
        if shown:
            self._use_unit()
            self.look()

    def _draw_masks(self) -> None:
        reading = self._masks.reading
        enable_unless("Masks are being read" if reading else "", self.masks_button)
        self.masks_button.setText(f"reading {reading} …" if reading else "Masks from a file…")
        self.masks_button.setToolTip(
            "A label image, Cellpose _seg.npy, ImageJ ROIs, GeoJSON, COCO or YOLO of this image, in the place of all "
            "cells that were not reviewed"
        )

    def _choose_kind(self, row: int) -> None:
        scores = row == _BY_SCORE
        self.limit.setVisible(row < 3)
        self.limit.setDecimals(2 if scores else 1)
        self.limit.setRange(0, 1 if scores else LARGEST)
        self.limit.setSingleStep(0.05 if scores else 10)
        self._use_unit()
        self.limit.setValue(0.5 if scores else round(50 * self._of_one, 1))
        self.look()

    def _use_unit(self) -> None:
        """Take sizes in the unit of the table, of the image that is reviewed now."""
        unit, scores = size_unit(self._reviewer), self.kind.currentIndex() == _BY_SCORE
        self._of_one = 1.0 if scores or unit.of_one is None else unit.of_one
        self.limit.setSuffix("" if scores else f" {unit.name}")

    def look(self, _: float = 0) -> None:
        """Choose what the limit finds, and say how many that is."""
        found = self._selection() if self.fold.isExpanded() else None
        if found is None:
            return
        enable_unless("" if found.ids else "No cell is beyond this limit", self.delete_button)
        self.delete_button.setText(f"Delete {found.count}" if found.ids else "Delete")
        self.found.setText(str(found))
        self._reviewer.select(found.ids)

    def _selection(self) -> Selection | None:
        annotation, limit = self._reviewer.annotation, self.limit.value() / self._of_one
        if annotation is None:
            return None
        finders: tuple[Callable[[Annotation], Selection], ...] = (
            lambda a: smaller_than(a, limit),
            lambda a: larger_than(a, limit),
            lambda a: below_score(a, limit),
            touching_edge,
        )
        found: Selection = finders[self.kind.currentIndex()](annotation)
        if self.kind.currentIndex() < _BY_SCORE:
            found = replace(found, description=f"{self.kind.currentText()} {self.limit.text()}")
        return found

    def _delete(self) -> None:
        found = self._selection()
        if found is not None and found.ids:
            self._reviewer.do(lambda annotation: delete(annotation, found.ids))
            self._close()

    def _close(self) -> None:
        self.fold.unfold(False)
        self._focus()
