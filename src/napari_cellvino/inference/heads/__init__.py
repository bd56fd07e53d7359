"""Heads turn maps into labels and objects: one file per family."""

from __future__ import annotations

from collections.abc import Mapping

from napari_cellvino.errors import ModelPackageError, OptionError
from napari_cellvino.inference.heads.centre_offset import CentreOffsetHead
from napari_cellvino.inference.heads.head import Decoded, Head, Parameter
from napari_cellvino.package import ModelSpec

__all__ = ["Decoded", "Head", "Parameter", "check_parameters", "head_for", "head_parameters"]

_HEADS: tuple[Head, ...] = (CentreOffsetHead(),)


def head_for(spec: ModelSpec) -> Head:
    """Return the head a model asks for.

    Raises
    ------
    ModelPackageError
        If this version does not know that head.
    """
    for head in _HEADS:
        if head.name == spec.head.name:
            return head
    known = ", ".join(head.name for head in _HEADS)
    raise ModelPackageError(f"model {spec.name} needs the head {spec.head.name!r}; this version knows {known}")


def head_parameters(spec: ModelSpec) -> tuple[Parameter, ...]:
    """Return the parameters of a model's head, with the model's own defaults."""
    own = spec.head.parameters
    return tuple(p.with_default(own.get(p.name, p.default)) for p in head_for(spec).parameters)


def check_parameters(spec: ModelSpec, chosen: Mapping[str, float]) -> dict[str, float]:
    """Return the value of every parameter of a model's head, ``chosen`` over its defaults.

    Raises
    ------
    OptionError
        If a name is unknown or a value out of range.
    """
    known = {p.name: p for p in head_parameters(spec)}
    for name, value in chosen.items():
        if name not in known:
            raise OptionError(f"model {spec.name} has no parameter {name!r}; it has {', '.join(known)}")
        known[name].check(value)
    return {name: float(chosen.get(name, p.default)) for name, p in known.items()}
