"""``cellvino report``: what a person changed of what a model found."""

from __future__ import annotations

import argparse
import sys

from napari_cellvino.errors import ReplaceError
from napari_cellvino.export.atomic import recover
from napari_cellvino.jobs.annotated_fields import Unreadable, result_folders
from napari_cellvino.jobs.corrected_results import report_corrections
from napari_cellvino.jobs.json_text import json_text


def run(options: argparse.Namespace) -> int:
    """Compare corrected results with what the model found and write the report; 1 where a field could not be."""
    out = options.out or options.results / "corrections.html"
    recover(out)
    if out.exists() and not options.overwrite:
        raise ReplaceError(f"{out} is there already; replace it (--overwrite) or name another file (--out)")
    left_out: list[Unreadable] = []
    report = report_corrections(result_folders(options.results), left_out, options.model_results)
    report.write(out)
    for one in left_out:
        print(f"{one.folder.name}: left out: {one.error}", file=sys.stderr)
    totals = report.totals()
    if options.json:
        print(json_text(report.as_dict()), end="")
    else:
        print(
            f"{totals['model']:,} cells found, {totals['corrected']:,} after correction; F1 {report.accuracy.f1_50:.3f}"
        )
        print(out)
    return 1 if left_out else 0
