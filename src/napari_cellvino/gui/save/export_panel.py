"""Below the Save button: plots and the correction report, and, folded away, files for other programs."""

from __future__ import annotations

from qtpy.QtCore import QUrl
from qtpy.QtGui import QDesktopServices, QPixmap
from qtpy.QtWidgets import QComboBox, QPushButton, QVBoxLayout, QWidget

from napari_cellvino.formats.registry import FORMATS
from napari_cellvino.gui.save.export_controller import ExportController
from napari_cellvino.gui.save.plot_form import PlotRow
from napari_cellvino.gui.widgets.form_layout import GAP, CollapsibleSection, narrow, say, side_by_side, text_line
from napari_cellvino.gui.widgets.notice import Notice
from napari_cellvino.gui.widgets.wide_picture import WidePicture

NOT_IN_IT = "These are made of the results in the folder. The result shown is not saved yet and is not in them."
KINDS = {  # what people call a format, and what it is for
    "labels": ("Label images (OME-TIFF)", "Images and labels with their scale, for any program"),
    "training": ("Training set", "Fields reviewed to the last cell, to retrain on here or elsewhere"),
    "coco": ("COCO", "annotations.json with exact outlines, and PNG pictures"),
    "coco-polygons": ("COCO, polygons", "The same with polygons where that loses nothing"),
    "yolo-detect": ("YOLO, boxes", "Images, box labels and data.yaml"),
    "yolo-segment": ("YOLO, outlines", "Images, polygon labels and data.yaml"),
    "cellpose": ("Cellpose", "_seg.npy beside each image, for the Cellpose window and its training"),
    "imagej": ("ImageJ / Fiji", "A zip of ROIs for each field"),
    "qupath": ("QuPath", "GeoJSON with classes and measurements"),
    "ome-zarr": ("OME-Zarr 0.5", "Image and labels, on Zarr 3"),
    "ome-zarr-0.4": ("OME-Zarr 0.4", "Image and labels, on Zarr 2"),
    "stardist": ("StarDist", "Folders and a script that trains StarDist"),
}


class ExportBox(QWidget):
    """Shows what can be made of the saved results."""

    def __init__(self, exporter: ExportController) -> None:
        super().__init__()
        self._exporter = exporter
        self.plot_row = PlotRow(exporter)
        self.report_button = QPushButton("Correction &report")
        self.kind = narrow(QComboBox())
        self.kind.setAccessibleName("Format")
        self.kind.setToolTip("Which program the files are for; the line below says what is written")
        for name in FORMATS:
            self.kind.addItem(KINDS[name][0], name)
        self.about = text_line("aside")
        self.export_button = QPushButton("&Export")
        self.replace_button = QPushButton("Replace it")
        self.replace_button.setToolTip("Write over the earlier files; they cannot be brought back")
        self.not_in_it = text_line("aside")
        self.working = text_line("aside")
        self.failure = Notice()
        self.made = text_line("done")
        self.open_button = QPushButton("Open it")
        self.open_button.setToolTip("Show it in the program that the computer has for it")
        self.picture = WidePicture("Plot", plot=True)
        chosen = side_by_side(self.kind, self.export_button, stretch=0)
        self.fold = CollapsibleSection("Files for other programs", chosen, self.about)
        self.fold.setToolTip("COCO, YOLO, Cellpose, ImageJ, QuPath, OME-Zarr, training sets and more")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(GAP)
        for widget in (
            self.plot_row, side_by_side(self.report_button), self.fold, self.not_in_it, self.working, self.failure,
            side_by_side(self.replace_button), self.made, side_by_side(self.open_button), self.picture,
        ):  # fmt: skip
            layout.addWidget(widget)
        self._connect()
        self._draw()

    def _connect(self) -> None:
        exporter = self._exporter
        exporter.changed.connect(self._draw)
        self.report_button.clicked.connect(lambda: exporter.report())
        self.kind.currentIndexChanged.connect(self._draw)
        self.export_button.clicked.connect(lambda: exporter.export(self.kind.currentData()))
        self.replace_button.clicked.connect(self._replace)
        self.open_button.clicked.connect(self._open)

    def _replace(self) -> None:
        if self._exporter.replace is not None:
            self._exporter.replace()

    def _open(self) -> None:
        if self._exporter.made is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._exporter.made.path)))

    def _draw(self, _: object = None) -> None:
        exporter = self._exporter
        told = (
            (self.report_button, "What was corrected: counts, what was added, deleted, split, merged, and the misses"),
            (self.export_button, f"Write all results in the folder into {exporter.results / 'exported'}"),
        )
        for button, tip in told:
            button.setEnabled(exporter.ready)
            button.setToolTip(tip if exporter.ready else exporter.missing)
        self.about.setText(f"{KINDS[self.kind.currentData()][1]}.")
        say(self.not_in_it, NOT_IN_IT if exporter.lacks_shown else "")
        say(self.working, f"{exporter.working} …" if exporter.working else "")
        self.failure.show_failure(exporter.failure)
        self.replace_button.setVisible(exporter.replace is not None)
        say(self.made, f"✓  {exporter.made.summary}" if exporter.made else "")
        self.open_button.setVisible(exporter.made is not None)
        self.picture.show_pixmap(QPixmap(str(exporter.plot)) if exporter.plot else None)
