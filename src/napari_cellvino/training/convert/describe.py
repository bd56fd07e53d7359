"""Write what a model package says of itself: ``rdf.yaml`` that bioimage.io consumers read, and the model card."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from copy import copy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from napari_cellvino.model_package.spec import SPEC_NAME, Normalisation

Config = dict[str, Any]
Step = dict[str, Any]

CARD = "README.md"
TEST_TENSORS = ("test_input.npy", "test_output.npy")
SMALLEST_INPUT = 64  # px
UNNAMEABLE = re.compile(r"[^\w+\- ()]", re.ASCII)  # what bioimage.io allows in no name
TASK_TAGS = {
    "instances": ("segmentation", "instance-segmentation"),
    "detection": ("detection", "object-detection"),
    "mask": ("segmentation", "semantic-segmentation"),
}


@dataclass(frozen=True, slots=True)
class SourceWeights:
    """Weights that other programs read: the entry ``kind`` of bioimage.io's ``weights``, its file and its facts.

    ``before`` are bioimage.io's processing steps between the normalised image and this file's input, ``after`` those
    between its output and the package's maps.
    """

    kind: str
    file: str
    facts: Mapping[str, object] = field(default_factory=dict)
    before: tuple[Step, ...] = ()
    after: tuple[Step, ...] = ()


EXPORTED = SourceWeights("onnx", "model.onnx", {"opset_version": 17})


@dataclass(frozen=True, slots=True)
class PackageText:
    """The words of a package: what the description and the model card say.

    ``config`` is ``config.cellvino``, without the sums. Images have sides of a multiple of ``multiple`` px; where the
    weights for other programs take only squares of one size, ``side`` is that, and ``batch`` the only number at once.
    """

    name: str
    title: str
    version: str
    description: str
    card: str
    licence: str = "CC-BY-4.0"
    authors: tuple[str, ...] = ("The napari-cellvino developers",)
    cite: tuple[dict[str, str], ...] = ()
    tags: tuple[str, ...] = ()
    config: Config = field(default_factory=dict)
    multiple: int = 16
    side: int | None = None
    batch: int | None = None


def write_description(folder: Path, text: PackageText, source: SourceWeights | None = EXPORTED) -> None:
    """Write ``README.md`` and ``rdf.yaml`` (bioimage.io model 0.5) for the files in ``folder``.

    ``source`` is None where the network came in a form that bioimage.io has no entry for: the package runs here all
    the same, but its description is then not a complete one.
    """
    (folder / CARD).write_text(text.card, encoding="utf-8")
    sums = file_sums(folder)
    rdf = _common(text) | {"inputs": [_input(text, sums, source)], "outputs": [_output(text, sums, source)]}
    rdf["weights"] = {source.kind: _listed(source.file, sums) | dict(source.facts)} if source else {}
    rdf["attachments"] = attachments(sums, source.file if source else "")
    rdf["config"] = {"cellvino": text.config | {"sha256": sums}}
    write_rdf(folder, rdf)


def write_rdf(folder: Path, rdf: Config) -> None:
    """Write the description's text."""
    (folder / SPEC_NAME).write_text(yaml.safe_dump(rdf, sort_keys=False, allow_unicode=True), encoding="utf-8")


def file_sums(folder: Path) -> dict[str, str]:
    """Return the sha256 of every file of a package but the description itself."""
    files = (path for path in sorted(folder.iterdir()) if path.is_file() and path.name != SPEC_NAME)
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def attachments(sums: Mapping[str, str], *elsewhere: str) -> list[Config]:
    """Return the entries of files that stand nowhere else in the description: the OpenVINO networks first of all."""
    known = {CARD, *TEST_TENSORS, *elsewhere}
    return [_listed(name, sums) for name in sums if name not in known]


def _listed(name: str, sums: Mapping[str, str]) -> Config:
    return {"source": name, "sha256": sums[name]}


def _common(text: PackageText) -> Config:
    said = {"license": text.licence} if text.licence else {}
    return said | {
        "format_version": "0.5.4",
        "type": "model",
        "name": UNNAMEABLE.sub("", text.title),
        "version": text.version,
        "description": text.description,
        "authors": [{"name": name} for name in text.authors],
        "cite": [dict(entry) for entry in text.cite],
        "documentation": CARD,
        "tags": list(dict.fromkeys((*TASK_TAGS[text.config["task"]], *text.tags, "openvino"))),
    }


def _input(text: PackageText, sums: Mapping[str, str], source: SourceWeights | None) -> Config:
    channels = text.config.get("input_channels", 1)
    names = ("red", "green", "blue") if channels == 3 else tuple(f"channel{i}" for i in range(channels))
    smallest = -(-SMALLEST_INPUT // text.multiple) * text.multiple
    size = text.side or {"min": smallest, "step": text.multiple}
    how = normalising_step(Normalisation.model_validate(text.config.get("normalise", {})))
    return {
        "id": "image",
        "axes": [*_axes(names, text.batch), *({"type": "space", "id": axis, "size": copy(size)} for axis in "yx")],
        "data": {"type": "float32"},
        "preprocessing": [*([how] if how else []), *(dict(step) for step in (source.before if source else ()))],
        "test_tensor": _listed(TEST_TENSORS[0], sums),
    }


def _output(text: PackageText, sums: Mapping[str, str], source: SourceWeights | None) -> Config:
    stride = text.config.get("stride", 1)
    scale = {"scale": float(stride)} if stride > 1 else {}  # a map's pixel is so many px of the image wide
    space = [{"type": "space", "id": axis, "size": {"tensor_id": "image", "axis_id": axis}} | scale for axis in "yx"]
    return {
        "id": "maps",
        "axes": [*_axes(text.config["maps"], None), *space],
        "data": {"type": "float32"},
        "postprocessing": [dict(step) for step in (source.after if source else ())],
        "test_tensor": _listed(TEST_TENSORS[1], sums),
    }


def _axes(channel_names: Iterable[str], batch: int | None) -> list[Config]:
    several: Config = {"size": batch} if batch else {}
    return [{"type": "batch"} | several, {"type": "channel", "channel_names": list(channel_names)}]


def normalising_step(how: Normalisation) -> Step | None:
    """Return bioimage.io's word for a normalisation, channel by channel; None where there is none."""
    kwargs = {"axes": ["y", "x"]}
    if how.method == "none":
        return None
    if how.method == "mean_std":
        return {"id": "zero_mean_unit_variance", "kwargs": kwargs}
    return {"id": "scale_range", "kwargs": kwargs | {"min_percentile": how.low, "max_percentile": how.high}}
