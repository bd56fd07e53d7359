"""Make a foreign network give a head's maps, and see that it still does what it did."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import openvino as ov
from numpy.typing import NDArray
from openvino import opset13 as ops

from napari_cellvino.core.errors import ModelPackageError, OptionError
from napari_cellvino.model_package.spec import Normalisation
from napari_cellvino.training.convert.describe import SourceWeights
from napari_cellvino.training.convert.graph import channels_of, maps_of, run_exactly, side_of, stride_of
from napari_cellvino.training.convert.importers import Imported, ModelInfo
from napari_cellvino.training.convert.selftest import Agreement, compare, normalised, sample_image
from napari_cellvino.training.convert.steps import SIGMOID_OF, append_steps, select_channels
from napari_cellvino.training.convert.upsample import fuse_upsampling
from napari_cellvino.training.convert.wiring import Wiring, wire

Activation = Literal["", "none", "sigmoid", "softmax"]
Step = dict[str, Any]

SIDE_STEP = 64  # px: the side of a test image is a multiple of this
SAMPLE_PX = 128  # side of the test image of a network that comes without one
IMAGE_CHANNELS = (1, 3)
SLACK = 0.01  # by which a probability may lie outside 0 to 1: roundings


@dataclass(frozen=True, slots=True)
class AdaptOptions:
    """What a user says of a network; empty where nothing is said."""

    head: str = ""
    classes: tuple[str, ...] = ()
    maps: tuple[str, ...] = ()
    activation: Activation = ""
    normalise: Literal["", "percentiles", "mean_std", "none"] = ""


@dataclass(frozen=True, slots=True, eq=False)
class Adapted:
    """A network from a normalised image (1, C, Y, X) to a head's maps, and what it promises for ``given``.

    ``weights`` and ``file`` are what other programs can read of it: None where they could not do the same.
    """

    network: ov.Model
    form: str
    facts: ModelInfo
    wiring: Wiring
    normalise: Normalisation
    stride: int
    given: NDArray[np.float32]
    promised: NDArray[np.float32]
    agreement: Agreement | None
    fused: int
    weights: SourceWeights | None
    file: Path | None


def adapt(imported: Imported, overrides: AdaptOptions) -> Adapted:
    """Return a network with all that a head wants inside its graph.

    Raises
    ------
    ModelPackageError
        If it cannot be run here, or does not do what its own test tensors promise.
    OptionError
        If what the user says does not fit the network.
    """
    facts, stride, normalise = imported.facts, stride_of(imported.network), _normalisation(imported.facts, overrides)
    _check_channels(imported.network)
    wiring = _wired(imported, overrides)
    if stride > 1 and wiring.task != "detection":
        raise ModelPackageError(
            f"the network's maps are {stride} times smaller than the image; outlines need full size"
        )
    after = (*facts.after, *_activation(overrides, wiring))
    network = _rebuilt(imported.network, facts.before, after, wiring)
    given, promised, agreement = _tested(network, facts, normalise, wiring)
    if overrides.activation != "none":
        _check_probabilities(promised, wiring)
    weights = _readable(imported, after, wiring)
    return Adapted(
        network=network,
        fused=fuse_upsampling(network),
        form=imported.form,
        facts=facts,
        wiring=wiring,
        normalise=normalise,
        stride=stride,
        given=given,
        promised=promised,
        agreement=agreement,
        weights=weights,
        file=imported.file if weights else None,
    )


def _check_channels(network: ov.Model) -> None:
    channels = channels_of(network)
    if channels not in IMAGE_CHANNELS:
        raise ModelPackageError(f"the network takes {channels} channels; CellVINO runs networks of 1 or 3 (colour)")


def _normalisation(facts: ModelInfo, overrides: AdaptOptions) -> Normalisation:
    if facts.normalise is None:
        return Normalisation(method=overrides.normalise or "percentiles")
    if overrides.normalise:
        raise OptionError("the model's description already says how images are normalised; leave out --normalise")
    return facts.normalise


def _wired(imported: Imported, overrides: AdaptOptions) -> Wiring:
    after = [step["id"] for step in imported.facts.after]
    if after and overrides.activation not in {"", "none"}:
        raise OptionError(f"the model's description already ends with {', '.join(after)}; leave out --activation")
    return wire(
        maps_of(imported.network),
        head=overrides.head,
        classes=overrides.classes,
        names=overrides.maps or _useful(imported.facts.maps),
        exclusive="softmax" in {*after, overrides.activation},
    )


def _activation(overrides: AdaptOptions, wiring: Wiring) -> tuple[Step, ...]:
    """Return the step that the user asks for; a sigmoid is of the probabilities alone where there are other maps."""
    if overrides.activation == "sigmoid" and wiring.probabilities < len(wiring.maps):
        return ({"id": SIGMOID_OF, "kwargs": {"channels": list(wiring.channels[: wiring.probabilities])}},)
    return ({"id": overrides.activation},) if overrides.activation in {"sigmoid", "softmax"} else ()


def _readable(imported: Imported, after: tuple[Step, ...], wiring: Wiring) -> SourceWeights | None:
    """Return the weights for other programs, None where bioimage.io has no words for how their maps become ours."""
    whole = wiring.channels == tuple(range(maps_of(imported.network)))
    if imported.weights is None or not whole or any(step["id"] == SIGMOID_OF for step in after):
        return None
    return replace(imported.weights, before=imported.facts.before, after=after)


def _useful(names: Sequence[str]) -> tuple[str, ...]:
    """Return the makers' names of the maps, if one at least is a word of ours."""
    return tuple(names) if {"foreground", "mask", "offset_y"} & set(names) else ()


def _rebuilt(network: ov.Model, before: Sequence[Step], after: Sequence[Step], wiring: Wiring) -> ov.Model:
    """Return a copy, float32 to float32, with steps before and after it and the maps that are wanted, in order."""
    clone = network.clone()
    old, value = clone.get_parameters()[0], clone.output(0).get_node().input_value(0)
    new = ops.parameter(old.get_partial_shape(), np.float32, "image")
    image = append_steps(new.output(0), before)
    if old.get_element_type() != ov.Type.f32:
        image = ops.convert(image, old.get_element_type()).output(0)
    for reader in old.output(0).get_target_inputs():
        reader.replace_source_output(image)
    if value.get_element_type() != ov.Type.f32:
        value = ops.convert(value, ov.Type.f32).output(0)
    maps = select_channels(append_steps(value, after), wiring.channels)
    return ov.Model([ops.result(maps, "maps")], [new], network.get_friendly_name())


def _tested(
    network: ov.Model, facts: ModelInfo, how: Normalisation, wiring: Wiring
) -> tuple[NDArray[np.float32], NDArray[np.float32], Agreement | None]:
    """Return the package's test tensors: the makers' own, compared with what the network does, or a sample's."""
    if facts.test is None:
        given = normalised(sample_image(channels_of(network), side_of(network) or SAMPLE_PX), how)
        return given, run_exactly(network, given), None
    given, promised = normalised(facts.test.given, how), facts.test.promised[:, list(wiring.channels)]
    agreement = compare(network, given, promised)
    if not agreement.ok:
        raise ModelPackageError(
            "the network does not do what its own test tensors promise: they differ by "
            f"{agreement.rms:.3g} (root mean square) and at most {agreement.largest:.3g}, where the promised values "
            f"have {agreement.promised_rms:.3g}"
        )
    side = min(given.shape[2:]) // SIDE_STEP * SIDE_STEP
    if side and given.shape[2:] != (side, side):  # packages are checked on squares
        given = normalised(given[:, :, :side, :side], how)
        promised = run_exactly(network, given)
    return given, promised, agreement


def _check_probabilities(maps: NDArray[np.float32], wiring: Wiring) -> None:
    chosen = maps[:, : wiring.probabilities]
    low, high = float(chosen.min()), float(chosen.max())
    if not (low >= -SLACK and high <= 1 + SLACK):
        names = ", ".join(wiring.maps[: wiring.probabilities])
        raise OptionError(
            f"{names} should be probabilities, and the network gives {low:.3g} to {high:.3g}: "
            "add what makes probabilities of them with --activation sigmoid or --activation softmax"
        )
