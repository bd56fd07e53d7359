"""``cellvino report``: what a person changed of what a model found."""

from __future__ import annotations

import argparse
from pathlib import Path

from napari_cellvino.errors import ImageReadError, OutputError
from napari_cellvino.export.atomic import recover
from napari_cellvino.jobs.annotated_fields import read_field, read_result_cells, result_folders
from napari_cellvino.jobs.correction_report import CorrectionReport
from napari_cellvino.jobs.field import ANNOTATION_NAME
from napari_cellvino.jobs.json_text import json_text


def run(options: argparse.Namespace) -> int:
    """Compare the corrected results with the model's own and write the report; 0 always, errors aside."""
    out = options.out or options.results / "corrections.html"
    recover(out)
    if out.exists() and not options.overwrite:
        raise OutputError(f"{out} is there already; replace it (--overwrite) or name another file (--out)")
    report = CorrectionReport()
    for folder in result_folders(options.results):
        report.add(read_result_cells(_counterpart(folder, options)), read_field(folder))
    report.write(out)
    totals = report.totals()
    if options.json:
        print(json_text(report.as_dict()), end="")
    else:
        print(
            f"{totals['model']:,} cells found, {totals['corrected']:,} after correction; F1 {report.accuracy.f1_50:.3f}"
        )
        print(out)
    return 0


def _counterpart(folder: Path, options: argparse.Namespace) -> Path:
    """Return the model's own result of the field in ``folder``."""
    single = folder == options.results
    found: Path = (
        options.model_results
        if single and (options.model_results / ANNOTATION_NAME).is_file()
        else (options.model_results / folder.name)
    )
    if not found.is_dir():
        raise ImageReadError(
            f"{options.model_results} has no result called {folder.name}; name the model's own results"
        )
    return found
