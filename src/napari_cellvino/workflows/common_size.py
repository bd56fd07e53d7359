"""One size of cells for all frames of a film or all fields of a plate, of a model that would seek it in each.

Cells are of one size through a film, and a frame that errs would lose all its tracks. On a plate, areas and counts of
wells that were seen at different zooms could not be compared. So a few frames or fields are looked at, and the zoom
counts whose predicted F1 is highest in all of them together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial

from napari_cellvino.core.errors import CellvinoError, ImageReadError
from napari_cellvino.core.image import Stack
from napari_cellvino.core.progress import finish
from napari_cellvino.core.recipe import Recipe
from napari_cellvino.core.spread import spread_over
from napari_cellvino.engines.provider import EngineProvider
from napari_cellvino.io.plates import PlateSource
from napari_cellvino.results.store import ResultStore
from napari_cellvino.segmentation.contrast import contrast_of
from napari_cellvino.segmentation.pipeline import Pipeline
from napari_cellvino.segmentation.prepare import project
from napari_cellvino.segmentation.rescale import zoom_for
from napari_cellvino.segmentation.seen_size import CommonSize, sizes_of_single
from napari_cellvino.segmentation.size_search import ZoomSearch, common_size, search_where_needed
from napari_cellvino.workflows.film import Film
from napari_cellvino.workflows.lost_frames import unless_damaged

FRAMES_LOOKED_AT = 5
FIELDS_LOOKED_AT = 8  # of a plate: some wells are empty


def film_size(film: Film, pipeline: Pipeline, engines: EngineProvider) -> CommonSize | None:
    """Return the size of cells in a film; None where it is given, not sought by the model, or no frame shows a cell."""
    if not _is_sought(pipeline) or film.count < 2:
        return None
    frames = spread_over(film.count, FRAMES_LOOKED_AT)
    read = [unless_damaged(partial(_searched_frame, film, frame, pipeline, engines)) for frame in frames]
    searches = (search for search in read if not isinstance(search, ImageReadError))
    return common_size(searches, pipeline.package.spec)


def plate_size(source: PlateSource, pipeline: Pipeline, engines: EngineProvider) -> CommonSize | None:
    """Return the size of cells on a plate, whichever fields are run; None as in `film_size`, or if they need no other.

    The recipe's channel is that of the plate. Fields that cannot be read are passed over: they fail when they are run.
    """
    fields = source.plate.fields
    if not _is_sought(pipeline) or len(fields) < 2:
        return None
    numbers = spread_over(len(fields), FIELDS_LOOKED_AT)
    frame = pipeline.recipe.frame
    return _of_readable(((partial(source.open_field, fields[n]), frame) for n in numbers), pipeline, engines)


def size_of_plate(
    source: PlateSource, pipeline: Pipeline, engines: EngineProvider, before: ResultStore | None
) -> CommonSize | None:
    """Return the size of cells on a plate: that of the results ``before``, if these show it, else `plate_size`.

    A plate that grows, or a run that goes on, then looks at all fields alike.
    """
    earlier = None if before is None else _earlier_recipe(before, pipeline.recipe)
    if before is None or earlier is None:
        return plate_size(source, pipeline, engines)
    if earlier.diameter_px is not None:
        first = next(before.summaries(), None)  # a doubt stands with all of them
        return CommonSize(earlier.diameter_px, () if first is None else sizes_of_single(first[1].notices))
    as_they_are = pipeline.find is not None and pipeline.package.spec.diameter_px.sought_outside is not None
    return None if as_they_are else plate_size(source, pipeline, engines)


def _earlier_recipe(store: ResultStore, recipe: Recipe) -> Recipe | None:
    """Return the recipe of the results in a folder, if it makes the same choices but for the diameter."""
    if recipe.diameter_px is not None or not store.has_recipe:
        return None
    try:
        before = store.recipe()
    except CellvinoError:
        return None
    alike = before.model_copy(update={"diameter_px": None}).fingerprint() == recipe.fingerprint()
    return before if alike else None


class FilmSizes:
    """Sizes of cells in films whose time points are fields of their own; each film is looked at once."""

    def __init__(self, pipeline: Pipeline, engines: EngineProvider) -> None:
        self._pipeline, self._engines = pipeline, engines
        self._sizes: dict[tuple[str, str, str], CommonSize | None] = {}

    def size(self, stack: Stack, recipe: Recipe) -> CommonSize | None:
        """Return the size for all time points of a film, whose channel the recipe names; None as in `plate_size`."""
        pipeline = self._pipeline.with_choices(channel=recipe.channel, z=recipe.z)
        if not _is_sought(pipeline) or stack.shape.t < 2:
            return None
        key = (stack.origin.path, stack.origin.position, recipe.channel)
        if key not in self._sizes:
            numbers = spread_over(stack.shape.t, FRAMES_LOOKED_AT)
            self._sizes[key] = _of_readable(((lambda: stack, n + 1) for n in numbers), pipeline, self._engines)
        return self._sizes[key]


def _is_sought(pipeline: Pipeline) -> bool:
    step, recipe = pipeline.find, pipeline.recipe
    if step is None or recipe.diameter_px is not None or recipe.z_choice.joined:
        return False
    return bool(step.package.spec.diameter_px.search)


def _of_readable(
    images: Iterable[tuple[Callable[[], Stack], int]], pipeline: Pipeline, engines: EngineProvider
) -> CommonSize | None:
    """Return the size by images at a time point each; those that cannot be read are told when they are run.

    None also where a model that seeks outside a range sees them as they are: each is run as it would be alone.
    """
    searches: list[ZoomSearch] = []
    for read, frame in images:
        with suppress(CellvinoError):
            searches.append(_searched(read(), frame, pipeline, engines))
    spec = pipeline.package.spec
    size = common_size(searches, spec)
    as_they_are = (
        spec.diameter_px.sought_outside is not None and size is not None and zoom_for(spec, size.diameter_px) == 1
    )
    return None if as_they_are else size


def _searched_frame(film: Film, number: int, pipeline: Pipeline, engines: EngineProvider) -> ZoomSearch:
    stack, frame = film.frame(number)
    return _searched(stack, frame, pipeline, engines)


def _searched(stack: Stack, frame: int, pipeline: Pipeline, engines: EngineProvider) -> ZoomSearch:
    """Return what the model sees of an image at each zoom."""
    recipe, package = pipeline.recipe, pipeline.package
    inputs = package.spec.input_channels
    plane = finish(project(stack, channel=recipe.channel, z=recipe.z_choice, frame=frame, inputs=inputs))
    seen = contrast_of(plane.inputs, package.spec.normalise)
    engine = engines.engine(package, recipe.device, recipe.precision)
    return finish(search_where_needed(seen.pixels, seen.ranges, package.spec, engine))
