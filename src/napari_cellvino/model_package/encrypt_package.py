"""Write a package whose weights are encrypted, beside the one that they are read from."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import yaml

from napari_cellvino.core.errors import ReplaceError
from napari_cellvino.model_package.encryption import Encryption, encrypt, new_encryption
from napari_cellvino.model_package.package import ModelPackage, open_package
from napari_cellvino.model_package.spec import SPEC_NAME
from napari_cellvino.storage.atomic import atomic_folder

_KEPT = ("README.md", "test_input.npy", "test_output.npy")  # nothing of them gives the weights away


def encrypt_package(package: ModelPackage, secret: bytes, out: Path) -> ModelPackage:
    """Return a copy of a package in ``out`` with its OpenVINO networks encrypted.

    Other files that hold weights, or what they were trained with, are left out: it runs, and cannot be trained
    further, quantized or exported.

    Parameters
    ----------
    package
        The package; it stays as it is.
    secret
        64 hexadecimal digits (the key itself), or a pass phrase.
    out
        Folder for the copy.

    Raises
    ------
    ModelPackageError
        If the package is encrypted already.
    OptionError
        If the secret is empty.
    ReplaceError
        If the folder is there.
    OutputError
        If it cannot be written.
    """
    package.refuse_encrypted("encrypted again")
    if out.exists():
        raise ReplaceError(f"{out} is there already; choose another folder")
    encryption = new_encryption(secret)
    with atomic_folder(out) as folder:
        for name in _KEPT:
            if name in package.spec.sha256:
                (folder / name).write_bytes((package.folder / name).read_bytes())
        for network in package.spec.weights.values():
            for name in (network, f"{network.removesuffix('.xml')}.bin"):
                content = (package.folder / name).read_bytes()
                closed = encrypt(content, secret, encryption, label=package.label, file=name)
                (folder / name).write_bytes(closed)
        _write_description(package, encryption, folder)
    return open_package(out)


def _write_description(package: ModelPackage, encryption: Encryption, folder: Path) -> None:
    """Write the description with the files that are in ``folder``."""
    rdf: dict[str, Any] = yaml.safe_load((package.folder / SPEC_NAME).read_text(encoding="utf-8"))
    sums = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}
    rdf["weights"] = {}
    rdf["attachments"] = [{"source": name, "sha256": sums[name]} for name in sums if name not in _KEPT]
    rdf["config"]["cellvino"] |= {"sha256": sums, "encryption": encryption.model_dump()}
    (folder / SPEC_NAME).write_text(yaml.safe_dump(rdf, sort_keys=False, allow_unicode=True), encoding="utf-8")
