"""``cellvino train``: go on from a model with one's own labelled images."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Generator
from importlib.util import find_spec
from typing import TYPE_CHECKING

from tqdm import tqdm

from napari_cellvino.analysis.score_table import text_table
from napari_cellvino.errors import OptionError
from napari_cellvino.jobs.json_text import json_text

if TYPE_CHECKING:
    from napari_cellvino.training.finetune import Trained, TrainingTask
    from napari_cellvino.training.fit import FitProgress

NEEDED = ("torch", "onnx", "matplotlib")
STOPPED = 130  # what a shell expects after Ctrl-C


def run(options: argparse.Namespace) -> int:
    """Train, score before and after, and say where the model is; 1 when it is no better than the one before."""
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise OptionError(f"training needs {', '.join(missing)}: pip install 'napari-cellvino[train]'")
    from napari_cellvino.training.finetune import TrainingTask, train

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
        trained = _follow(train(task), quiet=options.json)
    except KeyboardInterrupt:
        print(f"\nstopped; the same command goes on from {task.run}", file=sys.stderr)
        return STOPPED
    return _report(trained, task, as_json=options.json)


def _follow(work: Generator[FitProgress | str, None, Trained], *, quiet: bool) -> Trained:
    """Show a live line on a terminal, one line a checkpoint in a log."""
    live = sys.stderr.isatty() and not quiet
    with tqdm(disable=not live, file=sys.stderr, leave=False, bar_format="{desc}") as line:
        while True:
            try:
                news = next(work)
            except StopIteration as end:
                trained: Trained = end.value
                return trained
            if isinstance(news, str) or news.saved:
                words = news if isinstance(news, str) else news.words()
                if not quiet:
                    tqdm.write(words, file=sys.stderr)
            else:
                line.set_description_str(news.words())


def _report(trained: Trained, task: TrainingTask, *, as_json: bool) -> int:
    before, after = trained.goals
    worse = before is not None and after <= before
    if as_json:
        scores = {"before": trained.before, "after": trained.after}
        listed = {name: [s.model_dump(mode="json") for s in rows] for name, rows in scores.items()}
        print(json_text({"model": str(task.out), "better": not worse, **listed}).rstrip())
        return int(worse)
    for name, rows in (("before", trained.before), ("after", trained.after)):
        if rows:
            print(f"{name}\n{text_table(rows)}\n")
    print(f"{trained.package.label} is in {task.out}; losses and validation are drawn in {task.run / 'history.png'}")
    if worse:
        print(f"It is no better than the model it started from ({before:.3f} before, {after:.3f} now): keep that one.")
    return int(worse)
