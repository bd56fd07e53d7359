"""Annotations of any format that we write, told apart by their name and content."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path

from napari_cellvino.core.errors import ImageReadError
from napari_cellvino.formats.cellpose_seg import read_seg
from napari_cellvino.formats.coco import read_coco
from napari_cellvino.formats.field import Cells
from napari_cellvino.formats.imagej_rois import read_rois
from napari_cellvino.formats.label_folder import read_label_image
from napari_cellvino.formats.ome_zarr import is_zarr, read_ome_zarr
from napari_cellvino.formats.qupath import read_geojson
from napari_cellvino.formats.yolo import read_yolo
from napari_cellvino.storage.file_names import safe_name

Reader = Callable[[Path, tuple[int, ...], str], Cells]
ENDING = re.compile(r"(\.ome)?(\.(tiff?|png|npy|zip|roi|geojson|json|txt|zarr))$", re.IGNORECASE)
ADDED = re.compile(
    r"[-_. ](cp_masks|masks?|labels?|seg|roi_?sets?|rois?)$", re.IGNORECASE
)  # what programs add to a name


def _read_label_image(path: Path, shape: tuple[int, ...], name: str) -> Cells:
    return read_label_image(path, shape)


READERS: dict[str, Reader] = {
    ".tif": _read_label_image,
    ".tiff": _read_label_image,
    ".png": _read_label_image,
    ".npy": read_seg,
    ".zip": read_rois,
    ".roi": read_rois,
    ".geojson": read_geojson,
    ".txt": read_yolo,
}


def read_cells(path: Path, shape: tuple[int, ...], name: str) -> Cells:
    """Return the annotations in ``path`` of the image ``name`` (without suffix), whose size is ``shape``.

    That is (Y, X), or (Z, Y, X) where they belong to a whole stack. Read are label images (TIFF, PNG), ``_seg.npy``,
    ImageJ ROIs, GeoJSON, COCO JSON, YOLO and OME-Zarr; of PNG, COCO and YOLO masks of one plane only.

    Raises
    ------
    ImageReadError
        If the file is broken or of none of these kinds.
    ImageValueError
        If it does not fit the image.
    """
    suffix = path.suffix.lower()
    if suffix == ".json":
        return (read_geojson if _is_geojson(path) else read_coco)(path, shape, name)
    if is_zarr(path):
        return read_ome_zarr(path, shape, name)
    if suffix not in READERS:
        raise ImageReadError(f"{path} is of no kind that can be read; those are {', '.join(READERS)}, .json, .zarr")
    return READERS[suffix](path, shape, name)


def _is_geojson(path: Path) -> bool:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ImageReadError(f"{path} cannot be read as JSON: {error}") from error
    return isinstance(content, list) or "features" in content or "geometry" in content


def holds_one_image(masks: Path) -> bool:
    """Return whether ``masks`` is, or should be, what one image has, and not a folder or a COCO file of several.

    Raises
    ------
    ImageReadError
        If it is JSON that cannot be read.
    """
    if masks.suffix.lower() == ".json" and masks.is_file():
        return _is_geojson(masks)
    return not masks.is_dir() or is_zarr(masks)


def find_annotations(masks: Path, name: str) -> Path:
    """Return what holds the annotations of the image ``name``: ``masks`` itself, or the one in it of that name.

    What programs add to a name (``_masks``, ``_seg``, ``_RoiSet``, …) is passed over, and signs that no file may have.

    Raises
    ------
    ImageReadError
        If there is none, or more than one.
    """
    if not masks.exists():
        raise ImageReadError(f"there is nothing at {masks}; check the name")
    if not masks.is_dir() or is_zarr(masks):
        return masks
    plain = [path for path in sorted(masks.iterdir()) if ENDING.search(path.name) and not path.name.startswith(".")]
    wanted = {name, safe_name(name)}
    named = [path for path in plain if not wanted.isdisjoint(_names_of(path))]
    marked = [path for path in named if _names_of(path)[0] not in wanted or len(named) == 1]  # the image lies beside it
    if len(marked) != 1:
        found = " and ".join(path.name for path in marked) or "nothing"
        raise ImageReadError(f"{masks} holds {found} for the image {name}; name the file itself")
    return marked[0]


def without_masks(images: Sequence[Path], masks: Path) -> list[Path]:
    """Return the images that are not themselves masks of another one, where both lie in the folder ``masks``."""
    beside = [path for path in images if path.parent.resolve() == masks.resolve()]
    plain = {_names_of(path)[0] for path in beside}
    drawn = {path for path in beside if _names_of(path)[0] != (name := _names_of(path)[1]) and name in plain}
    return [path for path in images if path not in drawn]


def _names_of(path: Path) -> tuple[str, str]:
    """Return the name without its ending, and without what programs add to it."""
    stem = ENDING.sub("", path.name)
    return stem, ADDED.sub("", stem)
