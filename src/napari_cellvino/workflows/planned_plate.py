"""A run over a plate with all that is written beside the fields: the same for the window and the command line."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from napari_cellvino.core.errors import OutputError
from napari_cellvino.core.plate import FieldOfView, Plate
from napari_cellvino.io.plates import PlateSource
from napari_cellvino.results.field_result import resolved, values_of
from napari_cellvino.results.plate_field import PlateChoices
from napari_cellvino.results.plate_results import keep_layout
from napari_cellvino.results.plate_tables import write_into_plate
from napari_cellvino.segmentation.engine_cache import Engines
from napari_cellvino.segmentation.pipeline import Pipeline, for_z
from napari_cellvino.workflows.run_folder import FieldOutcome, FieldProgress, RunContext
from napari_cellvino.workflows.run_plate import run_plate


@dataclass(frozen=True, slots=True)
class PlateDone:
    """What became of every field, and what the user should know beside that."""

    fields: tuple[FieldOutcome, ...]
    notices: tuple[str, ...] = ()


def run_planned(
    source: PlateSource,
    fields: Sequence[FieldOfView],
    plan: Pipeline,
    engines: Engines,
    root: Path,
    choices: PlateChoices,
) -> Generator[FieldProgress | FieldOutcome, None, PlateDone]:
    """Yield news of the fields that a window's plan is run on and return what became of them, as `run_and_keep`.

    Raises
    ------
    DeviceError
        If the device or the precision is not there.
    OutputError
        If tables cannot be written.
    """
    context = _run_context(for_plate(plan, source.plate), engines, root)
    return (yield from run_and_keep(source, fields, context, choices))


def run_and_keep(
    source: PlateSource, fields: Sequence[FieldOfView], context: RunContext, choices: PlateChoices
) -> Generator[FieldProgress | FieldOutcome, None, PlateDone]:
    """Yield news of the fields and return what became of them; tables and maps are written however it ends.

    What the wells hold is kept beside the results, so that whoever goes on there knows it.

    Raises
    ------
    OutputError
        If tables cannot be written.
    """
    keep_layout(context.root, choices.layout)
    done = yield from run_plate(source, fields, context, choices)
    return PlateDone(tuple(done), _into_plate(source, fields, context.root))


def for_plate(plan: Pipeline, plate: Plate) -> Pipeline:
    """Return a plan with what does not fit the plate (channel, plane, time point) at its default."""
    recipe, fitting = plan.recipe, dict[str, object]()
    names = {name.casefold() for name in plate.channels} | {str(n) for n in range(1, len(plate.channels) + 1)}
    if recipe.channel.casefold() not in {*names, "grey", "gray"}:
        fitting["channel"] = ""
    if (recipe.z_choice.plane or 1) > plate.z or (recipe.z_choice.joined and plate.z == 1):
        fitting["z"] = "mip"
    if recipe.frame > plate.t:
        fitting["frame"] = 1
    return replace(plan, recipe=for_z(recipe.model_copy(update=fitting)))


def _run_context(plan: Pipeline, engines: Engines, root: Path) -> RunContext:
    values = values_of(plan.recipe, plan.package, plan.outline)
    recipe = resolved(plan.recipe, plan.package, plan.outline).model_copy(update={"parameters": values})
    engine = engines.engine(plan.package, recipe.device, recipe.precision)
    return RunContext(root, recipe, plan.package, engine, refiner=engines.refiner(plan))


def _into_plate(source: PlateSource, fields: Sequence[FieldOfView], root: Path) -> tuple[str, ...]:
    """Write the table of wells into a plate that is OME-Zarr; return what the user should know."""
    if source.zarr_group(fields[0]) is None:
        return ()
    try:
        write_into_plate(source.path, root)
    except OutputError as error:  # the table stands in the folder of results all the same
        return (f"The table of wells is not in the plate: {error}",)
    return ()
