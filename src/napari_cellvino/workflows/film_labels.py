"""Where the label images of a film come from: a model, or files of other programs; one frame at a time."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.core.errors import ImageReadError, ImageValueError, OptionError
from napari_cellvino.core.image import MetadataOverrides, Stack
from napari_cellvino.core.objects import Objects
from napari_cellvino.core.progress import finish
from napari_cellvino.engines.provider import EngineProvider
from napari_cellvino.io import is_image_folder, open_as
from napari_cellvino.segmentation.pipeline import Pipeline
from napari_cellvino.segmentation.predict import Prediction
from napari_cellvino.segmentation.predict_field import notices_of, predict_field
from napari_cellvino.segmentation.seen_size import describe_common_size
from napari_cellvino.workflows.common_size import film_size
from napari_cellvino.workflows.film import Film
from napari_cellvino.workflows.film_label_files import label_files, pair_labels
from napari_cellvino.workflows.film_label_fit import describe_misfit
from napari_cellvino.workflows.film_label_kind import are_parts_cells, parts_of

AS_NUMBERS = MetadataOverrides(as_numbers=True)


class FilmLabels(Protocol):
    """Gives the label image of each frame."""

    @property
    def notices(self) -> tuple[str, ...]:
        """What you should know of them, so far."""
        ...

    def lacks(self, number: int) -> bool:
        """Return whether a frame, from 0, has no label image, which may come while a film grows."""
        ...

    def labels(self, number: int) -> NDArray[np.integer]:
        """Return the label image (Y, X) or (Z, Y, X) of a frame, from 0.

        Raises
        ------
        CellvinoError
            If there is none.
        """
        ...

    def empty(self, number: int) -> NDArray[np.int32]:
        """Return a label image without cells, for a frame that cannot be read."""
        ...


@dataclass
class FoundLabels:
    """Labels that a model finds in a film.

    Where the model seeks the size of cells itself, one holds for the whole film (`film_size`).
    """

    film: Film
    pipeline: Pipeline
    engines: EngineProvider
    _said: dict[str, int] = field(default_factory=dict)
    _looked: bool = False
    _of_film: tuple[str, ...] = ()

    def lacks(self, number: int) -> bool:
        """Return False: the model finds the cells of any frame."""
        return False

    def labels(self, number: int) -> NDArray[np.integer]:
        """Return what the model finds in a frame; boxes become ellipses."""
        if not self._looked:
            self._looked = True
            self._choose_size()
        found = self._found(number)
        for said in notices_of(found):
            if said in self.film.notices:
                continue
            self._said[said] = self._said.get(said, 0) + 1
        decoded = found.decoded
        return ellipses(decoded.objects, found.plane.shape) if decoded.labels is None else decoded.labels

    def empty(self, number: int) -> NDArray[np.int32]:
        """Return a label image without cells, of as many planes as the others."""
        depth = (self.film.first.shape.z,) if self.pipeline.recipe.z_choice.joined else ()
        return np.zeros((*depth, *self.film.frame_shape(number)), np.int32)

    def _found(self, number: int) -> Prediction:
        stack, frame = self.film.frame(number)
        return finish(predict_field(stack, self.pipeline.with_choices(frame=frame), self.engines, keep_maps=False))

    def _choose_size(self) -> None:
        """Give the pipeline the size of cells of the whole film, where the model would seek it in each frame."""
        size = film_size(self.film, self.pipeline, self.engines)
        if size is None:
            return
        self.pipeline = self.pipeline.with_choices(diameter_px=size.diameter_px)
        self._of_film = describe_common_size(size, self.pipeline.package.spec, "the whole film")

    @property
    def notices(self) -> tuple[str, ...]:
        """What was said of frames, each once, with in how many."""
        said = (f"{said} (in {count:,} frame{'s' * (count > 1)})" for said, count in self._said.items())
        return *self._of_film, *said


class FoundOfGrowing:
    """Gives the labels that a model finds in a film that grows: the size of cells is that of its first frames."""

    def __init__(self, pipeline: Pipeline, engines: EngineProvider) -> None:
        self._pipeline, self._engines = pipeline, engines
        self._found: FoundLabels | None = None

    def __call__(self, film: Film) -> FoundLabels:
        """Return the labels of the film as it is now."""
        if self._found is None:
            self._found = FoundLabels(film, self._pipeline, self._engines)
        self._found.film = film
        return self._found


@dataclass(frozen=True)
class GivenLabels:
    """Labels of files: a stack or an array of all frames, or an image for each; None for a frame without one.

    Where ``parts`` is set, numbers are not of cells, and connected parts are. ``depth`` is the number of planes of
    label images that are volumes.
    """

    film: Film
    files: tuple[Path | None, ...] = ()
    stack: Stack | None = None
    notices: tuple[str, ...] = ()
    array: NDArray[np.generic] | None = None
    parts: bool | None = None
    depth: tuple[int, ...] = ()

    def understood(self, path: Path) -> GivenLabels:
        """Return the same labels with what their numbers mean, as a few frames tell it, and whether they fit.

        Raises
        ------
        ImageValueError
            If they hold no cells.
        """
        there = [number for number in range(self.film.count) if not self.lacks(number)]
        parts, said = are_parts_cells(self.labels, path, there)
        misfit = describe_misfit(self.film, self._as_given, there, path)
        return replace(self, parts=parts, depth=self._depth(there), notices=(*self.notices, *said, *misfit))

    def _depth(self, there: Sequence[int]) -> tuple[int, ...]:
        """Return the number of planes of the first label image that can be read, none where it is flat."""
        for number in there:
            try:
                return self._as_given(number).shape[:-2]
            except ImageReadError:
                continue
        return ()

    def empty(self, number: int) -> NDArray[np.int32]:
        """Return a label image without cells, of as many planes as the others."""
        return np.zeros((*self.depth, *self.film.frame_shape(number)), np.int32)

    def lacks(self, number: int) -> bool:
        """Return whether a frame has no file where each should have its own."""
        return self.stack is None and self.array is None and self.files[number] is None

    def labels(self, number: int) -> NDArray[np.integer]:
        """Return the label image of a frame, empty where it has no file."""
        found = self._as_given(number)
        return parts_of(found) if self.parts else found

    def _as_given(self, number: int) -> NDArray[np.integer]:
        if self.stack is not None:
            return _labels_at(self.stack, number, "the label stack")
        if self.array is not None:
            return _whole(self.array[number], "the label array")
        file = self.files[number]
        if file is None:
            return self.empty(number)
        if file.suffix == ".npy":
            return _whole(np.load(file, allow_pickle=False), file.name)
        return _labels_of(open_as(file, AS_NUMBERS).read(), file.name)


class GivenOfGrowing:
    """Gives the label images of files of a film that grows; what their numbers mean is told by the first ones."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._parts: bool | None = None
        self._depth: tuple[int, ...] = ()
        self._said: tuple[str, ...] = ()

    def __call__(self, film: Film) -> GivenLabels:
        """Return the labels of the film as it is now."""
        given = given_labels(self._path, film, growing=True)
        if self._parts is None:
            told = given.understood(self._path)
            self._parts, self._depth, self._said = told.parts, told.depth, told.notices[len(given.notices) :]
        return replace(given, parts=self._parts, depth=self._depth, notices=(*given.notices, *self._said))


def labels_of_stack(stack: Stack, film: Film) -> GivenLabels:
    """Return the labels of a stack with as many time points, planes or channels as the film has frames.

    Raises
    ------
    OptionError
        If there are not as many.
    """
    count = _over_time(stack)
    if count != film.count:
        name = stack.origin.name
        raise OptionError(
            f"{name} holds {count} label images and the film has {film.count} frames; it needs one for each"
        )
    return GivenLabels(film, stack=stack)


def _over_time(stack: Stack) -> int:
    """Return how many label images a stack holds; three planes of 16 bits that a file calls colours are planes."""
    sizes = [size for size in stack.shape[:3] if size > 1]
    return stack.shape.t if stack.shape.t > 1 else max(sizes, default=1)


def open_labels(path: Path, film: Film) -> GivenLabels:
    """Return the label images of a film as `given_labels`, and what their numbers mean.

    Raises
    ------
    ImageReadError, ImageValueError, OptionError
        As `given_labels`; also if they hold no cells.
    """
    return given_labels(path, film).understood(path)


def given_labels(path: Path, film: Film, *, growing: bool = False) -> GivenLabels:
    """Return the label images of a film: a folder with one per frame, or one file with all.

    Where a folder has fewer of them than frames, they are told by the numbers in their names; so they are where the
    film is ``growing``.

    Raises
    ------
    ImageReadError, ImageValueError
        If they cannot be read.
    OptionError
        If there are not as many as frames, and names do not tell which are missing.
    """
    if os.path.isdir(path) and not is_image_folder(path):
        files = label_files(path, film.count)
        if len(files) > 1 or film.count == 1:
            paired, notices = pair_labels(files, film.files, film.count, growing=growing)
            return GivenLabels(film, paired, notices=notices)
        path = files[0]
    if path.suffix == ".npy":
        return GivenLabels(film, array=_array_of(path, film))
    return labels_of_stack(open_as(path, AS_NUMBERS).read(), film)


def _array_of(path: Path, film: Film) -> NDArray[np.generic]:
    """Return a NumPy array (T, Y, X) or (T, Z, Y, X), of which pages are read when they are needed."""
    array: NDArray[np.generic] = np.load(path, mmap_mode="r", allow_pickle=False)
    if array.ndim not in (3, 4) or len(array) != film.count:
        sizes = " x ".join(map(str, array.shape))
        raise OptionError(f"{path.name} is {sizes} and the film has {film.count} frames; its first axis must be time")
    return array


def _labels_at(stack: Stack, number: int, name: str) -> NDArray[np.integer]:
    """Return the labels of a time point of a stack; its planes, or channels, are time points where it has no others."""
    if stack.shape.t > 1:
        return _whole(_volume(stack, number, name), name)
    if stack.shape.z > 1:
        return _whole(stack.plane(z=number), name)
    return _whole(stack.plane(c=number), name)


def _labels_of(stack: Stack, name: str) -> NDArray[np.integer]:
    """Return the labels (Y, X) or (Z, Y, X) of a file of one frame."""
    if stack.shape.t > 1:
        raise ImageValueError(f"{name} holds {stack.shape.t} time points; a file for each frame holds one")
    return _whole(_volume(stack, 0, name), name)


def _volume(stack: Stack, number: int, name: str) -> NDArray[np.generic]:
    """Return the plane or planes of a time point.

    Channels that are all equal are one label image. Three planes of more than 8 bits without a word in the file are
    read as colours by many programs, this one too: as labels have none, they are the planes of a volume.
    """
    shape = stack.shape
    planes = [stack.plane(t=number, c=c, z=z) for z in range(shape.z) for c in range(shape.c)]
    if shape.c > 1 and all(np.array_equal(planes[0], plane) for plane in planes[1 : shape.c]):
        planes = planes[:: shape.c]
    elif shape.c > 1 and (shape.z > 1 or stack.dtype.itemsize == 1):
        raise ImageValueError(
            f"{name} has {shape.c} channels that differ, as a coloured picture of labels has; labels are one number "
            "in each pixel"
        )
    return np.stack(planes) if len(planes) > 1 else planes[0]


def _whole(labels: NDArray[np.generic], name: str) -> NDArray[np.integer]:
    if labels.dtype.kind == "f" and not np.array_equal(labels, np.rint(labels)):
        raise ImageValueError(f"{name} has broken numbers, so it holds no labels; is it an image?")
    if labels.dtype.kind not in "buif":
        raise ImageValueError(f"{name} has pixels of type {labels.dtype}, which are no labels")
    whole = labels.astype(np.int64)
    if whole.min(initial=0) < 0:
        raise ImageValueError(
            f"{name} has the label {int(whole.min())}; labels are numbers from 1, and 0 is background"
        )
    return whole


def ellipses(objects: Objects, shape: tuple[int, int]) -> NDArray[np.int32]:
    """Return a label image of the ellipses in boxes, for models that find no outlines."""
    labels = np.zeros(shape, np.int32)
    for ident, (y0, x0, y1, x1) in zip(objects.id.tolist(), objects.box.tolist(), strict=True):
        ys, xs = slice(max(y0, 0), min(y1, shape[0])), slice(max(x0, 0), min(x1, shape[1]))
        y, x = np.mgrid[ys, xs]
        inside = ((2 * y + 1 - y0 - y1) / max(y1 - y0, 1)) ** 2 + ((2 * x + 1 - x0 - x1) / max(x1 - x0, 1)) ** 2 <= 1
        labels[ys, xs][inside] = ident
    return labels
