"""What a TIFF says besides pixels: the size of a pixel in µm, the names of the channels, and whether planes are times.

Every program writes these elsewhere. The first that knows is believed: OME-XML, ImageJ, Micro-Manager, MetaMorph, LSM,
Olympus, Aperio, SCN, QPTIFF, FEI, then the resolution tags of TIFF itself. Those are printing resolutions in most files
(4800 dpi is a pixel of 5.3 µm, 72 dpi one of 353 µm), so they count only where a pixel is smaller than any printer's.
Converters copy printing resolutions into OME-XML and ImageJ's own lines too: known ones are not taken there either.

References
----------
OME data model, https://docs.openmicroscopy.org/ome-model/6.3.1/
TIFF 6.0, tags XResolution and ResolutionUnit
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
from tifffile import PHOTOMETRIC, TiffFile, TiffPage, TiffPageSeries

from napari_cellvino.core.errors import ImageReadError
from napari_cellvino.core.image import Spacing
from napari_cellvino.io.frame_times import times_warning
from napari_cellvino.io.ndtiff import ndtiff_names
from napari_cellvino.io.ome_series import images_of_series
from napari_cellvino.io.tiff_doubts import other_sizes, other_step
from napari_cellvino.io.units import (
    OF_PRINT,
    PER_CENTIMETRE,
    SMALLEST_UM,
    TIFF_UNITS_UM,
    mean_interval_s,
    micrometres,
    plausible_spacing,
    printing_dpi,
    resolution_spacing,
    seconds,
)


@dataclass(frozen=True, slots=True)
class TiffMetadata:
    """Spacing in µm and channel names, in the file's order; empty where it does not say.

    ``hints`` is what else it says of each channel: fluorophore, wavelengths in nm. ``interval_s`` is the time between
    frames, or between slices that may be frames; ``positions`` are the names of positions in one array. ``warnings``
    are sentences on what may make measures wrong.
    """

    spacing: Spacing = field(default_factory=Spacing)
    channels: tuple[str, ...] = ()
    hints: tuple[str, ...] = ()
    interval_s: float | None = None
    remarks: tuple[str, ...] = ()
    positions: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def read_metadata(tif: TiffFile, series: TiffPageSeries) -> TiffMetadata:
    """Return what an open file says of a series: each fact from the first that knows it."""
    found = [reader(tif, series) for reader in _READERS]
    printed = next((f.spacing.x for f in found if printing_dpi(f.spacing.x)), None)
    sizes = [f.spacing for f in found if f.spacing.known and not printing_dpi(f.spacing.x)]
    x_y = next(iter(sizes), Spacing())
    z = next((f.spacing.z for f in found if f.spacing.z is not None), None)
    said = (
        f"a pixel size of {printed:.4g} µm is that of print ({printing_dpi(printed)} dpi): not taken" if printed else ""
    )
    return TiffMetadata(
        Spacing(z, x_y.y, x_y.x),
        next((f.channels for f in found if f.channels), ()),
        next((f.hints for f in found if any(f.hints)), ()),
        next((f.interval_s for f in found if f.interval_s is not None), None),
        (*next((f.remarks for f in found if f.remarks), ()), *((said,) if said else ())),
        next((f.positions for f in found if f.positions), ()),
        (*next((f.warnings for f in found if f.warnings), ()), *other_sizes(sizes)),
    )


def reject_entities(path: Path, text: str) -> None:
    """Raise ImageReadError where XML declares entities, with which a few lines expand to gigabytes."""
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise ImageReadError(
            f"{path.name} has a description with XML entities, which no microscope writes and which are not read for "
            "safety; save it again as TIFF or OME-TIFF"
        )


def imagej_spacing(metadata: Mapping[str, Any], pixels_per_unit: tuple[float, float], tag_unit: int = 1) -> Spacing:
    """Return the spacing of ImageJ metadata and X and Y resolution in its unit; pixels say nothing.

    Centimetres and inches may be those of print, and must be plausible. ImageJ keeps a unit of its own for y and z
    where it differs from that of x. Micro-Manager writes µm beside pixels per centimetre (``tag_unit`` 3), and ImageJ
    reads it so.
    """
    x_unit = str(metadata.get("unit", ""))
    tagged = TIFF_UNITS_UM.get(tag_unit, 0.0) / pixels_per_unit[0] if pixels_per_unit[0] > 0 else 0.0
    if x_unit not in OF_PRINT and printing_dpi(tagged):
        pixels_per_unit = (0.0, 0.0)  # ImageJ writes no such unit beside µm: another program put it there since
    if tag_unit == PER_CENTIMETRE and pixels_per_unit[0] * SMALLEST_UM > 1 and micrometres(1, x_unit) == 1:
        x_unit, metadata = "cm", {"zunit": x_unit, **metadata}
    y_unit, z_unit = (str(metadata.get(key) or x_unit) for key in ("yunit", "zunit"))
    x, y = (
        micrometres(1 / n, unit) if n > 0 else None for n, unit in zip(pixels_per_unit, (x_unit, y_unit), strict=True)
    )
    if x_unit in OF_PRINT:
        x, y = plausible_spacing(x), plausible_spacing(y)
        if x is None and z_unit == x_unit:
            return Spacing()
    return Spacing(micrometres(str(metadata.get("spacing")).removeprefix("-"), z_unit), y, x)  # below 0: turned over


def imagej_interval(metadata: Mapping[str, Any]) -> float | None:
    """Return the frame interval in s of an ImageJ film, or of a stack that may be one; else None.

    A stack may be one where it has no frames and no step in z; a step of 1 is what ImageJ writes unasked.
    """
    interval, step = metadata.get("finterval", 0), metadata.get("spacing", 1)
    if not all(isinstance(value, (int, float)) for value in (interval, step)):
        return None
    frames, slices = (int(metadata.get(name, 1)) for name in ("frames", "slices"))
    may_be_film = frames > 1 or (slices > 1 and abs(step) in (0, 1))
    return seconds(interval, str(metadata.get("tunit", "sec"))) if may_be_film else None


def scifio_scales(metadata: Mapping[str, Any]) -> tuple[Spacing, float | None] | None:
    """Return spacing and the time between frames (s) of what SCIFIO (Fiji, ImageJ2) writes; None of other files.

    It lists a scale and a unit for each axis, and puts 1 into the resolution tags where it writes no scale there.
    """
    listed = [str(metadata.get(key, "")).split(",") for key in ("axes", "scales", "units")]
    if "SCIFIO" not in metadata or not len(listed[0]) == len(listed[1]) == len(listed[2]) > 1:
        return None
    said = {axis.strip(): (scale, unit) for axis, scale, unit in zip(*listed, strict=True)}
    z, y, x = (micrometres(*said.get(axis, ("", ""))) for axis in "ZYX")
    return Spacing(z, y, x), seconds(*said.get("Time", ("", "")))


def imagej_channels(labels: list[str], count: int) -> tuple[str, ...]:
    """Return the names that slice labels (channel varies fastest) give to ``count`` channels, if they name channels."""
    firsts = [label.splitlines()[0].strip() if label.strip() else "" for label in labels]
    names = firsts[:count]
    repeats = all(label == names[n % count] for n, label in enumerate(firsts)) if count > 1 else False
    return tuple(names) if repeats and all(names) and len(set(names)) == count else ()


def _ome(tif: TiffFile, series: TiffPageSeries) -> TiffMetadata:
    same = images_of_series(tif, series)
    if not same:
        return TiffMetadata()
    image, sizes = same[0], {one.sizes for one in same}
    if len(sizes) > 1:  # without the files of the others, nothing tells which of them this is
        lost = f"several images of this set are called {image.name!r}, with other sizes of a pixel: none is taken"
        return TiffMetadata(Spacing(), image.channels, image.hints, warnings=(lost,))
    z, y, x = (micrometres(value, unit) for value, unit in image.sizes)
    stage = micrometres(*image.z_step)
    said = (*times_warning(image.times_s, image.interval_s), *other_step(z, stage))
    z = stage if z is None else z
    return TiffMetadata(Spacing(z, y, x), image.channels, image.hints, image.interval_s, warnings=said)


def _imagej(tif: TiffFile, series: TiffPageSeries) -> TiffMetadata:
    metadata = tif.imagej_metadata
    if metadata is None:
        return TiffMetadata()
    tagged = 282 in tif.pages.first.tags and 283 in tif.pages.first.tags
    labels = metadata.get("Labels")
    count = int(metadata.get("channels", 1))
    names = imagej_channels([str(label) for label in labels], count) if isinstance(labels, list) else ()
    scales = scifio_scales(metadata)
    if scales is not None:
        return TiffMetadata(scales[0], names, interval_s=scales[1])
    page = tif.pages.first
    unit = int(page.tags.valueof(296, default=1))
    spacing = imagej_spacing(metadata, page.resolution if tagged else (0.0, 0.0), unit)
    return TiffMetadata(spacing, names, interval_s=imagej_interval(metadata))


def _micromanager(tif: TiffFile, series: TiffPageSeries) -> TiffMetadata:
    """Return what the summary of a Micro-Manager file says, or the plane itself, as in files of single planes."""
    summary = (tif.micromanager_metadata or {}).get("Summary")
    said = from_micromanager(summary) if isinstance(summary, dict) else TiffMetadata()
    plane = tif.pages.first.tags.valueof(_MICROMANAGER_PLANE)
    if said.spacing.known or not isinstance(plane, dict):
        return said
    size = micrometres(plane.get("PixelSizeUm"))
    name = str(plane.get("Channel") or "") if len(tif.pages) == 1 else ""
    return replace(said, spacing=Spacing(said.spacing.z, size, size), channels=said.channels or (name,) * bool(name))


def from_micromanager(summary: Mapping[str, Any]) -> TiffMetadata:
    """Return what the summary of a Micro-Manager file says."""
    size = micrometres(summary.get("PixelSize_um", summary.get("PixelSizeUm")))
    names = summary.get("ChNames")
    channels = tuple(str(name) for name in names) if isinstance(names, list) else ()
    step = micrometres(summary.get("z-step_um"))
    interval = _number(summary.get("Interval_ms"))
    film = (_number(summary.get("Frames")) or 1) > 1
    stack = (_number(summary.get("Slices")) or 1) > 1 and not film
    in_time = seconds(interval, "ms") if film or (stack and step is None) else None
    return TiffMetadata(Spacing(step, size, size), channels, interval_s=in_time, positions=_stage_labels(summary))


def _stage_labels(summary: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the names of the positions, which Micro-Manager 2 and 1.4 keep in a list each; none where one has none."""
    listed = summary.get("StagePositions") or summary.get("InitialPositionList") or ()
    kept = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    names = tuple(str(one.get("Label") or one.get("label") or "") for one in kept)
    return names if all(names) else ()


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, (int, float)) and math.isfinite(value) else None


def _ndtiff(tif: TiffFile, series: TiffPageSeries) -> TiffMetadata:
    names = ndtiff_names(tif, series)
    return TiffMetadata(channels=names.channels, positions=names.positions)


def _metamorph(tif: TiffFile, series: TiffPageSeries) -> TiffMetadata:
    plane = (tif.metaseries_metadata or {}).get("PlaneInfo")
    return from_metamorph(plane) if isinstance(plane, dict) else TiffMetadata()


def from_metamorph(plane: Mapping[str, Any]) -> TiffMetadata:
    """Return what MetaMorph and ImageXpress say of a plane."""
    unit = str(plane.get("spatial-calibration-units", ""))
    y, x = (micrometres(plane.get(f"spatial-calibration-{axis}"), unit) for axis in "yx")
    name = str(plane.get("_IllumSetting_", ""))
    return TiffMetadata(
        Spacing(None, y, x) if plane.get("spatial-calibration-state") else Spacing(), (name,) if name else ()
    )


def _lsm(tif: TiffFile, series: TiffPageSeries) -> TiffMetadata:
    return from_lsm(tif.lsm_metadata) if tif.lsm_metadata else TiffMetadata()


def from_lsm(metadata: Mapping[str, Any]) -> TiffMetadata:
    """Return what a Zeiss LSM file says; its sizes are in metres."""
    z, y, x = (micrometres(metadata.get(f"VoxelSize{axis}"), "m") for axis in "ZYX")
    colours = metadata.get("ChannelColors")
    names = colours.get("ColorNames", []) if isinstance(colours, dict) else []
    stamps = np.ravel(metadata.get("TimeStamps", ())) if int(metadata.get("DimensionTime", 1)) > 1 else ()
    times = [float(t) for t in stamps]
    return TiffMetadata(
        Spacing(z, y, x),
        tuple(str(name) for name in names),
        interval_s=mean_interval_s(times),
        warnings=times_warning(times),
    )


def _stk(tif: TiffFile, series: TiffPageSeries) -> TiffMetadata:
    return from_stk(tif.stk_metadata) if tif.stk_metadata else TiffMetadata()


def from_stk(metadata: Mapping[str, Any]) -> TiffMetadata:
    """Return what a MetaMorph stack says; ``ZDistance`` has a value per plane, in the unit of x and y."""
    unit = str(metadata.get("CalibrationUnits", ""))
    y, x = (micrometres(metadata.get(f"{axis}Calibration"), unit) for axis in "YX")
    steps = np.atleast_1d(metadata.get("ZDistance", np.nan))
    z = micrometres(steps[-1], unit) if steps.size else None
    created = metadata.get("DatetimeCreated")
    film = created is not None and not np.any(steps)
    times = [float(t) / 1000 for t in np.asarray(created, "datetime64[ms]").astype(np.int64)] if film else []
    return TiffMetadata(Spacing(z, y, x), interval_s=mean_interval_s(times), warnings=times_warning(times))


def _olympus(tif: TiffFile, series: TiffPageSeries) -> TiffMetadata:
    """Return the pixel size of Olympus SIS (cellSens, analySIS), which is in metres."""
    sis = tif.sis_metadata or {}
    y, x = (micrometres(sis.get(f"pixelsize{axis}"), "m") for axis in "yx")
    return TiffMetadata(Spacing(None, y, x))


def _fluoview(tif: TiffFile, series: TiffPageSeries) -> TiffMetadata:
    """Return what Olympus FluoView wrote: (name, size, origin, resolution, unit) of each dimension."""
    found: dict[str, float | None] = {}
    for line in (tif.fluoview_metadata or {}).get("Dimensions", ()):
        name, _, _, step, unit = (*line, *[""] * 5)[:5]
        found[str(name).strip().casefold()] = micrometres(step, str(unit))
    return TiffMetadata(Spacing(found.get("z"), found.get("y"), found.get("x")))


_MICROMANAGER_PLANE = 51123  # tag of what it says of each plane
_MPP = re.compile(r"\bMPP\s*=\s*([0-9.]+)")
_REDUCED = re.compile(r"(\d+)x(\d+)(?:\s*\[[-\d]+,[-\d]+ (\d+)x(\d+)\])?[^\n|;]*?->\s*(\d+)x(\d+)")


def _aperio(tif: TiffFile, series: TiffPageSeries) -> TiffMetadata:
    """Return the pixel size of an Aperio slide, which stands in words: ``MPP = 0.4990``, of the largest level.

    Of what was saved smaller than it was scanned (``46000x32914 [0,0 46000x32914] -> 11500x8228``), that is the size of
    a pixel of the scan, which ``(y, x)`` are multiples of.
    """
    text = str(tif.pages.first.description)
    said = _MPP.search(text) if tif.is_svs or ".svs" in tif.filename.lower() else None
    size = micrometres(said[1]) if said else None
    smaller = _REDUCED.search(text)
    if size is None or smaller is None:
        return TiffMetadata(Spacing(None, size, size))
    width, height, part_width, part_height, x, y = (int(n) if n else 0 for n in smaller.groups())
    times = (part_height or height) / max(y, 1), (part_width or width) / max(x, 1)
    told = f"the slide was saved smaller than it was scanned, {times[1]:.4g} times: a pixel is {times[1] * size:.4g} µm"
    return TiffMetadata(Spacing(None, times[0] * size, times[1] * size), remarks=(told,))


def _leica_scn(tif: TiffFile, series: TiffPageSeries) -> TiffMetadata:
    """Return what a Leica slide says: the size of the field in nm over its pixels, and the names of its channels."""
    if not tif.is_scn:
        return TiffMetadata()
    for image in ElementTree.fromstring(str(tif.pages.first.description)).iter():
        view, pixels = image.find("{*}view"), image.find("{*}pixels")
        if view is None or pixels is None or image.get("name", "Unknown") != series.name:
            continue
        y, x = (_ratio(view.get(f"size{axis}"), pixels.get(f"size{axis}")) for axis in "YX")
        names = tuple(channel.get("name", "") for channel in image.iterfind(".//{*}channelSettings/{*}channel"))
        return TiffMetadata(Spacing(micrometres(view.get("spacingZ"), "nm"), y, x), names)
    return TiffMetadata()


def _qptiff(tif: TiffFile, series: TiffPageSeries) -> TiffMetadata:
    """Return the channels of a PerkinElmer or Akoya slide, each of which is a page; the scale is in the tags."""
    if not tif.is_qpi or series.keyframe.photometric == PHOTOMETRIC.RGB:
        return TiffMetadata()
    said = [ElementTree.fromstring(str(page.description)) for page in series.pages if isinstance(page, TiffPage)]
    names = tuple((one.findtext("Name") or "").strip() for one in said)
    markers = tuple((one.findtext("Biomarker") or "").strip() for one in said)
    shown = tuple(marker or name for marker, name in zip(markers, names, strict=True))
    return TiffMetadata(Spacing(), shown if any(shown) else (), names)


def _ratio(length_nm: str | None, count: str | None) -> float | None:
    size = micrometres(length_nm, "nm")
    return size / int(count) if size is not None and count is not None and count.isdecimal() and int(count) else None


def _fei(tif: TiffFile, series: TiffPageSeries) -> TiffMetadata:
    """Return the pixel size of an FEI electron microscope, which is in metres."""
    scan = (tif.fei_metadata or {}).get("Scan", {})
    y, x = (micrometres(scan.get(key), "m") for key in ("PixelHeight", "PixelWidth"))
    return TiffMetadata(Spacing(None, y, x))


def _tags(tif: TiffFile, series: TiffPageSeries) -> TiffMetadata:
    page = series.keyframe
    if 282 not in page.tags or 283 not in page.tags:
        return TiffMetadata()
    return TiffMetadata(resolution_spacing(page.resolution, int(page.resolutionunit)))


_READERS: tuple[Callable[[TiffFile, TiffPageSeries], TiffMetadata], ...] = (
    _ome, _imagej, _micromanager, _ndtiff, _metamorph, _stk, _lsm, _olympus, _fluoview, _aperio, _leica_scn, _qptiff,
    _fei, _tags,
)  # fmt: skip
