"""Numbers as people read them: units, thin separators, times in words."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from math import isnan
from pathlib import PurePath

from napari_cellvino.core.image import Spacing
from napari_cellvino.measure.counts import viability
from napari_cellvino.quality.sampling import SampleEstimate
from napari_cellvino.segmentation.heads import Parameter

THIN = "\u2009"
WHOLE = "\u00a0"  # a space at which no line breaks


def format_count(count: int, noun: str = "cell") -> str:
    """Return ``1 cell``, ``163 cells``, ``12 034 cells`` (with a thin space)."""
    return format_number(count) + f" {noun}{'' if count == 1 else 's'}"


def format_number(count: int) -> str:
    """Return ``163``, ``12 034`` (with a thin space)."""
    return f"{count:,}".replace(",", THIN)


def format_class_counts(counts: Mapping[str, int], hues: Sequence[tuple[int, int, int]]) -> str:
    """Return ``141 living · 22 dead · 86.5 % viable`` as rich text, with a patch of each class's colour."""
    patches = zip(counts.items(), hues, strict=True)
    said = [
        f'<span style="color:rgb{hue}">■</span>&nbsp;{format_number(count)} {escape(name)}'
        for (name, count), hue in patches
    ]
    share = viability(counts)
    viable = [] if share is None or isnan(share) else [f"{100 * share:.1f}{THIN}%&nbsp;viable"]
    return " · ".join([*said, *viable])


def format_estimate(found: SampleEstimate) -> str:
    """Return ``Between 36 and 54 cells …``: what a random sample says of the whole image, with its size."""
    count, right = found.count, found.precision
    return (
        f"Between {format_number(math.floor(count.low))} and {format_number(math.ceil(count.high))} cells, as "
        f"{format_number(found.reviewed)} of {format_number(found.population)} drawn at random say. Between "
        f"{100 * right.low:.0f} and {100 * right.high:.0f}{THIN}% of those that the model found are right (95 of 100 "
        "samples)."
    )


def format_reason(error: str, path: str) -> str:
    """Return why a field failed, beside its name: without the folder of its file, and not beginning with the file."""
    folder, name = str(PurePath(path).parent), PurePath(path).name
    for separator in "/\\" if len(folder) > 1 else "":
        error = error.replace(f"{folder}{separator}", "")
    return error.removeprefix(f"{name} ")


def format_seconds(seconds: float) -> str:
    """Return ``0.8 s``, ``12 s``, ``3 min``."""
    if seconds < 9.95:
        return f"{max(seconds, 0.1):.1f} s"
    return f"{seconds:.0f} s" if seconds < 99.5 else f"{seconds / 60:.0f} min"


def keep_units(text: str) -> str:
    """Return a text in which no line ends between a number and the word behind it: ``24 px``, ``2 channels``."""
    return re.sub(r"(?<=\d) (?=[^\W\d])", WHOLE, text)


def format_bytes(count: int) -> str:
    """Return ``310 MB``, ``1.2 GB``."""
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{max(1, round(count / 1e6))} MB"


def format_changes(added: int, removed: int) -> str:
    """Return ``+12 −3``."""
    return f"+{added} \u2212{removed}"


def unit_scale(parameter: Parameter, spacing: Spacing) -> tuple[float, str]:
    """Return by what to multiply a parameter's value to show it, and the unit it is shown in."""
    area = spacing.pixel_area_um2
    if area is None or parameter.unit not in {"px", "px²"}:
        return 1.0, parameter.unit
    return (area, "µm²") if parameter.unit == "px²" else (area**0.5, "µm")


@dataclass(frozen=True, slots=True)
class SizeUnit:
    """The unit that sizes of cells are told in, and how large a pixel or voxel is in it; None counts them."""

    of_one: float | None
    name: str

    def text(self, count: int) -> str:
        """Return the size of so many pixels or voxels, without the unit: ``1,034``, ``8.5``."""
        size = count if self.of_one is None else count * self.of_one
        return f"{size:,.0f}" if self.of_one is None or size >= 99.95 else f"{size:.1f}"


def format_parameter(parameter: Parameter, value: float, spacing: Spacing) -> str:
    """Return a parameter's value with its unit: ``0.55``, ``16 px²``, ``1.7 µm²``."""
    factor, unit = unit_scale(parameter, spacing)
    if not unit:
        return f"{value:.2f}"
    shown = value * factor
    return f"{shown:.1f} {unit}" if factor != 1 and shown < 100 else f"{shown:.0f} {unit}"


def format_folder(folder: PurePath) -> str:
    """Return a folder by its last two names, ``…/day 3/cellvino-results``: the whole path belongs into a tooltip."""
    return f"…/{folder.parent.name}/{folder.name}"
