"""A film as its frames: the time points of one file, or the images of a folder in the order people count in.

A frame is opened when it is needed. Numbers in names tell where a frame of a folder is missing: the frames on both
sides are then further apart in time, and nothing is put in its place.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.core.errors import CellvinoError, ImageReadError, ImageValueError, can_pass
from napari_cellvino.core.image import MetadataOverrides, Origin, PlaneReader, Spacing, Stack
from napari_cellvino.core.spread import spread_over
from napari_cellvino.io import is_image_folder, open_as
from napari_cellvino.io.checks import list_names
from napari_cellvino.io.folder_listing import scan_folder
from napari_cellvino.io.plates.suggest_pattern import suggest_pattern
from napari_cellvino.workflows.frame_names import describe_series, times_of
from napari_cellvino.workflows.sources import OpenSources

MOST_CHANNELS = 6  # of a frame; more, in a file without time points and planes, are time points
UNLIKE_AT = 7  # frames whose headers are looked at
ALIKE = 0.02  # of a size of a pixel, that the same are rounded by


@dataclass(frozen=True, slots=True)
class Film:
    """A film of T frames.

    Attributes
    ----------
    path
        The file or folder.
    files
        The files of the frames, one each; a single one where it holds all frames.
    count
        T.
    times
        When each frame was taken, in intervals from the first (T,): 0, 1, 2, … and more where frames are missing.
    first
        The image of the first frame that can be read, or of all.
    notices
        What you should know of it, as sentences.
    first_at
        The number of the first frame that can be read.
    """

    path: Path
    files: tuple[Path, ...]
    count: int
    times: tuple[int, ...]
    first: Stack
    notices: tuple[str, ...] = ()
    sources: OpenSources = field(default_factory=OpenSources)
    overrides: MetadataOverrides = field(default_factory=MetadataOverrides)
    first_at: int = 0

    @property
    def name(self) -> str:
        """The name of the file without its ending, or of the folder."""
        path = Path(os.path.abspath(self.path))  # "." has no name of its own
        return path.name if len(self.files) > 1 else Origin(path=str(path)).name

    @property
    def spacing(self) -> Spacing:
        """Size of a pixel in µm."""
        return self.first.spacing

    def frame(self, number: int) -> tuple[Stack, int]:
        """Return the image that a frame, from 0, is in, and its time point there, from 1.

        Raises
        ------
        ImageReadError, ImageValueError
            If it cannot be read.
        """
        if len(self.files) == 1:
            return self.first, number + 1
        if number == self.first_at:
            return self.first, 1
        stack = self.sources.image(self.files[number], self.overrides).read()
        if stack.shape.t > 1:
            raise ImageValueError(
                f"{self.files[number].name} has {stack.shape.t} time points, and the others of {self.path} are a frame "
                "each; move it away, or name it alone"
            )
        return stack, 1

    def as_stack(self, *, volumes: bool = False) -> Stack:
        """Return the film as one image with time points, of stacks their maximum projections, or all planes.

        Frames of another size are cut, or filled with zeros.
        """
        if len(self.files) == 1 and (volumes or self.first.shape.z == 1):
            return self.first
        shape = self.first.shape._replace(t=self.count, z=self.first.shape.z if volumes else 1)
        origin = Origin(path=str(self.path)) if len(self.files) > 1 else self.first.origin
        return replace(self.first, planes=_FramesOverTime(self, volumes), shape=shape, origin=origin)

    def frame_shape(self, number: int) -> tuple[int, int]:
        """Return height and width of a frame in px, of one that is damaged those of the first one."""
        try:
            shape = self.frame(number)[0].shape
        except ImageReadError:
            shape = self.first.shape
        return shape.y, shape.x


def open_film(path: Path, overrides: MetadataOverrides | None = None) -> Film:
    """Return a film: a file with time points, or a folder with an image for each.

    A file that has planes and no time points is taken as a film of these planes, and says so.

    Raises
    ------
    ImageReadError, ImageValueError
        If it cannot be read, or holds several fields of view.
    """
    said = overrides or MetadataOverrides()
    if not os.path.isdir(path) or is_image_folder(path):
        return _film_of_file(path, said)
    if said.pattern:
        return _film_of_file(path, said)
    listing = scan_folder(path)
    files = listing.images
    if not files:
        inside = f"; there are images in {list_names(listing.folders)}" if listing.folders else ""
        raise ImageReadError(
            f"{path} holds no images that are read{inside}; name a file, or a folder with an image per frame"
        )
    if (parts := _film_of_parts(path, files, said)) is not None:
        return parts
    if len(files) == 1 and OpenSources().image(files[0], said).read().shape.t > 1:
        return _film_of_file(files[0], said)
    return film_of_files(path, files, said)


def _film_of_parts(path: Path, files: Sequence[Path], overrides: MetadataOverrides) -> Film | None:
    """Return the film of a folder in which channels or planes of a frame are files of their own, None of other folders.

    Taken by itself each would be a frame, and frames of the channels would follow each other.
    """
    pattern = suggest_pattern([file.name for file in files])
    pattern = pattern if "{t}" in pattern else pattern.replace("{field}", "{t}")
    if "{t}" not in pattern or "{field}" in pattern:
        return None
    try:
        film = _film_of_file(path, replace(overrides, pattern=pattern))
    except CellvinoError:  # names that only look so
        return None
    shape = film.first.shape
    if shape.t * shape.c * shape.z != len(files):
        return None
    held = f"{shape.c} channel{'s' * (shape.c > 1)} and {shape.z} plane{'s' * (shape.z > 1)} of {shape.t} frames"
    notice = f"the {len(files)} files are taken as {held}, by their names; if each is a frame, number them otherwise"
    return replace(film, notices=(notice, *film.notices))


def film_of_files(path: Path, files: tuple[Path, ...], overrides: MetadataOverrides | None = None) -> Film:
    """Return images of a folder, in this order, as a film.

    Raises
    ------
    ImageReadError, ImageValueError
        If none can be read, or the first that can has time points itself.
    """
    said, sources = overrides or MetadataOverrides(), OpenSources()
    at, first = _first_read(files, said, sources)
    if first.shape.t > 1:
        raise ImageValueError(
            f"{path} holds {len(files)} files and {files[at].name} has {first.shape.t} time points: each is a film; "
            "name one of them"
        )
    names = [file.name for file in files]
    times, notices = times_of(names)
    notices = (*describe_series(names), *notices, *_describe_unlike(files, first, said, sources))
    return Film(path, files, len(files), times, first, (*first.doubts, *notices), sources, said, at)


def _describe_unlike(
    files: Sequence[Path], first: Stack, overrides: MetadataOverrides, sources: OpenSources
) -> tuple[str, ...]:
    """Return what to say where a frame, of some that are looked at, has other pixels than the first."""
    places = spread_over(len(files), UNLIKE_AT)
    said: dict[str, str] = {}
    for file in (files[place] for place in places):
        try:
            stack = sources.image(file, overrides).read()
        except CellvinoError:  # told where it is read
            continue
        own, usual = stack.spacing.x, first.spacing.x
        if own is not None and usual is not None and abs(own / usual - 1) > ALIKE:
            words = (
                f"{file.name} says a pixel of {own:.4g} µm, and the first frame {usual:.4g} µm, which is taken for all"
            )
            said.setdefault("size", words)
        if stack.dtype != first.dtype:
            words = f"{file.name} has pixels of {stack.dtype}, and the first frame of {first.dtype}"
            said.setdefault("type", f"{words}: intensities are on another scale")
    return tuple(said.values())


def _first_read(files: Sequence[Path], overrides: MetadataOverrides, sources: OpenSources) -> tuple[int, Stack]:
    """Return the number of the first file that can be read, and its image."""
    damaged: list[ImageReadError] = []
    for number, file in enumerate(files):
        try:
            return number, sources.image(file, overrides).read()
        except ImageReadError as error:
            if can_pass(error):
                raise
            damaged.append(error)
    raise damaged[0]


def film_of_stack(stack: Stack) -> Film:
    """Return an image as a film of its time points."""
    path = Path(stack.origin.path)
    return Film(path, (path,), stack.shape.t, tuple(range(stack.shape.t)), stack, stack.doubts)


def _film_of_file(path: Path, overrides: MetadataOverrides) -> Film:
    source = open_as(path, overrides)
    if len(source.positions) > 1:
        names = list_names([position.name for position in source.positions])
        raise ImageValueError(
            f"{path.name} holds {len(source.positions)} fields of view ({names}): save the film of each as a file"
        )
    stack = source.read()
    notices: tuple[str, ...] = ()
    kind = _kind_of_time(stack)
    if kind and overrides.axes is None:
        count = stack.shape.z if kind == "planes" else stack.shape.c
        notices = (
            f"{path.name} has {count} {kind} and no time points: its {kind} are taken as time points; if they are "
            f"{kind} of one moment, this is no film",
        )
        stack = _over_time(stack)
    return Film(path, (path,), stack.shape.t, tuple(range(stack.shape.t)), stack, (*stack.doubts, *notices))


@dataclass(frozen=True, slots=True)
class _PlanesOverTime:
    """The planes of a stack, or its channels, as time points."""

    planes: PlaneReader
    channels: bool

    def plane(self, *, t: int, c: int, z: int) -> NDArray[np.generic]:
        """Return one plane (Y, X)."""
        return self.planes.plane(t=0, c=t, z=0) if self.channels else self.planes.plane(t=0, c=c, z=t)


@dataclass(frozen=True, slots=True)
class _FramesOverTime:
    """The images of a folder as time points, with their planes or as projections."""

    film: Film
    volumes: bool

    def plane(self, *, t: int, c: int, z: int) -> NDArray[np.generic]:
        """Return one plane (Y, X), as large as that of the first frame; of projections the only one.

        Of a damaged frame it is black, as one without light.
        """
        height, width = self.film.first.shape.y, self.film.first.shape.x
        try:
            return self._plane(t, c, z, height, width)
        except ImageReadError as error:
            if can_pass(error):
                raise
            return np.zeros((height, width), self.film.first.dtype)

    def _plane(self, t: int, c: int, z: int, height: int, width: int) -> NDArray[np.generic]:
        stack, frame = self.film.frame(t)
        depth = [min(z, stack.shape.z - 1)] if self.volumes else range(stack.shape.z)
        planes = [stack.plane(t=frame - 1, c=c, z=each)[:height, :width] for each in depth]
        plane: NDArray[np.generic] = planes[0] if len(planes) == 1 else np.max(planes, axis=0)
        return np.pad(plane, [(0, height - plane.shape[0]), (0, width - plane.shape[1])])


def _kind_of_time(stack: Stack) -> str:
    """Return what a stack without time points has instead: planes, or more channels than a camera; or none."""
    if stack.shape.t > 1:
        return ""
    if stack.shape.z > 1:
        return "planes"
    return "channels" if stack.shape.c > MOST_CHANNELS else ""


def _over_time(stack: Stack) -> Stack:
    if stack.shape.z > 1:
        shape = stack.shape._replace(t=stack.shape.z, z=1)
        return replace(stack, planes=_PlanesOverTime(stack.planes, channels=False), shape=shape)
    shape, held = stack.shape._replace(t=stack.shape.c, c=1), _PlanesOverTime(stack.planes, channels=True)
    return replace(stack, planes=held, shape=shape, channels=("Channel 1",), hints=())
