"""One measured number beside its goal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass


class NotMeasuredError(Exception):
    """Something that a part of the benchmarks needs is not here; the message says what."""


@dataclass(frozen=True, slots=True)
class Figure:
    """``value`` in ``unit``, which should not be above ``goal`` nor below ``least``, where there is one."""

    name: str
    value: float
    unit: str = ""
    goal: float | None = None
    least: float | None = None

    @property
    def reached(self) -> bool | None:
        """Whether the goal is reached, None where there is none."""
        if self.goal is None and self.least is None:
            return None
        return (self.goal is None or self.value <= self.goal) and (self.least is None or self.value >= self.least)


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
    if figure.reached is None:
        return ""
    limits = (("at most", figure.goal), ("at least", figure.least))
    goal = ", ".join(f"{words} {limit:g} {figure.unit}".rstrip() for words, limit in limits if limit is not None)
    return f"  goal: {goal}" + ("" if figure.reached else "  NOT REACHED")
