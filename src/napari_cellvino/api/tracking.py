"""Films: `track` and `kymograph`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Unpack

from napari_cellvino.api.images import ArrayLike, ImageLike, as_stack
from napari_cellvino.api.options import Model, RunOptions, check_options, overrides_of, pipeline_of, provider_of
from napari_cellvino.core.errors import OptionError
from napari_cellvino.core.link_options import LinkOptions
from napari_cellvino.core.progress import Progress, finish
from napari_cellvino.core.recipe import Recipe
from napari_cellvino.engines.provider import EngineProvider
from napari_cellvino.segmentation.pipeline import Pipeline
from napari_cellvino.workflows.film import Film, film_of_stack, open_film
from napari_cellvino.workflows.film_labels import FoundLabels, GivenLabels, labels_of_stack, open_labels
from napari_cellvino.workflows.kymograph import WIDTH, Kymograph, KymographRequest, make_kymograph, write_kymograph
from napari_cellvino.workflows.track_film import TrackedFilm, TrackRequest, track_film


def track(
    film: ImageLike,
    model: Model | Pipeline = "nuclei",
    *,
    masks: ArrayLike | str | Path | None = None,
    tracks: str | Path | None = None,
    linking: LinkOptions | None = None,
    interval_s: float | None = None,
    out: str | Path | None = None,
    overwrite: bool = False,
    formats: tuple[str, ...] = (),
    engines: EngineProvider | None = None,
    progress: Callable[[Progress], object] = lambda event: None,
    **options: Unpack[RunOptions],
) -> TrackedFilm:
    """Return the cells of a film as tracks, with divisions and measures.

    Parameters
    ----------
    film
        A file with time points, a folder with an image per frame, a `Stack`, or an array with a time axis.
    model
        Finds the cells of each frame: as in `segment`. It is not used where masks are given.
    masks
        Label images of the frames, instead of a model: a folder, a file, or an array (T, Y, X) or (T, Z, Y, X).
    tracks
        A file of another program with the tracks, put on the cells instead of linking them (docs/tracking.md).
    linking
        How cells are linked; by default as in the pipeline, or as suits most films.
    interval_s
        Time between frames in s, where the film is silent or wrong.
    out, overwrite, formats
        A folder of results, whether what stands there is replaced, and further formats of tracks (docs/tracking.md).
    engines, progress, **options
        As of `segment`; ``frame`` is not for films.

    Raises
    ------
    CellvinoError
        As `segment`; if there are not as many masks as frames, or results cannot be written.

    Examples
    --------
    >>> import numpy as np
    >>> cell = [np.full((8, 8), 1 + t) for t in range(3)]  # one that moves, with another label in each frame
    >>> masks = np.stack([np.pad(cell[t], [(4 + 2 * t, 20 - 2 * t), (8, 16)]) for t in range(3)])
    >>> tracked = track(masks.astype("uint16"), masks=masks, axes="TYX", interval_s=60)
    >>> tracked.tables.tracks[["life_min", "path_px", "ended"]].values.tolist()
    [[2.0, 4.0, 'end of film']]
    """
    opened = _film(film, options)
    folder, given = (None if path is None else Path(path) for path in (out, tracks))
    pipeline, name = _pipeline(model, options, linking, masked=masks is not None), _name_of(masks)
    recipe = pipeline.recipe.with_overrides(opened.first.overrides)
    request = TrackRequest(recipe, interval_s, folder, overwrite, formats, masks=name, tracks=given)
    with provider_of(engines) as provider:
        labels = FoundLabels(opened, pipeline, provider) if masks is None else _labels(masks, opened)
        return finish(track_film(opened, labels, request), progress)


def _pipeline(
    model: Model | Pipeline, options: RunOptions, linking: LinkOptions | None, *, masked: bool
) -> Pipeline:  # fmt: skip
    """Return how cells are found and linked; no model is read where masks are linked without its features."""
    chosen = linking or (model.recipe.linking if isinstance(model, Pipeline) else LinkOptions())
    if masked and not chosen.features:
        return Pipeline(Recipe(model="", linking=chosen), None)
    return pipeline_of(model, options).with_choices(linking=chosen)


def _name_of(masks: ArrayLike | str | Path | None) -> str:
    if masks is None:
        return ""
    return Path(masks).name if isinstance(masks, (str, Path)) else "an array"


def kymograph(
    path: str | Path,
    *,
    track: int | None = None,
    line: Sequence[tuple[float, float]] = (),
    channel: int = 1,
    width: int = WIDTH,
    interval_s: float | None = None,
    out: str | Path | None = None,
) -> Kymograph:
    """Return the pixels along the long axis of a cell, or along a line, in each frame of a film.

    Parameters
    ----------
    path
        The folder of a tracked film, or with a ``line`` a film.
    track
        The track whose cell it is along; the line goes and turns with the cell.
    line
        Corners (y, x) in px of a line that stays where it is.
    channel
        The number of the channel, from 1.
    width
        Pixels across the line that are averaged.
    interval_s
        Time between frames in s, where film and results are silent or wrong.
    out
        A picture to write (PNG); its values are written beside it (TIFF).

    Raises
    ------
    CellvinoError
        If there is no such track or channel, or the film cannot be read.

    Examples
    --------
    >>> import tempfile, tifffile
    >>> import numpy as np
    >>> folder = tempfile.TemporaryDirectory()
    >>> frames = np.zeros((3, 32, 32), np.uint16)
    >>> for t in range(3):
    ...     frames[t, 10:20, 4 + 2 * t] = 500  # what moves by 2 px in a frame
    >>> tifffile.imwrite(f"{folder.name}/film.tif", frames, imagej=True, metadata={"axes": "TYX"})
    >>> made = kymograph(f"{folder.name}/film.tif", line=[(15, 0), (15, 31)])
    >>> made.values.argmax(axis=1).tolist()
    [4, 6, 8]
    >>> folder.cleanup()
    """
    request = KymographRequest(Path(path), track, tuple(line), channel, width, interval_s)
    made = finish(make_kymograph(request))
    if out is not None:
        write_kymograph(Path(out), made, Path(path).name)
    return made


def _film(film: ImageLike, options: RunOptions) -> Film:
    check_options(options, RunOptions)
    if options.get("frame") is not None:
        raise OptionError("a film is tracked over all its time points; leave frame out")
    if isinstance(film, (str, Path)):
        return open_film(Path(film), overrides_of(options))
    return film_of_stack(as_stack(film, options))


def _labels(masks: ArrayLike | str | Path, film: Film) -> GivenLabels:
    if isinstance(masks, (str, Path)):
        return open_labels(Path(masks), film)
    axes = "TYX" if len(masks.shape) == 3 else "TZYX"
    return labels_of_stack(as_stack(masks, {"axes": axes}, name="masks"), film).understood(Path("masks"))
