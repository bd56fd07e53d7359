"""Which model suits an image: every model that can run on it looks at a crop, and what they find is compared.

A few looks of 384 px for each model, two models at a time, so that all of them together take seconds, also on a
processor without bf16. A look that could change nothing is left out.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.core.errors import ModelPackageError
from napari_cellvino.core.image import Stack
from napari_cellvino.core.progress import Progress, Stage, finish
from napari_cellvino.engines.engine import Engine
from napari_cellvino.engines.provider import EngineProvider
from napari_cellvino.model_package import ModelInput, ModelPackage, ModelSpec, list_packages, open_package
from napari_cellvino.quality.model_fit import (
    FITS,
    Evidence,
    WindowObjects,
    agreement,
    explain,
    gather,
    score_of,
    score_of_promise,
)
from napari_cellvino.segmentation.channel_choice import choose_channel
from napari_cellvino.segmentation.contrast import contrast_of
from napari_cellvino.segmentation.heads import Decoded, check_parameters, head_for
from napari_cellvino.segmentation.look import WINDOW, Box, cut, liveliest_window, look_at
from napari_cellvino.segmentation.lost_planes import PlaneSieve
from napari_cellvino.segmentation.pipeline import automatic_precision
from napari_cellvino.segmentation.plane_reading import read_ahead
from napari_cellvino.segmentation.prepare import check_usable, input_channel, network_inputs
from napari_cellvino.segmentation.raw_maps import RawMaps
from napari_cellvino.segmentation.rescale import resize_pixels, zoom_for
from napari_cellvino.segmentation.signal_test import find_emptiness
from napari_cellvino.segmentation.size_search import ZoomSearch, search_where_needed
from napari_cellvino.segmentation.z_projection import MaximumProjection
from napari_cellvino.workflows.first_sight import FirstSight, Suggestion

PLANES = 5  # of a z-stack, round the middle one
CHANNELS = 4  # that are tried where nothing says which one a model should see
SMALLER = 0.8  # of the size of a window, for its second look
OTHER_ZOOMS = (0.5, 2.0)  # tried where a model finds nothing plausible at its own size
SURE = 0.75  # score that another zoom has to reach: of several tries, one is plausible by chance
# How far the log-odds of a model that is made for one kind may lie below those of a model for all kinds.
MADE_FOR_IT, AT_ANOTHER_SIZE = 6.0, 2.5
ALIKE = 0.35  # octaves that density and diameter of what two models find may lie apart where it is the same cells
LEAST_ODDS = 5e-4  # scores that are nearer to 0 or 1 are alike: a predicted F1 has no bound
AT_A_TIME = 2  # models that look: one is in the network while the other weighs what it found

Pixels = NDArray[np.generic]


def suggest_models(
    stack: Stack,
    engines: EngineProvider,
    *,
    device: str = "AUTO",
    frame: int = 1,
    packages: Iterable[ModelPackage] | None = None,
) -> Generator[Progress, None, FirstSight]:
    """Yield progress after every model and return what all of them say of an image.

    Parameters
    ----------
    stack
        The image (T, C, Z, Y, X).
    engines
        Gives the engines.
    device
        Device to run on.
    frame
        The time point, from 1.
    packages
        Models to try; by default all that are installed and find cells in a whole field.

    Raises
    ------
    DeviceError
        If the device is not available.
    ImageValueError
        If the image has no such time point or no usable pixels.
    InferenceError
        If a network cannot be run.
    """
    chosen, broken = _installed() if packages is None else (tuple(packages), ())
    pixels = _first_plane(stack, frame)
    seen, found = _Seen(stack, pixels), []
    with ThreadPoolExecutor(AT_A_TIME) as threads:
        asked = [(package, engines.engine(package, device, automatic_precision(package, device))) for package in chosen]
        for number, best in enumerate(threads.map(lambda one: _best_channel(seen, one[0].spec, one[1]), asked), 1):
            found.append(best)
            yield Progress("models", number, len(chosen), Stage.INFERENCE)
    names = {package.spec.name for package in chosen if "generalist" in package.spec.tags}
    general = [one for one in found if one.model in names]
    return FirstSight(stack.origin.name, tuple(sorted(found, key=lambda one: order_of(one, general))), broken)


def order_of(one: Suggestion, general: Sequence[Suggestion]) -> tuple[bool, float]:
    """Return what a suggestion is ordered by: those that fit first, of these a model made for a kind before others.

    Unless its score is far lower: by `MADE_FOR_IT` in log-odds, or `AT_ANOTHER_SIZE` where it had to be given a size
    and finds other cells than a ``general`` model.
    """
    score = min(max(one.score, LEAST_ODDS), 1 - LEAST_ODDS)
    as_made_for = one.given_diameter_px is None or any(finds_alike(one, other) for other in general)
    for_all = any(one is other for other in general)
    more = 0.0 if for_all else MADE_FOR_IT if as_made_for else AT_ANOTHER_SIZE
    return (not one.fits, -float(np.log(score / (1 - score))) - more)


def finds_alike(one: Suggestion, other: Suggestion) -> bool:
    """Return whether two models find cells of about one size, about as dense in their crops."""
    if one.diameter_px is None or other.diameter_px is None:
        return False
    ratios = np.log2([_density(one) / _density(other), one.diameter_px / other.diameter_px])
    return bool(np.all(np.abs(ratios) < ALIKE))


def _density(one: Suggestion) -> float:
    y0, x0, y1, x1 = one.box
    return one.count / max((y1 - y0) * (x1 - x0), 1)


def _installed() -> tuple[tuple[ModelPackage, ...], tuple[str, ...]]:
    """Return the installed models that find cells in a field, and why others cannot be used."""
    packages, problems = {}, []
    for listed in list_packages():
        if listed.name in packages or (listed.spec and listed.spec.takes is not ModelInput.FIELD):
            continue
        try:
            packages[listed.name] = open_package(listed.folder)
        except ModelPackageError as error:
            problems.append(str(error))
    return tuple(packages.values()), tuple(problems)


def _first_plane(stack: Stack, frame: int) -> Pixels:
    """Return all channels (C, Y, X) of a few planes round the middle of a stack, as their maximum."""
    check_usable(stack, frame)
    first = max(0, (stack.shape.z - PLANES) // 2)
    projection, sieve = MaximumProjection(), PlaneSieve()
    for pixels in read_ahead(stack, frame - 1, range(first, min(stack.shape.z, first + PLANES))):
        for z, in_order in sieve.add(pixels):
            projection.add(z, in_order)
    for z, in_order in sieve.rest():
        projection.add(z, in_order)
    return projection.result()


def _channels(stack: Stack, spec: ModelSpec) -> Iterator[str]:
    """Yield the channels that a model may have been made for: one where the file says which, else the first few."""
    choice = choose_channel(stack, spec)
    if stack.rgb or stack.shape.c == 1 or (choice.said and not choice.guess):
        yield choice.channel
        return
    yield from map(str, stack.channel_numbers[:CHANNELS])


def _best_channel(seen: _Seen, spec: ModelSpec, engine: Engine) -> Suggestion:
    """Return what a model finds in the channel that suits it best."""
    tries = (_Try(seen, spec, engine, channel) for channel in _channels(seen.stack, spec))
    return max((one.suggestion() for one in tries), key=lambda suggestion: suggestion.score)


class _Seen:
    """An image, and what several models need of it: each is worked out once."""

    def __init__(self, stack: Stack, pixels: Pixels) -> None:
        self.stack, self._pixels = stack, pixels
        self.inputs = cache(self._inputs)
        self.contrast = cache(lambda channel, count, how: contrast_of(self.inputs(channel, count), how))
        self.emptiness = cache(lambda channel, count: find_emptiness(self.inputs(channel, count)))
        self.background = cache(lambda channel, count: _background(self.inputs(channel, count)))
        self.colour = _colour(pixels) if stack.rgb else 0.0

    def _inputs(self, channel: str, count: int) -> Pixels:
        return network_inputs(self._pixels, input_channel(self.stack, channel, count), count)


@dataclass(frozen=True, slots=True)
class _Look:
    """One look of a model at a window: what it found there at the size of the network, and what that is worth."""

    zoom: float
    box: Box
    raw: RawMaps
    evidence: Evidence
    score: float


class _Try:
    """One model on one channel of an image."""

    def __init__(self, seen: _Seen, spec: ModelSpec, engine: Engine, channel: str) -> None:
        self._spec, self._engine, self._channel = spec, engine, channel
        self._head, self._values = head_for(spec), check_parameters(spec, {})
        self._inputs = seen.inputs(channel, spec.input_channels)
        self._contrast = seen.contrast(channel, spec.input_channels, spec.normalise)
        self._emptiness = seen.emptiness(channel, spec.input_channels)
        # the zoom where a model is only surest is plausible by chance more often than its own size
        by_more = "depth" in spec.maps or bool(spec.diameter_px.weights)
        self._searches = spec.diameter_px.search is not None and by_more
        self._background = seen.background(channel, spec.input_channels)
        self._colour = seen.colour

    def suggestion(self) -> Suggestion:
        """Return what the model finds at the zoom that suits it best."""
        search, weights = self._search(), self._spec.diameter_px.weights or {}
        usual = zoom_for(self._spec, search.best(weights) if search is not None else None)
        promise = search.promise(weights) if search is not None and weights else None
        deep = "depth" in self._spec.maps
        best = self._look(usual, np.inf if promise is not None and deep else FITS)
        if promise is not None:  # without depth it is taken in by other kinds of image: what is found must fit as well
            promised = score_of_promise(promise)
            best = replace(best, score=promised if deep else min(best.score, promised))
        if best.score < FITS and not self._searches and self._emptiness is None:
            others = [self._look(usual * other, SURE) for other in OTHER_ZOOMS]
            best = max([best, *(look for look in others if look.score >= SURE)], key=lambda look: look.score)
        decoded = self._decode(best.raw)
        spec, areas = self._spec, decoded.objects.area_px
        return Suggestion(
            model=spec.name,
            title=spec.title,
            score=best.score if self._emptiness is None else 0.0,
            count=len(decoded.objects),
            diameter_px=float(np.sqrt(4 / np.pi * np.median(areas))) if len(areas) else None,
            given_diameter_px=None if best.zoom == usual else spec.diameter_px.reference / best.zoom,
            channel=self._channel,
            reason=f"the field looks empty: {self._emptiness}" if self._emptiness else explain(best.evidence, promise),
            box=best.box,
            pixels=cut(self._inputs, best.box),
            labels=decoded.labels,
            objects=decoded.objects,
            classes=len(spec.classes),
        )

    def _search(self) -> ZoomSearch | None:
        """Return what a model that searches for the diameter sees at its zooms, where it does so in a run."""
        if not self._searches and self._spec.diameter_px.sought_outside is None:
            return None
        return finish(search_where_needed(self._contrast.pixels, self._contrast.ranges, self._spec, self._engine))

    def _look(self, zoom: float, needed: float) -> _Look:
        """Look at a window; the same one in a smaller size only where the score may then reach what is ``needed``."""
        side = round(min(WINDOW, self._spec.tile) / zoom)
        box = liveliest_window(self._contrast.pixels, side, self._contrast.ranges)
        raw, found = self._find(box, zoom)
        seen = gather(found, self._spec.diameter_px.reference)
        evidence = replace(seen, background=self._background, colour=self._colour)
        if score_of(replace(evidence, agreement=1.0), self._spec) >= needed:
            evidence = replace(evidence, agreement=agreement(found, self._find(box, SMALLER * zoom)[1]))
        return _Look(zoom, box, raw, evidence, score_of(evidence, self._spec))

    def _find(self, box: Box, zoom: float) -> tuple[RawMaps, WindowObjects]:
        part, ranges = cut(self._contrast.pixels, box), self._contrast.ranges
        raw = look_at(part, ranges, self._spec, self._engine, zoom=zoom)
        small = replace(raw, shape=raw.input_shape)
        decoded = self._decode(small)
        seen = zip(ranges, resize_pixels(part, raw.input_shape), strict=True)
        pixels = np.nan_to_num(np.mean([values.apply(one) for values, one in seen], axis=0))
        labels = filled_boxes(decoded, raw.input_shape) if decoded.labels is None else decoded.labels
        return raw, WindowObjects(labels, decoded.objects, pixels, self._probability(raw), decoded.labels is not None)

    def _decode(self, raw: RawMaps) -> Decoded:
        return self._head.decode(self._head.keep(raw), self._values)

    def _probability(self, raw: RawMaps) -> NDArray[np.float16]:
        """Return how likely there is a cell, at the size of the maps."""
        names = self._spec.maps
        if "foreground" in names:
            return np.asarray(raw.maps[names.index("foreground")])
        return np.asarray(raw.maps[: len(self._spec.classes)].max(0))


def filled_boxes(decoded: Decoded, shape: tuple[int, int]) -> NDArray[np.int32]:
    """Return a label image (Y, X) with the boxes of objects filled with their ids."""
    labels = np.zeros(shape, np.int32)
    for id_, (y0, x0, y1, x1) in zip(decoded.objects.id.tolist(), decoded.objects.box.tolist(), strict=True):
        labels[y0:y1, x0:x1] = id_
    return labels


def _background(inputs: Pixels) -> float:
    """Return the median of what a network gets, 0 at its darkest and 1 at its brightest."""
    grey = np.nan_to_num(inputs.astype(np.float32)).mean(0)
    low, middle, high = np.percentile(grey, (1, 50, 99.5)).tolist()
    return float((middle - low) / (high - low)) if high > low else 0.5


def _colour(pixels: Pixels) -> float:
    """Return the mean difference of red, green and blue, over the brightest value."""
    colours = np.nan_to_num(pixels.astype(np.float32))
    brightest = float(np.percentile(colours, 99.5))
    return float((colours.max(0) - colours.min(0)).mean()) / brightest if brightest > 0 else 0.0
