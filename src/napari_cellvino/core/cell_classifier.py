"""A classifier of cells by what was measured of them: a choice of a recipe, learnt from examples.

It is a logistic regression, so that it is a few numbers that a recipe can hold and any reader can check.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, model_validator


class CellClassifier(BaseModel):
    """Weights from measurements to classes.

    Logits of the classes are ``values @ weights + bias``, where values are ``columns`` of ``objects.csv``, as
    logarithms where ``logged``. A cell gets the class of the largest probability; with less than
    ``least_probability``, or without one of the values, it keeps the one that it has. ``new_classes`` are those that
    the model does not give. ``examples`` says how many cells of each class it was learnt from, and ``agreement`` in
    what share of them the classes agreed when these were held out, None where there were too few.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    classes: tuple[str, ...] = Field(min_length=2)
    new_classes: tuple[str, ...] = ()
    columns: tuple[str, ...] = Field(min_length=1)
    logged: tuple[bool, ...]
    weights: tuple[tuple[float, ...], ...]
    bias: tuple[float, ...]
    least_probability: float = Field(default=0.0, ge=0, lt=1)
    examples: tuple[int, ...] = ()
    agreement: float | None = None

    @model_validator(mode="after")
    def _fits_together(self) -> CellClassifier:
        number = len(self.classes)
        if len(self.logged) != len(self.columns) or len(self.weights) != len(self.columns):
            raise ValueError(f"{len(self.columns)} columns need as many entries of logged and rows of weights")
        if len(self.bias) != number or any(len(row) != number for row in self.weights):
            raise ValueError(f"{number} classes need as many entries of bias and columns of weights")
        return self

    def __str__(self) -> str:
        return f"classes {', '.join(self.classes)} by {len(self.columns)} measurements"
