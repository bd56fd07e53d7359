"""A network that others made, as a model package that runs here.

The way: read it, wire its channels to a head's maps, put what is missing (an activation, fixed preprocessing) into the
graph, see that it still does what its makers promise, measure what running it needs, write the package.
"""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

from napari_cellvino.core.errors import OutputError
from napari_cellvino.model_package import ModelPackage, open_package
from napari_cellvino.model_package.spec import SPEC_NAME
from napari_cellvino.storage.atomic import atomic_folder
from napari_cellvino.training.convert.adapt import Adapted, AdaptOptions, adapt
from napari_cellvino.training.convert.describe import PackageText, write_description
from napari_cellvino.training.convert.importers import import_network
from napari_cellvino.training.convert.network_files import IR, save_network, save_test_tensors, tolerances
from napari_cellvino.training.convert.package_text import Sizes, package_text
from napari_cellvino.training.convert.selftest import Agreement


@dataclass(frozen=True, slots=True)
class ConvertOptions:
    """The name of the package, and what is said of a network beside its file."""

    name: str
    overrides: AdaptOptions
    sizes: Sizes
    architecture: str = ""
    channels: int | None = None


@dataclass(frozen=True, slots=True)
class Converted:
    """The package, the form its network came in, and what was done to it.

    ``agreement`` is with the network's own test tensors, None where it came without any. ``fused`` is the number of
    upsamplings that were rewritten. ``complete`` says whether other bioimage.io programs can run it as well.
    """

    package: ModelPackage
    form: str
    agreement: Agreement | None
    fused: int
    complete: bool


def convert(source: Path, out: Path, options: ConvertOptions, *, overwrite: bool = False) -> Converted:
    """Write the network in ``source`` as a package to the folder ``out``, and return it.

    Raises
    ------
    ModelPackageError
        If it cannot be read, cannot be run here, or does not do what its own test tensors promise.
    OptionError
        If what is said of it does not fit.
    OutputError
        If ``out`` is in use, or cannot be written.
    """
    _check_target(out, overwrite=overwrite)
    with tempfile.TemporaryDirectory(prefix="cellvino-convert-") as scratch:
        imported = import_network(source, Path(scratch), architecture=options.architecture, channels=options.channels)
        adapted = adapt(imported, options.overrides)
        with atomic_folder(out) as folder:
            _write(folder, adapted, package_text(adapted, options.name, source.name, options.sizes))
    return Converted(open_package(out), imported.form, adapted.agreement, adapted.fused, adapted.weights is not None)


def _check_target(out: Path, *, overwrite: bool) -> None:
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return
    if not (out / SPEC_NAME).is_file():
        raise OutputError(f"{out} is there and is no model package; name another folder with --out")
    if not overwrite:
        raise OutputError(f"there is a model package in {out}; choose another --name, or replace it with --overwrite")


def _write(folder: Path, adapted: Adapted, text: PackageText) -> None:
    save_network(adapted.network, folder / IR)
    save_test_tensors(folder, adapted.given, adapted.promised)
    if adapted.weights and adapted.file:
        shutil.copyfile(adapted.file, folder / adapted.weights.file)
    write_description(folder, text, adapted.weights)
    measured = text.config | {"tolerance": tolerances(open_package(folder))}
    write_description(folder, replace(text, config=measured), adapted.weights)
