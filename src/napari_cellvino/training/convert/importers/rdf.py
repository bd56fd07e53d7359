"""Models described by bioimage.io, versions 0.4 and 0.5: a folder, a zip file, or the description itself.

Read here and not by bioimageio.spec: it would be a heavy dependency for a few fields, and the two versions differ in
them only by names. Nothing is downloaded and no code of the folder is run.

References
----------
https://github.com/bioimage-io/spec-bioimage-io (model description 0.4 and 0.5)
"""

from __future__ import annotations

import hashlib
import lzma
import re
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from napari_cellvino.core.errors import ModelPackageError
from napari_cellvino.core.yaml_text import load_yaml
from napari_cellvino.training.convert.describe import SourceWeights
from napari_cellvino.training.convert.graph import PLANES
from napari_cellvino.training.convert.importers.imported import ImportedNetwork, ModelInfo, ReferenceTensors
from napari_cellvino.training.convert.importers.openvino_formats import import_onnx, import_saved_model
from napari_cellvino.training.convert.importers.processing import read_processing, remove_casts, renamed
from napari_cellvino.training.convert.importers.torch_file import import_torch

RDF_NAMES = ("rdf.yaml", "bioimageio.yaml", "model.yaml")
FORMS = ("onnx", "torchscript", "tensorflow_saved_model_bundle")  # those that need no code, best first
AXIS_LETTERS = {"batch": "b", "channel": "c", "time": "t", "index": "i"}

ALWAYS_UNPACKED = 2**28  # bytes
MOST_MEMBERS = 2_000  # files of a model: weights, test tensors, documents
BEST_RATIO = 50  # of weights and test tensors; those that are all zeros are small

Section = Mapping[str, Any]


def is_described(path: Path) -> bool:
    """Return whether a path is, or holds, a model description."""
    if path.is_dir():
        return any((path / name).is_file() for name in RDF_NAMES)
    return path.suffix.lower() in {".yaml", ".yml"} or (zipfile.is_zipfile(path) and path.suffix.lower() == ".zip")


def import_described(path: Path, scratch: Path) -> ImportedNetwork:
    """Return the network of a described model, and what the description says.

    Raises
    ------
    ModelPackageError
        If the description cannot be understood or used, or its files are not what it says.
    """
    file = _description(path, scratch)
    rdf = _read(file)
    given, result = (_only(rdf, key, file) for key in ("inputs", "outputs"))
    if _name(given) == _name(result):
        raise ModelPackageError(f"{file.name} calls both the input and the output {_name(given)!r}; rename one")
    axes = _axes(given, file), _axes(result, file)
    imported = _network(rdf, file, axes, scratch)
    return imported.with_info(_model_info(rdf, given, result, file, axes))


def _description(path: Path, scratch: Path) -> Path:
    if path.suffix.lower() == ".zip":
        path = unpack(path, scratch / "unpacked")
    if path.is_file():
        return path
    found = next((path / name for name in RDF_NAMES if (path / name).is_file()), None)
    if found is None:
        raise ModelPackageError(f"{path.name} holds none of {', '.join(RDF_NAMES)}, so it is no bioimage.io model")
    return found


def unpack(path: Path, folder: Path) -> Path:
    """Unpack a zip file of a model into a new folder, and return that.

    Raises
    ------
    ModelPackageError
        If it is damaged, encrypted, packed in a way that is not known, or unpacks to more than weights do.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            if len(members) > MOST_MEMBERS:
                raise ModelPackageError(f"{path} holds {len(members):,} files, as no model does; unpack it and name it")
            size = sum(member.file_size for member in members)
            if size > max(ALWAYS_UNPACKED, BEST_RATIO * path.stat().st_size):
                raise ModelPackageError(
                    f"{path} unpacks to {size / 2**30:,.1f} GB from {path.stat().st_size:,} bytes, as no weights do; "
                    "it is damaged, or holds something else than a model"
                )
            archive.extractall(folder)
    except (OSError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, RuntimeError, EOFError, ValueError) as error:
        raise ModelPackageError(f"{path} cannot be unpacked: {error}; unpack it and name the folder") from error
    return folder


def _read(file: Path) -> Section:
    try:
        rdf = load_yaml(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ModelPackageError(f"{file} cannot be read: {error}") from error
    if not isinstance(rdf, dict) or rdf.get("type", "model") != "model" or "weights" not in rdf:
        raise ModelPackageError(f"{file} describes no bioimage.io model")
    version = str(rdf.get("format_version", ""))
    if not re.match(r"0\.[45]\.", version):
        raise ModelPackageError(
            f"{file} has the format version {version or 'of nobody knows when'}; 0.4 and 0.5 are known"
        )
    return rdf


def _only(rdf: Section, key: str, file: Path) -> Section:
    tensors = rdf.get(key)
    if not isinstance(tensors, list) or len(tensors) != 1 or not isinstance(tensors[0], dict):
        count = len(tensors) if isinstance(tensors, list) else "no"
        raise ModelPackageError(
            f"{file.name} has {count} {key}; CellVINO runs networks with one image in, one array out"
        )
    return dict(tensors[0])


def _name(tensor: Section) -> str:
    return str(tensor.get("id") or tensor.get("name"))


def _axes(tensor: Section, file: Path) -> str:
    """Return the axes of a tensor as letters: ``bcyx`` in some order."""
    axes = tensor.get("axes", "")
    letters = axes if isinstance(axes, str) else "".join(_letter(axis) for axis in axes)
    if sorted(letters) != sorted(PLANES):
        raise ModelPackageError(
            f"{file.name}: {_name(tensor)} has the axes {letters!r}; CellVINO runs networks of single planes with the "
            "axes b, c, y, x"
        )
    return letters


def _letter(axis: Section) -> str:
    kind = str(axis.get("type"))
    return AXIS_LETTERS.get(kind) or str(axis.get("id", "x"))


def _network(rdf: Section, file: Path, axes: tuple[str, str], scratch: Path) -> ImportedNetwork:
    said = {kind: entry for kind, entry in rdf["weights"].items() if isinstance(entry, dict)}
    for kind in FORMS:
        source = _local(said.get(kind, {}), file)
        if source is None:
            continue
        if kind == "onnx":
            return import_onnx(source, axes=axes)
        if kind == "torchscript":
            imported = import_torch(source, scratch, "", _channels(_only(rdf, "inputs", file)))
            info = {"pytorch_version": str(said[kind].get("pytorch_version", "2.0"))}
            return replace(imported, weights=SourceWeights(kind, source.name, info), file=source)
        return import_saved_model(_unpacked(source, scratch), axes=axes)
    offered = ", ".join(said) or "none"
    raise ModelPackageError(
        f"{file.name} has no weights beside it that can be read without running its code: {', '.join(FORMS)} are "
        f"looked for, and it offers {offered}; convert its PyTorch weights with --architecture FILE.py:CLASS instead"
    )


def _local(entry: Section, file: Path) -> Path | None:
    """Return the file of a weights entry or a test tensor, if it lies beside the description; checked."""
    name = str(entry.get("source", ""))
    path = file.parent / name
    if not name or "://" in name or not path.resolve().is_relative_to(file.parent.resolve()) or not path.exists():
        return None
    wanted = entry.get("sha256")
    if wanted and path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() != wanted:
        raise ModelPackageError(f"{path} is not the file that {file.name} describes (its sha256 differs)")
    return path


def _unpacked(source: Path, scratch: Path) -> Path:
    if source.is_dir():
        return source
    folder = unpack(source, scratch / "saved_model")
    return next((p.parent for p in sorted(folder.rglob("saved_model.pb"))), folder)


def _model_info(rdf: Section, given: Section, result: Section, file: Path, axes: tuple[str, str]) -> ModelInfo:
    normalise, before = read_processing(given.get("preprocessing") or ())
    return ModelInfo(
        title=str(rdf.get("name", "")),
        description=str(rdf.get("description", "")),
        version=str(rdf.get("version", "")),
        licence=str(rdf.get("license", "")),
        authors=tuple(str(author.get("name")) for author in rdf.get("authors") or ()),
        cite=tuple(
            {key: str(entry[key]) for key in ("text", "doi", "url") if entry.get(key)}
            for entry in rdf.get("cite") or ()
        ),
        normalise=normalise,
        before=before,
        after=remove_casts(renamed(step) for step in result.get("postprocessing") or ()),
        maps=_channel_names(result),
        halo=_halo(result),
        test=_tensors(rdf, given, result, file, axes),
    )


def _channels(tensor: Section) -> int | None:
    if isinstance(tensor.get("axes"), str):
        shape = tensor.get("shape")
        return int(shape[tensor["axes"].index("c")]) if isinstance(shape, list) else None
    return len(_channel_names(tensor)) or None


def _channel_names(tensor: Section) -> tuple[str, ...]:
    if isinstance(tensor.get("axes"), str):
        return ()
    return next((tuple(map(str, a.get("channel_names", ()))) for a in tensor["axes"] if a.get("type") == "channel"), ())


def _halo(tensor: Section) -> int | None:
    if isinstance(tensor.get("axes"), str):
        return max(map(int, tensor["halo"])) if tensor.get("halo") else None
    said = [int(axis["halo"]) for axis in tensor["axes"] if axis.get("halo")]
    return max(said) if said else None


def _tensors(
    rdf: Section, given: Section, result: Section, file: Path, axes: tuple[str, str]
) -> ReferenceTensors | None:
    """Return the model's own test tensors as (1, C, Y, X), None where they are not beside the description."""
    if isinstance(given.get("axes"), str):
        entries = [{"source": (rdf.get(key) or [""])[0]} for key in ("test_inputs", "test_outputs")]
    else:
        entries = [dict(tensor.get("test_tensor") or {}) for tensor in (given, result)]
    paths = [_local(entry, file) for entry in entries]
    found = [_array(path, letters) for path, letters in zip(paths, axes, strict=True) if path is not None]
    return ReferenceTensors(*found) if len(found) == 2 else None


def _array(path: Path, letters: str) -> NDArray[np.float32]:
    try:
        array = np.load(path, allow_pickle=False)
        return np.asarray(array.transpose([letters.index(axis) for axis in PLANES]), np.float32)[:1]
    except (OSError, ValueError, EOFError) as error:
        raise ModelPackageError(f"test tensor {path} is no array with the axes {letters}: {error}") from error
