"""Annotations of any format that is read, told apart by their name and content, and found by the name of the image."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from napari_cellvino.core.errors import ImageReadError
from napari_cellvino.formats.archives import unpacked
from napari_cellvino.formats.cell_masks import folder_of_image, mask_files, read_cell_masks
from napari_cellvino.formats.cellpose_outlines import is_outlines, read_outlines
from napari_cellvino.formats.cellpose_seg import read_npy
from napari_cellvino.formats.coco import is_coco, read_coco
from napari_cellvino.formats.decoding import decoding, read_json
from napari_cellvino.formats.field import Cells
from napari_cellvino.formats.imagej_rois import read_rois
from napari_cellvino.formats.label_folder import read_label_image
from napari_cellvino.formats.label_pixels import READ_PIXELS
from napari_cellvino.formats.label_studio import is_label_studio, read_label_studio
from napari_cellvino.formats.labelme import is_labelme, read_labelme
from napari_cellvino.formats.mask_files import files_of_image, is_packed, names_of
from napari_cellvino.formats.matching import ImageQuery, as_query, choose_file
from napari_cellvino.formats.ome_zarr import is_zarr, read_ome_zarr
from napari_cellvino.formats.qupath import is_geojson, read_geojson
from napari_cellvino.formats.via import is_via, read_via, read_via_csv
from napari_cellvino.formats.yolo import read_yolo
from napari_cellvino.io.checks import check_is_file

Shape = tuple[int, ...]
Reader = Callable[[Path, Shape, ImageQuery], Cells]
JsonReader = Callable[[Path, Any, Shape, ImageQuery], Cells]
PACKED_LIMIT = 2**27  # bytes that a packed file may always have
BYTES_PER_PIXEL = 8

JSON_KINDS: tuple[tuple[Callable[[Any], bool], JsonReader, bool], ...] = (  # test, reader, of one image
    (is_geojson, lambda path, content, shape, wanted: read_geojson(path, shape, wanted, content=content), True),
    (is_labelme, read_labelme, True),
    (is_coco, lambda path, content, shape, wanted: read_coco(path, shape, wanted, content=content), False),
    (is_label_studio, read_label_studio, False),
    (is_via, read_via, False),
)

REFUSED: Mapping[str, str] = {
    ".jpg": "a JPEG, which changes the numbers of labels; save the masks as PNG or TIFF",
    ".jpeg": "a JPEG, which changes the numbers of labels; save the masks as PNG or TIFF",
    ".bmp": "a Windows bitmap; save the masks as PNG or TIFF",
    ".gif": "a GIF; save the masks as PNG or TIFF",
    ".mat": "a file of MATLAB; save the labels with imwrite as a TIFF of 16 bits",
    ".h5": "an HDF5 file; in ilastik, export the objects or the segmentation as TIFF",
    ".hdf5": "an HDF5 file; in ilastik, export the objects or the segmentation as TIFF",
    ".xml": "XML (Pascal VOC, CVAT, Imaris or Aperio); export it as COCO, YOLO or GeoJSON",
    ".ilp": "a project of ilastik; export the objects or the segmentation as TIFF",
    ".qpdata": "data of a QuPath project; in QuPath, File > Export objects as GeoJSON",
    ".svg": "a drawing; export the outlines as GeoJSON or ImageJ ROIs",
    ".parquet": "a table; export the outlines as GeoJSON, COCO or a label image",
    ".rar": "an archive; unpack it and name the file in it",
    ".7z": "an archive; unpack it and name the file in it",
    ".tar": "an archive; unpack it and name the file in it",
}


def read_cells(path: Path, shape: Shape, wanted: ImageQuery | str) -> Cells:
    """Return the annotations in ``path`` of an image, whose size is ``shape``.

    That is (Y, X), or (Z, Y, X) where they belong to a whole stack. ``docs/export.md`` lists the formats.

    Raises
    ------
    ImageReadError
        If the file is broken or of no kind that is read.
    ImageValueError
        If it does not fit the image.
    """
    image = as_query(wanted)
    with decoding(path, "annotations"):
        check_is_file(path)
    if is_packed(path):
        with unpacked(path, PACKED_LIMIT + BYTES_PER_PIXEL * math.prod(shape)) as inner:
            return read_cells(inner, shape, image)
    with decoding(path, "annotations"):
        return _in_their_unit(path, _reader_of(path), image)(path, shape, image)


def _in_their_unit(path: Path, reader: Reader, image: ImageQuery) -> Reader:
    """Return the reader, or raise ImageReadError where a unit is asked for that this kind of file cannot have."""
    if image.unit_px is None or reader is _json:
        return reader
    raise ImageReadError(f"{path} is no GeoJSON; only outlines of GeoJSON are read with --outlines-in um")


def _reader_of(path: Path) -> Reader:
    suffix = path.suffix.lower()
    if is_zarr(path):
        return lambda path, shape, wanted: read_ome_zarr(path, shape)
    if path.is_dir() and mask_files(path):
        return lambda path, shape, wanted: read_cell_masks(path, shape)
    if path.is_dir():
        raise ImageReadError(f"{path} is a folder, not a file of annotations; name one in it")
    if suffix in READERS:
        return READERS[suffix]
    if suffix in REFUSED:
        raise ImageReadError(f"{path} is {REFUSED[suffix]}")
    raise ImageReadError(f"{path} is of no kind that can be read; those are {', '.join(READERS)}, .zarr, and these .gz")


def _label_image(path: Path, shape: Shape, wanted: ImageQuery) -> Cells:
    return read_label_image(path, shape)


def _text(path: Path, shape: Shape, wanted: ImageQuery) -> Cells:
    return (read_outlines if is_outlines(path) else read_yolo)(path, shape)


def _json(path: Path, shape: Shape, wanted: ImageQuery) -> Cells:
    content = read_json(path)
    reader = next((read for test, read, _ in JSON_KINDS if test(content)), None)
    if reader is None:
        held = ", ".join(map(str, list(content)[:6])) if isinstance(content, dict) else type(content).__name__
        raise ImageReadError(
            f"{path} is JSON of no kind that can be read (it holds {held or 'nothing'}); those are GeoJSON, COCO, "
            "labelme, VIA and Label Studio"
        )
    if wanted.unit_px is not None and not is_geojson(content):
        raise ImageReadError(f"{path} is no GeoJSON; only outlines of GeoJSON are read with --outlines-in um")
    return reader(path, content, shape, wanted)


def _archive(path: Path, shape: Shape, wanted: ImageQuery) -> Cells:
    return read_rois(path, shape, wanted)


READERS: dict[str, Reader] = {
    **dict.fromkeys(READ_PIXELS, _label_image),
    ".npy": lambda path, shape, wanted: read_npy(path, shape),
    ".zip": _archive,
    ".roi": _archive,
    ".geojson": _json,
    ".json": _json,
    ".txt": _text,
    ".csv": read_via_csv,
}


def holds_one_image(masks: Path) -> bool:
    """Return whether ``masks`` is, or should be, what one image has, and not a folder or a file of several.

    Raises
    ------
    ImageReadError
        If it is JSON that cannot be read.
    """
    if masks.is_dir():
        return is_zarr(masks)
    if is_packed(masks):
        with unpacked(masks, PACKED_LIMIT) as inner:
            return holds_one_image(inner)
    if masks.suffix.lower() in (".json", ".geojson"):
        content = read_json(masks)
        return next((single for test, _, single in JSON_KINDS if test(content)), True)
    return masks.suffix.lower() != ".csv"


def find_annotations(masks: Path, wanted: ImageQuery | str, fits: Callable[[Path], bool] = lambda file: True) -> Path:
    """Return what holds the annotations of an image: ``masks`` itself, or the file in it of that name.

    What programs add to a name (``_masks``, ``_seg``, ``_RoiSet``, …) is passed over, and signs that no file may have.
    Folders in it are searched where it holds nothing itself; a folder of one mask per cell is found, too. Of several
    files, those that ``fits`` says fit the image are left, and of what Cellpose writes of one image what tells most.

    Raises
    ------
    ImageReadError
        If there is none, or more than one, or it is the image itself.
    ImageValueError
        If it could belong to another image of the same name as well.
    """
    image = as_query(wanted)
    if not masks.exists():
        raise ImageReadError(f"there is nothing at {masks}; check the name")
    own = image.path and Path(image.path).exists() and masks.resolve() == Path(image.path).resolve()
    if own and not is_zarr(masks):  # an OME-Zarr holds its labels beside its pixels
        raise ImageReadError(f"{masks} is the image itself, not its masks")
    if not masks.is_dir() or is_zarr(masks):
        return masks
    with decoding(masks, "a folder of masks"):
        one_each = folder_of_image(masks, image)
        files = [] if one_each else files_of_image(masks, image)
    return one_each or choose_file(masks, files, image, fits)


def without_masks(images: Sequence[Path], masks: Path) -> list[Path]:
    """Return the images that are not themselves masks of another one, where both lie in the folder ``masks``."""
    beside = [path for path in images if path.parent.resolve() == masks.resolve()]
    plain = {names_of(path)[0] for path in beside}
    drawn = {path for path in beside if names_of(path)[0] != (name := names_of(path)[1]) and name in plain}
    return [path for path in images if path not in drawn]
