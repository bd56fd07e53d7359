"""What in the descriptions of a TIFF may make a number wrong, though every part of it can be read.

Programs copy a description to pixels that it is not of: of an image that was resized, the size of a pixel is wrong; of
one that pages were added to, some of them are in no image. ImageJ keeps signed values, and densities, as numbers of its
own with a function beside them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tifffile import TiffFile, TiffPage, TiffPageSeries

from napari_cellvino.core.image import Spacing
from napari_cellvino.io.ome import ome_images

_STRAIGHT = 0  # ImageJ's number of the function c0 + c1 * value
_SAME = 1e-9
_DIFFER = 0.05  # of the size of a pixel, from which on two of them are not the same


def description_doubts(tif: TiffFile, series: TiffPageSeries) -> tuple[str, ...]:
    """Return sentences on a series of an open file whose description is of other pixels, or gives them other values."""
    described = *_resized(tif, series), *_unused(tif, series)
    return (*described, *_pages_in_no_image(tif, series), *_calibrated(tif.imagej_metadata or {}))


def other_sizes(said: Sequence[Spacing]) -> tuple[str, ...]:
    """Return what to say where a file gives the size of a pixel, which is known in each, in places that differ."""
    sizes = [spacing.x for spacing in said if spacing.x is not None]
    other = next((size for size in sizes if abs(size / sizes[0] - 1) > _DIFFER), None)
    if other is None:
        return ()
    return (
        f"the file says a pixel of {sizes[0]:g} µm in one place and of {other:g} µm in another: the first is taken",
    )


def other_step(said_um: float | None, stage_um: float | None) -> tuple[str, ...]:
    """Return what to say where the distance of planes (µm) that a file gives is not that of where the stage was."""
    if said_um is None or stage_um is None or abs(stage_um / said_um - 1) <= _DIFFER:
        return ()
    return (
        f"the file says {said_um:g} µm between planes, and the stage was {stage_um:g} µm apart: the first is taken, "
        "and volumes may be wrong",
    )


def _resized(tif: TiffFile, series: TiffPageSeries) -> tuple[str, ...]:
    """Return what to say of pixels of another size than what OME-XML or MetaMorph describe."""
    there = _size(series)
    plane = (tif.metaseries_metadata or {}).get("PlaneInfo")
    described = [image.size for image in ome_images(tif.ome_metadata or "")] if series.kind != "ome" else []
    if isinstance(plane, dict):
        described.append(tuple(n for axis in "xy" if isinstance(n := plane.get(f"pixel-size-{axis}"), int)))
    sizes = {size for size in described if len(size) == 2 and min(size) > 0}
    if not sizes or there in sizes:
        return ()
    (width, height), (x, y) = min(sizes), there
    scale = "its size of a pixel may be wrong: give it in µm" if isinstance(plane, dict) else "its scale is not taken"
    return (
        f"the file describes an image of {width} x {height} px, and holds one of {x} x {y}: it was resized, cropped or "
        f"turned since, and {scale}",
    )


def _unused(tif: TiffFile, series: TiffPageSeries) -> tuple[str, ...]:
    """Return what to say of OME-XML that the library makes nothing of, where it describes pixels of this size."""
    said = [image for image in ome_images(tif.ome_metadata or "") if image.size == _size(series)]
    if series.kind == "ome" or not said:
        return ()
    return (
        "the file describes its planes and scale as OME-XML, which does not fit its pages: neither channels, planes "
        "and time points nor the size of a pixel are taken from it; export it again, or give axes and size",
    )


def _size(series: TiffPageSeries) -> tuple[int, int]:
    return int(series.keyframe.imagewidth), int(series.keyframe.imagelength)


def _pages_in_no_image(tif: TiffFile, series: TiffPageSeries) -> tuple[str, ...]:
    """Return what to say of pages like those of an image, of which its description knows nothing."""
    if series.kind not in {"ome", "imagej"} or series is not tif.series[0]:
        return ()
    levels = [level for one in tif.series for level in one.levels]
    if sum(map(_count, levels)) >= len(tif.pages):  # to ask for a page is to read it
        return ()
    used = {number for level in levels for number in _numbers(tif, level)}
    more = len(tif.pages) - len(used)
    one = next((number for number in range(len(tif.pages)) if number not in used), None) if more > 0 else None
    if one is None or _is_other(tif, one, series):
        return ()
    return (
        f"the file has {len(tif.pages)} pages, and its description knows of {len(used)}: the other {more} are not "
        "counted; if they are images, export it again",
    )


def _numbers(tif: TiffFile, series: TiffPageSeries) -> list[int]:
    """Return the numbers of the pages of a file, from 0, that the array of a series is made of."""
    return [page.index for page in series.pages[: _count(series)] if page is not None and page.parent is tif]


def _count(series: TiffPageSeries) -> int:
    """Return how many pages the array of a series is made of; of a file of ImageJ, tifffile lists all there are."""
    return max(1, series.size // max(1, series.keyframe.size))


def _is_other(tif: TiffFile, number: int, series: TiffPageSeries) -> bool:
    """Return whether a page is a preview or a smaller level, and not one like those of a series."""
    page = tif.pages.get(number, aspage=True)
    return not isinstance(page, TiffPage) or bool(page.is_reduced) or page.shape != series.keyframe.shape


def _calibrated(imagej: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what to say of pixels that ImageJ shows as other values than it stores."""
    kind, c0, c1 = imagej.get("cf"), imagej.get("c0", 0), imagej.get("c1", 1)
    if not isinstance(kind, int) or not all(isinstance(c, (int, float)) for c in (c0, c1)):
        return ()
    if kind != _STRAIGHT:
        return ("ImageJ shows these pixels as other values, by a function of its own (Analyze > Calibrate): the stored "
                "numbers are counted and measured",)  # fmt: skip
    if abs(c0) < _SAME and abs(c1 - 1) < _SAME:
        return ()
    turned = "; as c1 is below 0, bright is dark there" if c1 < 0 else ""
    return (
        f"ImageJ shows these pixels as {c0:g} + {c1:g} x the stored number (Analyze > Calibrate): the stored numbers "
        f"are counted and measured{turned}",
    )
