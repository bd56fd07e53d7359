"""Run fields again that failed, or that a person rejected, from what the ledger says of them: no inputs are named."""

from __future__ import annotations

from collections.abc import Collection, Generator
from pathlib import Path

from napari_cellvino.core.errors import OptionError
from napari_cellvino.core.recipe import Recipe
from napari_cellvino.engines.provider import EngineProvider
from napari_cellvino.io.plates import open_plate
from napari_cellvino.measure.rings import WIDTH
from napari_cellvino.results.plate_place import PlateChoices, ring_width_of
from napari_cellvino.results.plate_store import PlateStore
from napari_cellvino.results.store import ResultStore
from napari_cellvino.segmentation.pipeline import Pipeline, make_pipeline
from napari_cellvino.storage.field_ledger import FieldLedger, FieldRecord, FieldState
from napari_cellvino.workflows.executor import RunEvent
from napari_cellvino.workflows.field_log import FieldSelection
from napari_cellvino.workflows.run_fields import RunResult
from napari_cellvino.workflows.run_folder import run_folder
from napari_cellvino.workflows.run_plate import run_plate


def run_again(
    root: Path, state: FieldState, engines: EngineProvider, recipe: Recipe | None = None, names: Collection[str] = ()
) -> Generator[RunEvent, None, tuple[RunResult, ...]]:
    """Yield progress and outcomes of the fields of a folder of results in a state, and return the results of the runs.

    Parameters
    ----------
    root
        The folder of results.
    state
        ``failed`` or ``rejected``.
    engines
        Gives the engines.
    recipe
        What is run; by default what the folder was made with.
    names
        Of the fields, as the ledger has them; by default all in this state.

    Raises
    ------
    OptionError
        If no field is in this state, one that is named is not, or there is no recipe.
    DeviceError, OutputError
        As of every run.
    """
    records = FieldLedger(root).records([state])
    if not records:
        raise OptionError(f"no field in {root} is {state.value}")
    others = set(names) - {record.name for record in records}
    if others:
        raise OptionError(f"{min(others)} is no field of {root} that is {state.value}; 'cellvino jobs list' shows them")
    pipeline = make_pipeline(recipe or ResultStore(root).recipe())
    selection, results = FieldSelection(frozenset({state.value}), names=frozenset(names)), list[RunResult]()
    images = list(dict.fromkeys(Path(record.file) for record in records if not record.well))
    if images:
        results.append((yield from run_folder(images, pipeline, root, engines, replace=True, selection=selection)))
    for path in dict.fromkeys(record.file for record in records if record.well):
        held = [record for record in records if record.file == path]
        results.append((yield from _plate(Path(path), held, pipeline, root, engines, selection)))
    return tuple(results)


def _plate(
    path: Path,
    records: list[FieldRecord],
    pipeline: Pipeline,
    root: Path,
    engines: EngineProvider,
    selection: FieldSelection,
) -> Generator[RunEvent, None, RunResult]:
    source = open_plate(path, pipeline.recipe.overrides)
    wanted = {(record.well, record.field) for record in records}
    fields = [field for field in source.plate.fields if (field.well.name, field.name) in wanted]
    if not fields:
        raise OptionError(f"{path} does not hold the fields of {root} any more")
    store = ResultStore(root)
    known = next((key for record in records if (key := store.key(root / record.name)) is not None), None)
    ring_px = (ring_width_of(known, store.recipe()) if known is not None else None) or WIDTH
    choices = PlateChoices(PlateStore(store, source).layout(), ring_px, replace=True)
    return (yield from run_plate(source, fields, pipeline, root, engines, choices, selection=selection))
