"""What the part of the Plate panel that runs shows, as one value made from what is known."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from napari_cellvino.core.image import ZMode
from napari_cellvino.gui.plate.plate_controller import PlateController
from napari_cellvino.gui.plate.plate_run_controller import PlateRun, PlateRunController
from napari_cellvino.gui.plate.well_values_controller import WellValuesController
from napari_cellvino.gui.run.field_run_rows import FieldRunView, first_of
from napari_cellvino.gui.run.model_catalogue import ModelCatalogue
from napari_cellvino.gui.run.run_view import State, format_further_steps
from napari_cellvino.gui.widgets.failure import Failure
from napari_cellvino.gui.widgets.formatting import format_count, format_number, format_seconds
from napari_cellvino.plates.well_measures import value_of
from napari_cellvino.results.schema import WELLS_NAME
from napari_cellvino.workflows.workspace import Workspace

_Z = {
    ZMode.MIP: "maximum projection",
    ZMode.MEAN: "mean projection",
    ZMode.FOCUS: "sharpest plane",
    ZMode.PLANE: "one plane",
    ZMode.JOINED: "every plane, joined in 3D",
}
_REASONS = 3  # that are told in full
SHOWN_PROBLEMS = 4  # of a plate, and names of what is missing


@dataclass(frozen=True, slots=True)
class PlateRunView(FieldRunView):
    """The run over the plate, and what stands on disk of it."""

    state: State
    count: str
    failed: str


def resolve_run(
    workspace: Workspace,
    catalogue: ModelCatalogue,
    plates: PlateController,
    numbers: WellValuesController,
    runner: PlateRunController,
) -> PlateRunView:
    """Return what to show now."""
    run = runner.last
    return PlateRunView(
        state=_state(plates, numbers, runner),
        missing=_missing(workspace, catalogue, numbers),
        plan=_plan(workspace, plates),
        part=(run.progress.ended, run.progress.total) if run is not None else (0, 0),
        progress=_progress(run, plates) if run is not None and runner.running else "",
        count=_count(numbers) if numbers.lines else "",
        detail=_detail(run, numbers, stopped=runner.stopped) if run is not None and _ended(runner) else "",
        failed=_failed(run, _told_above(plates)) if run is not None else "",
        notice="\n⚠  ".join(first_of(run.notices)) if run is not None else "",
        saved=_saved(numbers, runner),
        failure=_failure(numbers, runner, run),
    )


def _state(plates: PlateController, numbers: WellValuesController, runner: PlateRunController) -> State:
    if runner.running:
        return State.WORKING
    if plates.current is None:
        return State.NOTHING
    if runner.failure or numbers.failure:
        return State.FAILED
    return State.DONE if numbers.lines else State.READY


def _missing(workspace: Workspace, catalogue: ModelCatalogue, numbers: WellValuesController) -> str:
    if catalogue.checking or catalogue.checking_outline:
        return "Checking the model's files …"
    if workspace.package is None:
        return "There is no model to run."
    return "" if numbers.folder.strip() else "Choose a folder for the results."


def _plan(workspace: Workspace, plates: PlateController) -> str:
    if workspace.package is None or plates.current is None:
        return ""
    z = f", {_Z[workspace.recipe.z_choice.way]}" if plates.current.source.plate.z > 1 else ""
    steps = ", ".join(filter(None, (workspace.pipeline().label + z, format_further_steps(workspace.recipe))))
    return f"{steps}, with the choices of tabs 1 and 2"


def _progress(run: PlateRun, plates: PlateController) -> str:
    progress, left = run.progress, run.progress.left_s
    elsewhere = plates.current is None or plates.current.source.path != run.source.path
    words = [
        f"plate {run.source.plate.name}" if elsewhere else "",
        f"field {format_number(max(progress.number, progress.ended))} of {format_number(progress.total)}",
        progress.now,
        f"about {format_seconds(left)} left" if left is not None else "",
    ]
    return " · ".join(filter(None, words))


def _count(numbers: WellValuesController) -> str:
    return format_count(round(sum(value_of(line, "count") or 0 for line in numbers.lines.values())))


def _ended(runner: PlateRunController) -> bool:
    return not runner.running and runner.failure is None


def _detail(run: PlateRun, numbers: WellValuesController, *, stopped: bool) -> str:
    progress = run.progress
    done = progress.ended - progress.failed
    if stopped and numbers.root == run.root:  # fields under way come to their end after a run was stopped
        done = max(done, numbers.done_of(field.label for field in run.fields))
    words = [
        f"stopped: {format_count(done, 'field')} of {format_number(progress.total)} are done, Run goes on from there"
        if stopped
        else f"{format_count(done, 'field')} in {format_seconds(progress.seconds)}",
        f"{format_number(progress.kept)} kept from before" if progress.kept else "",
    ]
    return "\n".join([" · ".join(filter(None, words)), *first_of(run.remarks)])


def _told_above(plates: PlateController) -> tuple[str, ...]:
    """Return what is told of the open plate over its wells."""
    if plates.current is None:
        return ()
    plate = plates.current.source.plate
    return (*plate.faults, *plate.problems)[:SHOWN_PROBLEMS]


def _failed(run: PlateRun, above: Sequence[str]) -> str:
    """Return how many fields failed and why; the same reason is told once, also where it stands ``above``."""
    if not run.failed:
        return ""
    known = {label: any(why in text or text in why for text in above) for label, why in run.failed.items()}
    told = _reasons([(label, "as told above" if known[label] else why) for label, why in run.failed.items()])
    return "\n".join([f"⚠  {format_count(len(run.failed), 'field')} failed:", *told])


def _reasons(failed: Sequence[tuple[str, str]]) -> list[str]:
    alike = Counter(why.replace(label, "…") for label, why in failed)
    first = {why.replace(label, "…"): (label, why) for label, why in reversed(failed)}
    told = []
    for general, count in alike.most_common(_REASONS):
        label, why = first[general]
        told.append(f"{label}{f' and {count - 1} more' if count > 1 else ''}: {why}")
    rest = len(alike) - len(told)
    return told + ([f"and {rest} other reasons; hover the crossed wells"] if rest > 0 else [])


def _saved(numbers: WellValuesController, runner: PlateRunController) -> Path | None:
    table = numbers.root / WELLS_NAME
    return table if numbers.lines and not runner.running and table.is_file() else None


def _failure(numbers: WellValuesController, runner: PlateRunController, run: PlateRun | None) -> Failure | None:
    bug = run.progress.traceback if run is not None else ""
    unforeseen = Failure("Some fields met a fault of the program; please report it.", bug) if bug else None
    return runner.failure or numbers.failure or unforeseen
