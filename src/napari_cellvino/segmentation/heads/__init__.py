"""Heads turn maps into objects: one file per family."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from napari_cellvino.core.errors import ModelPackageError, OptionError
from napari_cellvino.model_package import ModelSpec
from napari_cellvino.segmentation.heads.centre_offset import CentreOffsetHead
from napari_cellvino.segmentation.heads.depth import DepthHead
from napari_cellvino.segmentation.heads.foreground import ForegroundHead
from napari_cellvino.segmentation.heads.grid import GridHead
from napari_cellvino.segmentation.heads.head import FRAGMENTS, Decoded, Head, Parameter, Steps, usual_size
from napari_cellvino.segmentation.heads.mask import MaskHead
from napari_cellvino.segmentation.heads.taught import TaughtHead

__all__ = [
    "FRAGMENTS",
    "Decoded",
    "Head",
    "Parameter",
    "Steps",
    "check_parameters",
    "head_for",
    "head_parameters",
    "usual_size",
]

_FAMILIES: Mapping[str, Callable[[ModelSpec], Head]] = {
    "centre_offset": CentreOffsetHead.for_spec,
    "depth": DepthHead.for_spec,
    "foreground": ForegroundHead.for_spec,
    "grid": GridHead.for_spec,
    "mask": MaskHead.for_spec,
    "taught": TaughtHead.for_spec,
}


def head_for(spec: ModelSpec) -> Head:
    """Return the head that decodes a model's maps.

    Raises
    ------
    ModelPackageError
        If this version has no such head, or the head cannot decode the model's maps.
    """
    make = _FAMILIES.get(spec.head.name)
    if make is None:
        known = ", ".join(_FAMILIES)
        raise ModelPackageError(f"model {spec.name} needs the head {spec.head.name!r}; this version knows {known}")
    return make(spec)


def head_parameters(spec: ModelSpec, outline: ModelSpec | None = None) -> tuple[Parameter, ...]:
    """Return the parameters of a model's head, with the model's defaults, and those of the outlining model's head."""
    own = spec.head.parameters
    first = tuple(p.with_default(own.get(p.name, p.default)) for p in head_for(spec).parameters)
    return first if outline is None else (*first, *head_parameters(outline))


def check_parameters(
    spec: ModelSpec | None,
    chosen: Mapping[str, float],
    outline: ModelSpec | None = None,
    more: tuple[Parameter, ...] = (),
) -> dict[str, float]:
    """Return the value of every parameter of the heads: ``chosen`` where given, else the model's default.

    ``more`` are the parameters of steps without a model; without ``spec`` there are no others.

    Raises
    ------
    OptionError
        If a name is unknown or a value out of range.
    """
    known = {p.name: p for p in (*(head_parameters(spec, outline) if spec else ()), *more)}
    for name, value in chosen.items():
        if name not in known:
            owner = f"model {spec.name}" if spec else "a run without a model"
            raise OptionError(f"{owner} has no parameter {name!r}; it has {', '.join(known)}")
        known[name].check(value)
    return {name: float(chosen.get(name, p.default)) for name, p in known.items()}
