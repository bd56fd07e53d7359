"""What the Run panel shows, decided in one place from what is known; the panel only sets it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np

from napari_cellvino.app import Outcome, Workspace
from napari_cellvino.errors import CellvinoError
from napari_cellvino.export.outlines import class_hues
from napari_cellvino.gui.catalogue import Catalogue
from napari_cellvino.gui.failures import Failure
from napari_cellvino.gui.opener import Opener
from napari_cellvino.gui.runner import Runner
from napari_cellvino.gui.wording import bytes_words, changes_words, class_words, count_words, seconds_words
from napari_cellvino.jobs.field import notices_of, resolved
from napari_cellvino.jobs.models import RunPlan
from napari_cellvino.recipe import Recipe


class State(Enum):
    """The five states of a panel."""

    NOTHING = "nothing to work on"
    READY = "ready"
    WORKING = "working"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class RunView:
    """Texts and switches; an empty text takes no room."""

    state: State
    hint: str  # why Run cannot be pressed, or what it does
    can_run: bool
    cost: str
    count: str
    classes: str  # rich text: how many of each class, where there are several
    detail: str
    changes: str  # what differs from the result kept last
    stale: str
    notice: str
    failure: Failure | None


def resolve(workspace: Workspace, catalogue: Catalogue, opener: Opener, runner: Runner) -> RunView:
    """Return what to show now."""
    outcome = workspace.outcome
    missing = _missing(workspace, catalogue, opener)
    failure = runner.failure or catalogue.failure
    return RunView(
        state=_state(workspace, runner, failure),
        hint=missing or "Find the cells with the choices above (Alt+R)",
        can_run=not missing and not runner.running,
        cost=_cost(workspace, runner),
        count=count_words(outcome.count) if outcome else "",
        classes=_classes(workspace),
        detail=_detail(outcome, runner) if outcome else "",
        changes=_changes(outcome, runner),
        stale=_stale(workspace),
        notice="\n".join(_notices(outcome, runner)),
        failure=failure,
    )


def _state(workspace: Workspace, runner: Runner, failure: Failure | None) -> State:
    if runner.running:
        return State.WORKING
    if failure:
        return State.FAILED
    if workspace.stack is None:
        return State.NOTHING
    return State.DONE if workspace.outcome else State.READY


def _missing(workspace: Workspace, catalogue: Catalogue, opener: Opener) -> str:
    if opener.reading:
        return f"Reading {opener.reading} …"
    if workspace.stack is None:
        return "Open an image first: tab 1."
    if catalogue.checking or catalogue.checking_outline:
        return "Checking the model's files …"
    return "" if workspace.package is not None else "There is no model to run."


def _cost(workspace: Workspace, runner: Runner) -> str:
    if workspace.stack is None or workspace.package is None:
        return ""
    try:
        plan = workspace.estimate()
    except CellvinoError:  # the run will say it where there is room
        return ""
    memory = bytes_words(plan.bytes)
    if runner.expected is None:
        return f"{count_words(plan.tiles, 'tile')}, {memory}"
    seconds, per_cell = runner.expected.seconds, runner.expected.per_cell
    outlining = f", and {max(1, round(1000 * per_cell))} ms for each cell to outline" if per_cell else ""
    return f"about {seconds_words(seconds)}, {memory}{outlining}"


def _classes(workspace: Workspace) -> str:
    if workspace.outcome is None or workspace.done is None or len(workspace.done.package.spec.classes) == 1:
        return ""
    names = workspace.done.package.spec.classes
    found = np.bincount(workspace.outcome.prediction.decoded.objects.class_index, minlength=len(names))
    return class_words(dict(zip(names, found.tolist(), strict=True)), class_hues(len(names)))


def _detail(outcome: Outcome, runner: Runner) -> str:
    facts = outcome.prediction.raw.facts
    return f"in {seconds_words(runner.seconds)} on {facts.device}, {facts.number_type}"


def _changes(outcome: Outcome | None, runner: Runner) -> str:
    if outcome is None or runner.kept is None or outcome.prediction.values == runner.kept.prediction.values:
        return ""
    return changes_words(outcome.changes.added, outcome.changes.removed)


def _stale(workspace: Workspace) -> str:
    if workspace.outcome is None or workspace.done is None:
        return ""
    same = workspace.package is not None and _choices(workspace.done) == _choices(workspace.plan())
    return "" if same else "Choices changed since this result: run again."


def _choices(plan: RunPlan) -> Recipe:
    return resolved(plan.recipe, plan.package, plan.outline).model_copy(update={"parameters": {}})


def _notices(outcome: Outcome | None, runner: Runner) -> list[str]:
    found = list(notices_of(outcome.prediction)) if outcome else []
    if outcome is not None and outcome.count == 0:
        sliders = "Confidence or Smallest" if "smallest" in outcome.prediction.values else "Confidence"
        found.append(f"No cells found. Lower {sliders}, or check the channel.")
    return [*found, runner.notice] if runner.notice else found
