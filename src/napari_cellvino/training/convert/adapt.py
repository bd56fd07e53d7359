"""Make a foreign network give the maps of a head, and check that its output stays the same."""

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
from napari_cellvino.training.convert.graph import (
    fixed_image_size,
    infer_float32,
    input_channels,
    output_channels,
    output_stride,
)
from napari_cellvino.training.convert.importers import ImportedNetwork, ModelInfo
from napari_cellvino.training.convert.map_assignment import MapAssignment, assign_maps
from napari_cellvino.training.convert.selftest import Agreement, compare, normalised, sample_image
from napari_cellvino.training.convert.steps import SIGMOID_OF, append_steps, select_channels
from napari_cellvino.training.convert.upsample import fuse_upsampling

Activation = Literal["", "none", "sigmoid", "softmax"]
Step = dict[str, Any]

SIDE_STEP = 64  # px: the side of a test image is a multiple of this
SAMPLE_PX = 128  # side of the test image of a network that comes without one
IMAGE_CHANNELS = (1, 3)
SLACK = 0.01  # by which a probability may lie outside 0 to 1: roundings


@dataclass(frozen=True, slots=True)
class AdaptOptions:
    """Settings of a user for a network; empty where none is given."""

    head: str = ""
    classes: tuple[str, ...] = ()
    maps: tuple[str, ...] = ()
    activation: Activation = ""
    normalise: Literal["", "percentiles", "mean_std", "none"] = ""


@dataclass(frozen=True, slots=True, eq=False)
class AdaptedNetwork:
    """A network from a normalised image (1, C, Y, X) to the maps of a head, with test tensors.

    ``weights`` and ``file`` are for other programs: None where they could not run the network with the same result.
    """

    network: ov.Model
    form: str
    info: ModelInfo
    assignment: MapAssignment
    normalise: Normalisation
    stride: int
    given: NDArray[np.float32]
    expected: NDArray[np.float32]
    agreement: Agreement | None
    fused: int
    weights: SourceWeights | None
    file: Path | None


def adapt(imported: ImportedNetwork, overrides: AdaptOptions) -> AdaptedNetwork:
    """Return a network whose graph contains everything between normalised pixels and the maps of a head.

    Raises
    ------
    ModelPackageError
        If it cannot be run here, or its output differs from its own test tensors.
    OptionError
        If the settings do not fit the network.
    """
    info, stride, normalise = imported.info, output_stride(imported.network), _normalisation(imported.info, overrides)
    _check_channels(imported.network)
    assignment = _assigned(imported, overrides)
    if stride > 1 and assignment.task != "detection":
        raise ModelPackageError(
            f"the network's maps are {stride} times smaller than the image; outlines need full size"
        )
    after = (*info.after, *_activation(overrides, assignment))
    network = _rebuilt(imported.network, info.before, after, assignment)
    given, expected, agreement = _tested(network, info, normalise, assignment)
    if overrides.activation != "none":
        _check_probabilities(expected, assignment)
    weights = _readable(imported, after, assignment)
    return AdaptedNetwork(
        network=network,
        fused=fuse_upsampling(network),
        form=imported.form,
        info=info,
        assignment=assignment,
        normalise=normalise,
        stride=stride,
        given=given,
        expected=expected,
        agreement=agreement,
        weights=weights,
        file=imported.file if weights else None,
    )


def _check_channels(network: ov.Model) -> None:
    channels = input_channels(network)
    if channels not in IMAGE_CHANNELS:
        raise ModelPackageError(f"the network takes {channels} channels; CellVINO runs networks of 1 or 3 (colour)")


def _normalisation(info: ModelInfo, overrides: AdaptOptions) -> Normalisation:
    if info.normalise is None:
        return Normalisation(method=overrides.normalise or "percentiles")
    if overrides.normalise:
        raise OptionError("the model's description already says how images are normalised; leave out --normalise")
    return info.normalise


def _assigned(imported: ImportedNetwork, overrides: AdaptOptions) -> MapAssignment:
    after = [step["id"] for step in imported.info.after]
    if after and overrides.activation not in {"", "none"}:
        raise OptionError(f"the model's description already ends with {', '.join(after)}; leave out --activation")
    return assign_maps(
        output_channels(imported.network),
        head=overrides.head,
        classes=overrides.classes,
        names=overrides.maps or _useful(imported.info.maps),
        exclusive="softmax" in {*after, overrides.activation},
    )


def _activation(overrides: AdaptOptions, assignment: MapAssignment) -> tuple[Step, ...]:
    """Return the activation that the user chose; a sigmoid applies to the probabilities only."""
    if overrides.activation == "sigmoid" and assignment.probabilities < len(assignment.maps):
        return ({"id": SIGMOID_OF, "kwargs": {"channels": list(assignment.channels[: assignment.probabilities])}},)
    return ({"id": overrides.activation},) if overrides.activation in {"sigmoid", "softmax"} else ()


def _readable(imported: ImportedNetwork, after: tuple[Step, ...], assignment: MapAssignment) -> SourceWeights | None:
    """Return the weights for other programs, None where bioimage.io cannot describe how their maps become ours."""
    whole = assignment.channels == tuple(range(output_channels(imported.network)))
    if imported.weights is None or not whole or any(step["id"] == SIGMOID_OF for step in after):
        return None
    return replace(imported.weights, before=imported.info.before, after=after)


def _useful(names: Sequence[str]) -> tuple[str, ...]:
    """Return the names of the maps in the description, if at least one of them is known here."""
    return tuple(names) if {"foreground", "mask", "offset_y"} & set(names) else ()


def _rebuilt(network: ov.Model, before: Sequence[Step], after: Sequence[Step], assignment: MapAssignment) -> ov.Model:
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
    maps = select_channels(append_steps(value, after), assignment.channels)
    return ov.Model([ops.result(maps, "maps")], [new], network.get_friendly_name())


def _tested(
    network: ov.Model, info: ModelInfo, how: Normalisation, assignment: MapAssignment
) -> tuple[NDArray[np.float32], NDArray[np.float32], Agreement | None]:
    """Return the test tensors of the package: those of the description, after a check, or those of a sample."""
    if info.test is None:
        given = normalised(sample_image(input_channels(network), fixed_image_size(network) or SAMPLE_PX), how)
        return given, infer_float32(network, given), None
    given, expected = normalised(info.test.given, how), info.test.expected[:, list(assignment.channels)]
    agreement = compare(network, given, expected)
    if not agreement.ok:
        raise ModelPackageError(
            "the output of the network differs from its own test tensors by "
            f"{agreement.rms:.3g} (root mean square) and at most {agreement.largest:.3g}, where the expected values "
            f"have {agreement.expected_rms:.3g}"
        )
    side = min(given.shape[2:]) // SIDE_STEP * SIDE_STEP
    if side and given.shape[2:] != (side, side):  # packages are checked on squares
        given = normalised(given[:, :, :side, :side], how)
        expected = infer_float32(network, given)
    return given, expected, agreement


def _check_probabilities(maps: NDArray[np.float32], assignment: MapAssignment) -> None:
    chosen = maps[:, : assignment.probabilities]
    low, high = float(chosen.min()), float(chosen.max())
    if not (low >= -SLACK and high <= 1 + SLACK):
        names = ", ".join(assignment.maps[: assignment.probabilities])
        raise OptionError(
            f"{names} should be probabilities, and the network gives {low:.3g} to {high:.3g}: "
            "add what makes probabilities of them with --activation sigmoid or --activation softmax"
        )
