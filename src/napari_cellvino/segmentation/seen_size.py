"""At which size a plane was seen, in words, and what such words say of several planes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from napari_cellvino.model_package import ModelOutput, ModelSpec
from napari_cellvino.segmentation.rescale import zoom_for

COMPARABLE = 2.0  # times: the largest size to the smallest at which counts and areas still compare
_SOUGHT = "Cells are sought as about {} px across"
_ZOOMED = "Seen at {} times its size, where the model is surest of its cells"
_OWN = "; --diameter sets another"  # of a size that was sought in the plane itself
_SINGLE = "single ones say {} to {} px"
_SOUGHT_TOLD, _ZOOMED_TOLD = (
    re.compile(re.escape(words + _OWN).replace(re.escape("{}"), r"(\d+(?:\.\d+)?)")) for words in (_SOUGHT, _ZOOMED)
)


@dataclass(frozen=True, slots=True)
class CommonSize:
    """The diameter of cells in px, and what single planes, frames or fields say, in ascending order.

    Nothing is said by single ones where the diameter is that of results which lie there.
    """

    diameter_px: float
    of_single: tuple[float, ...] = ()

    @property
    def is_doubtful(self) -> bool:
        """Whether single ones say very different sizes."""
        return bool(self.of_single) and self.of_single[-1] > COMPARABLE * self.of_single[0]


def describe_common_size(size: CommonSize, spec: ModelSpec, where: str) -> tuple[str, ...]:
    """Return at which size frames or fields are seen, as sentences; nothing where that is their own.

    ``where`` says of what, as in "all fields of the plate".
    """
    said = describe_size(size.diameter_px, spec)
    if not said:
        return ()
    if not size.of_single:
        return (f"{said[0]}, in {where}, as in the results that lie there; --diameter sets another",)
    low, high = size.of_single[0], size.of_single[-1]
    single = _SINGLE.format(f"{low:.0f}", f"{high:.0f}") if high - low >= 1 else "single ones say the same"
    return (f"{said[0]}, in {where}; {single}; --diameter sets another",)


def sizes_of_single(notices: str) -> tuple[float, ...]:
    """Return the least and the largest size that single ones say by notices of `describe_common_size`; else nothing."""
    told = re.search(_SINGLE.format(r"(\d+)", r"(\d+)"), notices)
    return (float(told[1]), float(told[2])) if told else ()


def describe_size(diameter_px: float, spec: ModelSpec) -> tuple[str, ...]:
    """Return at which size a plane was seen, as sentences; nothing where that is its own."""
    if "depth" in spec.maps or spec.gives is ModelOutput.BOXES:
        return (_SOUGHT.format(f"{diameter_px:.0f}"),)
    zoom = f"{zoom_for(spec, diameter_px):g}"
    return () if zoom == "1" else (_ZOOMED.format(zoom),)


def describe_own_size(diameter_px: float, spec: ModelSpec) -> tuple[str, ...]:
    """Return the same of a plane in which the size was sought."""
    return tuple(f"{said}{_OWN}" for said in describe_size(diameter_px, spec))


def is_own_size(notice: str) -> bool:
    """Return whether a notice tells the size that was sought in one plane itself."""
    return bool(_SOUGHT_TOLD.fullmatch(notice) or _ZOOMED_TOLD.fullmatch(notice))


def describe_own_sizes(notices: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """Return a sentence on the sizes at which several images, each with its notices, were seen by themselves.

    Nothing is said where all are the same, as the notice of each image tells it.
    """
    if sizes := _numbers(_SOUGHT_TOLD, notices):
        return _differing(sizes, "Cells are sought as {} to {} px across", f" (their middle: {median(sizes):g})")
    if zooms := _numbers(_ZOOMED_TOLD, notices):
        zooms += [1.0] * (len(notices) - len(zooms))  # nothing is told of an image that was seen at its own size
        return _differing(zooms, "Images are seen at {} to {} times their size", "")
    return ()


def _numbers(told: re.Pattern[str], notices: Sequence[Sequence[str]]) -> list[float]:
    return [float(match[1]) for one in notices for notice in one if (match := told.fullmatch(notice))]


def _differing(sizes: Sequence[float], said: str, middle: str) -> tuple[str, ...]:
    low, high = min(sizes), max(sizes)
    if low == high:
        return ()
    doubt = "" if high <= COMPARABLE * low else "; counts and areas of the same kind of cells do not compare so"
    each = f"{said.format(f'{low:g}', f'{high:g}')}, in each image by itself"
    return (f"{each}{doubt}; --diameter sets one for all{middle}",)
