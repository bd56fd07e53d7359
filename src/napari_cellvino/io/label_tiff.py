"""Label images as OME-TIFF with their scale: ImageJ, QuPath, napari, CellProfiler and cellpose read it.

No date, and an identifier made from the content instead of a random one: the same labels are the same bytes.
"""

from __future__ import annotations

import hashlib
import math
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import tifffile
from numpy.typing import NDArray

from napari_cellvino.core.errors import CellvinoError, ImageReadError, ImageValueError
from napari_cellvino.core.image import Spacing
from napari_cellvino.core.threads import together
from napari_cellvino.io.checks import check_memory, check_ratio, parse_errors
from napari_cellvino.io.orientation import FIRST_ON_ITS_SIDE, ORIENTATION, apply_orientation
from napari_cellvino.io.tiff_chain import check_chain
from napari_cellvino.storage.atomic import atomic_path
from napari_cellvino.storage.large_arrays import copied, in_bands

Labels = NDArray[np.uint16] | NDArray[np.uint32]
AXES = {2: "YX", 3: "ZYX"}
CREATOR = "napari-cellvino"
TIFF: dict[str, Any] = {"ome": True, "photometric": "minisblack", "compression": "zlib", "software": CREATOR}
UM_PER = {"nm": 1e-3, "µm": 1.0, "um": 1.0, "mm": 1e3, "cm": 1e4}
UM_PER_CM = 1e4
STRIP_BYTES = 2**18  # of a strip before it is compressed: what tifffile takes
LOSSY = (tifffile.COMPRESSION.OJPEG, tifffile.COMPRESSION.JPEG, tifffile.COMPRESSION.JPEG_LOSSY)
CheckShape = Callable[[tuple[int, ...]], None]


def write_labels(path: Path, labels: NDArray[np.integer], spacing: Spacing) -> None:
    """Write a label image (Y, X) or (Z, Y, X) with its spacing in µm; 16 bits per pixel where the ids fit, else 32.

    Raises
    ------
    ImageValueError
        If it has other than 2 or 3 axes, no pixels, or ids that 32 bits do not hold.
    OutputError
        If the file cannot be written.

    References
    ----------
    https://docs.openmicroscopy.org/ome-model/latest/ome-tiff/specification.html
    """
    with atomic_path(path) as part:
        put_labels(part, labels, spacing)


def overlay_outlines(path: Path) -> int:
    """Return how many outlines ImageJ keeps in a TIFF beside its pixels; 0 for other files."""
    if path.suffix.lower() not in {".tif", ".tiff"}:
        return 0
    with parse_errors(path), tifffile.TiffFile(path) as tif:
        overlays = (tif.imagej_metadata or {}).get("Overlays") or []
        return len(overlays) if isinstance(overlays, list) else 1


def put_labels(path: Path, labels: NDArray[np.integer], spacing: Spacing) -> None:
    """Write a label image as `write_labels` does, right to ``path``: for folders that are made as a whole."""
    dtype: np.dtype[Any] = np.dtype(_smallest_type(labels))
    metadata = {"axes": AXES[labels.ndim], "Creator": CREATOR} | _physical_sizes(spacing, labels.ndim)
    metadata["UUID"] = _content_uuid(labels, dtype, metadata)
    rows = max(1, min(labels.shape[-2], STRIP_BYTES // (labels.shape[-1] * dtype.itemsize)))
    extra: dict[str, Any] = {"metadata": metadata, "shape": labels.shape, "dtype": dtype, "rowsperstrip": rows}
    tifffile.imwrite(path, _strips(labels, dtype, rows), **extra, **TIFF, **_resolution(spacing))


def _strips(labels: NDArray[np.integer], dtype: np.dtype[Any], rows: int) -> Iterator[bytes]:
    """Yield the strips of a label image, of ``rows`` rows each, in a type and compressed, as tifffile would write them.

    A large image is never copied: it is converted strip by strip, some of them at once.
    """
    encode = tifffile.TIFF.COMPRESSORS[tifffile.COMPRESSION.ADOBE_DEFLATE]
    for plane in labels.reshape(-1, *labels.shape[-2:]):
        for part in in_bands(plane, rows):
            band = plane[part]
            yield from together(encode, (band[top : top + rows].astype(dtype) for top in range(0, len(band), rows)))


def put_image(
    path: Path, pixels: NDArray[np.generic], axes: str, spacing: Spacing, names: tuple[str, ...] = ()
) -> None:
    """Write raw pixels as OME-TIFF, in their own type and uncompressed.

    ``axes`` has a letter of C, Z, Y, X (S for red, green, blue) per dimension; ``names`` are those of the channels.
    """
    metadata = {"axes": axes, "Creator": CREATOR} | _physical_sizes(spacing, 2 + ("Z" in axes))
    if names and "C" in axes:
        metadata["Channel"] = {"Name": list(names)}
    metadata["UUID"] = _content_uuid(pixels, pixels.dtype, metadata)
    photometric = "rgb" if axes.endswith("S") else "minisblack"
    extra: dict[str, Any] = {"ome": True, "photometric": photometric, "software": CREATOR, "metadata": metadata}
    tifffile.imwrite(path, np.ascontiguousarray(pixels), **extra, **_resolution(spacing))


def read_labels(path: Path) -> tuple[Labels, Spacing]:
    """Return the label image (Y, X) or (Z, Y, X) in a TIFF, and its spacing in µm where the file holds one.

    A z-stack of one plane comes back as (Y, X): OME-TIFF does not tell the two apart. Planes that were written one by
    one are a z-stack.

    Raises
    ------
    ImageReadError
        If the file is no readable TIFF, or claims more pixels than it can hold.
    ImageValueError
        If its pixels are no labels: more axes, negative or broken numbers, or several positions.
    """
    pixels, spacing, _ = read_label_pixels(path)
    if pixels.ndim > max(AXES):
        raise ImageValueError(
            f"{path} has labels of shape {pixels.shape}, and they should be (Y, X) or (Z, Y, X); "
            "save those of each time point, or channel, in a file of its own"
        )
    return _compact(pixels), spacing


def read_label_pixels(path: Path, check: CheckShape | None = None) -> tuple[NDArray[Any], Spacing, str]:
    """Return the pixels of a label TIFF as they are, their spacing, and the program that wrote them.

    ``check`` is called with the shape before a pixel is read, and may refuse it.

    Raises
    ------
    ImageReadError
        If the file is no readable TIFF, or claims more pixels than it can hold.
    ImageValueError
        If it holds several positions, or is compressed with loss.
    """
    check_chain(path)
    try:
        with tifffile.TiffFile(path) as tiff:
            shapes = [series.shape for series in tiff.series]
            planes = len(shapes) > 1 and len(set(shapes)) == 1 and len(shapes[0]) == 2
            if planes and tiff.is_ome:
                raise ImageValueError(f"{path} holds {len(shapes)} images; save the labels of each in its own file")
            if not shapes or 0 in shapes[0]:
                raise ImageReadError(f"{path} cannot be read as a label TIFF: it holds no image")
            _check_lossless(path, tiff)
            turned = _orientation(tiff)
            if check is not None:
                shown = _turned_shape(shapes[0], tiff.series[0].axes, turned)
                check((len(shapes), *shown) if planes else shown)
            _check_claims(path, tiff, shapes if planes else shapes[:1])
            pixels = np.stack([series.asarray() for series in tiff.series]) if planes else tiff.asarray()
            pixels = apply_orientation(pixels, turned, rows=tiff.series[0].axes.find("YX") + planes)
            spacing = _read_spacing(tiff.ome_metadata)
            software = str(tiff.pages.first.software)
    except CellvinoError:
        raise
    except Exception as error:  # tifffile raises whatever the broken bytes lead to
        raise ImageReadError(f"{path} cannot be read as a label TIFF: {error}") from error
    return pixels, spacing, software


def _check_lossless(path: Path, tiff: tifffile.TiffFile) -> None:
    if tiff.series[0].keyframe.compression in LOSSY:
        raise ImageValueError(
            f"{path} is compressed as JPEG, which changes the numbers of labels; save them without loss, as PNG or TIFF"
        )


def _orientation(tiff: tifffile.TiffFile) -> int:
    """Return how the pixels of a TIFF are turned to be shown."""
    if "YX" not in tiff.series[0].axes:
        return 1
    found = tiff.pages.first.tags.valueof(ORIENTATION, default=1)
    return found if found in range(2, 9) else 1


def _turned_shape(stored: tuple[int, ...], axes: str, orientation: int) -> tuple[int, ...]:
    if orientation not in range(FIRST_ON_ITS_SIDE, 9):
        return stored
    rows = axes.index("YX")
    return (*stored[:rows], stored[rows + 1], stored[rows], *stored[rows + 2 :])


def _check_claims(path: Path, tiff: tifffile.TiffFile, shapes: list[tuple[int, ...]]) -> None:
    """Raise ImageReadError where a header claims more pixels, or larger tiles, than the file can hold."""
    itemsize = max(series.dtype.itemsize for series in tiff.series[: len(shapes)])
    nbytes = sum(math.prod(shape) for shape in shapes) * itemsize
    page = tiff.series[0].keyframe
    tile = math.prod((page.tilewidth, page.tilelength, page.tiledepth, itemsize)) if page.is_tiled else 0
    for claimed in (nbytes, tile):
        check_ratio(path, claimed, path.stat().st_size)
        check_memory(path, claimed)


def _compact(labels: NDArray[Any]) -> Labels:
    """Return the labels as uint16 or, where they need it, uint32."""
    return copied(labels, np.uint16) if _smallest_type(labels) is np.uint16 else copied(labels, np.uint32)


def _smallest_type(labels: NDArray[Any]) -> type[np.uint16] | type[np.uint32]:
    """Return the type that labels are stored in."""
    if labels.ndim not in AXES or labels.size == 0:
        raise ImageValueError(f"labels of shape {labels.shape} are neither (Y, X) nor (Z, Y, X) with pixels in them")
    if labels.dtype.kind not in "bui":
        raise ImageValueError(f"pixels of type {labels.dtype} are no labels; labels are whole numbers")
    lowest, highest = zip(*((labels[part].min(), labels[part].max()) for part in in_bands(labels)), strict=True)
    low, high = int(min(lowest)), int(max(highest))
    if low < 0 or high > np.iinfo(np.uint32).max:
        raise ImageValueError(f"label {low if low < 0 else high} cannot be stored; ids go from 1 to 4294967295")
    return np.uint16 if high <= np.iinfo(np.uint16).max else np.uint32


def _physical_sizes(spacing: Spacing, ndim: int) -> dict[str, Any]:
    known = {"X": spacing.x, "Y": spacing.y} | ({"Z": spacing.z} if ndim == 3 else {})
    sizes: dict[str, Any] = {}
    for axis, size in known.items():
        if size is not None:
            sizes |= {f"PhysicalSize{axis}": size, f"PhysicalSize{axis}Unit": "µm"}
    return sizes


def _content_uuid(pixels: NDArray[Any], dtype: np.dtype[Any], metadata: dict[str, Any]) -> str:
    """Return a version-5 UUID of pixels, in a type, and metadata: OME wants one, and chance would change the bytes."""
    digest = hashlib.sha256(f"{pixels.shape} {dtype} {sorted(metadata.items())}".encode())
    for part in in_bands(pixels):
        digest.update(np.ascontiguousarray(pixels[part], dtype).data)
    return str(uuid.uuid5(uuid.NAMESPACE_OID, digest.hexdigest()))


def _resolution(spacing: Spacing) -> dict[str, Any]:
    """Return the scale once more in the plain TIFF tags, in pixels per cm, for programs that do not read OME."""
    if spacing.x is None or spacing.y is None:
        return {}
    return {"resolution": (UM_PER_CM / spacing.x, UM_PER_CM / spacing.y), "resolutionunit": "CENTIMETER"}


def _read_spacing(ome: str | None) -> Spacing:
    """Return the spacing of the first image in OME-XML; None where it is absent or in a unit that is no length."""
    pixels = None if ome is None else ElementTree.fromstring(ome).find(".//{*}Pixels")
    if pixels is None:
        return Spacing()
    z, y, x = (_physical_size(pixels.attrib, axis) for axis in "ZYX")
    return Spacing(z, y, x)


def _physical_size(pixels: Mapping[str, str], axis: str) -> float | None:
    size, unit = pixels.get(f"PhysicalSize{axis}"), pixels.get(f"PhysicalSize{axis}Unit", "µm")
    return float(size) * UM_PER[unit] if size is not None and unit in UM_PER else None
