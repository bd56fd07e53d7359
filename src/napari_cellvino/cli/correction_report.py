"""``cellvino report``: the corrections that were made to the results of a model."""

from __future__ import annotations

import argparse
import sys

from napari_cellvino.cli.export import format_unsaved
from napari_cellvino.results.correction_report import F1_UNKNOWN
from napari_cellvino.storage.json_text import json_text
from napari_cellvino.workflows.correction_report import write_report


def run(options: argparse.Namespace) -> int:
    """Compare corrected results with what the model found and write the report; 1 where a field could not be."""
    done = write_report(options.results, options.out, options.model_results, overwrite=options.overwrite)
    for folder, steps in done.unsaved.items():
        print(f"{folder.name}: {format_unsaved(steps)}", file=sys.stderr)
    for one in done.left_out:
        print(f"{one.folder.name}: left out: {one.error}", file=sys.stderr)
    report, totals = done.report, done.report.totals()
    if options.json:
        print(json_text(report.as_dict()), end="")
    else:
        print(f"{totals['model']:,} cells found, {totals['corrected']:,} after correction. {report.f1 or F1_UNKNOWN}")
        print(done.path)
    return 1 if done.left_out else 0
