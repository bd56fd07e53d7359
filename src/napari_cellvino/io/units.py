"""Lengths in µm and times in s, of the many ways in which programs spell their units, and which of them are of print.

Resolutions of print are in most files (4800 dpi is a pixel of 5.3 µm, 72 dpi one of 353 µm), so that they count only
where a pixel is smaller than any printer's.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from napari_cellvino.core.image import Spacing

UM_PER_INCH = 25_400.0
SMALLEST_UM = 0.001  # an electron microscope's
FINEST_DPI = 4800  # of scanners and printers
PRINT_DPI = {72, 75, 90, 96, 100, 120, 144, 150, 180, 200, 240, 300, 360, 400, 600, 720, 1200, 2400, 3600, 4800}

_UNITS_UM = {
    "pm": 1e-6, "å": 1e-4, "angstrom": 1e-4, "nm": 1e-3, "nanometer": 1e-3, "um": 1.0, "micron": 1.0, "micrometer": 1.0,
    "mm": 1e3, "millimeter": 1e3, "cm": 1e4, "centimeter": 1e4, "m": 1e6, "meter": 1e6,
    "in": UM_PER_INCH, "inch": UM_PER_INCH,
}  # fmt: skip
_DAMAGED_MICRO = ("âμ", "î¼", "&#181;", "&#956;", "&micro;", "\ufffd", "?")  # read in another encoding, or escaped
_UNITS_S = {
    "s": 1.0, "sec": 1.0, "second": 1.0, "ms": 1e-3, "msec": 1e-3, "millisecond": 1e-3, "us": 1e-6, "usec": 1e-6,
    "microsecond": 1e-6, "ns": 1e-9, "min": 60.0, "minute": 60.0, "h": 3600.0, "hr": 3600.0, "hour": 3600.0,
    "d": 86400.0, "day": 86400.0,
}  # fmt: skip
OF_PRINT = {"cm", "centimeter", "in", "inch"}
PER_CENTIMETRE = 3
TIFF_UNITS_UM = {2: UM_PER_INCH, PER_CENTIMETRE: 10_000.0}


def micrometres(value: object, unit: str = "um") -> float | None:
    """Return a length in µm; None for a unit that is no length, or a length that is not above 0."""
    spelled = unit.strip().replace("\\u00B5", "u").replace("\\u00b5", "u").casefold()
    for damaged in _DAMAGED_MICRO:
        spelled = spelled.replace(damaged, "u")
    spelled = spelled.replace("μ", "u").removesuffix("s").replace("metre", "meter")
    if spelled not in _UNITS_UM:
        return None
    try:
        size = float(_with_point(str(value))) * _UNITS_UM[spelled]
    except ValueError:
        return None
    return size if math.isfinite(size) and size > 0 else None


def _with_point(number: str) -> str:
    """Return a number with a decimal point, where a program wrote it in the language of its computer: ``0,325``."""
    return number.replace(",", ".") if number.count(",") == 1 and "." not in number else number


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
    if unit not in TIFF_UNITS_UM or not (x > 0 and y > 0):
        return Spacing()
    return Spacing(y=plausible_spacing(TIFF_UNITS_UM[unit] / y), x=plausible_spacing(TIFF_UNITS_UM[unit] / x))
