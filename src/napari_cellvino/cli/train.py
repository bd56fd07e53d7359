"""``cellvino train``: go on from a model with one's own labelled images."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING

from tqdm import tqdm

from napari_cellvino.core.errors import OptionError
from napari_cellvino.model_package.install import install_package
from napari_cellvino.quality.score_table import text_table
from napari_cellvino.storage.json_text import json_text
from napari_cellvino.training.data.label_doubts import LabelDoubts
from napari_cellvino.training.progress_lines import TrainingProgress, write_progress
from napari_cellvino.workflows.retrain import missing_packages

if TYPE_CHECKING:
    from napari_cellvino.training.fit.finetune import TrainingResult, TrainingTask
    from napari_cellvino.training.fit.fit import FitProgress

STOPPED = 130  # what a shell expects after Ctrl-C


def run(options: argparse.Namespace) -> int:
    """Train, score before and after, and print where the model is; 1 when it is no better than the one before."""
    missing = missing_packages()
    if missing:
        raise OptionError(f"training needs {', '.join(missing)}: pip install 'napari-cellvino[train]'")
    if options.task == "phenotype":
        from napari_cellvino.cli import train_phenotype

        return train_phenotype.run(options)
    from napari_cellvino.training.fit.finetune import TrainingTask, train

    task = TrainingTask(
        options.dataset,
        options.out,
        base=options.base or ("" if options.plan else "nuclei"),
        plan=options.plan,
        epochs=options.epochs,
        steps=options.steps,
        batch=options.batch,
        seed=options.seed,
        device=options.device,
    )
    try:
        trained = _follow(train(task), options.progress, quiet=options.json)
    except KeyboardInterrupt:
        print(f"\nstopped; the same command goes on from {task.run}", file=sys.stderr)
        return STOPPED
    label = ""
    if options.install and trained.better:
        label = install_package(trained.package, before=task.base or trained.package.spec.name).label
        print(f"{label} is installed; 'cellvino models back {trained.package.spec.name}' undoes it", file=sys.stderr)
    _report(trained, task, installed=label, as_json=options.json)
    if trained.doubts.mostly:
        what = "It is not installed, as" if options.install else "Do not use it:"
        print(f"{what} more than half of the labels are doubted: correct the set first", file=sys.stderr)
    return int(not trained.better)


def _follow(
    work: Generator[FitProgress | LabelDoubts | str, None, TrainingResult], progress: Path | None, *, quiet: bool
) -> TrainingResult:
    """Show a live line on a terminal, one line a checkpoint in a log."""
    live = sys.stderr.isatty() and not quiet
    with tqdm(disable=not live, file=sys.stderr, leave=False, bar_format="{desc}") as line:
        while True:
            try:
                event = next(work)
            except StopIteration as end:
                trained: TrainingResult = end.value
                return trained
            if isinstance(event, LabelDoubts):
                for sentence in event.sentences:
                    tqdm.write(sentence, file=sys.stderr)
                continue
            if progress is not None:
                write_progress(progress, _as_progress(event))
            if isinstance(event, str) or event.saved:
                text = event if isinstance(event, str) else event.describe()
                if not quiet:
                    tqdm.write(text, file=sys.stderr)
            else:
                line.set_description_str(event.describe())


def _as_progress(event: FitProgress | str) -> TrainingProgress:
    if isinstance(event, str):
        return TrainingProgress(message=event)
    return TrainingProgress(
        step=event.step, steps=event.steps, loss=event.loss, validation=event.validation,
        seconds_left=event.seconds_left, saved=event.saved,
    )  # fmt: skip


def _report(trained: TrainingResult, task: TrainingTask, *, installed: str, as_json: bool) -> None:
    before, after = trained.primary_metrics
    if as_json:
        scores = {"before": trained.before, "after": trained.after}
        listed = {name: [s.model_dump(mode="json") for s in rows] for name, rows in scores.items()}
        doubts = {"doubts": trained.doubts.sentences, "mostly_doubted": trained.doubts.mostly}
        said = {"model": str(task.out), "better": trained.better, "installed": installed or None, **doubts, **listed}
        print(json_text(said).rstrip())
        return
    for name, rows in (("before", trained.before), ("after", trained.after)):
        if rows:
            print(f"{name}\n{text_table(rows)}\n")
    print(f"{trained.package.label} is in {task.out}; losses and validation are drawn in {task.run / 'history.png'}")
    if before is not None and after <= before:
        print(f"It is no better than the model it started from ({before:.3f} before, {after:.3f} now): keep that one.")
