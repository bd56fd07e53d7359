"""``cellvino convert``: a network that others made becomes a model package."""

from __future__ import annotations

import argparse
import re
from dataclasses import asdict
from pathlib import Path

from napari_cellvino.core.errors import OptionError
from napari_cellvino.core.settings import user_model_folder
from napari_cellvino.storage.json_text import json_text
from napari_cellvino.training.convert.adapt import AdaptOptions
from napari_cellvino.training.convert.convert import ConversionResult, ConvertOptions, convert
from napari_cellvino.training.convert.package_text import Sizes

GENERAL_NAMES = {"model", "weights", "network", "rdf", "bioimageio", "saved_model", "best", "last"}


def run(options: argparse.Namespace) -> int:
    """Convert a network and print the result."""
    name = options.name or _name_from(options.network)
    overrides = AdaptOptions(
        options.head, _format(options.classes), _format(options.maps), options.activation, options.normalise
    )
    sizes = Sizes(options.diameter, options.tile, options.halo)
    out = options.out or user_model_folder() / name
    asked = ConvertOptions(name, overrides, sizes, options.architecture, options.channels)
    found = convert(options.network, out, asked, overwrite=options.overwrite)
    print(json_text(_record(found)).rstrip() if options.json else _report(found))
    return 0


def _name_from(path: Path) -> str:
    """Return a name for a package from that of a file; from its folder's, where every such file is called so."""
    whole = path.resolve()
    stem = whole.name if whole.is_dir() else whole.stem
    if stem.lower() in GENERAL_NAMES:
        stem = whole.parent.name
    name = re.sub(r"[^a-z0-9._-]+", "-", stem.lower()).strip("-._")
    if not name:
        raise OptionError(f"no name for the package follows from {path}; give one with --name")
    return name


def _format(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _record(found: ConversionResult) -> dict[str, object]:
    return {
        "folder": found.package.folder,
        "spec": found.package.spec.model_dump(mode="json"),
        "form": found.form,
        "agreement": asdict(found.agreement) if found.agreement else None,
        "fused": found.fused,
        "complete": found.complete,
    }


def _report(found: ConversionResult) -> str:
    spec, agreement = found.package.spec, found.agreement
    checked = f"differs by {agreement.rms:.2g} from its own test output" if agreement else "came without test tensors"
    lines = [
        f"{spec.name}: {', '.join(spec.maps)} from {found.form}, decoded by the head {spec.head.name}; {checked}",
        f"written to {found.package.folder}",
    ]
    if found.fused:
        lines.append(f"{found.fused} upsampling(s) rewritten: the same result, faster")
    if not found.complete:
        lines.append("other bioimage.io programs cannot run it: their format has no entry for this kind of network")
    return "\n".join([*lines, f"try it: cellvino run IMAGE --model {spec.name} --out DIR"])
