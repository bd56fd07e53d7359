"""``cellvino drift``: runs compared with earlier ones."""

from __future__ import annotations

import argparse

from napari_cellvino.storage.json_text import json_text
from napari_cellvino.workflows.drift import DRIFT_NAME, JudgedRun, judge_runs, result_folders, write_drift


def run(options: argparse.Namespace) -> int:
    """Compare the runs, write the table and the chart, and print which are unlike the earlier ones."""
    out = options.out or options.results[0]
    runs = judge_runs(result_folders(options.results), options.results[0].absolute())
    charts = write_drift(out, runs)
    if options.json:
        print(json_text([_as_dict(run) for run in runs]), end="")
        return 0
    moved = [run for run in runs if run.sentences]
    for found in moved:
        print(f"{found.drift.run.name or found.folder.name}: {' '.join(found.sentences)}")
    for newest in {found.drift.run.kind: found for found in runs}.values():
        if newest.drift.unseen:
            print(f"{newest.drift.run.name or newest.folder.name}: {newest.drift.unseen}")
    written = ", ".join([str(out / DRIFT_NAME), *charts])
    print(f"{len(moved)} of {len(runs)} runs are unlike earlier ones or their model; {written}")
    return 0


def _as_dict(run: JudgedRun) -> dict[str, object]:
    drifted = {point.measure.name: point.value for point in run.drift.drifted}
    return {
        "run": run.drift.run.name,
        "results": str(run.folder),
        "kind": run.drift.run.kind,
        "fields": run.drift.run.fields,
        "values": dict(run.drift.run.values),
        "drifted": drifted,
        "cause": run.drift.cause,
        "model": run.unknown,
        "unseen": run.drift.unseen,
    }
