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
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
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

UM_PER_INCH = 25_400.0
SMALLEST_UM = 0.001  # an electron microscope's
FINEST_DPI = 4800  # of scanners and printers
PRINT_DPI = {72, 75, 90, 96, 100, 120, 144, 150, 180, 200, 240, 300, 360, 400, 600, 720, 1200, 2400, 3600, 4800}

_UNITS_UM = {
    "pm": 1e-6, "å": 1e-4, "angstrom": 1e-4, "nm": 1e-3, "nanometer": 1e-3, "um": 1.0, "micron": 1.0, "micrometer": 1.0,
    "mm": 1e3, "millimeter": 1e3, "cm": 1e4, "centimeter": 1e4, "m": 1e6, "meter": 1e6,
    "in": UM_PER_INCH, "inch": UM_PER_INCH,
}  # fmt: skip
_UNITS_S = {
    "s": 1.0, "sec": 1.0, "second": 1.0, "ms": 1e-3, "msec": 1e-3, "millisecond": 1e-3, "us": 1e-6, "usec": 1e-6,
    "microsecond": 1e-6, "ns": 1e-9, "min": 60.0, "minute": 60.0, "h": 3600.0, "hr": 3600.0, "hour": 3600.0,
    "d": 86400.0, "day": 86400.0,
}  # fmt: skip
_OF_PRINT = {"cm", "centimeter", "in", "inch"}
_PER_CENTIMETRE = 3
_TIFF_UNITS_UM = {2: UM_PER_INCH, _PER_CENTIMETRE: 10_000.0}


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
        (said,) if said else (),
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


def micrometres(value: object, unit: str = "um") -> float | None:
    """Return a length in µm; None for a unit that is no length, or a length that is not above 0."""
    spelled = unit.strip().replace("\\u00B5", "u").replace("\\u00b5", "u").replace("Âµ", "u").casefold()
    spelled = spelled.replace("μ", "u").removesuffix("s").replace("metre", "meter")
    if spelled not in _UNITS_UM:
        return None
    try:
        size = float(str(value)) * _UNITS_UM[spelled]
    except ValueError:
        return None
    return size if math.isfinite(size) and size > 0 else None


def seconds(value: object, unit: str = "s") -> float | None:
    """Return a time in s; None for a unit that is no time, or a time that is not above 0."""
    spelled = unit.strip().replace("µ", "u").replace("μ", "u").casefold()
    factor = _UNITS_S.get(spelled, _UNITS_S.get(spelled.removesuffix("s")))
    try:
        time = math.nan if factor is None else float(str(value)) * factor
    except ValueError:
        return None
    return float(f"{time:.9g}") if math.isfinite(time) and time > 0 else None


def mean_interval_s(times: Sequence[float]) -> float | None:
    """Return the mean time between frames at ``times`` (s); None where there is one, or they do not grow."""
    return seconds((times[-1] - times[0]) / (len(times) - 1)) if len(times) > 1 else None


def plausible_spacing(size_um: float | None) -> float | None:
    """Return a pixel size that no printer or scanner has, else None."""
    finest = UM_PER_INCH / FINEST_DPI
    return size_um if size_um is not None and SMALLEST_UM <= size_um < 0.999 * finest else None


def printing_dpi(size_um: float | None) -> int | None:
    """Return the printing resolution that a pixel size is that of, None where it is of none."""
    if not size_um:
        return None
    dpi = UM_PER_INCH / size_um
    return round(dpi) if round(dpi) in PRINT_DPI and abs(dpi - round(dpi)) < 1e-3 * dpi else None


def resolution_spacing(pixels_per_unit: tuple[float, float], unit: int) -> Spacing:
    """Return the spacing that TIFF's resolution tags (x, y; unit 2 inch, 3 cm) give, where it is plausible."""
    x, y = pixels_per_unit
    if unit not in _TIFF_UNITS_UM or not (x > 0 and y > 0):
        return Spacing()
    return Spacing(y=plausible_spacing(_TIFF_UNITS_UM[unit] / y), x=plausible_spacing(_TIFF_UNITS_UM[unit] / x))


def imagej_spacing(metadata: Mapping[str, Any], pixels_per_unit: tuple[float, float], tag_unit: int = 1) -> Spacing:
    """Return the spacing of ImageJ metadata and X and Y resolution in its unit; pixels say nothing.

    Centimetres and inches may be those of print, and must be plausible. ImageJ keeps a unit of its own for y and z
    where it differs from that of x. Micro-Manager writes µm beside pixels per centimetre (``tag_unit`` 3), and ImageJ
    reads it so.
    """
    x_unit = str(metadata.get("unit", ""))
    tagged = _TIFF_UNITS_UM.get(tag_unit, 0.0) / pixels_per_unit[0] if pixels_per_unit[0] > 0 else 0.0
    if x_unit not in _OF_PRINT and printing_dpi(tagged):
        pixels_per_unit = (0.0, 0.0)  # ImageJ writes no such unit beside µm: another program put it there since
    if tag_unit == _PER_CENTIMETRE and pixels_per_unit[0] * SMALLEST_UM > 1 and micrometres(1, x_unit) == 1:
        x_unit, metadata = "cm", {"zunit": x_unit, **metadata}
    y_unit, z_unit = (str(metadata.get(key) or x_unit) for key in ("yunit", "zunit"))
    x, y = (
        micrometres(1 / n, unit) if n > 0 else None for n, unit in zip(pixels_per_unit, (x_unit, y_unit), strict=True)
    )
    if x_unit in _OF_PRINT:
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
    page = tif.pages.first
    unit = int(page.tags.valueof(296, default=1))
    spacing = imagej_spacing(metadata, page.resolution if tagged else (0.0, 0.0), unit)
    return TiffMetadata(spacing, names, interval_s=imagej_interval(metadata))


def _micromanager(tif: TiffFile, series: TiffPageSeries) -> TiffMetadata:
    summary = (tif.micromanager_metadata or {}).get("Summary")
    return from_micromanager(summary) if isinstance(summary, dict) else TiffMetadata()


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


_MPP = re.compile(r"\bMPP\s*=\s*([0-9.]+)")


def _aperio(tif: TiffFile, series: TiffPageSeries) -> TiffMetadata:
    """Return the pixel size of an Aperio slide, which stands in words: ``MPP = 0.4990``, of the largest level."""
    said = _MPP.search(str(tif.pages.first.description)) if tif.is_svs or ".svs" in tif.filename.lower() else None
    size = micrometres(said[1]) if said else None
    return TiffMetadata(Spacing(None, size, size))


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
