"""A model package that was checked: every file there, every sha256 right."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.core.errors import DeviceError, ModelPackageError
from napari_cellvino.core.recipe import Precision
from napari_cellvino.model_package.encryption import MAGIC, check_secret, decrypt, find_secret
from napari_cellvino.model_package.spec import ModelSpec, read_spec

ACCURACIES = ("ap_mean", "ap50", "f1_50", "f1_centre", "dice")  # scores of the card that INT8 must hold
MOST_LOST = 0.003  # of any of them, on any set


@dataclass(frozen=True, slots=True)
class ModelPackage:
    """A verified folder; ``sha256`` is one fingerprint over all its files."""

    folder: Path
    spec: ModelSpec
    sha256: str

    @property
    def label(self) -> str:
        """Return name and version, as layers and tables show it."""
        return f"{self.spec.name} {self.spec.version}"

    @property
    def precisions(self) -> tuple[Precision, ...]:
        """Precisions this package has weights for."""
        return (Precision.FAST, Precision.EXACT, *((Precision.INT8,) if "int8" in self.spec.weights else ()))

    @property
    def automatic_precision(self) -> Precision:
        """INT8 where its card shows no set that loses more than `MOST_LOST` of any accuracy to it, else Fast."""
        scores = {(s.set, s.metric, s.precision): s.value for s in self.spec.scores if s.metric in ACCURACIES}
        lost = [
            scores[name, metric, Precision.EXACT] - value
            for (name, metric, precision), value in scores.items()
            if precision is Precision.INT8 and (name, metric, Precision.EXACT) in scores
        ]
        held = "int8" in self.spec.weights and bool(lost) and max(lost) <= MOST_LOST
        return Precision.INT8 if held else Precision.FAST

    def weights(self, precision: Precision) -> Path:
        """Return the OpenVINO IR file for a precision.

        Raises
        ------
        DeviceError
            If the package ships no weights for it.
        """
        if precision not in self.precisions:
            offered = ", ".join(self.precisions)
            raise DeviceError(f"model {self.label} has no {precision} weights; it offers {offered}")
        return self.folder / self.spec.weights["int8" if precision is Precision.INT8 else "float"]

    def check_key(self) -> None:
        """Check that there is the key of an encrypted package, and that it is the right one.

        Raises
        ------
        ModelPackageError
            If not.
        """
        if self.spec.encryption is not None:
            check_secret(find_secret(self.spec.name, self.label), self.spec.encryption, label=self.label)

    def decrypted(self, precision: Precision) -> tuple[bytes, bytes]:
        """Return the OpenVINO IR of an encrypted package: the network and its weights, which stay in memory.

        Raises
        ------
        DeviceError
            If the package ships no weights for the precision.
        ModelPackageError
            If the key is missing or wrong, or a file was altered or swapped.
        ValueError
            If the package is not encrypted.
        """
        if self.spec.encryption is None:
            raise ValueError(f"model {self.label} is not encrypted")
        network, secret = self.weights(precision), find_secret(self.spec.name, self.label)
        files = (network, network.with_suffix(".bin"))
        opened = [
            decrypt(path.read_bytes(), secret, self.spec.encryption, label=self.label, file=path.name) for path in files
        ]
        return opened[0], opened[1]

    def refuse_encrypted(self, purpose: str) -> None:
        """Refuse what would write the weights of an encrypted package in the clear, or needs them so.

        Raises
        ------
        ModelPackageError
            If the package is encrypted; ``purpose`` ends the sentence "it cannot be …".
        """
        if self.spec.encryption is not None:
            raise ModelPackageError(
                f"model {self.label} is encrypted: it runs, but cannot be {purpose}; use the model it was made of"
            )

    def test_tensors(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return the package's test input (1, C, Y, X) and its expected output (1, maps, Y / s, X / s).

        Raises
        ------
        ModelPackageError
            If they are not among the files that were checked, or do not fit together.
        """
        given, reference = self._tensor("test_input.npy"), self._tensor("test_output.npy")
        expected = (1, len(self.spec.maps), *(size // self.spec.stride for size in given.shape[2:]))
        if reference.shape != expected:
            raise ModelPackageError(
                f"model {self.label} has a test output of shape {reference.shape} for a test input of {given.shape}; "
                f"it should be {expected}: (1, maps, height, width)"
            )
        return given, reference

    def _tensor(self, name: str) -> NDArray[np.float32]:
        if name not in self.spec.sha256:
            raise ModelPackageError(f"model {self.label} in {self.folder} ships no {name}, so it cannot be checked")
        try:
            tensor: NDArray[np.float32] = np.load(self.folder / name)
        except (OSError, ValueError, EOFError) as error:
            raise ModelPackageError(f"model {self.label}: {self.folder / name} is no array file: {error}") from error
        return tensor

    def card(self) -> str:
        """Return the model card (Markdown), or the description where there is none."""
        try:
            return (self.folder / "README.md").read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            return self.spec.description


def open_package(folder: Path) -> ModelPackage:
    """Return the package in ``folder`` after checking that each file it lists has the sha256 it should have.

    Raises
    ------
    ModelPackageError
        If a file is missing or was altered, or the description cannot be used.
    """
    spec = read_spec(folder)
    needed = {*spec.weights.values(), *(name[:-4] + ".bin" for name in spec.weights.values())}
    unlisted = sorted(needed - spec.sha256.keys())
    if unlisted:
        raise ModelPackageError(f"model {spec.name} in {folder} lists no sha256 for {', '.join(unlisted)}")
    for name, wanted in spec.sha256.items():
        _check_file(folder, spec, name, wanted, encrypted=spec.encryption is not None and name in needed)
    everything = "".join(f"{name}:{spec.sha256[name]}\n" for name in sorted(spec.sha256))
    return ModelPackage(folder, spec, hashlib.sha256(everything.encode()).hexdigest())


def _check_file(folder: Path, spec: ModelSpec, name: str, wanted: str, *, encrypted: bool) -> None:
    path, model = folder / name, spec.name
    if not path.resolve().is_relative_to(folder.resolve()):
        raise ModelPackageError(f"model {model} in {folder} names a file outside its folder: {name}")
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelPackageError(
            f"model {model} in {folder} lacks {name}: {error.strerror}; install it again"
        ) from error
    found = hashlib.sha256(content).hexdigest()
    if found != wanted:
        raise ModelPackageError(
            f"model {model}: {path} was altered (sha256 {found[:12]}… instead of {wanted[:12]}…); install it again"
        )
    if content.startswith(MAGIC) != encrypted:
        state = "is not encrypted, and described so" if encrypted else "is encrypted, and not described so"
        raise ModelPackageError(f"model {model}: {path} {state}; install it again")
