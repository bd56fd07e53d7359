"""What the work list shows, as values made from what is known."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from napari_cellvino.gui.run.background_run import BackgroundRun
from napari_cellvino.gui.run.field_run_rows import FieldRunView, first_of
from napari_cellvino.gui.run.model_catalogue import ModelCatalogue
from napari_cellvino.gui.run.run_view import format_further_steps
from napari_cellvino.gui.widgets.failure import Failure
from napari_cellvino.gui.widgets.formatting import format_count, format_number, format_reason, format_seconds
from napari_cellvino.gui.widgets.option_names import window_text
from napari_cellvino.gui.worklist.list_run_controller import ListRun
from napari_cellvino.gui.worklist.work_list_controller import WorkListController
from napari_cellvino.workflows.work_list import WorkField, WorkState
from napari_cellvino.workflows.workspace import Workspace


@dataclass(frozen=True, slots=True)
class FieldLine:
    """One field: its name, what is known of it, the same in a word, and the tone of both.

    ``share`` is the part of the field under way that is done; None of a field that is not.
    """

    name: str
    facts: str
    short: str
    tone: str = ""
    share: float | None = None


@dataclass(frozen=True, slots=True)
class ListView(FieldRunView):
    """The list as a whole, and its run."""

    title: str


def describe_field(field: WorkField, run: ListRun | None) -> FieldLine:
    """Return what to show of a field; ``run`` is the run under way."""
    name = field.origin.name
    if run is not None and field.id in run.ids and field.id not in run.ended:
        if field.id == run.now:
            return FieldLine(name, f"{100 * run.share:.0f} % done", "…", "done", run.share)
        return FieldLine(name, "waits for its turn", "…", "aside")
    if field.state is WorkState.FAILED:
        reason = window_text(format_reason(field.error, field.origin.path))
        return FieldLine(name, f"✕  {reason}", "✕ failed", "failure")
    if field.summary is None:
        return FieldLine(name, str(field.state), "–", "aside")
    found = field.summary
    facts = [
        format_count(field.count or 0),
        f"{format_number(found.doubtful)} doubtful" if found.doubtful else "",
        f"{format_number(found.reviewed)} reviewed" if found.reviewed else "",
    ]
    told = " · ".join(filter(None, facts))
    if found.notices:
        reason = window_text(found.notices)
        return FieldLine(name, f"⚠  {told} · {reason}", f"⚠ {format_number(field.count or 0)}", "attention")
    return FieldLine(name, f"✓  {told}", format_number(field.count or 0), "done")


def describe_list(
    workspace: Workspace, catalogue: ModelCatalogue, work_list: WorkListController, runner: BackgroundRun[Any]
) -> ListView:
    """Return what to show of the list as a whole; ``runner`` runs over it."""
    run: ListRun | None = runner.last
    ended, root = None if runner.running else run, work_list.root
    done = any(field.state is WorkState.DONE for field in work_list.fields)
    bug = run.progress.traceback if run is not None else ""
    unforeseen = Failure("Some fields met a fault of the program; please report it.", bug) if bug else None
    return ListView(
        title=_title(work_list),
        missing=_missing(workspace, catalogue, work_list),
        plan=_plan(workspace),
        part=(run.progress.ended, run.progress.total) if run is not None else (0, 0),
        progress=_progress(run) if run is not None and runner.running else "",
        detail="\n".join([_detail(ended, runner, work_list), *first_of(ended.remarks)]) if ended is not None else "",
        notice="\n⚠  ".join(first_of(ended.notices)) if ended is not None else "",
        saved=root if done else None,
        failure=runner.failure or work_list.failure or unforeseen,
    )


def _title(work_list: WorkListController) -> str:
    states = Counter(field.state for field in work_list.fields)
    files = len({field.origin.path for field in work_list.fields})
    total = len(work_list.fields)
    wells = len({field.origin.well for field in work_list.fields})
    words = [
        format_count(wells, "well") if work_list.is_plate else format_count(files, "image"),
        format_count(total, "field") if work_list.is_plate or total != files else "",
        f"{format_number(states[WorkState.DONE])} done" if states[WorkState.DONE] else "",
        f"{format_number(states[WorkState.FAILED])} failed" if states[WorkState.FAILED] else "",
        "reading …" if work_list.reading else "",
    ]
    return " · ".join(filter(None, words))


def _missing(workspace: Workspace, catalogue: ModelCatalogue, work_list: WorkListController) -> str:
    if work_list.reading:
        return "The images are still being listed …"
    if catalogue.checking or catalogue.checking_outline:
        return "Checking the model's files …"
    return "There is no model to run." if workspace.package is None else ""


def _plan(workspace: Workspace) -> str:
    if workspace.package is None:
        return ""
    recipe = workspace.recipe
    channel = f"channel {recipe.channel}" if recipe.channel else ""
    steps = ", ".join(filter(None, (workspace.pipeline().label, channel, format_further_steps(recipe))))
    return f"{steps}, with the choices below and in tab 2"


def _progress(run: ListRun) -> str:
    progress, left = run.progress, run.progress.left_s
    words = [
        f"field {format_number(max(progress.number, progress.ended))} of {format_number(progress.total)}",
        progress.now,
        f"about {format_seconds(left)} left" if left is not None else "",
    ]
    return " · ".join(filter(None, words))


def _detail(run: ListRun, runner: BackgroundRun[Any], work_list: WorkListController) -> str:
    progress = run.progress
    standing = [field for field in work_list.fields if field.id in run.finished and field.count is not None]
    cells = sum(field.count or 0 for field in standing)  # as they count by now
    done = len(run.finished)
    if runner.failure is not None or len(standing) < done:  # their folder is gone, or another one is looked into
        return ""
    words = [
        f"stopped: {format_number(fields_there(run, work_list))} of {format_number(progress.total)} are done, "
        "Run goes on from there"
        if runner.stopped
        else f"{format_count(cells)} in {format_count(done, 'field')}, {format_seconds(progress.seconds)}",
        f"{format_number(progress.kept)} kept from before" if progress.kept else "",
        f"{format_number(progress.failed)} failed" if progress.failed else "",
    ]
    return " · ".join(filter(None, words))


def fields_there(run: ListRun, work_list: WorkListController) -> int:
    """Return how many fields of a run are done by now: those under way come to their end after it was stopped."""
    ids = set(run.ids)
    return sum(field.id in ids and field.state is WorkState.DONE for field in work_list.fields)
