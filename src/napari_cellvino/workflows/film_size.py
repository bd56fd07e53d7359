"""The size of cells of a whole film, of a model that would seek it in each frame.

Cells are of one size through a film, and a frame that errs would lose all its tracks. So a few frames are looked at,
and the zoom counts whose predicted F1 is highest in all of them together.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np

from napari_cellvino.core.errors import ImageReadError
from napari_cellvino.core.progress import finish
from napari_cellvino.engines.provider import EngineProvider
from napari_cellvino.segmentation.contrast import contrast_of
from napari_cellvino.segmentation.pipeline import Pipeline
from napari_cellvino.segmentation.prepare import project
from napari_cellvino.segmentation.size_search import ZoomSearch, common_diameter, search_zooms
from napari_cellvino.workflows.film import Film
from napari_cellvino.workflows.lost_frames import unless_damaged

LOOKS = 5  # frames that the size of cells is told by
LARGEST = 2000.0  # px, of a diameter that may be chosen


@dataclass(frozen=True, slots=True)
class FilmSize:
    """The diameter of cells in a film in px, and what single frames say, in ascending order."""

    diameter_px: float
    of_frames: tuple[float, ...]


def film_size(film: Film, pipeline: Pipeline, engines: EngineProvider) -> FilmSize | None:
    """Return the size of cells in a film; None where it is given, not sought by the model, or no frame shows a cell."""
    step, recipe = pipeline.find, pipeline.recipe
    if step is None or recipe.diameter_px is not None or recipe.z_choice.joined or film.count < 2:
        return None
    spec = step.package.spec
    if not spec.diameter_px.search:
        return None
    frames = np.unique(np.linspace(0, film.count - 1, min(LOOKS, film.count)).astype(int)).tolist()
    weights = spec.diameter_px.weights or {}
    read = [unless_damaged(partial(_searched, film, frame, pipeline, engines)) for frame in frames]
    searches = [search for search in read if not isinstance(search, ImageReadError)]
    diameter = common_diameter(searches, weights)
    if diameter is None:
        return None
    said = (search.best(weights) for search in searches if search.usual is not None)
    return FilmSize(min(diameter, LARGEST), tuple(sorted(size for size in said if size is not None)))


def _searched(film: Film, number: int, pipeline: Pipeline, engines: EngineProvider) -> ZoomSearch:
    """Return what the model sees of a frame at each zoom."""
    stack, frame = film.frame(number)
    recipe, package = pipeline.recipe, pipeline.package
    inputs = package.spec.input_channels
    plane = finish(project(stack, channel=recipe.channel, z=recipe.z_choice, frame=frame, inputs=inputs))
    seen = contrast_of(plane.inputs, package.spec.normalise)
    engine = engines.engine(package, recipe.device, recipe.precision)
    return finish(search_zooms(seen.pixels, seen.ranges, package.spec, engine))
