"""``cellvino plate-report``: curves, hits and controls of plates."""

from __future__ import annotations

import argparse
import sys

from napari_cellvino.figures.dose_plot import describe_fit
from napari_cellvino.plates.corrections import PlateCorrection
from napari_cellvino.plates.dose_response import AnswerChoices, content_table, control_table, curve_table
from napari_cellvino.plates.screening import Scale
from napari_cellvino.storage.json_text import json_text
from napari_cellvino.workflows.plate_report import WrittenAnswers, write_plate_report


def run(options: argparse.Namespace) -> int:
    """Write what the plates answer, and print the curves and the hits."""
    choices = AnswerChoices(options.of, Scale(options.scale), PlateCorrection(options.correct), options.parameters)
    done = write_plate_report(options.results, choices, layout=options.layout, out=options.out, unit=options.unit)
    if options.json:
        tables = {"curves": curve_table, "compounds": content_table, "controls": control_table}
        content = {name: table(done.answers).to_dict("records") for name, table in tables.items()}
        print(json_text({"page": done.page, "notices": list(done.answers.notices), **content}), end="")
        return 0
    print("\n".join(_lines(done)))
    for notice in done.answers.notices:
        print(notice, file=sys.stderr)
    return 0


def _lines(done: WrittenAnswers) -> list[str]:
    """Return a line per compound, the number of hits, and the page."""
    found = done.answers
    curves = [
        f"{c.compound}: {describe_fit(c) if c.fit.fitted else f'not fitted: {c.fit.reason}'}" for c in found.curves
    ]
    hits = f"{len(found.hits)} of {len(found.contents)} compounds and doses differ from the negative controls"
    return [*curves, hits, str(done.page)]
