"""``cellvino teach``: strokes in, a model out."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path

from napari_cellvino.core.progress import finish
from napari_cellvino.storage.json_text import json_text
from napari_cellvino.training.teach.teach import TeachResult
from napari_cellvino.workflows.recipe_choices import apply_choices, default_recipe
from napari_cellvino.workflows.run_folder import list_inputs
from napari_cellvino.workflows.teach import TeachChoices, teach_images


def run(options: argparse.Namespace) -> int:
    """Teach, and print what was learnt; 0."""
    typed = {name: getattr(options, name) for name in ("channel", "z", "frame", "axes", "device")}
    typed["diameter_px"] = options.diameter
    given = {name: value for name, value in typed.items() if value is not None}
    images = list_inputs([_images_folder(path) for path in options.images])
    choices = TeachChoices(
        options.out,
        apply_choices(default_recipe(), given, {}, source="the options"),
        name=options.name,
        classes=tuple(name.strip() for name in options.classes.split(",") if name.strip()),
        by=options.by,
        overwrite=options.overwrite,
    )
    result = finish(teach_images(images, options.strokes, choices))
    if options.json:
        print(json_text(_record(result)), end="")
    else:
        _tell(result)
    return 0


def _images_folder(path: Path) -> Path:
    """Return the folder ``images`` of a labelled set, else the path itself."""
    inner = path / "images"
    return inner if inner.is_dir() else path


def _tell(result: TeachResult) -> None:
    spec = result.package.spec
    print(f"{result.package.label} is in {result.package.folder}; run it with --model {result.package.folder}")
    if spec.taught is not None:
        strokes = ", ".join(f"{count} {kind}" for kind, count in spec.taught.strokes.items())
        print(f"taught on {len(spec.taught.fields)} field(s): {strokes} strokes, {spec.taught.outlined} outlined cells")
    print(f"cells are about {result.size.diameter_px:.0f} px across, looked at {result.size.zoom:.2g} times as large")
    for field in result.fields:
        print(f"{field.name}: {len(field.found.objects)} cells")
    field = result.next_field
    print(
        f"paint next: {field.name}, at y {field.next.y}, x {field.next.x}: of {field.next.side} px round it, with "
        f"{field.next.cells} cell(s), {field.next.unsure:.0%} could be cell as well as background"
    )
    agreement = result.lesson.agreement
    said = "too few strokes to say how good it is" if agreement is None else f"held-out strokes: {agreement:.0%} right"
    print(said)


def _record(result: TeachResult) -> dict[str, object]:
    return {
        "model": str(result.package.folder),
        "sha256": result.package.sha256,
        "agreement": result.lesson.agreement,
        "diameter_px": result.size.diameter_px,
        "zoom": result.size.zoom,
        "fields": [
            {"name": field.name, "count": len(field.found.objects), "next": asdict(field.next)}
            for field in result.fields
        ],
    }
