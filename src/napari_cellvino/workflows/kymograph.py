"""Kymographs of a film: the pixels along a line in each frame, one below the other.

The line is drawn, and stays where it is, or it is the long axis of a tracked cell, which goes and turns with the cell.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import tifffile
from numpy.typing import NDArray

from napari_cellvino.core.errors import ImageReadError, OptionError
from napari_cellvino.core.progress import Progress
from napari_cellvino.figures.kymograph_plot import draw_kymograph
from napari_cellvino.figures.plot_style import save_png
from napari_cellvino.io.label_tiff import read_label_pixels
from napari_cellvino.results.film_folder import CTC_NAME, FilmResult, read_film, recipe_of
from napari_cellvino.storage.atomic import atomic_path
from napari_cellvino.tracking.line_samples import BEYOND, CellAxis, along_line, evenly_on
from napari_cellvino.tracking.measures import FilmScale
from napari_cellvino.workflows.film import Film, open_film
from napari_cellvino.workflows.lost_frames import unless_damaged

WIDTH = 5  # px across the line that are averaged

Masks = Callable[[int], NDArray[np.bool_] | None]
"""The pixels (Y, X) or (Z, Y, X) of a cell in a frame, None where it is not there."""


@dataclass(frozen=True, slots=True)
class Kymograph:
    """What is along a line through time.

    Attributes
    ----------
    values
        Means across the line (T, L), a pixel apart; NaN where the cell, or the picture, is not.
    first
        The number of the first frame, from 0.
    scale
        Units of time and length.
    """

    values: NDArray[np.float32]
    first: int
    scale: FilmScale


def kymograph_of_line(
    film: Film, corners: NDArray[np.float64], scale: FilmScale, *, channel: int = 0, width: int = WIDTH
) -> Generator[Progress, None, Kymograph]:
    """Yield progress and return the kymograph along a line through corners (P, 2) in px, as (y, x).

    Raises
    ------
    OptionError
        If the line has no length, or there is no such channel.
    CellvinoError
        If a frame cannot be read.
    """
    points = evenly_on(np.asarray(corners, np.float64))
    if len(points) < 2:
        raise OptionError("a line of a pixel or less has no kymograph; draw a longer one")
    _check(film, channel, width)
    rows = []
    for number in range(film.count):
        plane = unless_damaged(partial(_plane, film, number, channel))
        if isinstance(plane, ImageReadError):
            rows.append(np.full(len(points), np.nan))
        else:
            rows.append(along_line(plane, points, width))
        yield Progress("frames", number + 1, film.count)
    return Kymograph(np.stack(rows).astype(np.float32), 0, scale)


def kymograph_of_cell(
    film: Film, masks: Masks, scale: FilmScale, *, channel: int = 0, width: int = WIDTH
) -> Generator[Progress, None, Kymograph]:
    """Yield progress and return the kymograph along the long axis of a cell, from its first frame to its last one.

    Raises
    ------
    OptionError
        If it is in no frame, or there is no such channel.
    CellvinoError
        If a frame cannot be read.
    """
    _check(film, channel, width)
    axis, placed = CellAxis(), {}
    for number in range(film.count):
        mask = masks(number)
        if mask is not None and mask.any():
            placed[number] = axis.follow(mask if mask.ndim == 2 else np.asarray(mask.any(axis=0)))
    if not placed:
        raise OptionError("the track is in no frame of this film; choose another one")
    half = BEYOND * max(length for _, _, length in placed.values()) / 2
    first, last = min(placed), max(placed)
    along = np.arange(-round(half), round(half) + 1)
    values = np.full((last - first + 1, len(along)), np.nan, np.float32)
    for done, (number, (middle, way, _)) in enumerate(placed.items(), 1):
        plane = unless_damaged(partial(_plane, film, number, channel))
        if not isinstance(plane, ImageReadError):
            values[number - first] = along_line(plane, middle + along[:, None] * way, width)
        yield Progress("frames", done, len(placed))
    return Kymograph(values, first, scale)


@dataclass(frozen=True, slots=True)
class KymographRequest:
    """Which kymograph is made.

    Attributes
    ----------
    path
        A film, or the folder of a tracked one.
    track
        The track along whose long axis it is, of a tracked film.
    line
        Corners (y, x) in px of the line along which it is, where no track is named.
    channel
        The number of the channel, from 1.
    width
        Pixels across the line that are averaged.
    interval_s
        Time between frames in s, where film and results are silent or wrong.
    """

    path: Path
    track: int | None = None
    line: tuple[tuple[float, float], ...] = ()
    channel: int = 1
    width: int = WIDTH
    interval_s: float | None = None


def make_kymograph(request: KymographRequest) -> Generator[Progress, None, Kymograph]:
    """Yield progress and return a kymograph.

    Raises
    ------
    OptionError
        If neither or both of a track and a line are given, or there is no such track or channel.
    CellvinoError
        If the film or its results cannot be read.
    """
    if (request.track is None) == (not request.line):
        raise OptionError("a kymograph is along a track or along a line; name one of them")
    tracked = (request.path / CTC_NAME).is_dir()
    if not tracked and request.track is not None:
        raise OptionError(f"{request.path} is no folder of a tracked film; tracks are in those of 'cellvino track'")
    result = read_film(request.path) if tracked else None
    film = open_film(request.path) if result is None else _film_of(request.path, result)
    interval = request.interval_s or (result and result.summary.get("interval_s")) or film.first.interval_s
    scale = FilmScale(film.spacing, float(str(interval)) if interval else None, film.times)
    channel, width = request.channel - 1, request.width
    if result is None or request.track is None:
        return (yield from kymograph_of_line(film, np.array(request.line), scale, channel=channel, width=width))
    if request.track not in result.tracks.nodes:
        raise OptionError(f"{request.path.name} has no track {request.track}; lineage.csv names those there are")
    masks = _masks_of(result, request.track)
    return (yield from kymograph_of_cell(film, masks, scale, channel=channel, width=width))


def _film_of(folder: Path, result: FilmResult) -> Film:
    path = Path(str(result.summary.get("film", "")))
    if not result.summary.get("film") or not path.exists():
        raise ImageReadError(f"the film of {folder.name} is not at {path}; name the film, and a line")
    return open_film(path, recipe_of(result.summary).overrides)


def _masks_of(result: FilmResult, track: int) -> Masks:
    label_in = {node.frame: node.label for node in result.tracks.nodes[track]}

    def mask(number: int) -> NDArray[np.bool_] | None:
        if number not in label_in:
            return None
        return np.asarray(read_label_pixels(result.masks[number])[0] == label_in[number], bool)

    return mask


def write_kymograph(path: Path, kymograph: Kymograph, title: str) -> None:
    """Write a kymograph as a picture with axes, ``path`` (PNG), and as its values beside it (TIFF, float32).

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    scale = kymograph.scale
    figure = draw_kymograph(kymograph.values, kymograph.first, scale, title=title)
    save_png(figure, path, software="napari-cellvino", with_places=True)
    with atomic_path(path.with_suffix(".tif")) as part:
        tifffile.imwrite(str(part), kymograph.values, metadata={"axes": "YX"})


def _check(film: Film, channel: int, width: int) -> None:
    if not 0 <= channel < film.first.shape.c:
        raise OptionError(f"{film.name} has {film.first.shape.c} channels; there is none of number {channel + 1}")
    if width < 1:
        raise OptionError(f"a line of {width} px across has no pixels; the least is 1")


def _plane(film: Film, number: int, channel: int) -> NDArray[np.generic]:
    """Return a frame (Y, X), of a stack its maximum projection."""
    stack, t = film.frame(number)
    planes = [stack.plane(t=t - 1, c=channel, z=z) for z in range(stack.shape.z)]
    plane: NDArray[np.generic] = planes[0] if len(planes) == 1 else np.max(planes, axis=0)
    return plane
