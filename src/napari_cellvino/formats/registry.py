"""The formats by name: what writes each."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from napari_cellvino.core.errors import OptionError
from napari_cellvino.formats.cellpose_seg import CellposeFolder
from napari_cellvino.formats.coco import Coco
from napari_cellvino.formats.imagej_rois import RoiZips
from napari_cellvino.formats.label_folder import LabelFolder, TrainingSet
from napari_cellvino.formats.ome_zarr import OmeZarr
from napari_cellvino.formats.qupath import QuPathGeoJson
from napari_cellvino.formats.stardist import StarDistFolders
from napari_cellvino.formats.writer import MakeWriter
from napari_cellvino.formats.yolo import Yolo

FORMATS: dict[str, MakeWriter] = {
    "labels": LabelFolder,
    "training": TrainingSet,
    "coco": Coco,
    "coco-polygons": partial(Coco, polygons=True),
    "yolo-detect": partial(Yolo, outlines=False),
    "yolo-segment": partial(Yolo, outlines=True),
    "cellpose": CellposeFolder,
    "imagej": RoiZips,
    "qupath": QuPathGeoJson,
    "ome-zarr": OmeZarr,
    "ome-zarr-0.4": partial(OmeZarr, version="0.4"),
    "stardist": StarDistFolders,
}


def check_formats(names: Sequence[str]) -> tuple[str, ...]:
    """Return the names, each once.

    Raises
    ------
    OptionError
        If there is no such format, or none is named.
    """
    unknown = [name for name in names if name not in FORMATS]
    if unknown or not names:
        said = f"format {unknown[0]!r} is not known" if unknown else "no format is named"
        raise OptionError(f"{said}; choose of {', '.join(FORMATS)}")
    return tuple(dict.fromkeys(names))
