"""Runs over many images from Python: the loop of the command line, to the same files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Unpack

from napari_cellvino.api.options import Model, RunOptions, pipeline_of
from napari_cellvino.api.results import Results
from napari_cellvino.core.errors import OptionError
from napari_cellvino.core.plate import choose_fields
from napari_cellvino.core.progress import finish
from napari_cellvino.engines.provider import EngineProvider
from napari_cellvino.io.plates import open_plate
from napari_cellvino.measure.rings import WIDTH
from napari_cellvino.plates.layout import read_layout
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
    pattern: str = "",
    overwrite: bool = False,
    engines: EngineProvider | None = None,
    progress: Callable[[RunEvent], object] = lambda news: None,
    **options: Unpack[RunOptions],
) -> Results:
    """Run a model over images and folders of images, as ``cellvino run`` does, and return the results.

    An image that cannot be read does not stop the others: see `Results.failed`. What an earlier run finished with the
    same choices is kept.

    Parameters
    ----------
    inputs
        An image, a folder of images, or several of both.
    out
        The folder of results.
    model
        A model's name, its folder, what `load_model` gave, or a whole pipeline.
    pattern
        What the names in a folder mean where channels, planes or times are files: ``{field}_z{z}_ch{channel}.tif``.
    overwrite
        Whether every field is done anew, also in the place of results made with other choices.
    engines
        Keeps networks compiled from one run to the next; whoever made it closes it.
    progress
        Called with news of the work.
    **options
        Everything that can be chosen of a run: `RunOptions`.

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
        if is_plate(path, pattern):
            raise OptionError(f"{path} is a plate; run it with run_plate, since its tables are those of one plate")
    pipeline, root = _with_pattern(pipeline_of(model, options), pattern), Path(out)
    files = folder_runs.list_inputs(paths, pattern)
    with EngineProvider() if engines is None else nullcontext(engines) as provider:
        finish(folder_runs.run_folder(files, pipeline, root, provider, overwrite=overwrite), progress)
    return Results(root)


def run_plate(
    plate: str | Path,
    out: str | Path,
    model: Model | Pipeline = "nuclei",
    *,
    wells: str = "",
    fields: str = "",
    layout: str | Path | None = None,
    ring_px: int = WIDTH,
    labels_back: bool = False,
    pattern: str = "",
    overwrite: bool = False,
    engines: EngineProvider | None = None,
    progress: Callable[[RunEvent], object] = lambda news: None,
    **options: Unpack[RunOptions],
) -> Results:
    """Run a model over a plate, as ``cellvino run`` does, and return the results.

    Parameters
    ----------
    plate
        The plate's folder or index file.
    out
        The folder of results.
    model
        A model's name, its folder, what `load_model` gave, or a whole pipeline.
    wells, fields
        Which are run, as ``A01:H12,P24`` and ``1,3:5`` (default: all).
    layout
        A CSV with compounds, doses and controls (default: the one of an earlier run into ``out``).
    ring_px
        Width of the ring round each cell in px.
    labels_back
        Whether label images are written into a plate that is OME-Zarr.
    pattern
        Names of the images of a plate that no reader knows, as ``{well}_s{field}_w{channel}.tif``.
    overwrite
        Whether every field is done anew.
    engines
        Keeps networks compiled from one run to the next; whoever made it closes it.
    progress
        Called with news of the work.
    **options
        Everything that can be chosen of a run: `RunOptions`.

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
    pipeline, root = _with_pattern(pipeline_of(model, options), pattern), Path(out)
    said = pipeline.recipe.overrides
    source = open_plate(Path(plate), said)
    chosen = choose_fields(source.plate, wells, fields)
    check_plate_run(source, chosen[0], pipeline.recipe, ring_px=ring_px, labels_back=labels_back)
    kept = PlateStore(ResultStore(root), source)
    contents = kept.layout() if layout is None else read_layout(Path(layout), source.plate)
    choices = PlateChoices(contents, ring_px, labels_back, again=overwrite)
    address = PlateAddress(source.path, said)
    with EngineProvider() if engines is None else nullcontext(engines) as provider:
        finish(plate_runs.run_plate(source, chosen, pipeline, root, provider, choices, address=address), progress)
    return Results(root)


def _with_pattern(pipeline: Pipeline, pattern: str) -> Pipeline:
    return pipeline.with_choices(pattern=pattern) if pattern else pipeline
