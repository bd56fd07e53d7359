"""Teaching while the strokes are painted: what comes of them is seen at once, in a part of an image.

What the networks see of each image is kept, so that one more stroke costs the learner and the picture only. The model
that is saved in the end is that of `teach_stacks`, from the same strokes.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from napari_cellvino.core.errors import TrainingDataError
from napari_cellvino.core.image import Stack, ZChoice
from napari_cellvino.core.recipe import Recipe
from napari_cellvino.model_package import find_package
from napari_cellvino.segmentation.contrast import Contrast, contrast_of
from napari_cellvino.segmentation.heads import Decoded
from napari_cellvino.segmentation.heads.taught import TaughtHead
from napari_cellvino.segmentation.raw_maps import RawMaps
from napari_cellvino.training.teach.features import FeatureEngine, KeptTiles, TiledPlane
from napari_cellvino.training.teach.learner import Features
from napari_cellvino.training.teach.lesson import Lesson, PaintedPlane, all_painted, fit_lesson, judge, learn
from napari_cellvino.training.teach.next_place import NextPlace, next_place
from napari_cellvino.training.teach.package import NORMALISATION, CellSize
from napari_cellvino.training.teach.painted import Painted, check_painted, painted, typical_diameter
from napari_cellvino.training.teach.seen_view import maps_of_view
from napari_cellvino.training.teach.size import best_zoom
from napari_cellvino.training.teach.strokes import StrokedImage, Strokes
from napari_cellvino.training.teach.taught_graph import BETWEEN
from napari_cellvino.training.teach.teach import USUAL_DIAMETER, measured_size, smallest_of
from napari_cellvino.training.teach.viewed_part import ViewedPart
from napari_cellvino.workflows.teach import BASES, painted_ways, plane_of, seen_channels

FEWEST_TO_SEARCH = 2  # strokes of each kind, before the zoom can be chosen by what is held out
SMALLEST = "smallest"
SAME_SIZE = 0.1  # how much the diameter may change before cells are decoded again

PlaneName = tuple[object, ...]


@dataclass(frozen=True, slots=True, eq=False)
class LiveAnswer:
    """What strokes make of the part that is looked at; places in ``found`` and ``next`` are those of the part.

    ``agreement`` is the share of held-out stroke pixels that are right, None where it is not known (yet); ``strokes``
    counts those of cells, background and between. ``values`` are the parameters that the part was decoded with.
    """

    where: ViewedPart
    found: Decoded
    next: NextPlace
    size: CellSize
    values: Mapping[str, float]
    strokes: tuple[int, int, int]
    agreement: float | None = None


class LiveTeacher:
    """Keeps the features of the images that are painted on; serves one thread."""

    def __init__(self, *, device: str = "AUTO") -> None:
        self._device = device
        self._engine: FeatureEngine | None = None
        self._kept = KeptTiles()
        self._seen: dict[PlaneName, tuple[Stack, Contrast]] = {}
        self._zoom: float | None = None  # that was found
        self._searched = 0  # strokes that it was found with
        self._size: CellSize | None = None  # of the cells of the last answer

    def prepare(self, images: Sequence[StrokedImage], recipe: Recipe, where: ViewedPart) -> None:
        """Let the networks see a part of an image while the first strokes are painted.

        Raises
        ------
        CellvinoError
            As `answer`.
        """
        engine = self._engine_for(images, recipe)
        tiled = self._tiled(images[where.image], recipe, where.way, self._zoom_of(images, recipe))
        for _ in tiled.tiles_of(tiled.part(where.box), engine):
            pass

    def answer(
        self, images: Sequence[StrokedImage], recipe: Recipe, where: ViewedPart, values: Mapping[str, float]
    ) -> Generator[LiveAnswer, None, LiveAnswer]:
        """Yield what the strokes make of a part of an image, and return it once more with what held-out strokes say.

        ``values`` are parameters of the head ``taught`` that the user set; the smallest area follows the cells.

        Raises
        ------
        TrainingDataError
            If no cell or no background was painted, classes have gaps, or images have different channels.
        CellvinoError
            If pixels cannot be read, or the device is not there.
        """
        engine = self._engine_for(images, recipe)
        planes = self._painted_planes(images, recipe)
        known = all_painted([plane for _, plane in planes])
        check_painted(known)
        zoom = self._zoom_of(images, recipe)
        features = self._sample(planes, zoom, engine)
        lesson = fit_lesson(features, known, engine.graph)
        answer = self._look(images, recipe, where, values, lesson, zoom, known)
        yield answer
        lesson = judge(lesson, features, known, engine.graph)
        answer = replace(answer, agreement=lesson.agreement)
        yield answer
        if recipe.diameter_px or not self._may_search(known):
            return answer
        found = self._search(planes, known, engine, zoom)
        if found == zoom:
            return answer
        features = self._sample(planes, found, engine)
        lesson = learn(features, known, engine.graph)
        answer = self._look(images, recipe, where, values, lesson, found, known)
        return replace(answer, agreement=lesson.agreement)

    @property
    def zoom(self) -> float | None:
        """The zoom that held-out strokes are told best at; None before it was searched for."""
        return self._zoom

    def _engine_for(self, images: Sequence[StrokedImage], recipe: Recipe) -> FeatureEngine:
        counts = [len(seen_channels(image.stack, recipe)) for image in images]
        if len(set(counts)) > 1:
            raise TrainingDataError(
                f"the images have {', '.join(map(str, counts))} channels; teach on images of one kind, or one channel"
            )
        if self._engine is None or self._engine.channels != counts[0]:
            self._engine = FeatureEngine([find_package(base) for base in BASES], counts[0], device=self._device)
            self._kept, self._zoom, self._searched, self._size = KeptTiles(), None, 0, None
        return self._engine

    def _painted_planes(self, images: Sequence[StrokedImage], recipe: Recipe) -> list[tuple[PlaneName, PaintedPlane]]:
        found = []
        for image in images:
            for way, own in painted_ways(image.strokes, recipe):
                name = self._name(image, recipe, way)
                found.append((name, PaintedPlane(image.stem, self._contrast(image, recipe, way), painted(own))))
        return found

    def _name(self, image: StrokedImage, recipe: Recipe, way: ZChoice) -> PlaneName:
        return id(image.stack.planes), recipe.channel, str(way), image.frame or recipe.frame

    def _contrast(self, image: StrokedImage, recipe: Recipe, way: ZChoice) -> Contrast:
        name = self._name(image, recipe, way)
        if name not in self._seen:
            plane = plane_of(image.stack, recipe, way, image.frame)
            self._seen[name] = image.stack, contrast_of(plane.inputs, NORMALISATION)  # the stack keeps its number
        return self._seen[name][1]

    def _tiled(self, image: StrokedImage, recipe: Recipe, way: ZChoice, zoom: float) -> TiledPlane:
        return TiledPlane(self._contrast(image, recipe, way), zoom, self._name(image, recipe, way), self._kept)

    def _zoom_of(self, images: Sequence[StrokedImage], recipe: Recipe) -> float:
        if recipe.diameter_px:
            return USUAL_DIAMETER / recipe.diameter_px
        outlined = typical_diameter([image.strokes.cells for image in images if image.strokes.cells is not None])
        return self._zoom or (USUAL_DIAMETER / outlined if outlined else 1.0)

    def _sample(self, planes: Sequence[tuple[PlaneName, PaintedPlane]], zoom: float, engine: FeatureEngine) -> Features:
        return np.concatenate(
            [
                TiledPlane(plane.seen, zoom, name, self._kept).sample(plane.painted.yx, engine)
                for name, plane in planes
                if len(plane.painted)
            ]
        )

    def _may_search(self, known: Painted) -> bool:
        """Whether there are enough strokes to choose a zoom by, and twice as many as when one was chosen."""
        cells, background, _ = known.counts
        return min(cells, background) >= FEWEST_TO_SEARCH and sum(known.counts) >= 2 * self._searched

    def _search(
        self, planes: Sequence[tuple[PlaneName, PaintedPlane]], known: Painted, engine: FeatureEngine, first: float
    ) -> float:
        self._searched = sum(known.counts)

        def surprise(zoom: float) -> float | None:
            return learn(self._sample(planes, zoom, engine), known, engine.graph).surprise

        self._zoom = best_zoom(first, self._size.reference if self._size else USUAL_DIAMETER, surprise)
        return self._zoom

    def _look(
        self,
        images: Sequence[StrokedImage],
        recipe: Recipe,
        where: ViewedPart,
        values: Mapping[str, float],
        lesson: Lesson,
        zoom: float,
        known: Painted,
    ) -> LiveAnswer:
        assert self._engine is not None
        image = images[where.image]
        raw = maps_of_view(self._tiled(image, recipe, where.way, zoom), self._engine, lesson, where.box)
        given = {p.name: p.default for p in TaughtHead.parameters} | dict(values)
        found, size, given = self._decoded(raw, lesson, zoom, given, follows=SMALLEST not in values)
        y0, x0, y1, x1 = where.box
        own = _plane_strokes(image.strokes, where.way).kinds[y0:y1, x0:x1] > 0
        place = next_place(raw.maps[0], found.label_image(), own, size.diameter_px)
        return LiveAnswer(where, found, place, size, given, known.counts)

    def _decoded(
        self, raw: RawMaps, lesson: Lesson, zoom: float, given: dict[str, float], *, follows: bool
    ) -> tuple[Decoded, CellSize, dict[str, float]]:
        """Return what is found, how large it is, and the parameters; the smallest area ``follows`` the size.

        Cells are decoded a second time only where they are not as large as those of the answer before, or, at first,
        as those in the middle.
        """

        def decoded(raw: RawMaps, size: CellSize) -> tuple[Decoded, dict[str, float]]:
            values = given | {SMALLEST: smallest_of(size)} if follows else given
            return _head(lesson, size).decode(raw, values), values

        size = self._size
        if size is None or size.zoom != zoom:
            guess = CellSize(USUAL_DIAMETER / zoom, zoom)
            size = measured_size([_head(lesson, guess).decode(_middle(raw), given)], guess)
        found, values = decoded(raw, size)
        measured = measured_size([found], size)
        if abs(measured.diameter_px / size.diameter_px - 1) > SAME_SIZE:
            size = measured
            found, values = decoded(raw, size)
        self._size = size
        return found, size, values


def _middle(raw: RawMaps) -> RawMaps:
    """Return the maps of the middle quarter."""
    height, width = raw.maps.shape[1:]
    maps = raw.maps[:, height // 4 : height - height // 4, width // 4 : width - width // 4]
    shape = maps.shape[1], maps.shape[2]
    zoom_y, zoom_x = raw.zoom
    return replace(raw, maps=maps, input_shape=shape, shape=(round(shape[0] * zoom_y), round(shape[1] * zoom_x)))


def _head(lesson: Lesson, size: CellSize) -> TaughtHead:
    """Return the head that the package of a lesson has."""
    classes = 0 if lesson.classes is None else len(lesson.classes.bias)
    return TaughtHead(len(lesson.kinds.bias) > BETWEEN, classes, 0.0 if lesson.depth is None else size.reference)


def _plane_strokes(strokes: Strokes, way: ZChoice) -> Strokes:
    return strokes if strokes.kinds.ndim == 2 else strokes.plane((way.plane or 1) - 1)
