"""What the Retrain panel shows, decided in one place from what is known; the panel only shows it."""

from __future__ import annotations

from dataclasses import dataclass

from napari_cellvino.gui.retrain.retrain_controller import ModelComparison, RetrainController
from napari_cellvino.gui.run.run_view import State
from napari_cellvino.gui.widgets.failure import Failure
from napari_cellvino.gui.widgets.formatting import format_count, format_seconds
from napari_cellvino.workflows.retrain import CorrectedField

FEWEST = 2  # fields: one to learn from and one to check on
SHOWN = (("f1_50", "F1"), ("ap50", "AP"), ("count_error", "cells off per field"), ("f1_centre", "F1 of centres"))
Row = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class RetrainView:
    """Texts and switches; an empty text takes no room."""

    state: State
    hint: str  # why Train cannot be pressed, or what it does
    can_train: bool
    train: str
    summary: str
    progress: str
    permille: int  # done of the steps; below 0 where that is not known
    verdict: str
    tone: str
    scores: tuple[Row, ...]
    picture: str  # what the picture shows
    use: str
    back: str
    failure: Failure | None


def resolve_retrain(retrainer: RetrainController) -> RetrainView:
    """Return what to show now."""
    missing = _missing(retrainer)
    result = retrainer.result
    return RetrainView(
        state=_state(retrainer),
        hint=missing,
        can_train=not missing and not retrainer.running,
        train="Go on" if retrainer.stopped else "Train",
        summary=_summary(retrainer),
        progress=_progress(retrainer),
        permille=_permille(retrainer),
        verdict=_verdict(retrainer),
        tone="done" if result and result.done.better else "attention",
        scores=_scores(result) if result else (),
        picture=_format_picture(result) if result else "",
        use=_use(retrainer),
        back="Go back" if retrainer.used else "",
        failure=retrainer.failure,
    )


def format_fields(field: CorrectedField) -> str:
    """Return a field as the list shows it: ``A01_s1 · 58 cells · all reviewed, 12 edited``."""
    seen = "all reviewed" if field.complete else f"{field.reviewed} of {field.cells} reviewed"
    edited = f", {field.edited} edited" if field.edited else ""
    return f"{field.folder.name} · {format_count(field.cells)} · {seen}{edited}"


def _state(retrainer: RetrainController) -> State:
    if retrainer.running:
        return State.WORKING
    if retrainer.failure:
        return State.FAILED
    if retrainer.result:
        return State.DONE
    return State.READY if retrainer.fields else State.NOTHING


def _missing(retrainer: RetrainController) -> str:
    if retrainer.missing:
        return "Training needs PyTorch: pip install 'napari-cellvino[train]', then start napari again."
    if not retrainer.folder:
        return "Correct some fields, save them (tab 4), then choose their folder here."
    if not retrainer.fields:
        return "Choose a folder of saved corrections." if retrainer.failure else "Looking for corrections …"
    if len(retrainer.selected) < FEWEST:
        if not any(field.reviewed for field in retrainer.fields):
            return "Nobody has reviewed any of these fields: accept or correct their cells in tab 3, then come back."
        return "Choose at least 2 fields: one to learn from, one to check on."
    return "" if retrainer.package else "Checking the model's files …"


def _summary(retrainer: RetrainController) -> str:
    selected = retrainer.selected
    if not selected or retrainer.running:
        return ""
    cells = sum(field.cells for field in selected)
    unseen = sum(not field.complete for field in selected)
    doubt = ""
    if unseen:
        doubt = (
            f" {format_count(unseen, 'field')} not reviewed to the last cell: what was missed there is learned, too."
        )
    return f"{format_count(cells)} in {format_count(len(selected), 'field')}; some are kept aside to check on.{doubt}"


def _progress(retrainer: RetrainController) -> str:
    if not retrainer.running:
        return "Stopped; what was learned so far is kept." if retrainer.stopped else ""
    progress = retrainer.progress[-1] if retrainer.progress else None
    if progress is None:
        return "starting …"
    if not progress.step:
        return f"{progress.message or 'starting'} …"
    left = f"about {format_seconds(progress.seconds_left)} left" if progress.seconds_left else "almost done"
    return f"step {progress.step} of {progress.steps}, {left}"


def _permille(retrainer: RetrainController) -> int:
    progress = retrainer.progress[-1] if retrainer.running and retrainer.progress else None
    return round(1000 * progress.step / progress.steps) if progress and progress.steps else -1


def _verdict(retrainer: RetrainController) -> str:
    if retrainer.used:
        return f"✓  {retrainer.used} is used now. Every version before is kept."
    if retrainer.went_back:
        return f"Back to {retrainer.went_back}."
    if retrainer.result is None:
        return ""
    done = retrainer.result.done
    if done.mostly_doubted:
        found = "More than half of the fields are doubted, so that the new model cannot be used: correct these first."
    elif done.better:
        found = "Better: the new model finds the cells of the fields kept aside more often."
    else:
        found = "Not better on the fields kept aside: keep the model you have, or correct more fields."
    return "\n".join((found, *(f"⚠  {said}" for said in done.doubts)))


def _scores(result: ModelComparison) -> tuple[Row, ...]:
    rows = []
    for metric, title in SHOWN:
        before, after = result.done.value(metric)
        if after is not None:
            digits = 1 if metric == "count_error" else 2
            rows.append((title, "–" if before is None else f"{before:.{digits}f}", f"{after:.{digits}f}"))
    return tuple(rows)


def _format_picture(result: ModelComparison) -> str:
    if result.difference is None:
        return ""
    d = result.difference
    return (
        f"{d.field}, of {d.true} cells: {d.right_before} right before (left), {d.right_after} now (right). "
        "Blue: right; orange: no cell; dashes: missed."
    )


def _use(retrainer: RetrainController) -> str:
    if retrainer.result is None or retrainer.used or retrainer.result.done.mostly_doubted:
        return ""
    return "Use it" if retrainer.result.done.better else "Use it all the same"
