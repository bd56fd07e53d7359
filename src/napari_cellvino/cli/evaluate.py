"""``cellvino evaluate``: results against the truth, in the field's accuracy words."""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict
from pathlib import Path

from napari_cellvino.analysis.accuracy import Accuracy, match_field, summarise
from napari_cellvino.errors import CellvinoError, ImageReadError, ImageValueError
from napari_cellvino.export.label_tiff import read_labels
from napari_cellvino.jobs.json_text import json_text

SUFFIXES = (".tif", ".tiff")


def run(options: argparse.Namespace) -> int:
    """Score all fields that have both a result and a truth; 1 when one could not be read or has no partner."""
    predicted, truth = _label_files(options.predicted), _label_files(options.truth)
    both = sorted(predicted.keys() & truth.keys())
    if not both:
        raise ImageValueError(
            f"no label image in {options.predicted} has the name of one in {options.truth}: "
            f"{_some(predicted)} against {_some(truth)}"
        )
    matches, problems = [], []
    for name in both:
        try:
            labels = [read_labels(files[name])[0] for files in (truth, predicted)]
            matches.append(match_field(*labels, min_area=options.min_area))
        except CellvinoError as error:
            problems.append(f"{name}: {error}")
    problems += [f"{name}: no result" for name in sorted(truth.keys() - predicted.keys())]
    for problem in problems:
        print(problem, file=sys.stderr)
    score = summarise(matches)
    print(json_text(asdict(score) | {"problems": problems}).rstrip() if options.json else _words(score))
    return int(bool(problems))


def _label_files(folder: Path) -> dict[str, Path]:
    """Return label images by name: ``<name>/labels.tif`` of results, or ``<name>.tif``."""
    if not folder.is_dir():
        raise ImageReadError(f"{folder} is no folder")
    results = {path.parent.name: path for path in folder.glob("*/labels.tif")}
    return results or {_name(p): p for p in sorted(folder.iterdir()) if p.suffix.lower() in SUFFIXES}


def _name(path: Path) -> str:
    return path.name[: -len(path.suffix)].removesuffix(".ome").removesuffix("_labels")


def _some(files: dict[str, Path]) -> str:
    return ", ".join(sorted(files)[:3]) or "none"


def _words(score: Accuracy) -> str:
    rows = (
        ("fields", f"{score.fields}"),
        ("cells", f"{score.predicted:,} found, {score.true:,} true"),
        ("AP@0.5", f"{score.ap50:.3f}"),
        ("AP mean", f"{score.ap_mean:.3f}  (IoU 0.50 to 0.90)"),
        ("F1@0.5", f"{score.f1_50:.3f}  (precision {score.precision:.3f}, recall {score.recall:.3f})"),
        ("PQ@0.5", f"{score.pq_50:.3f}"),
        ("Dice", f"{score.dice:.3f}"),
        ("count", f"off by {score.count_error:.2f} per field, r = {score.count_r:.3f}"),
    )
    return "\n".join(f"{name:8} {value}" for name, value in rows)
