"""Track a film: find or read the cells of each frame, link them, measure the tracks, write all of it.

Frames are read one by one; in memory stays what linking needs of cells (place, size), not their pixels.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.annotation import Annotation, ObjectRecord
from napari_cellvino.core.errors import OptionError
from napari_cellvino.core.image import Origin, Stack
from napari_cellvino.core.progress import Progress
from napari_cellvino.core.recipe import Recipe
from napari_cellvino.formats.track_formats import check_track_formats
from napari_cellvino.formats.track_points import points_of
from napari_cellvino.io.label_tiff import read_label_pixels
from napari_cellvino.results.film_folder import FilmTables, check_film_folder, read_film, recipe_of, write_film
from napari_cellvino.results.kept_looks import KeptLooks, LooksOfFrames, no_looks
from napari_cellvino.segmentation.pipeline import make_pipeline
from napari_cellvino.tracking.doubts import doubtful_links
from napari_cellvino.tracking.film_annotation import FilmCells, annotate_film, touched
from napari_cellvino.tracking.link_film import FilmLinker, LinkedFilm
from napari_cellvino.tracking.measures import (
    FilmScale,
    cell_table,
    frame_table,
    growth,
    msd_table,
    track_table,
    unusual_frames,
)
from napari_cellvino.tracking.placed_looks import PlacedLooks, joined_looks
from napari_cellvino.workflows.film import Film
from napari_cellvino.workflows.film_labels import FilmLabels
from napari_cellvino.workflows.given_tracks import GivenTracks
from napari_cellvino.workflows.kept_tracks import kept_tracks
from napari_cellvino.workflows.lost_frames import LabelsOverGaps
from napari_cellvino.workflows.track_strips import cut_strips, longest_tracks
from napari_cellvino.workflows.watched_frames import CellLooks, FramesAside, WatchedFrames

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


@dataclass(frozen=True, slots=True)
class TrackRequest:
    """What is made of a film beside its labels.

    Attributes
    ----------
    recipe
        How cells are found and linked; of label images that are given, how they are linked.
    interval_s
        Time between frames in s, where the film is silent or wrong.
    out
        A folder of results, in which the film has its own; None where nothing is written.
    overwrite
        Whether what stands in that folder is replaced.
    formats
        Further formats that tracks are written in: ``trackmate``, ``geff``, ``napari``, ``btrack``, ``btrack-hdf5``.
    strips
        Of how many of the longest tracks pictures through time are drawn.
    masks
        The name of the label images that were taken in place of a model's; empty where a model found the cells.
    tracks
        A file of another program with the tracks, which are put on the labels instead of linking them.
    """

    recipe: Recipe = field(default_factory=Recipe)
    interval_s: float | None = None
    out: Path | None = None
    overwrite: bool = False
    formats: tuple[str, ...] = ()
    strips: int = 0
    masks: str = ""
    tracks: Path | None = None

    def __post_init__(self) -> None:
        check_track_formats(self.formats)
        if self.interval_s is not None and not self.interval_s > 0:
            raise OptionError(f"a time between frames of {self.interval_s:g} s is not possible; give one above 0")

    @property
    def choices(self) -> dict[str, object]:
        """What the tracks were made with, by the names of ``film.json``."""
        masks, tracks = self.masks, self.tracks.name if self.tracks is not None else ""
        named = {"masks": masks} if masks else {}
        return {"recipe": self.recipe.model_dump(mode="json"), **named, **({"tracks": tracks} if tracks else {})}


def linking_alone(recipe: Recipe) -> Recipe:
    """Return what a recipe says of label images that are given: no model finds cells, but features may be of one."""
    if recipe.linking.features:
        return make_pipeline(recipe).recipe
    return Recipe(model="", linking=recipe.linking).with_overrides(recipe.overrides)


def track_film(film: Film, labels: FilmLabels, request: TrackRequest) -> Generator[Progress, None, TrackedFilm]:
    """Yield progress and return the tracked film; frames are read one by one.

    Where a film is tracked again, the tracks that a person corrected stay as they are, and only the other cells are
    linked.

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
    kept = None if folder is None else kept_tracks(folder, film)
    given = None if request.tracks is None else GivenTracks(request.tracks, film.count)
    looks = CellLooks(request.recipe)
    with tempfile.TemporaryDirectory(prefix="cellvino-film-") as folder_aside:
        beside = Path(folder_aside)
        linker, watched = FilmLinker(request.recipe.linking, folder=beside), WatchedFrames(beside, over_gaps=True)
        aside, read = FramesAside(beside), LabelsOverGaps(labels)
        for number in range(film.count):
            image = read.labels(number)
            if kept is not None:
                image = kept.beside(number, image)
            cells = looks.noted(film, number, image, watched)
            linker.add_cells(cells)
            if given is not None:
                given.put_on(number, image, cells)
            if folder is not None:
                aside.put(number, image, cells)
            yield Progress("frames", number + 1, film.count)
        read.check(film.count)
        linked = linker.finish() if given is None else given.linked(linker.finish())
        notices = (*film.notices, *read.notices, *looks.notices, *unusual_frames(watched.pictures, watched.outlined))
        notices += () if given is None else given.notices
        if kept is None:
            found = FoundTracks(linked, watched, notices, aside.labels, looks=aside.looks)
            return write_tracked(film, found, request, folder)
        merged, said = kept.joined(linked, aside.labels), (*notices, kept.said)
        with KeptLooks(kept.folder) as earlier:
            seen = partial(_seen, aside, earlier)
            return (yield from save_tracks(film, merged, linked.drift, request, said, seen))


def _seen(aside: FramesAside, earlier: KeptLooks, number: int) -> PlacedLooks | None:
    """Return what was measured of the cells of a frame, now and in an earlier run."""
    return joined_looks((aside.looks(number), earlier.of(number)))


def save_tracks(
    film: Film,
    annotation: Annotation,
    drift: NDArray[np.float64],
    request: TrackRequest,
    notices: Sequence[str] = (),
    looks: LooksOfFrames = no_looks,
) -> Generator[Progress, None, TrackedFilm]:
    """Yield progress and return a film with corrected tracks, measured and written again.

    Parameters
    ----------
    film
        The film, of which intensities are measured.
    annotation
        Its labels and tracks.
    drift
        How far the field had moved by each frame, in px (T, D).
    request
        How it was linked, and where it is written.
    notices
        What you should know of it, as sentences.
    looks
        What was measured of the cells of each frame.

    Raises
    ------
    CellvinoError
        If a frame cannot be read, or results cannot be written.
    """
    cells, watched = FilmCells(annotation, drift), WatchedFrames(over_gaps=True)
    for number in range(film.count):
        watched.note(film, number, _cut(annotation, film, number), cells.frames[number].labels)
        yield Progress("measuring", number + 1, film.count)
    corrected = touched([*annotation.records.values(), *annotation.deleted.values()])
    pixels = partial(_cut, annotation, film)
    found = FoundTracks(cells.film(), watched, tuple(notices), pixels, tuple(corrected), looks)
    folder = None if request.out is None else request.out / film.name
    return write_tracked(film, found, replace(request, overwrite=True), folder)


def _cut(annotation: Annotation, film: Film, number: int) -> NDArray[np.int32]:
    """Return the labels of a frame, as large as it is in the film."""
    height, width = film.frame_shape(number)
    labels: NDArray[np.int32] = annotation.pixels[number, ..., :height, :width]
    return labels


@dataclass(frozen=True, slots=True)
class OpenedTracks:
    """A tracked film that is corrected.

    Attributes
    ----------
    annotation
        Its labels and tracks.
    request
        How it was linked, and where it is written; what is not known of that is as by default.
    film
        Where the film was, None where that is not known.
    drift
        How far the field had moved by each frame, in px (T, D), None where that is not known.
    notices
        What you should know of it, as sentences.
    """

    annotation: Annotation
    request: TrackRequest
    film: Path | None = None
    drift: NDArray[np.float64] | None = None
    notices: tuple[str, ...] = ()


def open_tracks(folder: Path) -> OpenedTracks:
    """Return a tracked film from its folder of results, or from one of the Cell Tracking Challenge.

    Raises
    ------
    ImageReadError, ImageValueError
        If it cannot be read.
    """
    result = read_film(folder)
    masks = (read_label_pixels(path)[0] for path in result.masks)
    origin = Origin(path=str(folder))
    annotation = annotate_film(masks, result.tracks, len(result.masks), origin, result.corrected)
    summary = result.summary
    interval = summary.get("interval_s")
    return OpenedTracks(
        annotation,
        TrackRequest(
            recipe_of(summary),
            float(interval) if isinstance(interval, (int, float)) else None,
            folder.parent,
            overwrite=True,
            masks=str(summary.get("masks", "")),
        ),
        Path(str(summary["film"])) if "film" in summary else None,
        result.drift,
        tuple(map(str, said)) if isinstance(said := summary.get("notices"), list) else (),
    )


@dataclass(frozen=True, slots=True)
class FoundTracks:
    """What is written of a film."""

    linked: LinkedFilm
    watched: WatchedFrames
    notices: tuple[str, ...]
    labels: Callable[[int], NDArray[np.integer]]
    corrected: tuple[ObjectRecord, ...] = ()
    looks: LooksOfFrames = no_looks


def write_tracked(film: Film, found: FoundTracks, request: TrackRequest, folder: Path | None) -> TrackedFilm:
    """Measure a film, and write it where it has a folder."""
    scale = FilmScale(film.spacing, request.interval_s or film.first.interval_s, film.times)
    notices = tuple(dict.fromkeys((*found.notices, *_few(film, found.linked))))
    tables = measure_film(found.linked, scale, film.first, found.watched.intensities())
    tables.summary.update(
        film=str(film.path),
        corrected=len(found.corrected),
        notices=list(notices),
        **({"files": [file.name for file in film.files]} if len(film.files) == film.count else {}),
        **request.choices,
    )
    if folder is not None:
        also = dict.fromkeys(request.formats, points_of(found.linked, scale.spacing, scale.interval_s))
        strips = cut_strips(film, found.linked, found.labels, longest_tracks(found.linked, request.strips))
        write_film(folder, found.linked.tracks, tables, found.labels, also, found.corrected, strips, found.looks)
    return TrackedFilm(found.linked, tables, notices, folder)


def measure_film(
    linked: LinkedFilm, scale: FilmScale, first: Stack, intensities: list[dict[str, NDArray[np.float64]]]
) -> FilmTables:
    """Return the tables of a film; ``intensities`` are those of each frame's cells by the names of columns."""
    cells, rows = cell_table(linked, scale), linked.rows()
    for name in (f"mean_{channel}" for channel in first.channels):
        if any(name in means for means in intensities):
            pairs = zip(linked.frames, intensities, strict=True)
            cells[name] = rows.of([means.get(name, np.full(len(held), np.nan)) for held, means in pairs])
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
