"""Networks to and from model packages: the ONNX file of a package is where fine-tuning starts.

Weights are stored as 16-bit floats, as in the OpenVINO files, behind a cast to 32 bits: a package is half as large,
and every program computes with the same numbers. BatchNorm is not folded in, so that training can go on.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from napari_cellvino.core.errors import TrainingDataError
from napari_cellvino.model_package import ModelPackage, open_package
from napari_cellvino.training.convert.network_files import LEAST_STORED
from napari_cellvino.training.fit.fit import build_network
from napari_cellvino.training.fit.networks import UNet
from napari_cellvino.training.fit.plan import PLAN_NAME, TrainingPlan, load_plan
from napari_cellvino.training.objectives import Objective, objective_for

PREFIX = "net."


class ExportedNet(nn.Module):
    """A network with its activations, whose maps are probabilities and px, and with the weights as they are stored."""

    def __init__(self, net: UNet, objective: Objective) -> None:
        super().__init__()
        self.net, self.objective = _stored(net).eval(), objective

    def forward(self, x: Tensor) -> Tensor:
        """Return the maps (N, M, Y / stride, X / stride) of normalised images (N, C, Y, X)."""
        return self.objective.activate(self.net(x))


def _stored(net: UNet) -> UNet:
    """Return a copy whose large tensors hold 16-bit numbers."""
    net = copy.deepcopy(net).cpu()
    with torch.no_grad():
        for tensor in net.state_dict().values():
            if tensor.dtype == torch.float32 and tensor.numel() >= LEAST_STORED:
                tensor.copy_(tensor.half().float())
    return net


def package_plan(package: ModelPackage) -> TrainingPlan:
    """Return the plan that a package was made from.

    Raises
    ------
    TrainingDataError
        If it has none: it was converted from elsewhere and cannot be trained further.
    """
    package.refuse_encrypted("trained further")
    if PLAN_NAME not in package.spec.sha256:
        raise TrainingDataError(
            f"model {package.label} was not trained by CellVINO (it has no {PLAN_NAME})",
            remedy="start from one that was, such as nuclei",
            command="start from one that was, such as nuclei, or from a plan (--plan)",
        )
    return load_plan(package.folder / PLAN_NAME)


def package_network(package: ModelPackage, plan: TrainingPlan) -> UNet:
    """Return the network of a package, for further training.

    Raises
    ------
    TrainingDataError
        If the package has no ONNX file with the weights of such a network.
    """
    net = build_network(plan)
    found = dict(_tensors(package.folder / "model.onnx"))
    missing, unknown = net.load_state_dict(found, strict=False)
    missing = [name for name in missing if not name.endswith("num_batches_tracked")]
    if missing or unknown:
        raise TrainingDataError(f"{package.folder / 'model.onnx'} does not hold the weights of its plan: {missing[:3]}")
    return net


def _tensors(path: Path) -> Iterator[tuple[str, Tensor]]:
    try:
        model = onnx.load(path)
    except (OSError, ValueError) as error:
        raise TrainingDataError(f"{path} cannot be read as ONNX: {error}") from error
    for constant in model.graph.initializer:
        name = constant.name.removesuffix(".f16")
        if name.startswith(PREFIX):
            yield name.removeprefix(PREFIX), torch.from_numpy(numpy_helper.to_array(constant).astype(np.float32))


def fitted_network(run: Path, plan: TrainingPlan) -> UNet:
    """Return the averaged network of a run.

    Raises
    ------
    TrainingDataError
        If the run has written none, or one of another shape.
    """
    net = build_network(plan)
    try:
        net.load_state_dict(torch.load(run / "weights.pt", weights_only=True))
    except (OSError, RuntimeError) as error:
        raise TrainingDataError(f"{run / 'weights.pt'} is not of this plan's network: {error}") from error
    return net


def pretrained_network(start: Path, plan: TrainingPlan) -> UNet:
    """Return a plan's network that starts from a run of it, or from a package's weights where their shapes fit."""
    if (start / "weights.pt").is_file():
        return fitted_network(start, plan)
    source = open_package(start)
    known = package_network(source, package_plan(source)).state_dict()
    net = build_network(plan)
    own = net.state_dict()
    net.load_state_dict({k: known[k] if k in known and known[k].shape == v.shape else v for k, v in own.items()})
    return net


def exported_network(net: UNet, plan: TrainingPlan) -> ExportedNet:
    """Return a network with its activations, as it is exported."""
    return ExportedNet(net, objective_for(plan))
