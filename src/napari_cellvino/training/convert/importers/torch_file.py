"""Networks from PyTorch: TorchScript, or weights and the code that builds what they belong to.

A file of weights is read without running anything in it. Whole pickled modules are refused: to read one is to run
whatever it holds.
"""

from __future__ import annotations

import ast
import importlib.util
import inspect
import sys
import warnings
from collections.abc import Callable, Mapping
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.core.errors import ModelPackageError
from napari_cellvino.training.convert.describe import EXPORTED
from napari_cellvino.training.convert.graph import infer_float32, last_line
from napari_cellvino.training.convert.importers.imported import ImportedNetwork
from napari_cellvino.training.convert.importers.openvino_formats import import_onnx
from napari_cellvino.training.convert.network_files import write_onnx

if TYPE_CHECKING:
    from torch import nn

TORCH_SUFFIXES = {".pt", ".pth", ".ckpt", ".torch", ".torchscript"}
STATE_KEYS = ("state_dict", "model_state_dict", "model")  # where a checkpoint keeps the weights
TRIED_CHANNELS = (1, 3)
TRIED_SIZE = 256  # px
AGREES = 1e-4  # of the largest value: ONNX may differ from torch by so much


def import_torch(path: Path, scratch: Path, architecture: str, channels: int | None) -> ImportedNetwork:
    """Return the network in a PyTorch file, by way of ONNX, after comparing the two.

    Raises
    ------
    ModelPackageError
        If torch is missing, the file is not what it should be, or the exported network differs.
    """
    try:
        import torch
    except ImportError:
        raise ModelPackageError("PyTorch files need the train extra: pip install 'napari-cellvino[train]'") from None
    with torch.no_grad():
        module = _build(architecture, _weights(path)) if architecture else _scripted(path)
        batch = _example(module.eval(), path, channels)
        return _by_onnx(module, path, scratch / EXPORTED.file, batch)


def _scripted(path: Path) -> nn.Module:
    import torch

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # TorchScript is on its way out; the files that are there stay
            return torch.jit.load(path, map_location="cpu")
    except (RuntimeError, ValueError) as error:
        raise ModelPackageError(
            f"{path.name} is no TorchScript; if it holds weights, name the code that builds the network: "
            "--architecture FILE.py:CLASS"
        ) from error


def _weights(path: Path) -> Mapping[str, Any]:
    """Return the state dict in a file, or in a checkpoint."""
    import pickle

    import torch

    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise ModelPackageError(
            f"{path.name} holds more than weights, and reading it could run any code: save the weights alone with "
            "torch.save(model.state_dict(), …)"
        ) from error
    except (RuntimeError, EOFError, ValueError, KeyError) as error:
        raise ModelPackageError(f"{path.name} is no PyTorch file: {last_line(error)}") from error
    for key in STATE_KEYS:
        if isinstance(content, Mapping) and isinstance(content.get(key), Mapping):
            content = content[key]
    if not isinstance(content, Mapping) or not all(isinstance(v, torch.Tensor) for v in content.values()):
        raise ModelPackageError(f"{path.name} holds no weights by name (a state dict) but {type(content).__name__}")
    return {name.removeprefix("module."): value for name, value in content.items()}


def _build(architecture: str, weights: Mapping[str, Any]) -> nn.Module:
    """Return the network that ``FILE.py:NAME`` or ``module:NAME``, called with the arguments named, makes."""
    maker, arguments = _maker(architecture)
    try:
        module = maker(**arguments)
        module.load_state_dict(weights)
    except Exception as error:  # it is the user's code that runs
        raise ModelPackageError(f"{architecture} does not make a network for these weights: {_first(error)}") from error
    return module


def _maker(architecture: str) -> tuple[Callable[..., Any], dict[str, Any]]:
    where, _, call = architecture.rpartition(":")
    try:
        parsed = ast.parse(call, mode="eval").body
        arguments = {str(k.arg): ast.literal_eval(k.value) for k in getattr(parsed, "keywords", ())}
        name = ast.unparse(parsed.func if isinstance(parsed, ast.Call) else parsed)
        plain = where and name.isidentifier() and not getattr(parsed, "args", ()) and None not in arguments
    except (SyntaxError, ValueError):
        plain = False
    if not plain:
        raise ModelPackageError(
            f"--architecture {architecture!r} is not understood; write it like net.py:UNet, net.py:UNet(depth=4) or "
            "package.module:UNet"
        )
    module = _module(where)
    if not callable(getattr(module, name, None)):
        offered = ", ".join(
            n for n, v in vars(module).items() if inspect.isclass(v) and v.__module__ == module.__name__
        )
        raise ModelPackageError(f"{where} has no {name}; it has {offered or 'no class of its own'}")
    return getattr(module, name), arguments


def _module(where: str) -> ModuleType:
    try:
        if not where.endswith(".py"):
            return import_module(where)
        spec = importlib.util.spec_from_file_location(Path(where).stem, where)
        if spec is None or spec.loader is None:
            raise ImportError(f"{where} is no Python file")
        module = importlib.util.module_from_spec(spec)
        sys.modules.setdefault(spec.name, module)  # dataclasses and pickles look their module up
        spec.loader.exec_module(module)
    except Exception as error:  # it is the user's code that runs
        raise ModelPackageError(f"--architecture: {where} cannot be imported: {_first(error)}") from error
    return module


def _example(module: nn.Module, path: Path, channels: int | None) -> NDArray[np.float32]:
    """Return random pixels (1, C, Y, X) of as many channels as the network takes."""
    import torch

    rng, faults = np.random.default_rng(0), []
    for count in (channels,) if channels else TRIED_CHANNELS:
        batch = rng.random((1, count, TRIED_SIZE, TRIED_SIZE), np.float32)
        try:
            result = module(torch.from_numpy(batch))
        except (RuntimeError, ValueError, TypeError) as error:
            faults.append(f"with {count} channel(s): {_first(error)}")
            continue
        if not isinstance(result, torch.Tensor):
            raise ModelPackageError(f"{path.name} gives a {type(result).__name__}; it must give one tensor of maps")
        return batch
    remedy = "" if channels else "; say how many channels it takes with --channels"
    raise ModelPackageError(f"{path.name} does not run on {TRIED_SIZE} × {TRIED_SIZE} px, {'; '.join(faults)}{remedy}")


def _by_onnx(module: nn.Module, path: Path, onnx: Path, batch: NDArray[np.float32]) -> ImportedNetwork:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the exporter's own deprecation, and what it says of traced shapes
            expected = write_onnx(module, onnx, batch)
    except Exception as error:  # torch's exporter raises all kinds
        raise ModelPackageError(f"{path.name} cannot be exported to ONNX: {_first(error)}") from error
    imported = import_onnx(onnx, axes=("bcyx", "bcyx"))
    difference = float(np.abs(infer_float32(imported.network, batch) - expected).max())
    largest = float(np.abs(expected).max())
    if not difference <= AGREES * max(1.0, largest):
        raise ModelPackageError(
            f"{path.name} gives other maps as ONNX than in PyTorch: they differ by up to {difference:.3g}, with values "
            f"up to {largest:.3g}; export it to ONNX yourself and convert that"
        )
    return replace(imported, form="PyTorch")


def _first(error: BaseException) -> str:
    """Return the first line of a message: PyTorch's go on with a stack."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
