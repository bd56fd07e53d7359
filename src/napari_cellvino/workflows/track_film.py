"""Track a film: find or read the cells of each frame, link them, measure the tracks, write all of it.

Frames are read one by one; in memory stays what linking needs of cells (place, size), not their pixels.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.annotation import Annotation, ObjectRecord
from napari_cellvino.core.errors import OptionError
from napari_cellvino.core.image import Origin, Stack
from napari_cellvino.core.progress import Progress
from napari_cellvino.formats.track_formats import check_track_formats
from napari_cellvino.formats.track_points import points_of
from napari_cellvino.io.label_tiff import read_label_pixels
from napari_cellvino.results.film_folder import FilmTables, check_film_folder, read_film, write_film
from napari_cellvino.tracking.doubts import doubtful_links
from napari_cellvino.tracking.film_annotation import FilmCells, annotate_film, touched
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
from napari_cellvino.workflows.given_tracks import GivenTracks
from napari_cellvino.workflows.kept_tracks import kept_tracks
from napari_cellvino.workflows.track_strips import cut_strips, longest_tracks

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
class WatchedFrames:
    """What is noted of frames as they pass, by their order."""

    pictures: list[tuple[tuple[int, ...], bool, str]] = field(default_factory=list)
    outlined: list[tuple[int, ...]] = field(default_factory=list)
    intensities: list[dict[str, NDArray[np.float64]]] = field(default_factory=list)

    def move_last(self, to: int) -> None:
        """Move what was noted last to another place, as its frame came late."""
        self.pictures.insert(to, self.pictures.pop())
        self.outlined.insert(to, self.outlined.pop())
        self.intensities.insert(to, self.intensities.pop())


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
        Further formats that tracks are written in: ``trackmate``, ``geff``, ``napari``, ``btrack``, ``btrack-hdf5``.
    strips
        Of how many of the longest tracks pictures through time are drawn.
    choices
        What the labels were made with, noted in ``film.json``.
    tracks
        A file of another program with the tracks, which are put on the labels instead of linking them.
    """

    linking: LinkOptions = field(default_factory=LinkOptions)
    interval_s: float | None = None
    out: Path | None = None
    overwrite: bool = False
    formats: tuple[str, ...] = ()
    strips: int = 0
    choices: Mapping[str, object] = field(default_factory=dict)
    tracks: Path | None = None

    def __post_init__(self) -> None:
        check_track_formats(self.formats)
        if self.interval_s is not None and not self.interval_s > 0:
            raise OptionError(f"a time between frames of {self.interval_s:g} s is not possible; give one above 0")


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
    linker, watched = FilmLinker(request.linking), WatchedFrames()
    with tempfile.TemporaryDirectory(prefix="cellvino-film-") as aside:
        for number in range(film.count):
            image = labels.labels(number)
            if kept is not None:
                image = kept.beside(number, image)
            cells = linker.add(image, linked_by(film, number, image, request.linking))
            if given is not None:
                given.put_on(number, image, cells)
            note_frame(film, number, image, cells.labels, watched)
            if folder is not None:
                np.savez_compressed(
                    Path(aside) / f"{number}.npz", labels=image.astype(np.min_scalar_type(int(image.max(initial=0))))
                )
            yield Progress("frames", number + 1, film.count)
        linked = linker.finish() if given is None else given.linked(linker.finish())
        del linker, cells  # of a long film its links are large
        notices = (*film.notices, *labels.notices, *unusual_frames(watched.pictures, watched.outlined))
        notices += () if given is None else given.notices
        found = FoundTracks(linked, watched, notices, lambda n: np.load(Path(aside) / f"{n}.npz")["labels"])
        if kept is None:
            return write_tracked(film, found, request, folder)
        merged = kept.joined(linked, found.labels)
        return (yield from save_tracks(film, merged, linked.drift, request, (*notices, kept.said)))


def save_tracks(
    film: Film,
    annotation: Annotation,
    drift: NDArray[np.float64],
    request: TrackRequest,
    notices: Sequence[str] = (),
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

    Raises
    ------
    CellvinoError
        If a frame cannot be read, or results cannot be written.
    """
    cells, watched = FilmCells(annotation, drift), WatchedFrames()
    for number in range(film.count):
        note_frame(film, number, _cut(annotation, film, number), cells.frames[number].labels, watched)
        yield Progress("measuring", number + 1, film.count)
    corrected = touched([*annotation.records.values(), *annotation.deleted.values()])
    found = FoundTracks(cells.film(), watched, tuple(notices), lambda n: _cut(annotation, film, n), tuple(corrected))
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
    """

    annotation: Annotation
    request: TrackRequest
    film: Path | None = None
    drift: NDArray[np.float64] | None = None


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
    interval, linking = summary.get("interval_s"), summary.get("linking")
    return OpenedTracks(
        annotation,
        TrackRequest(
            LinkOptions(**linking) if isinstance(linking, dict) else LinkOptions(),
            float(interval) if isinstance(interval, (int, float)) else None,
            folder.parent,
            overwrite=True,
            choices={name: summary[name] for name in ("recipe", "masks") if name in summary},
        ),
        Path(str(summary["film"])) if "film" in summary else None,
        result.drift,
    )


@dataclass(frozen=True, slots=True)
class FoundTracks:
    """What is written of a film."""

    linked: LinkedFilm
    watched: WatchedFrames
    notices: tuple[str, ...]
    labels: Callable[[int], NDArray[np.integer]]
    corrected: tuple[ObjectRecord, ...] = ()


def write_tracked(film: Film, found: FoundTracks, request: TrackRequest, folder: Path | None) -> TrackedFilm:
    """Measure a film, and write it where it has a folder."""
    scale = FilmScale(film.spacing, request.interval_s or film.first.interval_s, film.times)
    notices = (*found.notices, *_few(film, found.linked))
    tables = measure_film(found.linked, scale, film.first, found.watched.intensities)
    tables.summary.update(
        film=str(film.path),
        linking=asdict(request.linking),
        corrected=len(found.corrected),
        notices=list(notices),
        **({"files": [file.name for file in film.files]} if len(film.files) == film.count else {}),
        **request.choices,
    )
    if folder is not None:
        also = dict.fromkeys(request.formats, points_of(found.linked, scale.spacing, scale.interval_s))
        strips = cut_strips(film, found.linked, found.labels, longest_tracks(found.linked, request.strips))
        write_film(folder, found.linked.tracks, tables, found.labels, also, found.corrected, strips)
    return TrackedFilm(found.linked, tables, notices, folder)


def note_frame(
    film: Film, number: int, image: NDArray[np.integer], known: NDArray[np.int64], watched: WatchedFrames
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
        elif image.shape == stack.shape[2:]:
            volume = np.stack([stack.plane(t=frame - 1, c=channel, z=z) for z in range(stack.shape.z)])
            means[f"mean_{name}"] = mean_intensities(image, known, volume)
    watched.outlined.append(image.shape[-2:])
    watched.pictures.append(((stack.shape.y, stack.shape.x), blank, digest.hexdigest()))
    watched.intensities.append(means)


def linked_by(
    film: Film, number: int, image: NDArray[np.integer], linking: LinkOptions
) -> NDArray[np.float64] | None:  # fmt: skip
    """Return how bright the cells of a frame are in the first channel, by label; None where it does not count."""
    if not linking.intensity:
        return None
    watched = WatchedFrames()
    note_frame(film, number, image, np.unique(image[image > 0]), watched)
    return watched.intensities[0].get(f"mean_{film.first.channels[0]}")


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
