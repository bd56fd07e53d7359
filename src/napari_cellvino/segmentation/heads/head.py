"""The interface of all heads: adjustable parameters, and one pure decoding function."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.core.errors import ImageValueError, ModelPackageError, OptionError
from napari_cellvino.core.label_runs import LabelRuns
from napari_cellvino.core.objects import Objects
from napari_cellvino.model_package import ModelSpec
from napari_cellvino.segmentation.raw_maps import RawMaps

if TYPE_CHECKING:
    from napari_cellvino.segmentation.heads.bands import DecodeBand

FRAGMENTS = "fragments"
Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class Parameter:
    """One adjustable number; ``unit`` is ``""``, ``px`` or ``px²`` (shown in µm where the pixel size is known)."""

    name: str
    title: str
    default: float
    low: float
    high: float
    step: float
    unit: str = ""
    help: str = ""

    @property
    def is_switch(self) -> bool:
        """Whether it is 0 or 1, and nothing between."""
        return (self.low, self.high, self.step) == (0.0, 1.0, 1.0)

    def with_default(self, default: float) -> Parameter:
        """Return the parameter with another default."""
        return replace(self, default=default)

    def check(self, value: float) -> None:
        """Raise `OptionError` unless ``value`` lies in the range."""
        if not (math.isfinite(value) and self.low <= value <= self.high):
            raise OptionError(f"{self.name} = {value:g} is out of range; use {self.low:g} to {self.high:g} {self.unit}")


def instance_parameters(*, confidence: float, split: float, largest_limit: float = 2000.0) -> tuple[Parameter, ...]:
    """Return the parameters of the heads of instances, with the defaults of one head.

    ``largest_limit`` in px² is the upper end of the range of the smallest area.
    """
    return (
        Parameter(
            "confidence", "Confidence", confidence, 0.0, 1.0, 0.01,
            help="Cells whose mean probability is lower are left out",
        ),
        Parameter("smallest", "Smallest", 16.0, 0.0, largest_limit, 1.0, "px²", "Cells of a smaller area are left out"),
        Parameter(
            "outline", "Outline", 0.5, 0.05, 0.95, 0.01, help="Lower makes cells larger, higher makes them smaller"
        ),
        Parameter(
            "split", "Split", split, 0.0, 1.0, 0.01, help="Higher splits more: cells that touch, but also long cells"
        ),
        Parameter(
            FRAGMENTS, "Fragments", 0.0, 0.0, 1.0, 0.01,
            help="Pieces smaller than this share of the usual cell are left out; where cells differ much, lower it",
        ),
    )  # fmt: skip


def usual_size(sizes: NDArray[np.number]) -> float:
    """Return the size (area, volume) that cells of this size and more make up half of; 0 without cells.

    It is the median weighted by size, which crumbs hardly change.
    """
    if len(sizes) == 0:
        return 0.0
    ascending = np.sort(sizes)
    return float(ascending[np.searchsorted(np.cumsum(ascending), ascending.sum() / 2)])


@dataclass(frozen=True, slots=True)
class Decoded:
    """Objects, one row per cell 1…N, and the label image (Y, X) int32 with these ids, each one connected component.

    ``labels`` is None where the model gives boxes without outlines. ``left_out`` is the number of cells that were
    detected but could not be outlined; those taller than ``cut_px`` may be cut, if it is not 0. ``runs`` are those of
    the labels, where a head found them.
    """

    labels: NDArray[np.int32] | None
    objects: Objects
    left_out: int = 0
    cut_px: float = 0
    runs: LabelRuns | None = None

    @property
    def known_runs(self) -> LabelRuns | None:
        """The runs, unless they are of other labels than these."""
        return self.runs if self.runs is not None and self.runs.labels is self.labels else None

    def label_image(self) -> NDArray[np.int32]:
        """Return the label image.

        Raises
        ------
        ImageValueError
            If there are boxes without outlines.
        """
        if self.labels is None:
            add = "add a model that outlines them"
            raise ImageValueError("the model found boxes and no outlines", remedy=add, command=f"{add} (--outline)")
        return self.labels


class Steps:
    """What a head found on its way from the maps that it decoded last, for values that change only what comes after.

    One thread at a time may use it.
    """

    def __init__(self) -> None:
        self._maps: object = None
        self._value = 0.0
        self._found: object = None

    def get(self, maps: object, value: float, find: Callable[[], Found]) -> Found:
        """Return what was found last, if that was of the same maps and value; else what is found now, which is kept."""
        if self._maps is not maps or self._value != value:
            self.forget()
            self._found, self._maps, self._value = find(), maps, value
        return cast("Found", self._found)

    def forget(self) -> None:
        """Let go of what was found."""
        self._maps = self._found = None


class Head(Protocol):
    """Decoder of one family of networks, made for one model."""

    @property
    def name(self) -> str:
        """Name of the head in model packages."""
        ...

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """Adjustable parameters, with general defaults."""
        ...

    def keep(self, raw: RawMaps) -> RawMaps:
        """Return the maps to keep after a run on a resized plane: at the plane's size, or unchanged."""
        ...

    def decode(self, raw: RawMaps, values: Mapping[str, float], steps: Steps | None = None, /) -> Decoded:
        """Return the objects, in px of the plane; ``raw`` comes from `keep`, ``values`` has every parameter.

        ``steps`` keep what the next decoding of these maps need not find again; not all heads do.
        """
        ...

    @property
    def decode_band(self) -> DecodeBand | None:
        """What decodes a band of rows of maps at the plane's size, where the head does nothing else but limit them."""
        ...

    def only_leaves_out(self, raw: RawMaps, /) -> bool:
        """Return whether limits on score and area leave out objects of ``raw``, and change none of the others."""
        ...


def check_fit(spec: ModelSpec, *, task: str, maps: tuple[str, ...], stride: int | None = None) -> None:
    """Raise ModelPackageError unless a model has the task, maps and stride (None: any) that its head needs."""
    wrong = [
        f"{name} {found!r} instead of {needed!r}"
        for name, found, needed in (
            ("task", spec.task, task),
            ("maps", spec.maps, maps),
            ("stride", spec.stride, spec.stride if stride is None else stride),
        )
        if found != needed
    ]
    if wrong:
        raise ModelPackageError(f"model {spec.name} does not fit its head {spec.head.name!r}: {'; '.join(wrong)}")
