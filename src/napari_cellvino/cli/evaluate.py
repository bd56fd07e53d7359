"""``cellvino evaluate``: results, or a model on a labelled set, against the truth, in the usual metrics."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import NoReturn

from tqdm import tqdm

from napari_cellvino.core.errors import OptionError, TrainingDataError
from napari_cellvino.core.progress import Progress, finish
from napari_cellvino.core.recipe import Precision
from napari_cellvino.model_package import find_package
from napari_cellvino.quality.accuracy import Accuracy
from napari_cellvino.quality.box_accuracy import DetectionAccuracy
from napari_cellvino.quality.score_table import markdown_table, text_table
from napari_cellvino.storage.json_text import json_text
from napari_cellvino.training.data.datasets import read_set
from napari_cellvino.training.data.label_doubts import doubt_labels
from napari_cellvino.training.metrics.evaluate import LabelledSet, score_package
from napari_cellvino.workflows.evaluate_results import BoxComparison, LabelComparison, compare_folders


def run(options: argparse.Namespace) -> int:
    """Score results against a truth, or a model on a labelled set; 1 when a field could not be scored."""
    if (options.model is None) == (options.truth is None):
        raise OptionError(
            "name results and their truth (cellvino evaluate RESULTS TRUTH), "
            "or a labelled set and a model (cellvino evaluate SET --model nuclei)"
        )
    return _compare(options) if options.model is None else _score(options)


def _compare(options: argparse.Namespace) -> int:
    found = compare_folders(options.folder, options.truth, min_area=options.min_area)
    notices = found.notices if isinstance(found, LabelComparison) else ()
    for said in (*found.problems, *notices):
        print(said, file=sys.stderr)
    print(json_text(_record(found)).rstrip() if options.json else _format(found))
    return int(bool(found.problems))


def _record(found: LabelComparison | BoxComparison) -> dict[str, object]:
    record = asdict(found.score) | {"problems": list(found.problems)}
    if isinstance(found, LabelComparison):
        record["notices"] = list(found.notices)
    if isinstance(found, BoxComparison):
        record["classes"] = {name: asdict(score) for name, score in found.of_class.items()}
    return record


def _format(found: LabelComparison | BoxComparison) -> str:
    if isinstance(found, LabelComparison):
        return _format_outlines(found.score)
    parts = [_format_boxes(found.score)]
    if len(found.of_class) > 1:
        parts += [f"{name}\n{_format_boxes(score)}" for name, score in found.of_class.items()]
    return "\n\n".join(parts)


def _format_outlines(score: Accuracy) -> str:
    return _lines(
        ("fields", f"{score.fields}"),
        ("cells", f"{score.predicted:,} found, {score.true:,} true"),
        ("AP@0.5", f"{score.ap50:.3f}"),
        ("AP mean", f"{score.ap_mean:.3f}  (IoU 0.50 to 0.90)"),
        ("F1@0.5", f"{score.f1_50:.3f}  (precision {score.precision:.3f}, recall {score.recall:.3f})"),
        ("PQ@0.5", f"{score.pq_50:.3f}"),
        ("Dice", f"{score.dice:.3f}"),
        ("count", f"off by {score.count_error:.2f} per field, r = {score.count_r:.3f}"),
    )


def _format_boxes(score: DetectionAccuracy) -> str:
    return _lines(
        ("fields", f"{score.fields}"),
        ("cells", f"{score.predicted:,} found, {score.true:,} true"),
        ("AP@0.5", f"{score.ap50:.3f}  (area under precision-recall {score.average_precision:.3f})"),
        ("F1@0.5", f"{score.f1_50:.3f}  (precision {score.precision:.3f}, recall {score.recall:.3f})"),
        ("count", f"off by {score.count_error:.2f} per field, r = {score.count_r:.3f}"),
    )


def _lines(*rows: tuple[str, str]) -> str:
    return "\n".join(f"{name:8} {value}" for name, value in rows)


def _score(options: argparse.Namespace) -> int:
    package = find_package(options.model)
    part = _labelled_set(options)
    doubts = doubt_labels(part.fields).sentences
    for sentence in doubts:
        print(sentence, file=sys.stderr)
    precisions = package.precisions if options.precision == "all" else (Precision(options.precision),)
    scores = finish(score_package(package, part, precisions, device=options.device), _reporter(options))
    if options.json:
        record = {
            "model": package.label,
            "sha256": package.sha256,
            "scores": [s.model_dump(mode="json") for s in scores],
            "doubts": doubts,
        }
        print(json_text(record), end="")
    else:
        print(markdown_table(scores) if options.markdown else text_table(scores))
    return 0


def _labelled_set(options: argparse.Namespace) -> LabelledSet:
    """Return the fields that were asked for, under a name that describes them.

    Raises
    ------
    TrainingDataError
        If there are none.
    """
    folder: Path = options.folder
    wanted = dict(_condition(text) for text in options.where)
    split = "" if options.split == "all" else options.split
    fields = read_set(folder, split, keep=lambda row: _holds(row, wanted))
    if not fields:
        asked = " ".join([f"--split {options.split}", *(f"--where {name}={value}" for name, value in wanted.items())])
        raise TrainingDataError(f"{folder} has no field for {asked}; ask for others")
    name = ", ".join([f"{folder.resolve().name} {split}".rstrip(), *wanted.values()])
    return LabelledSet(name, tuple(fields), options.min_area, options.diameter)


def _condition(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise OptionError(f"--where {text!r} has no '='; write it like --where type=fluorescence")
    return name.strip(), value.strip()


def _holds(row: Mapping[str, str], wanted: Mapping[str, str]) -> bool:
    unknown = sorted(wanted.keys() - row.keys())
    if unknown:
        raise OptionError(f"the set's fields have no column {unknown[0]!r}; they have {', '.join(row)}")
    return all(row[name] == value for name, value in wanted.items())


def _reporter(options: argparse.Namespace) -> Callable[[Progress], None]:
    """Return what moves a bar on a terminal, and else does nothing."""
    if options.json or not sys.stderr.isatty():
        return lambda progress: None
    bar: tqdm[NoReturn] = tqdm(leave=False, file=sys.stderr, unit="field")

    def report(progress: Progress) -> None:
        bar.total, bar.n = progress.total, progress.done
        bar.refresh()
        if progress.done == progress.total:
            bar.close()

    return report
