"""Track a film: find or read the cells of each frame, link them, measure the tracks, write all of it.

Frames are read one by one; in memory stays what linking needs of cells (place, size), not their pixels.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Generator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.core.errors import OptionError
from napari_cellvino.core.image import Stack
from napari_cellvino.core.progress import Progress
from napari_cellvino.formats.track_formats import check_track_formats
from napari_cellvino.formats.track_points import points_of
from napari_cellvino.results.film_folder import FilmTables, check_film_folder, write_film
from napari_cellvino.tracking.doubts import doubtful_links
from napari_cellvino.tracking.link_film import FilmLinker, LinkedFilm
from napari_cellvino.tracking.linking import LinkOptions
from napari_cellvino.tracking.measures import (
    FilmScale,
    cell_table,
    frame_table,
    growth,
    mean_intensities,
    msd_table,
    track_table,
    unusual_frames,
)
from napari_cellvino.workflows.film import Film
from napari_cellvino.workflows.film_labels import FilmLabels

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class TrackedFilm:
    """A tracked film.

    Attributes
    ----------
    linked
        Tracks and the cells they are made of.
    tables
        What is measured.
    notices
        What you should know of it, as sentences.
    folder
        Where it was written, None where it was not.
    """

    linked: LinkedFilm
    tables: FilmTables
    notices: tuple[str, ...] = ()
    folder: Path | None = None


@dataclass
class _Watched:
    """What is noted of frames as they pass."""

    pictures: list[tuple[tuple[int, ...], bool, str]] = field(default_factory=list)
    intensities: list[dict[str, NDArray[np.float64]]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class TrackRequest:
    """What is made of a film beside its labels.

    Attributes
    ----------
    linking
        How cells are linked.
    interval_s
        Time between frames in s, where the film is silent or wrong.
    out
        A folder of results, in which the film has its own; None where nothing is written.
    overwrite
        Whether what stands in that folder is replaced.
    formats
        Further formats that tracks are written in: ``trackmate``, ``geff``, ``napari``, ``btrack``.
    choices
        What the labels were made with, noted in ``film.json``.
    """

    linking: LinkOptions = field(default_factory=LinkOptions)
    interval_s: float | None = None
    out: Path | None = None
    overwrite: bool = False
    formats: tuple[str, ...] = ()
    choices: Mapping[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_track_formats(self.formats)
        if self.interval_s is not None and not self.interval_s > 0:
            raise OptionError(f"a time between frames of {self.interval_s:g} s is not possible; give one above 0")


def track_film(film: Film, labels: FilmLabels, request: TrackRequest) -> Generator[Progress, None, TrackedFilm]:
    """Yield progress and return the tracked film; frames are read one by one.

    Parameters
    ----------
    film
        The film.
    labels
        Gives the label image of each frame.
    request
        How it is linked, and where it is written.

    Raises
    ------
    CellvinoError
        If a frame cannot be read, or results cannot be written.
    """
    folder = None if request.out is None else request.out / film.name
    if folder is not None:
        check_film_folder(folder, overwrite=request.overwrite)
    linker, watched = FilmLinker(request.linking), _Watched()
    with tempfile.TemporaryDirectory(prefix="cellvino-film-") as aside:
        for number in range(film.count):
            image = labels.labels(number)
            _note(film, number, image, linker.add(image).labels, watched)
            if folder is not None:
                np.savez_compressed(
                    Path(aside) / f"{number}.npz", labels=image.astype(np.min_scalar_type(int(image.max(initial=0))))
                )
            yield Progress("frames", number + 1, film.count)
        linked = linker.finish()
        scale = FilmScale(film.spacing, request.interval_s or film.first.interval_s, film.times)
        notices = (*film.notices, *labels.notices, *unusual_frames(watched.pictures), *_few(film, linked))
        tables = measure_film(linked, scale, film.first, watched.intensities)
        tables.summary.update(linking=asdict(request.linking), notices=list(notices), **request.choices)
        if folder is not None:
            also = dict.fromkeys(request.formats, points_of(linked, scale.spacing, scale.interval_s))
            write_film(folder, linked.tracks, tables, lambda n: np.load(Path(aside) / f"{n}.npz")["labels"], also)
    return TrackedFilm(linked, tables, notices, folder)


def _note(
    film: Film, number: int, image: NDArray[np.integer], known: NDArray[np.int64], watched: _Watched
) -> None:  # fmt: skip
    """Note what a frame looks like, and the intensities of its cells."""
    stack, frame = film.frame(number)
    digest, blank, means = hashlib.blake2b(digest_size=16), True, {}
    for channel, name in enumerate(stack.channels):
        plane = stack.plane(t=frame - 1, c=channel, z=0)
        if stack.shape.z > 1:
            plane = np.max([stack.plane(t=frame - 1, c=channel, z=z) for z in range(stack.shape.z)], axis=0)
        digest.update(np.ascontiguousarray(plane).tobytes())
        blank = blank and bool(plane.min() == plane.max())
        if plane.shape == image.shape:
            means[f"mean_{name}"] = mean_intensities(image, known, plane)
    watched.pictures.append(((stack.shape.y, stack.shape.x), blank, digest.hexdigest()))
    watched.intensities.append(means)


def measure_film(
    linked: LinkedFilm, scale: FilmScale, first: Stack, intensities: list[dict[str, NDArray[np.float64]]]
) -> FilmTables:
    """Return the tables of a film; ``intensities`` are those of each frame's cells by the names of columns."""
    cells = cell_table(linked, scale)
    for name in (f"mean_{channel}" for channel in first.channels):
        by_node = {
            (frame, label): value
            for frame, (held, means) in enumerate(zip(linked.frames, intensities, strict=True))
            if name in means
            for label, value in zip(held.labels.tolist(), means[name].tolist(), strict=True)
        }
        if by_node:
            places = zip(cells["frame"].tolist(), cells["label"].tolist(), strict=True)
            cells[name] = [by_node.get(place, np.nan) for place in places]
    tracks = track_table(cells, linked.tracks, scale, len(linked.frames))
    frames = frame_table(linked, scale)
    summary = _summary(linked, frames, tracks, scale)
    return FilmTables(cells, tracks, frames, msd_table(cells, scale), doubtful_links(linked), scale, summary)


def _summary(linked: LinkedFilm, frames: pd.DataFrame, tracks: pd.DataFrame, scale: FilmScale) -> dict[str, object]:
    summary: dict[str, object] = {
        "frames": len(frames),
        "cells": int(frames["cells"].sum()),
        "tracks": len(tracks),
        "divisions": len(linked.tracks.divisions),
        "frames_bridged": int(tracks["frames_missing"].sum()) if len(tracks) else 0,
        "interval_s": scale.interval_s,
        "spacing_um": [scale.spacing.z, scale.spacing.y, scale.spacing.x],
    }
    summary.update(growth(frames, tracks, scale))
    return summary


def _few(film: Film, linked: LinkedFilm) -> tuple[str, ...]:
    """Return what is to be said of a film that is none, or has no cells."""
    said = []
    if film.count == 1:
        said.append("one frame only: every cell is a track of its own; a film is a file with time points, or a folder")
    if not any(len(cells) for cells in linked.frames):
        said.append("no cells in any frame")
    return tuple(said)
