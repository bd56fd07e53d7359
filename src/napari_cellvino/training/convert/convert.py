"""A network that others made, as a model package that runs here.

Steps: read it, assign its channels to the maps of a head, add what is missing (an activation, fixed preprocessing) to
the graph, check the output against its own test tensors, measure tile and memory, write the package.
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
from napari_cellvino.training.convert.adapt import AdaptedNetwork, AdaptOptions, adapt
from napari_cellvino.training.convert.describe import PackageText, write_description
from napari_cellvino.training.convert.importers import import_network
from napari_cellvino.training.convert.network_files import IR, save_network, save_test_tensors, tolerances
from napari_cellvino.training.convert.package_text import Sizes, package_text
from napari_cellvino.training.convert.selftest import Agreement


@dataclass(frozen=True, slots=True)
class ConvertOptions:
    """The name of the package, and settings for a network that its file does not contain."""

    name: str
    overrides: AdaptOptions
    sizes: Sizes
    architecture: str = ""
    channels: int | None = None


@dataclass(frozen=True, slots=True)
class ConversionResult:
    """The package, the format of its network, and what was changed.

    ``agreement`` is with the network's own test tensors, None where it came without any. ``fused`` is the number of
    upsamplings that were rewritten. ``complete`` says whether other bioimage.io programs can run it as well.
    """

    package: ModelPackage
    form: str
    agreement: Agreement | None
    fused: int
    complete: bool


def convert(source: Path, out: Path, options: ConvertOptions, *, overwrite: bool = False) -> ConversionResult:
    """Write the network in ``source`` as a package to the folder ``out``, and return it.

    Raises
    ------
    ModelPackageError
        If it cannot be read or run here, or its output differs from its own test tensors.
    OptionError
        If the settings do not fit.
    OutputError
        If ``out`` is in use, or cannot be written.
    """
    _check_target(out, overwrite=overwrite)
    with tempfile.TemporaryDirectory(prefix="cellvino-convert-") as scratch:
        imported = import_network(source, Path(scratch), architecture=options.architecture, channels=options.channels)
        adapted = adapt(imported, options.overrides)
        with atomic_folder(out) as folder:
            _write(folder, adapted, package_text(adapted, options.name, source.name, options.sizes))
    return ConversionResult(
        open_package(out), imported.form, adapted.agreement, adapted.fused, adapted.weights is not None
    )


def _check_target(out: Path, *, overwrite: bool) -> None:
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return
    if not (out / SPEC_NAME).is_file():
        raise OutputError(f"{out} is there and is no model package; name another folder with --out")
    if not overwrite:
        raise OutputError(f"there is a model package in {out}; choose another --name, or replace it with --overwrite")


def _write(folder: Path, adapted: AdaptedNetwork, text: PackageText) -> None:
    save_network(adapted.network, folder / IR)
    save_test_tensors(folder, adapted.given, adapted.expected)
    if adapted.weights and adapted.file:
        shutil.copyfile(adapted.file, folder / adapted.weights.file)
    write_description(folder, text, adapted.weights)
    measured = text.config | {"tolerance": tolerances(open_package(folder))}
    write_description(folder, replace(text, config=measured), adapted.weights)
