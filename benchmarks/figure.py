"""One measured number beside its goal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """``value`` in ``unit``; with a goal, less is better, and ``value`` should not be above it."""

    name: str
    value: float
    unit: str = ""
    goal: float | None = None

    @property
    def reached(self) -> bool | None:
        """Whether the goal is reached, None where there is none."""
        return None if self.goal is None else self.value <= self.goal


def table(title: str, figures: Sequence[Figure]) -> str:
    """Return the figures as aligned text."""
    width = max(len(f.name) for f in figures)
    return "\n".join([title, *(f"  {f.name:{width}}  {_value(f):>14}{_verdict(f)}" for f in figures)])


def record(figure: Figure) -> dict[str, object]:
    """Return plain values for JSON."""
    return asdict(figure) | {"reached": figure.reached}


def _value(figure: Figure) -> str:
    digits = 0 if abs(figure.value) >= 1000 else 2 if abs(figure.value) < 10 else 1
    return f"{figure.value:,.{digits}f} {figure.unit:2}"


def _verdict(figure: Figure) -> str:
    if figure.goal is None:
        return ""
    return f"  goal {figure.goal:g} {figure.unit}".rstrip() + ("" if figure.reached else "  NOT REACHED")
