"""A plate with the models and the recipe that a window has chosen: the run, and all that is written after it."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from napari_cellvino.errors import OutputError
from napari_cellvino.io.plates import PlateSource
from napari_cellvino.jobs.batch import Bench, FieldDone, FieldNews
from napari_cellvino.jobs.engines import Engines
from napari_cellvino.jobs.field import resolved, values_of
from napari_cellvino.jobs.models import RunPlan, for_z
from napari_cellvino.jobs.plate_field import PlateChoices
from napari_cellvino.jobs.plate_results import keep_layout
from napari_cellvino.jobs.plate_run import run_plate
from napari_cellvino.jobs.plate_tables import write_into_plate
from napari_cellvino.plate import FieldOfView, Plate


@dataclass(frozen=True, slots=True)
class PlateDone:
    """What became of every field, and what the user should know beside that."""

    fields: tuple[FieldDone, ...]
    notices: tuple[str, ...] = ()


def run_planned(
    source: PlateSource,
    fields: Sequence[FieldOfView],
    plan: RunPlan,
    engines: Engines,
    root: Path,
    choices: PlateChoices,
) -> Generator[FieldNews | FieldDone, None, PlateDone]:
    """Yield news of the fields and return what became of them; tables and maps are written however it ends.

    Raises
    ------
    DeviceError
        If the device or the precision is not there.
    OutputError
        If tables cannot be written.
    """
    bench = _bench(for_plate(plan, source.plate), engines, root)
    keep_layout(root, choices.layout)
    done = yield from run_plate(source, fields, bench, choices)
    return PlateDone(tuple(done), _into_plate(source, fields, root))


def for_plate(plan: RunPlan, plate: Plate) -> RunPlan:
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


def _bench(plan: RunPlan, engines: Engines, root: Path) -> Bench:
    values = values_of(plan.recipe, plan.package, plan.outline)
    recipe = resolved(plan.recipe, plan.package, plan.outline).model_copy(update={"parameters": values})
    engine = engines.engine(plan.package, recipe.device, recipe.precision)
    return Bench(root, recipe, plan.package, engine, outliner=engines.outliner(plan))


def _into_plate(source: PlateSource, fields: Sequence[FieldOfView], root: Path) -> tuple[str, ...]:
    """Write the table of wells into a plate that is OME-Zarr; return what the user should know."""
    if source.zarr_group(fields[0]) is None:
        return ()
    try:
        write_into_plate(source.path, root)
    except OutputError as error:  # the table stands in the folder of results all the same
        return (f"The table of wells is not in the plate: {error}",)
    return ()
