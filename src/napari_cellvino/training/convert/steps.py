"""Processing steps in bioimage.io's words, made part of a network: what a model wants before and after itself.

Only steps whose numbers are fixed can go into a graph. Those that look at the whole image (percentiles, mean and
deviation) are the package's normalisation: a network sees single tiles.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import openvino as ov
from numpy.typing import NDArray
from openvino import opset13 as ops

from napari_cellvino.core.errors import ModelPackageError

Step = Mapping[str, Any]

SIGMOID_OF = "sigmoid_of"  # ours: the sigmoid of some channels
CHANNEL = 1  # tensors are (N, C, Y, X)
FIXED = ("scale_linear", "fixed_zero_mean_unit_variance", "clip", "sigmoid", "softmax")


def append_steps(value: ov.Output, steps: Sequence[Step]) -> ov.Output:
    """Return ``value`` (N, C, Y, X) after all steps.

    Raises
    ------
    ModelPackageError
        If a step cannot be part of a network, or its numbers do not fit.
    """
    for step in steps:
        value = _append(value, str(step.get("id")), step.get("kwargs") or {})
    return value


def select_channels(value: ov.Output, chosen: Sequence[int]) -> ov.Output:
    """Return some channels of ``value``, in the order given."""
    if list(chosen) == list(range(value.get_partial_shape()[CHANNEL].get_length())):
        return value
    return ops.gather(value, ops.constant(np.array(chosen, np.int32)), CHANNEL).output(0)


def _append(value: ov.Output, name: str, kwargs: Mapping[str, Any]) -> ov.Output:
    if name == "sigmoid":
        return ops.sigmoid(value).output(0)
    if name == SIGMOID_OF:
        chosen = np.isin(np.arange(value.get_partial_shape()[CHANNEL].get_length()), kwargs["channels"])
        return ops.select(ops.constant(chosen.reshape(1, -1, 1, 1)), ops.sigmoid(value), value).output(0)
    if name == "softmax":
        return ops.softmax(value, CHANNEL).output(0)
    if name == "clip":
        low, high = (kwargs.get(bound) for bound in ("min", "max"))
        bounds = (-np.inf if low is None else float(low), np.inf if high is None else float(high))
        return ops.clamp(value, *bounds).output(0)
    if name in {"scale_linear", "fixed_zero_mean_unit_variance"}:
        gain, offset = linear(name, kwargs)
        return ops.add(ops.multiply(value, ops.constant(gain)), ops.constant(offset)).output(0)
    known = ", ".join(FIXED)
    raise ModelPackageError(
        f"the model wants the step {name!r}{_format(kwargs)}, which cannot be made part of a network; possible are "
        f"{known}; convert the network alone (its ONNX file) and do that step elsewhere"
    )


def linear(name: str, kwargs: Mapping[str, Any]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return gain and offset (1, C or 1, 1, 1) of a step that is linear in the pixels' values.

    Raises
    ------
    ModelPackageError
        If there is one number per something else than a channel.
    """
    if name == "scale_linear":
        gain, offset = _per_channel(kwargs, "gain", 1.0), _per_channel(kwargs, "offset", 0.0)
    else:
        spread = _per_channel(kwargs, "std", 1.0)
        gain, offset = 1 / spread, -_per_channel(kwargs, "mean", 0.0) / spread
    return gain.astype(np.float32), offset.astype(np.float32)


def _per_channel(kwargs: Mapping[str, Any], name: str, default: float) -> NDArray[np.float64]:
    numbers = np.atleast_1d(np.asarray(kwargs.get(name, default), np.float64)).reshape(-1)
    if len(numbers) > 1 and str(kwargs.get("axis", "channel")) not in {"channel", "c"}:
        raise ModelPackageError(f"the model wants one {name} per {kwargs['axis']}; only one per channel can be had")
    return numbers.reshape(1, -1, 1, 1)


def _format(kwargs: Mapping[str, Any]) -> str:
    return f" ({', '.join(f'{k}={v}' for k, v in kwargs.items())})" if kwargs else ""
