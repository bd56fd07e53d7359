"""``cellvino classify``: cells by class, learnt from examples."""

from __future__ import annotations

import argparse
import sys

from napari_cellvino.core.errors import OptionError
from napari_cellvino.core.progress import finish
from napari_cellvino.storage.json_text import json_text
from napari_cellvino.workflows.change_results import ChangedField, classify_results
from napari_cellvino.workflows.classify_cells import Classification, classify_cells


def run(options: argparse.Namespace) -> int:
    """Learn classes from examples and give them to the cells of saved results, or take them away again."""
    if options.remove == bool(options.examples):
        raise OptionError("give examples of the classes", command="give --examples PATH, or --remove, not both")
    if options.remove:
        return _tell_failures(finish(classify_results(options.results, None)))
    done = finish(classify_cells(options.results, options.examples, least_probability=options.least_probability))
    if options.json:
        content = done.classifier.model_dump(mode="json") | {"confusion": done.confusion.tolist()}
        print(json_text(content), end="")
    else:
        print("\n".join(_lines(done)))
    return _tell_failures(done.fields)


def _lines(done: Classification) -> list[str]:
    """Return a line per class with its examples, how often held-out examples agreed, and the fields written."""
    known = done.classifier
    lines = []
    for number, (name, count) in enumerate(zip(known.classes, known.examples, strict=True)):
        row = done.confusion[number]
        taken = ", ".join(f"{n} {other}" for other, n in zip(known.classes, row.tolist(), strict=True) if n)
        lines.append(f"{name}: {count} examples" + (f", held out they were taken for {taken}" if taken else ""))
    if known.agreement is not None:
        lines.append(f"{100 * known.agreement:.0f} % of the held-out examples got their own class")
    written = sum(not field.error for field in done.fields)
    return [*lines, f"{written} field{'s' * (written != 1)} classified by {len(known.columns)} measurements"]


def _tell_failures(fields: tuple[ChangedField, ...]) -> int:
    failed = [field for field in fields if field.error]
    for field in failed:
        print(f"{field.folder.name}: {field.error}", file=sys.stderr)
    return 1 if failed else 0
