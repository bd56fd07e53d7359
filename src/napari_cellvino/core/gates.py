"""Gates: cells told apart by one or two of their measurements, as choices of a recipe."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from math import isfinite

from pydantic import BaseModel, ConfigDict, Field, model_validator

FEWEST_CORNERS = 3

Corner = tuple[float, float]


class GateAction(StrEnum):
    """What a gate does: leave out the cells in it, leave out all others, or give those in it a class."""

    EXCLUDE = "exclude"
    KEEP = "keep"
    CLASSIFY = "classify"


class Gate(BaseModel):
    """A range of one measurement, or a polygon over two; measurements are columns of ``objects.csv``.

    Without ``y``, cells from ``low`` to ``high`` of ``x`` are in it, both ends included; an end that is not given is
    open. With ``y``, cells inside the polygon of ``corners`` (x, y) are. A cell without a value is in no gate.
    ``class_name`` is a class of its own, which the model does not give.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    x: str = Field(min_length=1)
    y: str = ""
    low: float | None = None
    high: float | None = None
    corners: tuple[Corner, ...] = ()
    action: GateAction = GateAction.EXCLUDE
    class_name: str = ""

    @model_validator(mode="after")
    def _is_a_region(self) -> Gate:
        if self.y and (len(self.corners) < FEWEST_CORNERS or self.low is not None or self.high is not None):
            raise ValueError(f"a gate over two measurements needs {FEWEST_CORNERS} or more corners, and no low or high")
        if not self.y and (self.corners or (self.low is None and self.high is None)):
            raise ValueError("a gate over one measurement needs low or high or both, and no corners")
        if self.low is not None and self.high is not None and self.low > self.high:
            raise ValueError(f"low {self.low:g} lies above high {self.high:g}")
        if (self.action is GateAction.CLASSIFY) != bool(self.class_name):
            raise ValueError("class_name is for the action 'classify' alone, which needs one")
        return self

    @property
    def columns(self) -> tuple[str, ...]:
        """The measurements it is over."""
        return (self.x, self.y) if self.y else (self.x,)

    def __str__(self) -> str:
        where = f"{self.x} and {self.y} in a polygon" if self.y else f"{self.x} {self._range()}"
        done = {GateAction.EXCLUDE: "excluded", GateAction.KEEP: "kept, all others excluded"}
        return f"{where}: {done.get(self.action, f'class {self.class_name}')}"

    def _range(self) -> str:
        if self.low is None or self.high is None:
            return f"from {self.low:.4g}" if self.low is not None else f"up to {self.high:.4g}"
        return f"{self.low:.4g} to {self.high:.4g}"


def gate_over(x: str, y: str, corners: Sequence[Corner], *, action: GateAction, class_name: str = "") -> Gate:
    """Return the gate of a region that was drawn: a polygon of corners (x, y), or of one measurement their range."""
    if y:
        return Gate(x=x, y=y, corners=tuple(corners), action=action, class_name=class_name)
    places = [across for across, _ in corners if isfinite(across)]
    return Gate(x=x, low=min(places), high=max(places), action=action, class_name=class_name)
