"""bioimage.io's preprocessing, parted into what looks at the whole image and what has fixed numbers.

The first is the package's normalisation; the second becomes part of the network. Linear steps before a normalisation
by percentiles or by mean and deviation change nothing and are left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from napari_cellvino.core.errors import ModelPackageError
from napari_cellvino.model_package.spec import Normalisation
from napari_cellvino.training.convert.steps import linear

Step = dict[str, Any]
WHOLE_IMAGE = {"scale_range": "percentiles", "zero_mean_unit_variance": "mean_std"}
LINEAR = {"scale_linear", "fixed_zero_mean_unit_variance", "ensure_dtype"}


def read_processing(steps: Iterable[Mapping[str, Any]]) -> tuple[Normalisation, tuple[Step, ...]]:
    """Return the normalisation that preprocessing begins with, and the fixed steps after it.

    Raises
    ------
    ModelPackageError
        If it cannot be taken apart so.
    """
    normalise: Normalisation | None = None
    fixed: list[Step] = []
    for step in map(renamed, steps):
        if step["id"] not in WHOLE_IMAGE:
            fixed.append(step)
            continue
        spoilt = [s["id"] for s in fixed if s["id"] not in LINEAR or not _rises(s)]
        if normalise is not None or spoilt:
            raise ModelPackageError(
                f"the model wants {step['id']} after {', '.join(spoilt) or 'another normalisation'}; CellVINO "
                "normalises an image once, before everything else"
            )
        normalise, fixed = _normalisation(step), []
    return normalise or Normalisation(method="none"), remove_casts(fixed)


def remove_casts(steps: Iterable[Step]) -> tuple[Step, ...]:
    """Return steps without those that make floating-point numbers of what is that already."""
    return tuple(s for s in steps if s["id"] != "ensure_dtype" or not str(s["kwargs"].get("dtype")).startswith("float"))


def renamed(step: Mapping[str, Any]) -> Step:
    """Return a step in the words of version 0.5."""
    name, kwargs = str(step.get("id") or step.get("name")), dict(step.get("kwargs") or {})
    if name == "zero_mean_unit_variance" and ("mean" in kwargs or kwargs.get("mode") == "fixed"):
        return {"id": "fixed_zero_mean_unit_variance", "kwargs": {k: kwargs[k] for k in ("mean", "std") if k in kwargs}}
    return {"id": name, "kwargs": kwargs} if kwargs else {"id": name}


def _rises(step: Step) -> bool:
    return step["id"] == "ensure_dtype" or bool((linear(step["id"], step.get("kwargs", {}))[0] > 0).all())


def _normalisation(step: Step) -> Normalisation:
    kwargs = step.get("kwargs", {})
    if kwargs.get("mode") == "per_dataset" or kwargs.get("reference_tensor"):
        raise ModelPackageError(
            f"the model wants {step['id']} over a whole data set or another image; CellVINO normalises each image by "
            "itself"
        )
    if step["id"] == "zero_mean_unit_variance":
        return Normalisation(method="mean_std")
    low, high = kwargs.get("min_percentile", 0.0), kwargs.get("max_percentile", 100.0)
    return Normalisation(low=float(low), high=float(high))
