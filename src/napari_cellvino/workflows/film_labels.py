"""Where the label images of a film come from: a model, or files of other programs; one frame at a time."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
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
from napari_cellvino.io.folder_listing import natural_order
from napari_cellvino.io.registry import image_suffixes
from napari_cellvino.segmentation.pipeline import Pipeline
from napari_cellvino.segmentation.predict_field import notices_of, predict_field
from napari_cellvino.workflows.film import Film, times_of


class FilmLabels(Protocol):
    """Gives the label image of each frame."""

    @property
    def notices(self) -> tuple[str, ...]:
        """What you should know of them, so far."""
        ...

    def labels(self, number: int) -> NDArray[np.integer]:
        """Return the label image (Y, X) or (Z, Y, X) of a frame, from 0.

        Raises
        ------
        CellvinoError
            If there is none.
        """
        ...


@dataclass
class FoundLabels:
    """Labels that a model finds in a film."""

    film: Film
    pipeline: Pipeline
    engines: EngineProvider
    _said: dict[str, int] = field(default_factory=dict)

    def labels(self, number: int) -> NDArray[np.integer]:
        """Return what the model finds in a frame; boxes become ellipses."""
        stack, frame = self.film.frame(number)
        found = finish(predict_field(stack, self.pipeline.with_choices(frame=frame), self.engines, keep_maps=False))
        for said in notices_of(found):
            self._said[said] = self._said.get(said, 0) + 1
        decoded = found.decoded
        return ellipses(decoded.objects, found.plane.shape) if decoded.labels is None else decoded.labels

    @property
    def notices(self) -> tuple[str, ...]:
        """What was said of frames, each once, with in how many."""
        return tuple(f"{said} (in {count:,} frame{'s' * (count > 1)})" for said, count in self._said.items())


@dataclass(frozen=True)
class GivenLabels:
    """Labels of files: a stack of all frames, or an image for each; None for a frame without one."""

    film: Film
    files: tuple[Path | None, ...] = ()
    stack: Stack | None = None
    notices: tuple[str, ...] = ()

    def labels(self, number: int) -> NDArray[np.integer]:
        """Return the label image of a frame, empty where it has no file."""
        if self.stack is not None:
            return _labels_at(self.stack, number, "the label stack")
        file = self.files[number]
        if file is None:
            return np.zeros(self.film.first.shape[-2:], np.int32)
        if file.suffix == ".npy":
            return _whole(np.load(file), file.name)
        return _labels_of(open_as(file, MetadataOverrides()).read(), file.name)


def labels_of_stack(stack: Stack, film: Film) -> GivenLabels:
    """Return the labels of a stack with as many time points, or planes, as the film has frames.

    Raises
    ------
    OptionError
        If there are not as many.
    """
    count = stack.shape.t if stack.shape.t > 1 or stack.shape.z == 1 else stack.shape.z
    if count != film.count:
        name = stack.origin.name
        raise OptionError(
            f"{name} holds {count} label images and the film has {film.count} frames; it needs one for each"
        )
    return GivenLabels(film, stack=stack)


def open_labels(path: Path, film: Film) -> GivenLabels:
    """Return the label images of a film: a folder with one per frame, or one file with all.

    Where a folder has fewer of them than frames, they are told by the numbers in their names.

    Raises
    ------
    ImageReadError, ImageValueError
        If they cannot be read.
    OptionError
        If there are not as many as frames, and names do not tell which are missing.
    """
    if os.path.isdir(path) and not is_image_folder(path):
        suffixes = (*image_suffixes(), ".npy")
        held = [p for p in path.iterdir() if p.name.lower().endswith(suffixes) and not p.name.startswith(".")]
        files = sorted(held, key=lambda p: natural_order(p.name))
        if not files:
            raise ImageReadError(f"{path} holds no label images; name a folder with one for each frame")
        if len(files) > 1 or film.count == 1:
            paired, notices = _paired(path, files, film)
            return GivenLabels(film, paired, notices=notices)
        path = files[0]
    return labels_of_stack(open_as(path, MetadataOverrides()).read(), film)


def _paired(folder: Path, files: Sequence[Path], film: Film) -> tuple[tuple[Path | None, ...], tuple[str, ...]]:
    """Return the file of each frame, None where one is missing, and what to say of it."""
    if len(files) == film.count:
        return tuple(files), ()
    times, _ = times_of([file.name for file in files])
    by_time = dict(zip(times, files, strict=True))
    if len(files) > film.count or times[-1] + 1 != film.count:
        raise OptionError(
            f"{folder} holds {len(files)} label images and the film has {film.count} frames; one for each is needed, "
            "with the number of the frame in its name where some are missing"
        )
    lost = film.count - len(files)
    said = (
        f"{lost} frame{'s have' if lost > 1 else ' has'} no label image, told by the numbers of names: no cells there"
    )
    return tuple(by_time.get(number) for number in range(film.count)), (said,)


def _labels_at(stack: Stack, number: int, name: str) -> NDArray[np.integer]:
    """Return the labels of a time point of a stack; its planes are time points where it has no others."""
    if stack.shape.t == 1:
        return _whole(stack.plane(z=number), name)
    planes = [stack.plane(t=number, z=z) for z in range(stack.shape.z)]
    return _whole(np.stack(planes) if len(planes) > 1 else planes[0], name)


def _labels_of(stack: Stack, name: str) -> NDArray[np.integer]:
    """Return the labels (Y, X) or (Z, Y, X) of a file of one frame."""
    if stack.shape.t > 1:
        raise ImageValueError(f"{name} holds {stack.shape.t} time points; a file for each frame holds one")
    planes = [stack.plane(z=z) for z in range(stack.shape.z)]
    return _whole(np.stack(planes) if len(planes) > 1 else planes[0], name)


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
