"""A fitted network of phenotypes as a folder: ONNX, OpenVINO, classes, and tensors that show that both say the same."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import openvino as ov
import yaml
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError

from napari_cellvino.core.errors import ModelPackageError
from napari_cellvino.core.yaml_text import load_yaml
from napari_cellvino.engines.openvino import compile_network, openvino_core
from napari_cellvino.storage.atomic import atomic_folder

if TYPE_CHECKING:
    from torch import nn

NAME, IR = "phenotype.yaml", "model.xml"
INPUT, OUTPUT = "test_input.npy", "test_output.npy"
TOLERANCE = 1e-3  # of evidence, between torch and OpenVINO in f32


class PhenotypeSpec(BaseModel):
    """What is known of a network: classes in order, channels, and how well it told a plate that it had not seen."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    classes: tuple[str, ...]
    channels: int
    fields: int
    steps: int
    held_out: str = ""
    accuracy: float | None = None
    sha256: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Phenotypes:
    """Probabilities (K,) of the classes of a field, and the evidence (K, Y / 32, X / 32) that they come from."""

    probabilities: NDArray[np.float64]
    evidence: NDArray[np.float32]


class PhenotypeModel:
    """A network on the processor, in f32, or as `fast` as the processor can."""

    def __init__(self, folder: Path, spec: PhenotypeSpec, *, fast: bool = False) -> None:
        self.spec, self._folder = spec, folder
        self._network = openvino_core().read_model(folder / IR)
        self._settings: dict[str, object] = {} if fast else {"INFERENCE_PRECISION_HINT": "f32"}
        self._compiled: dict[tuple[int, ...], ov.CompiledModel] = {}

    def fast(self) -> PhenotypeModel:
        """Return the same network in bf16, where the processor has it: three times as fast, to 1 % of evidence."""
        return PhenotypeModel(self._folder, self.spec, fast=True)

    def look(self, pixels: NDArray[np.float32]) -> Phenotypes:
        """Return the phenotypes of what `seen` made of a field (C, Y, X).

        Raises
        ------
        ModelPackageError
            If it has another number of channels.
        """
        if len(pixels) != self.spec.channels:
            raise ModelPackageError(
                f"the model looks at {self.spec.channels} channels, and the field has {len(pixels)}"
            )
        evidence = np.array(self._of_size(pixels.shape).create_infer_request().infer(pixels[None])[0], np.float32)[0]
        logits = evidence.mean((1, 2), dtype=np.float64)
        powers = np.exp(logits - logits.max())
        return Phenotypes(powers / powers.sum(), evidence)

    def _of_size(self, shape: tuple[int, ...]) -> ov.CompiledModel:
        """Return the network for fields of one size: a fixed one is faster, and fields of a plate are alike."""
        if shape not in self._compiled:
            network = self._network.clone()
            network.reshape([1, *shape])
            self._compiled = {shape: compile_network(network, "CPU", self._settings)}
        return self._compiled[shape]


def write_phenotypes(network: nn.Module, spec: PhenotypeSpec, folder: Path, example: NDArray[np.float32]) -> None:
    """Write a network (torch) with its spec, unless OpenVINO says something else than torch of an example (C, Y, X).

    Raises
    ------
    ModelPackageError
        If the two differ by more than 1e-3.
    OutputError
        If the folder cannot be written.
    """
    from napari_cellvino.training.convert.network_files import write_with_example

    with atomic_folder(folder) as part:
        write_with_example(network, part, example[None], names=(INPUT, OUTPUT))
        told = spec.model_copy(update={"sha256": _sha256(part)})
        (part / NAME).write_text(yaml.safe_dump(told.model_dump(mode="json"), sort_keys=False), encoding="utf-8")
        open_phenotypes(part)


def open_phenotypes(folder: Path) -> PhenotypeModel:
    """Return the network in a folder, after it gave what it should on its own example.

    Raises
    ------
    ModelPackageError
        If it is damaged, or this computer makes something else of the example.
    """
    try:
        spec = PhenotypeSpec.model_validate(load_yaml((folder / NAME).read_text(encoding="utf-8")))
        example, expected = (_one(np.load(folder / name)) for name in (INPUT, OUTPUT))
    except (OSError, ValueError, ValidationError, yaml.YAMLError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise ModelPackageError(
            f"{folder} holds no model of phenotypes: {why}; name the folder that training wrote"
        ) from error
    if spec.sha256 != _sha256(folder):
        raise ModelPackageError(f"the network in {folder} is not the one that {NAME} is of; train it again")
    model = PhenotypeModel(folder, spec)
    far = float(np.abs(model.look(example).evidence - expected).max())
    if far > TOLERANCE:
        raise ModelPackageError(
            f"the network in {folder} gives something else here than where it was made (by {far:.2g})"
        )
    return model


def _one(tensor: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return a tensor (1, C, Y, X), or (C, Y, X) as earlier versions wrote it, as the latter."""
    return tensor.reshape(tensor.shape[-3:])


def _sha256(folder: Path) -> str:
    digest = hashlib.sha256()
    for name in (IR, Path(IR).with_suffix(".bin").name):
        digest.update((folder / name).read_bytes() if (folder / name).is_file() else b"")
    return digest.hexdigest()
