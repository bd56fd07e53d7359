"""How large the cells of a plane are, where nobody says: a model is asked at several zooms.

At each zoom the network sees one window of the plane. Cells have the same size in the image from one zoom to the next;
texture that is taken for cells has the same size in the eyes of the network, whatever the zoom. Among zooms that agree,
the one counts at which the cells are many, have the size that the model knows best and reach deepest: one colony can
look like a large cell, but hardly thirty of them.
What the network says of the diameter is not asked: it learns the usual size of its crops long before it learns to see.

Where a model's package has weights for what is seen at each zoom, they choose (`zoom_evidence`), and what is said above
is one of the things they weigh. One window of a large plane can err. Such a plane is looked at in two parts, in four
where they disagree, and the zoom counts whose predicted F1 is highest in all of them together.

A model that only seeks sizes outside a range is asked at the image's own size first, and at other zooms only where what
it finds there is outside: where it is small at larger ones, where it is large at smaller ones.

A model without depth is at its best in a range of sizes: it is asked which zoom makes it surest of its cells, and the
plane is seen at that zoom and not resized to one size; where it has weights, that zoom takes the place of the estimate.

A model of boxes is asked what `box_zooms` says of each zoom.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.core.progress import Progress
from napari_cellvino.engines.engine import Engine
from napari_cellvino.model_package import ModelOutput, ModelSpec
from napari_cellvino.segmentation.box_zooms import boxes_at
from napari_cellvino.segmentation.heads import FRAGMENTS, check_parameters, head_for
from napari_cellvino.segmentation.known_sizes import FEWEST, median_diameter, unusual_size
from napari_cellvino.segmentation.look import WINDOW, Box, cut, liveliest_window, look_at, window_within
from napari_cellvino.segmentation.normalise import IntensityRange
from napari_cellvino.segmentation.raw_maps import RawMaps
from napari_cellvino.segmentation.rescale import resize_pixels, zoom_for
from napari_cellvino.segmentation.seen_size import CommonSize
from napari_cellvino.segmentation.strong_jpeg import describe_strong_jpeg
from napari_cellvino.segmentation.zoom_evidence import ZoomLook, choose_zoom, gather_evidence, predicted_f1

FOREGROUND = 0.5
LEAST_SHARE = 0.004  # of a window that cells must fill
OCTAVE_COST = 0.25  # what cells an octave off the model's own size cost, in units of depth
SLOPE_COST = 1.0  # what a diameter that follows the zoom costs, in units of depth
OF_DEPTH = {"outline": 0.5, "split": 0.5, "smallest": 1.0}  # what the costs were set with; no default changes sizes
NUMBER_WORTH = 0.06  # what twice as many cells are worth, in units of depth
ENOUGH_CELLS = 32  # more are worth nothing
SMALLEST_PART = 400  # px of the plane, of a side
FIRST_PARTS = 2  # that a plane is looked at in; where they disagree, more
SURER = 0.015  # mean score by which a larger zoom has to win: it takes far longer, and makes most cells a little surer
LARGEST = 2000.0  # px, of a diameter that may be chosen
NEAR = 0.5  # octaves from the best zoom that finer estimates count within


@dataclass(frozen=True, slots=True)
class SizeGuess:
    """What the network says at one ``zoom``: diameter in px of the plane, and a score, higher where it fits better."""

    zoom: float
    diameter_px: float
    score: float


@dataclass(frozen=True)  # without slots: the evidence is gathered once and kept
class ZoomSearch:
    """What a model sees of a plane at each zoom: looks, and guesses where it sees cells; ``reference`` is its size.

    ``seen_px`` is the median diameter of what it found at the plane's own size, where that was asked first.
    """

    looks: tuple[ZoomLook, ...]
    guesses: tuple[SizeGuess, ...]
    reference: float
    seen_px: float | None = None

    @property
    def usual(self) -> float | None:
        """The estimate by size in px of the plane, of zooms that lie whole octaves from the model's own."""
        return best_diameter([one for one in self.guesses if round(float(np.log2(one.zoom)), 1).is_integer()])

    @property
    def away(self) -> list[float]:
        """How many octaves each look lies from the estimate by size, at most 2; 2 without an estimate."""
        if self.usual is None:
            return [2.0] * len(self.looks)
        return [min(2.0, _octaves(look.zoom * self.usual, self.reference)) for look in self.looks]

    @cached_property
    def evidence(self) -> list[dict[str, float]]:
        """What speaks for and against each look."""
        return gather_evidence(self.looks)

    def best(self, weights: Mapping[str, float]) -> float | None:
        """Return the diameter that makes the zoom with the highest predicted F1 that of the run.

        The estimate by size stays where `choose_zoom` says so. Without weights it is the diameter of the best guess.
        """
        if not weights or self.usual is None:
            return best_diameter(self.guesses)
        best = choose_zoom(self.predicted(weights), self.away)
        return self.usual if best is None else self.reference / self.looks[best].zoom

    def promise(self, weights: Mapping[str, float]) -> float:
        """Return the predicted F1 of the zoom that `best` takes; 0 where no zoom shows a cell."""
        diameter = self.best(weights)
        if diameter is None or not self.looks:
            return 0.0
        away = [_octaves(look.zoom * diameter, self.reference) for look in self.looks]
        return float(self.predicted(weights)[int(np.argmin(away))])

    def peak(self, weights: Mapping[str, float]) -> int:
        """Return which look has the highest predicted F1."""
        return int(np.argmax(self.predicted(weights)))

    def predicted(self, weights: Mapping[str, float]) -> NDArray[np.float64]:
        """Return the predicted F1 of each look."""
        return predicted_f1(self.evidence, self.away, weights)


def find_diameter(
    inputs: NDArray[np.generic],
    ranges: Sequence[IntensityRange],
    spec: ModelSpec,
    engine: Engine,
    seen_px: float | None = None,
) -> Generator[Progress, None, float | None]:
    """Yield progress and return the cell diameter in px to run a plane (K, Y, X) with; None where no cells are seen.

    ``seen_px`` is the median diameter of what was found at the plane's own size, where that was asked first.
    """
    weights = spec.diameter_px.weights or {}
    if not weights:
        search = yield from search_zooms(inputs, ranges, spec, engine, seen_px)
        return search.best(weights)
    searches: list[ZoomSearch] = []
    for number, box in enumerate(parts_of(inputs, ranges, spec)):
        if number >= FIRST_PARTS and len({search.peak(weights) for search in searches}) <= 1:
            break
        search = yield from search_zooms(cut(inputs, box), ranges, spec, engine)
        searches += [search] if search.usual is not None else []
    return common_diameter(searches, weights)


def searched_px(shape: tuple[int, int], spec: ModelSpec) -> float:
    """Return about how many pixels the network sees where it looks for the diameter in a plane of ``shape`` (Y, X).

    Of the parts of a large plane the first are looked at, and every second time the others.
    """
    zooms = spec.diameter_px.search or (1.0,)
    if spec.gives is ModelOutput.BOXES:
        side = round(WINDOW / zoom_for(spec, None))
        return sum(float(np.prod([min(size, side) * zoom for size in shape])) for zoom in zooms)
    widest = round(WINDOW / min(zooms))
    parts = [_halves(0, min(size, widest)) for size in shape] if spec.diameter_px.weights else [[(0, s)] for s in shape]
    sides = [part[0][1] for part in parts]
    number = len(parts[0]) * len(parts[1])
    looked_at = number if number <= FIRST_PARTS else (FIRST_PARTS + number) / 2
    return looked_at * sum(float(np.prod([min(side * zoom, WINDOW) for side in sides])) for zoom in zooms)


def parts_of(inputs: NDArray[np.generic], ranges: Sequence[IntensityRange], spec: ModelSpec) -> list[Box]:
    """Return the parts of a plane (K, Y, X) to look at: quarters of the largest window, halves where it is narrow.

    The first two lie across from each other. A side of less than twice `SMALLEST_PART` px is not halved: too few cells
    would lie in its half.
    """
    widest = round(WINDOW / min(spec.diameter_px.search or (1.0,)))
    y0, x0, y1, x1 = window_within(inputs, (0, 0, *inputs.shape[1:]), widest, ranges)
    rows, columns = _halves(y0, y1), _halves(x0, x1)
    boxes = [(top, left, bottom, right) for top, bottom in rows for left, right in columns]
    return boxes if len(boxes) < 4 else [boxes[0], boxes[3], boxes[1], boxes[2]]


def _halves(first: int, last: int) -> list[tuple[int, int]]:
    middle = (first + last) // 2
    return [(first, middle), (middle, last)] if last - first >= 2 * SMALLEST_PART else [(first, last)]


def common_diameter(searches: Sequence[ZoomSearch], weights: Mapping[str, float]) -> float | None:
    """Return the diameter in px that suits all searches that show cells; None where none does.

    With weights, the zoom counts whose predicted F1 is highest in all together, and the median of what the searches say
    near it, which is finer; the median estimate by size stays where `choose_zoom` says so. Without weights, it is the
    median of what they say.
    """
    searches = [search for search in searches if search.usual is not None]
    said = [diameter for search in searches if (diameter := search.best(weights)) is not None]
    if not said:
        return None
    if not weights:
        return float(np.median(said))
    usual = float(np.median([search.usual for search in searches if search.usual is not None]))
    sizes = [searches[0].reference / look.zoom for look in searches[0].looks]
    best = choose_zoom(
        np.mean([search.predicted(weights) for search in searches], axis=0), [_octaves(size, usual) for size in sizes]
    )
    if best is None:
        return usual
    near = [diameter for diameter in said if _octaves(diameter, sizes[best]) < NEAR]
    return float(np.median(near)) if near else sizes[best]


def common_size(searches: Iterable[ZoomSearch], spec: ModelSpec) -> CommonSize | None:
    """Return the size of cells in all planes, frames or fields that were searched; None where none shows a cell."""
    weights, seen = spec.diameter_px.weights or {}, list(searches)
    if spec.diameter_px.sought_outside is not None:
        return _common_outside(spec.diameter_px.sought_outside, seen)
    diameter = common_diameter(seen, weights)
    if diameter is None:
        return None
    said = (search.best(weights) for search in seen if search.usual is not None)
    return CommonSize(min(diameter, LARGEST), tuple(sorted(size for size in said if size is not None)))


def _common_outside(usual: tuple[float, float], searches: Sequence[ZoomSearch]) -> CommonSize | None:
    """Return the size of cells that are seen as they are, unless their median diameter is not a ``usual`` one."""
    sizes = sorted(search.seen_px for search in searches if search.seen_px is not None)
    if not sizes:
        return None
    if usual[0] <= float(np.median(sizes)) <= usual[1]:
        return CommonSize(searches[0].reference, tuple(sizes))
    least, most = (0.0, usual[0]) if float(np.median(sizes)) < usual[0] else (usual[1], np.inf)
    outside = [search for search in searches if search.seen_px is not None and least <= search.seen_px <= most]
    return CommonSize(common_diameter(outside, {}) or searches[0].reference, tuple(sizes))


def search_where_needed(
    inputs: NDArray[np.generic], ranges: Sequence[IntensityRange], spec: ModelSpec, engine: Engine
) -> Generator[Progress, None, ZoomSearch]:
    """Yield progress and return what `search_zooms` does, or that cells are seen as they are where none is sought.

    Of a plane with hardly a cell a model that seeks outside a range says nothing.
    """
    reference = spec.diameter_px.reference
    if spec.diameter_px.sought_outside is not None:
        box = window_within(inputs, (0, 0, *inputs.shape[1:]), WINDOW, ranges)
        raw = look_at(cut(inputs, box), ranges, spec, engine)
        found = head_for(spec).decode(replace(raw, shape=raw.input_shape), check_parameters(spec, {})).objects
        if len(found) < FEWEST:
            return ZoomSearch((), (), reference)
        unusual_px = unusual_size(found, raw.input_shape, spec)
        if unusual_px is None:
            return ZoomSearch((), (), reference, median_diameter(found.area_px, spec))
        return replace((yield from search_zooms(inputs, ranges, spec, engine, unusual_px)), seen_px=unusual_px)
    return (yield from search_zooms(inputs, ranges, spec, engine))


def _octaves(one: float, two: float) -> float:
    return abs(float(np.log2(one / two)))


def search_zooms(
    inputs: NDArray[np.generic],
    ranges: Sequence[IntensityRange],
    spec: ModelSpec,
    engine: Engine,
    seen_px: float | None = None,
) -> Generator[Progress, None, ZoomSearch]:
    """Yield progress and return what a model sees of a plane (K, Y, X) at each zoom; looks where it weighs them.

    ``seen_px`` is as of `find_diameter`.
    """
    if spec.gives is ModelOutput.BOXES:
        return (yield from _search_boxes(inputs, ranges, spec, engine))
    head, deep = head_for(spec), "depth" in spec.maps
    values = check_parameters(spec, {}) | {FRAGMENTS: 0.0} | (OF_DEPTH if deep else {}) | spec.diameter_px.sought_with
    weights, known = spec.diameter_px.weights, spec.diameter_px
    zooms, small = known.search or (), seen_px is not None and seen_px < known.reference
    if seen_px is not None:  # what is small at no smaller zooms, which haze between cells would win
        zooms = tuple(zoom for zoom in zooms if (zoom >= 1 if small else zoom <= 1))
    guesses: list[SizeGuess] = []
    looks: list[ZoomLook] = []
    outer: Box = (0, 0, *inputs.shape[1:])
    for number, zoom in enumerate(zooms, 1):
        box = window_within(inputs, outer if weights else (0, 0, *inputs.shape[1:]), round(WINDOW / zoom), ranges)
        part, outer = cut(inputs, box), box
        raw = look_at(part, ranges, spec, engine, zoom=zoom)
        found = head.decode(replace(raw, shape=raw.input_shape), values)
        if weights:
            looks.append(ZoomLook(zoom, box, found, _seen(part, ranges, raw), _maps(raw, deep=deep), known))
        guess = (
            size_guess(raw.maps, found.label_image(), zoom, known.reference)
            if deep
            else sureness_guess(raw.maps, found.objects.score, zoom, known.reference)
        )
        if guess and small and zoom == 1:
            guess = replace(guess, score=guess.score + SURER)
        guesses += [guess] if guess else []
        yield Progress("sizes", number, len(zooms))
    return ZoomSearch(tuple(looks), tuple(guesses), known.reference)


def _search_boxes(
    inputs: NDArray[np.generic], ranges: Sequence[IntensityRange], spec: ModelSpec, engine: Engine
) -> Generator[Progress, None, ZoomSearch]:
    """Yield progress and return what a model of boxes says for each zoom, of one part of a plane.

    Enlarged squares of JPEG look like small cells: of an image that holds little else nothing is said.
    """
    usual, known = zoom_for(spec, None), spec.diameter_px
    if describe_strong_jpeg(inputs):
        return ZoomSearch((), (), known.reference)
    part = cut(inputs, liveliest_window(inputs, round(WINDOW / usual), ranges))
    guesses: list[SizeGuess] = []
    for number, zoom in enumerate(zooms := known.search or (), 1):
        score = boxes_at(part, ranges, spec, engine, zoom).score(usual=bool(np.isclose(zoom, usual)))
        guesses += [SizeGuess(zoom, known.reference / zoom, score)] if score else []
        yield Progress("sizes", number, len(zooms))
    return ZoomSearch((), tuple(guesses), known.reference)


def _seen(part: NDArray[np.generic], ranges: Sequence[IntensityRange], raw: RawMaps) -> NDArray[np.float32]:
    """Return the normalised pixels (y, x) that the network saw of a part (K, y, x), the first channel."""
    return np.nan_to_num(ranges[0].apply(resize_pixels(part[:1], raw.input_shape)[0])).astype(np.float32)


def _maps(raw: RawMaps, *, deep: bool) -> NDArray[np.float32]:
    maps = raw.maps if deep else raw.maps[:1]
    return maps[:, : raw.input_shape[0], : raw.input_shape[1]].astype(np.float32)


def best_diameter(guesses: Sequence[SizeGuess]) -> float | None:
    """Return the diameter of the guess with the best score, less what it disagrees with its neighbours; in px.

    Guesses are ordered by zoom. None without any.
    """
    if not guesses:
        return None
    slopes = [_slope(one, two) for one, two in pairwise(guesses)]
    least = [min(slopes[max(0, n - 1) : n + 1], default=0.0) for n in range(len(guesses))]
    scored = zip(guesses, least, strict=True)
    return max(scored, key=lambda pair: pair[0].score - SLOPE_COST * pair[1])[0].diameter_px


def _slope(one: SizeGuess, two: SizeGuess) -> float:
    """Return by how many octaves the diameter changes per octave of zoom: 0 for cells, 1 for texture."""
    return abs(float(np.log(one.diameter_px / two.diameter_px) / np.log(one.zoom / two.zoom)))


def size_guess(
    maps: NDArray[np.floating], labels: NDArray[np.integer], zoom: float, reference: float
) -> SizeGuess | None:
    """Return what a window's maps (foreground and depth first; M, Y, X) and labels say; None with next to no cell."""
    cells = maps[0].astype(np.float32) > FOREGROUND
    areas = np.bincount(labels.reshape(-1))[1:]
    areas = areas[areas > 0]
    if cells.mean() < LEAST_SHARE or len(areas) == 0:
        return None
    size = float(np.sqrt(4 / np.pi * np.median(areas)))
    ridge = float(np.percentile(maps[1][cells].astype(np.float32), 90))
    number = float(np.log2(min(len(areas), ENOUGH_CELLS)))
    score = ridge - OCTAVE_COST * _octaves(size, reference) + NUMBER_WORTH * number
    return SizeGuess(zoom, size / zoom, score)


def sureness_guess(
    maps: NDArray[np.floating], scores: NDArray[np.floating], zoom: float, reference: float
) -> SizeGuess | None:
    """Return how sure a window's maps (foreground first; M, Y, X) and cells (``scores``) are; None with hardly a cell.

    The diameter is the one that makes the zoom that of the run.
    """
    if (maps[0].astype(np.float32) > FOREGROUND).mean() < LEAST_SHARE or len(scores) == 0:
        return None
    return SizeGuess(zoom, reference / zoom, float(scores.mean()))
