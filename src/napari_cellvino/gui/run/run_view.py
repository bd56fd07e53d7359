"""What the Run panel shows, decided in one place from what is known; the panel only shows it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import Enum

from napari_cellvino.annotation import Annotation
from napari_cellvino.annotation.record import is_counted
from napari_cellvino.core.errors import CellvinoError
from napari_cellvino.core.recipe import Recipe, WholeCellWay
from napari_cellvino.figures.outlines import class_hues
from napari_cellvino.gui.open.open_controller import OpenController
from napari_cellvino.gui.run.model_catalogue import ModelCatalogue
from napari_cellvino.gui.run.run_controller import RunController
from napari_cellvino.gui.widgets.failure import Failure
from napari_cellvino.gui.widgets.formatting import (
    format_bytes,
    format_changes,
    format_class_counts,
    format_count,
    format_number,
    format_seconds,
)
from napari_cellvino.segmentation.pipeline import Pipeline
from napari_cellvino.segmentation.predict_field import notices_of, remarks_of
from napari_cellvino.workflows.outcome import Outcome
from napari_cellvino.workflows.saved_field import SavedField
from napari_cellvino.workflows.workspace import Workspace

_NUMBERS = {"i8": "INT8"}  # as the choice of precision calls it


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
    cost_basis: str  # what that rests on
    count: str
    classes: str  # rich text: how many of each class, where there are several
    detail: str
    changes: str  # what differs from the result kept last
    stale: str
    notice: str
    failure: Failure | None
    covered: str  # what is seen instead of the image that is run
    trial: str  # what a run on the view only found
    channel: str  # which channel was chosen, where its name says so
    further: str  # what a run does beside finding cells


def resolve(
    workspace: Workspace,
    catalogue: ModelCatalogue,
    opener: OpenController,
    runner: RunController,
    unread: Failure | None = None,
) -> RunView:
    """Return what to show now; ``unread`` is why the result on disk is not shown."""
    outcome, saved = workspace.outcome, workspace.saved
    missing = _missing(workspace, catalogue, opener)
    failure = runner.failure or catalogue.failure or unread or (opener.failure if opener.field_failed else None)
    channel, doubtful = _channel(workspace), workspace.channel_guess.is_doubtful
    told = saved is not None and bool(saved.annotation.provenance.notices)  # and of what is seen
    warned = channel if doubtful and outcome is None and not told else ""
    return RunView(
        state=_state(workspace, runner, failure),
        hint=missing or "Find the cells with the choices above (Alt+R)",
        can_run=not missing and not runner.running,
        cost=_cost(workspace, runner),
        cost_basis=runner.expected.basis if runner.expected is not None else "Time is being measured.",
        count=_count(outcome, saved, runner),
        classes=_classes(workspace, runner.reviewed),
        detail=_detail(outcome, runner) if outcome else _saved(saved) if saved else "",
        changes=_changes(outcome, runner),
        stale=_stale(workspace),
        notice="\n⚠  ".join(filter(None, (warned, *_notices(workspace, runner)))),
        failure=failure,
        covered=opener.covered,
        trial=runner.trial.said if runner.trial is not None else "",
        channel="" if doubtful else channel,
        further=format_further_steps(workspace.recipe),
    )


def _state(workspace: Workspace, runner: RunController, failure: Failure | None) -> State:
    if runner.running:
        return State.WORKING
    if failure:
        return State.FAILED
    if workspace.stack is None:
        return State.NOTHING
    return State.DONE if workspace.outcome else State.READY


def format_further_steps(recipe: Recipe) -> str:
    """Return what a recipe asks for beside finding cells, as text; empty where that is all."""
    cells = {
        WholeCellWay.EXPAND: "whole cells round the nuclei",
        WholeCellWay.PROPAGATE: f"whole cells grown over {recipe.cell_channel or 'the other channel'}",
    }
    spots = f"spots in {recipe.spot_channel or 'one channel'}" if recipe.spots else ""
    spots += f" and {recipe.spot_partner}" if recipe.spots and recipe.spot_partner else ""
    whole = cells.get(recipe.whole_cells, "") if recipe.whole_cells else ""
    gates = format_count(len(recipe.gates), "gate") if recipe.gates else ""
    classes = f"classes {', '.join(recipe.classifier.classes)} by examples" if recipe.classifier is not None else ""
    return ", ".join(filter(None, (whole, spots, gates, classes)))


def _missing(workspace: Workspace, catalogue: ModelCatalogue, opener: OpenController) -> str:
    if opener.reading:
        return f"Reading {opener.reading} …"
    if opener.field_failed:
        return "This field cannot be read: choose another one in the list (tab 1)."
    if workspace.stack is None:
        return "Open an image first: tab 1." if opener.failure is None else "This image cannot be used; tab 1 says why."
    if catalogue.checking or catalogue.checking_outline:
        return "Checking the model's files …"
    return "" if workspace.package is not None else "There is no model to run."


def _cost(workspace: Workspace, runner: RunController) -> str:
    if workspace.stack is None or workspace.package is None:
        return ""
    try:
        plan = workspace.estimate()
    except CellvinoError:  # the run will say it where there is room
        return ""
    if runner.expected is None:
        return f"{format_count(plan.tiles, 'tile')}, {format_bytes(plan.bytes)}"
    cost = runner.expected.cost
    return f"about {format_seconds(cost.seconds)}, {format_bytes(cost.bytes)}"


def _classes(workspace: Workspace, reviewed: Annotation | None) -> str:
    """Return how many cells of each class count, where there are several classes."""
    if reviewed is None or len(reviewed.classes) == 1 or (workspace.outcome is None and workspace.saved is None):
        return ""
    cells = reviewed.records.values()
    found = Counter(cell.class_index for cell in cells if is_counted(cell.review, excluded=cell.excluded))
    names = reviewed.classes
    return format_class_counts({name: found[n] for n, name in enumerate(names)}, class_hues(len(names)))


def _count(outcome: Outcome | None, saved: SavedField | None, runner: RunController) -> str:
    """Return how many cells count as they are corrected by now, which is what is saved; empty without a result."""
    if outcome is None and saved is None:
        return ""
    if runner.reviewed is not None:
        return format_count(runner.reviewed.counted)
    return format_count(outcome.count if outcome is not None else saved.count if saved is not None else 0)


def _detail(outcome: Outcome, runner: RunController) -> str:
    info = outcome.prediction.raw.engine_info
    seen = outcome.prediction.plane.chosen
    numbers = _NUMBERS.get(info.number_type, info.number_type)
    corrected = runner.reviewed is not None and runner.reviewed.counted != outcome.count
    found = f"corrected; the model found {format_number(outcome.count)} · " if corrected else ""
    how = f"{found}{seen}, in {format_seconds(outcome.seconds)} on {info.device}, {numbers}"
    return "\n".join([how, *remarks_of(outcome.prediction)])


def _saved(saved: SavedField) -> str:
    made = saved.annotation.provenance
    how = f"{made.plane}, saved earlier with {saved.label}. Run again to move the sliders."
    return "\n".join([how, *made.remarks])


def _changes(outcome: Outcome | None, runner: RunController) -> str:
    if outcome is None or not runner.has_preview:
        return ""
    return format_changes(outcome.changes.added, outcome.changes.removed)


def _stale(workspace: Workspace) -> str:
    if workspace.outcome is None or workspace.done is None:
        return ""
    same = workspace.package is not None and _choices(workspace.done) == _choices(workspace.pipeline())
    return "" if same else "Choices changed since this result: run again."


def _choices(pipeline: Pipeline) -> Recipe:
    return pipeline.recipe.model_copy(update={"parameters": {}})


def _channel(workspace: Workspace) -> str:
    """Return which channel was chosen, as a sentence."""
    said = "" if workspace.stack is None else workspace.channel_guess.said(workspace.recipe)
    return f"{said[:1].upper()}{said[1:]}." if said else ""


def _notices(workspace: Workspace, runner: RunController) -> list[str]:
    outcome, saved = workspace.outcome, workspace.saved
    found = list(notices_of(outcome.prediction)) if outcome else []
    if outcome is None and saved is not None:
        found += [f"{said[:1].upper()}{said[1:]}" for said in saved.annotation.provenance.notices]
    if outcome is not None and outcome.gated:
        objects = format_number(len(outcome.prediction.decoded.objects))
        found.append(f"Gates leave out {format_count(outcome.gated)} of {objects}.")
    if outcome is not None and outcome.count == 0:
        found.append(_why_none(runner, empty=outcome.prediction.emptiness is not None))
    if runner.stopped:
        why = "it was closed" if workspace.stack is None else "another image was chosen"
        found.append(f"The run on {runner.stopped} was stopped, as {why}.")
    return [*found, runner.notice] if runner.notice else found


def _why_none(runner: RunController, *, empty: bool) -> str:
    """Return what to do where no cell is found: it may be the sliders, or the model and the channel."""
    kept = runner.kept.count if runner.has_preview and runner.kept is not None else 0
    if kept:
        return f"The sliders leave none of {format_count(kept)}: move them back, or press Back."
    if empty:
        return "If you see cells in it all the same, try another model or channel."
    return "No cells found with this model and channel. Try another model, channel or cell diameter first."
