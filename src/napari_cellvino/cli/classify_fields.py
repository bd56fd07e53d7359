"""``cellvino classify-fields``: the phenotype of whole fields."""

from __future__ import annotations

import argparse
import sys

from napari_cellvino.core.progress import finish
from napari_cellvino.storage.json_text import json_text
from napari_cellvino.workflows.classify_fields import TABLE, classify_fields
from napari_cellvino.workflows.run_folder import list_inputs


def run(options: argparse.Namespace) -> int:
    """Classify fields, and print the class of each with its probability."""
    inputs, exact = list_inputs(options.inputs), options.precision == "exact"
    fields = finish(classify_fields(inputs, options.model, options.out, exact=exact))
    if options.json:
        rows = [{"path": one.path, "class": one.kind, "probabilities": one.probabilities} for one in fields if one.kind]
        print(json_text({"table": options.out / TABLE, "fields": rows}), end="")
    for one in fields:
        if one.error:
            print(f"{one.path.name}: {one.error}", file=sys.stderr)
        elif not options.json:
            print(f"{one.path.name}: {one.kind} ({max(one.probabilities):.2f})")
    return int(any(one.error for one in fields))
