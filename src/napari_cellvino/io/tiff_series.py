"""Which of the series in a TIFF are images, and whether the file is whole.

Slide scanners put a thumbnail, a photo of the label and an overview beside the image; they are told by their names,
by TIFF's own flag, or by being much smaller. Fields of different size in an OME-TIFF are images all the same.
"""

from __future__ import annotations

import struct
from pathlib import Path

from tifffile import TiffFile, TiffPage, TiffPageSeries

from napari_cellvino.core.errors import ImageReadError
from napari_cellvino.io.checks import truncated_error

_ASIDE = {"thumbnail", "label", "label image", "macro", "macro image", "map", "overview", "overview image", "preview"}
_DESCRIPTIONS = {270, 50839}  # tags of bytes: ImageDescription, IJMetadata
_CHAINED = {"uniform", "generic"}  # kinds that know how many pages there are from the list of pages alone
_LISTED = _CHAINED | {"imagej", "shaped", "ome"}  # kinds whose list of pages ends as TIFF says it should


_BY_SIZES = "are taken for levels of a pyramid, by their sizes"
_ELSE = "if they are other images, save them apart"


def choose_images(path: Path, tif: TiffFile) -> tuple[list[TiffPageSeries], tuple[str, ...], tuple[str, ...]]:
    """Return the series of an open file that are images, what to say of others left out, and what of those by a guess.

    Raises
    ------
    ImageReadError
        If there is none, or the file is cut short.
    """
    if not tif.pages:
        raise truncated_error(path, "it ends before the description of its first page")
    series = [s for s in tif.series if s.shape]
    if not series:
        raise ImageReadError(f"{path.name} holds no image that can be read; save it again as TIFF or OME-TIFF")
    _check_whole(path, tif)
    largest = max(series, key=_area)
    kept = [s for s in series if s is largest or not _aside(s, largest)]
    count = len(series) - len(kept)
    left_out = f"{count} smaller picture{'s' * (count != 1)} in the file (thumbnail, label or overview) left out"
    chosen = [s for s in kept if not _may_be_level(s, largest)]
    levels = len(kept) - len(chosen)
    guessed = f"{levels} smaller page(s) {_BY_SIZES}, and left out; {_ELSE}"
    return chosen, (left_out,) if count else (), (guessed,) if levels else ()


def levels_question(series: TiffPageSeries) -> tuple[str, ...]:
    """Return what to say of pages that are taken for levels of a pyramid because of their sizes alone."""
    if len(series.levels) < 2 or series.kind != "generic":
        return ()
    page = series.levels[1].keyframe
    if page.is_reduced or page.is_subifd:
        return ()
    return (f"smaller pages {_BY_SIZES}; {_ELSE}",)


def _aside(series: TiffPageSeries, largest: TiffPageSeries) -> bool:
    if _area(series) >= _area(largest):
        return False
    flagged = series.name.strip().casefold() in _ASIDE or series.keyframe.is_reduced
    return flagged or (series.kind != "ome" and 4 * _area(series) < _area(largest))


def _may_be_level(series: TiffPageSeries, largest: TiffPageSeries) -> bool:
    """Return whether a page is a half, a quarter and so on of the largest: pyramids need not begin with that."""
    page, whole = series.keyframe, largest.keyframe
    alone = all(one.kind == "generic" and one.size == one.keyframe.size for one in (series, largest))
    if not alone or (page.dtype, page.photometric) != (whole.dtype, whole.photometric) or series is largest:
        return False
    step = round(whole.imagewidth / page.imagewidth)
    sides = ((whole.imagewidth, page.imagewidth), (whole.imagelength, page.imagelength))
    return step > 1 and step & (step - 1) == 0 and all(abs(full - step * part) < step for full, part in sides)


def _area(series: TiffPageSeries) -> int:
    return int(series.keyframe.imagelength) * int(series.keyframe.imagewidth)


def _check_whole(path: Path, tif: TiffFile) -> None:
    """Raise ImageReadError where the file ends before something that it points to."""
    if _description_end(tif) > tif.filehandle.size:
        raise truncated_error(path, "part of its description is missing")
    series, planes = tif.series[0], _imagej_planes(tif)
    if series.kind in _CHAINED and planes > len(tif.pages):
        raise truncated_error(path, f"ImageJ wrote {planes} planes, and they would reach beyond its end")
    described = series.kind in ("shaped", "imagej") and series.dataoffset is not None
    if series.kind in _LISTED and not described and _breaks_off(tif):
        raise truncated_error(path, f"its list of pages breaks off after page {len(tif.pages)}")


def _imagej_planes(tif: TiffFile) -> int:
    """Return how many planes ImageJ says that it wrote; 1 of other files."""
    return int((tif.imagej_metadata or {}).get("images", 1)) if tif.is_imagej else 1


def imagej_size(tif: TiffFile) -> int | None:
    """Return the bytes of a file in which the planes that ImageJ wrote end, None where its size is not told by that.

    It writes them one after the other behind a single page, of which the library makes one plane where the file is cut
    short; of those that are there whole each can be read.
    """
    page, planes = tif.pages.first if tif.pages else None, _imagej_planes(tif)
    if not isinstance(page, TiffPage) or planes < 2 or len(tif.pages) > 1 or not page.is_contiguous:
        return None
    return int(page.dataoffsets[0]) + planes * int(page.nbytes)


def _description_end(tif: TiffFile) -> int:
    """Return the byte that the descriptions of the first page reach to; tifffile leaves out those it cannot read."""
    file, tiff = tif.filehandle, tif.tiff
    file.seek(tif.pages.first.offset)
    count = struct.unpack(tiff.tagnoformat, file.read(tiff.tagnosize))[0]
    entry = struct.Struct(tiff.byteorder + "HH" + tiff.offsetformat[1:] * 2)  # code, type, length, value or its offset
    if entry.size != tiff.tagsize:  # NDPI
        return 0
    raw = file.read(count * entry.size)
    ends = [o + n for code, _, n, o in entry.iter_unpack(raw) if code in _DESCRIPTIONS and n > tiff.offsetsize]
    return max(ends, default=0)


def _breaks_off(tif: TiffFile) -> bool:
    """Return whether the last page found points to another; pointing back is a fault of some writers, and harmless."""
    at = tif.pages.next_page_offset
    if at is None:
        return False
    tif.filehandle.seek(at)
    raw = tif.filehandle.read(tif.tiff.offsetsize)
    return int(struct.unpack(tif.tiff.offsetformat, raw)[0]) > at
