"""Runs over many images from Python, by the same loop and to the same files as on the command line."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Unpack

from napari_cellvino.api.options import Model, PlateOptions, RunOptions, pipeline_of, provider_of
from napari_cellvino.api.results import Results
from napari_cellvino.core.errors import OptionError
from napari_cellvino.core.plate import choose_fields
from napari_cellvino.core.progress import finish
from napari_cellvino.engines.provider import EngineProvider
from napari_cellvino.io.plates import PlateSource, open_plate
from napari_cellvino.measure.rings import WIDTH
from napari_cellvino.plates.plate_maps import read_layout
from napari_cellvino.results.plate_place import PlateChoices
from napari_cellvino.results.plate_store import PlateStore
from napari_cellvino.results.store import ResultStore
from napari_cellvino.segmentation.pipeline import Pipeline
from napari_cellvino.workflows import run_folder as folder_runs
from napari_cellvino.workflows import run_plate as plate_runs
from napari_cellvino.workflows.executor import RunEvent
from napari_cellvino.workflows.field_task import PlateAddress
from napari_cellvino.workflows.plate_inputs import check_plate_run, is_plate

Paths = str | Path | Sequence[str | Path]


def run_folder(
    inputs: Paths,
    out: str | Path,
    model: Model | Pipeline = "nuclei",
    *,
    overwrite: bool = False,
    engines: EngineProvider | None = None,
    progress: Callable[[RunEvent], object] = lambda event: None,
    **options: Unpack[RunOptions],
) -> Results:
    """Run a model over images and folders of images, as ``cellvino run`` does, and return the results.

    An image that cannot be read does not stop the others: see `Results.failed`. Results of an earlier run with the same
    options are kept.

    Parameters
    ----------
    inputs
        An image, a folder of images, or several of both.
    out
        The folder of results.
    model
        Name or folder of a model, a model of `load_model`, or a pipeline.
    overwrite
        Whether fields with results are run again, also those with results of other options.
    engines
        Keeps networks compiled from one run to the next; the caller closes it.
    progress
        Called with each event of progress.
    **options
        All options of a run: `RunOptions`.

    Raises
    ------
    OptionError
        If an option is impossible, or an input is a plate.
    ModelPackageError, DeviceError
        If the model or the device is not there.
    OutputError
        If the tables cannot be written.

    Examples
    --------
    >>> from napari_cellvino import run_folder
    >>> results = run_folder("sample_data/plate/A01_s1.ome.tif", "counted", channel="DNA")
    >>> results.counts["status"].tolist(), len(results.failed)
    (['done'], 0)
    """
    paths = [Path(inputs)] if isinstance(inputs, (str, Path)) else [Path(path) for path in inputs]
    for path in paths:
        if is_plate(path, options.get("pattern", "")):
            raise OptionError(f"{path} is a plate; run it with run_plate, since its tables are those of one plate")
    pipeline, root = pipeline_of(model, options), Path(out)
    files = folder_runs.list_inputs(paths, pipeline.recipe.pattern)
    with provider_of(engines) as provider:
        finish(folder_runs.run_folder(files, pipeline, root, provider, overwrite=overwrite, named=paths), progress)
    return Results(root)


def run_plate(
    plate: str | Path,
    out: str | Path,
    model: Model | Pipeline = "nuclei",
    *,
    overwrite: bool = False,
    engines: EngineProvider | None = None,
    progress: Callable[[RunEvent], object] = lambda event: None,
    **options: Unpack[PlateOptions],
) -> Results:
    """Run a model over a plate, as ``cellvino run`` does, and return the results.

    Parameters
    ----------
    plate
        The plate's folder or index file.
    out
        The folder of results.
    model
        Name or folder of a model, a model of `load_model`, or a pipeline.
    overwrite
        Whether fields with results are run again.
    engines
        Keeps networks compiled from one run to the next; the caller closes it.
    progress
        Called with each event of progress.
    **options
        Wells, fields, layout and all options of a run: `PlateOptions`.

    Raises
    ------
    ImageReadError, ImageValueError
        If the plate cannot be read.
    OptionError
        If an option is impossible.
    ModelPackageError, DeviceError
        If the model or the device is not there.
    OutputError
        If the tables cannot be written.

    Examples
    --------
    >>> from napari_cellvino import run_plate
    >>> names = "{well}_s{field}.ome.tif"
    >>> results = run_plate("sample_data/plate", "plate-results", wells="A01:A02", channel="DNA", pattern=names)
    >>> results.wells["well"].tolist()
    ['A01', 'A02']
    """
    if options.get("frame") == 0:
        raise OptionError("a plate is run one time point at a time; name one with frame=, from 1")
    pipeline, root = pipeline_of(model, options, PlateOptions), Path(out)
    overrides = pipeline.recipe.overrides
    source = open_plate(Path(plate), overrides)
    fields = choose_fields(source.plate, options.get("wells", ""), options.get("fields", ""))
    choices = _plate_choices(source, root, options, overwrite=overwrite)
    check_plate_run(source, fields[0], pipeline.recipe, ring_px=choices.ring_px, labels_back=choices.labels_back)
    address = PlateAddress(source.path, overrides)
    with provider_of(engines) as provider:
        finish(plate_runs.run_plate(source, fields, pipeline, root, provider, choices, address=address), progress)
    return Results(root)


def _plate_choices(source: PlateSource, root: Path, options: PlateOptions, *, overwrite: bool) -> PlateChoices:
    path = options.get("layout")
    stored = PlateStore(ResultStore(root), source)
    layout = stored.layout() if path is None else read_layout(Path(path), source.plate)
    ring_px, labels_back = options.get("ring_px", WIDTH), options.get("labels_back", False)
    return PlateChoices(layout, ring_px, labels_back, again=overwrite)
