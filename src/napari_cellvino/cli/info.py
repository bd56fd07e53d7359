"""``cellvino info``: what is understood of image files, without reading their pixels, and of model packages."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from napari_cellvino.cli.plates import plate_info
from napari_cellvino.cli.recipe_options import overrides_from
from napari_cellvino.core.errors import CellvinoError
from napari_cellvino.core.image import MetadataOverrides, Stack
from napari_cellvino.io import open_as
from napari_cellvino.io.plates import open_plate
from napari_cellvino.model_package import ModelSpec, open_package
from napari_cellvino.model_package.spec import SPEC_NAME
from napari_cellvino.storage.json_text import json_text
from napari_cellvino.workflows.plate_inputs import is_plate
from napari_cellvino.workflows.run_folder import describe_inputs, list_inputs

Found = list[tuple[dict[str, object], str]]  # as JSON values, and as text


def run(options: argparse.Namespace) -> int:
    """Describe every position of every file, and every model package; 1 when some could not be read."""
    models = [path for path in options.inputs if os.path.isfile(path / SPEC_NAME)]
    said = overrides_from(options)
    images = [path for path in options.inputs if path not in models]
    plates = [path for path in images if is_plate(path, said.pattern, options.plate)]
    others = [path for path in images if path not in plates]
    files = list_inputs(others, said.pattern)
    for sentence in describe_inputs(others, said.pattern):
        print(sentence, file=sys.stderr)  # as a run would say it
    records: list[dict[str, object]] = []
    failed = 0
    looks: list[tuple[Path, Callable[[Path], Found]]] = [(path, _model) for path in models]
    looks += [(path, partial(_plate, said)) for path in plates]
    looks += [(path, partial(_image, said)) for path in files]
    for path, look in looks:
        try:
            found = look(path)
        except CellvinoError as error:
            failed += 1
            found = [({"file": str(path), "error": str(error)}, "")]
            if not options.json:
                print(error, file=sys.stderr)
        records += [record for record, _ in found]
        if not options.json:
            print("".join(f"{text}\n" for _, text in found if text), end="")
    if options.json:
        print(json_text(records), end="")
    return int(failed > 0)


def _plate(said: MetadataOverrides, path: Path) -> Found:
    source = open_plate(path, said)
    return [plate_info(path, source.plate)]


def _image(said: MetadataOverrides, path: Path) -> Found:
    source = open_as(path, said)
    stacks = [source.read(position) for position in source.positions]
    return [(_record(path, stack), _format(path, stack)) for stack in stacks]


def _model(path: Path) -> Found:
    spec = open_package(path).spec
    return [({"file": str(path), "model": spec.model_dump(mode="json")}, _format_model(path, spec))]


def _format_model(path: Path, spec: ModelSpec) -> str:
    d = spec.diameter_px
    cells = f"cells of {d.smallest:g} to {d.largest:g} px, best {d.reference:g} px"
    assumed = f"; assumed {d.assumed:g} px where none is given" if d.assumed else ""
    taken = "; sought where no diameter is given" if d.always_sought else assumed
    lines = (
        f"model {spec.name} {spec.version}, {spec.title}: {spec.description}",
        f"{spec.describe_task()} · {cells}{taken}",
        f"{'red, green and blue, or one channel' if spec.input_channels == 3 else 'one channel'} · {spec.licence}",
    )
    return "\n  ".join((str(path), *lines))


def _record(path: Path, stack: Stack) -> dict[str, object]:
    return {
        "file": str(path),
        "position": stack.origin.position,
        "shape": stack.shape._asdict(),
        "dtype": str(stack.dtype),
        "rgb": stack.rgb,
        "spacing_um": {"z": stack.spacing.z, "y": stack.spacing.y, "x": stack.spacing.x},
        "channels": list(stack.channels),
        "assumptions": list(stack.assumptions),
    }


def _format(path: Path, stack: Stack) -> str:
    place = f" {stack.origin.position}" if stack.origin.position else ""
    lines = [f"{path}{place}", stack.describe(), stack.describe_spacing()]
    if stack.shape.c > 1:
        lines.append("channels: " + ", ".join(f"{n} {name}" for n, name in enumerate(stack.channels, 1)))
    sizes = stack.unknown_sizes if stack.spacing.known else ()  # otherwise in the line of the spacing
    return "\n  ".join([*lines, *stack.remarks, *stack.doubts, *sizes])
