"""A film tracked while it is taken: frames are found and linked as they come, and what is known is written at any time.

What was found of a frame stays, so a film that was followed before goes on where it was: its masks are read back, and
only new frames are looked at by the model. A frame that comes late is put in its place, and cells are linked anew,
which needs no network. Ids of tracks stay. In a film that a person corrected all links of the frames of then stay, and
tracks go on in further frames unless the person ended them.
"""

from __future__ import annotations

import tempfile
from bisect import bisect
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.annotation import ObjectRecord
from napari_cellvino.core.errors import ImageReadError, OptionError, ReplaceError
from napari_cellvino.core.image import MetadataOverrides
from napari_cellvino.core.progress import Progress
from napari_cellvino.io.label_tiff import read_label_pixels
from napari_cellvino.results.film_folder import CTC_NAME, check_film_folder, read_film, recipe_of
from napari_cellvino.results.kept_looks import KeptLooks
from napari_cellvino.tracking.frame_cells import frame_cells
from napari_cellvino.tracking.lasting_ids import keep_ids
from napari_cellvino.tracking.link_film import FilmLinker
from napari_cellvino.tracking.measures import unusual_frames
from napari_cellvino.tracking.placed_looks import PlacedLooks
from napari_cellvino.tracking.settling import Settled, settle, settled_of
from napari_cellvino.tracking.tracks import Node, Tracks
from napari_cellvino.workflows.film import Film, film_of_files
from napari_cellvino.workflows.film_labels import FilmLabels
from napari_cellvino.workflows.kept_tracks import said_kept
from napari_cellvino.workflows.track_film import (
    FoundTracks,
    TrackedFilm,
    TrackRequest,
    write_tracked,
)
from napari_cellvino.workflows.watched_frames import CellLooks, FramesAside, WatchedFrames

TracksOfLabels = NDArray[np.int64]
"""The labels of a frame, and the tracks that they belong to (2, N)."""

LabelsOf = Callable[[Film], FilmLabels]
"""Gives the labels of a film, which is another one whenever it has grown."""


@dataclass
class _Earlier:
    """What an earlier run wrote: the mask of each file, and the tracks of its cells."""

    masks: dict[str, Path] = field(default_factory=dict)
    tracks: dict[str, TracksOfLabels] = field(default_factory=dict)
    free: int = 1


@dataclass(frozen=True, slots=True)
class _Corrected:
    """Tracks that a person corrected: their records, and all tracks of the frames of then, which have names."""

    records: tuple[ObjectRecord, ...]
    tracks: Tracks
    names: tuple[str, ...]

    def settled(self, names: Sequence[str]) -> Settled:
        """Return what is not linked anew in a film of the frames of these names."""
        number = {name: n for n, name in enumerate(names)}
        there = {old: number[name] for old, name in enumerate(self.names) if name in number}
        nodes = {
            track: tuple(Node(there[node.frame], node.label) for node in held if node.frame in there)
            for track, held in self.tracks.nodes.items()
        }
        nodes = {track: held for track, held in nodes.items() if held}
        parents = {child: parent for child, parent in self.tracks.parents.items() if {child, parent} <= nodes.keys()}
        last = max(there.values(), default=0)
        own = {record.id for record in self.records}
        settled = settled_of(Tracks(nodes, parents), set(nodes), last)
        return replace(settled, ended={held[-1] for track, held in nodes.items() if track in own} & {*settled.ended})


class GrowingTracks:
    """The tracks of a folder of frames that grows.

    Parameters
    ----------
    path
        The folder.
    labels_of
        Gives the labels of the frames that are there.
    request
        How cells are linked, and where it is written; it must have a folder.
    overrides
        What the user says of the images.

    Raises
    ------
    ReplaceError
        If results of other choices are there, and ``overwrite`` is off.
    """

    def __init__(
        self, path: Path, labels_of: LabelsOf, request: TrackRequest, overrides: MetadataOverrides | None = None
    ) -> None:
        self._path, self._labels_of, self._request, self._overrides = path, labels_of, request, overrides
        self._looks = CellLooks(request.recipe)
        self._labels: FilmLabels | None = None
        self._labelled: Film | None = None  # which those labels are of
        self.files: list[Path] = []
        self._of_file: dict[Path, int] = {}  # what was found in it lies aside under a number
        self._corrected: _Corrected | None = None
        self.folder = (request.out or Path()) / Path(path.absolute()).name
        self._earlier = self._read_earlier()
        self._known, self._free = self._earlier.tracks, self._earlier.free
        self._folder_aside = tempfile.TemporaryDirectory(prefix="cellvino-film-")
        beside = Path(self._folder_aside.name)
        self._linker, self._watched, self._aside = self._new_linker(), WatchedFrames(beside), FramesAside(beside)

    def _new_linker(self) -> FilmLinker:
        folder = tempfile.mkdtemp(prefix="links-", dir=self._folder_aside.name)
        return FilmLinker(self._request.recipe.linking, folder=Path(folder))

    def close(self) -> None:
        """Let go of what lies aside."""
        self._folder_aside.cleanup()

    def _read_earlier(self) -> _Earlier:
        """Return what an earlier run of the same choices wrote; nothing where it is to be replaced."""
        if self._request.overwrite or not self.folder.exists():
            check_film_folder(self.folder, overwrite=self._request.overwrite)
            return _Earlier()
        if not (self.folder / CTC_NAME).is_dir():
            check_film_folder(self.folder, overwrite=False)
        result = read_film(self.folder)
        names, summary = result.summary.get("files"), result.summary
        same = recipe_of(summary) == self._request.recipe and str(summary.get("masks", "")) == self._request.masks
        if not isinstance(names, list) or len(names) != len(result.masks) or not same:
            raise ReplaceError(
                f"{self.folder} holds results of other choices, and cannot be gone on with",
                remedy="choose another folder, or replace it",
                command="choose another --out, or replace it with --overwrite",
            )
        tracks = _by_file(result.tracks, list(map(str, names)))
        ids = [int(held.max()) for held in tracks.values()]  # labels too: of a gap, the challenge has ids of its own
        ids += [record.id for record in result.corrected]
        if result.corrected:
            self._corrected = _Corrected(result.corrected, result.tracks, tuple(map(str, names)))
        return _Earlier(dict(zip(map(str, names), result.masks, strict=True)), tracks, max(ids, default=0) + 1)

    @property
    def is_as_written(self) -> bool:
        """Whether the frames that are there are those that an earlier run wrote."""
        return bool(self.files) and [file.name for file in self.files] == list(self._earlier.masks)

    def take(self, files: Sequence[Path]) -> Generator[Progress, None, None]:
        """Yield progress while the frames that are new are found and linked.

        Parameters
        ----------
        files
            All frames that are there, in order; those that were taken before among them.

        Raises
        ------
        CellvinoError
            If a frame cannot be read; those before it were taken.
        """
        film, done = film_of_files(self._path, tuple(files), self._overrides), set(self.files)
        places = {file: number for number, file in enumerate(files)}
        last = max((places[file] for file in self.files), default=-1)
        is_late = False
        try:
            for file in (file for file in files if file not in done):
                number = places[file]
                is_late |= number < last
                at = bisect(self.files, number, key=places.__getitem__) if number < last else len(self.files)
                self._take(film, number, file, at)
                yield Progress("frames", len(self.files), len(files))
        finally:
            if is_late:
                self._link_anew()

    def _take(self, film: Film, number: int, file: Path, at: int) -> None:
        """Take a frame of a film as that of a number of those that are known."""
        image, aside = self._found(film, number, file), len(self._of_file)
        cells = self._looks.noted(film, number, image, self._watched, self._known_looks(file))
        self._aside.put(aside, image, cells)
        self._of_file[file] = aside
        self.files.insert(at, file)
        if at < len(self.files) - 1:
            self._watched.move_last(at)
        else:
            self._linker.add_cells(cells)

    def _found(self, film: Film, number: int, file: Path) -> NDArray[np.integer]:
        mask = self._earlier.masks.get(file.name)
        if mask is not None:
            return read_label_pixels(mask)[0]
        if self._labels is None or self._labelled is not film:
            try:
                self._labels, self._labelled = self._labels_of(film), film
            except OptionError as error:  # label images of some frames are there, and do not tell yet of which
                raise ImageReadError(str(error)) from error
        if self._labels.lacks(number):
            raise ImageReadError("it has no label image")
        return self._labels.labels(number)

    def _known_looks(self, file: Path) -> PlacedLooks | None:
        """Return what an earlier run measured of the cells of a frame."""
        if file.name not in self._earlier.masks:
            return None
        with KeptLooks(self.folder) as earlier:
            return earlier.of(list(self._earlier.masks).index(file.name))

    def _pixels(self, number: int) -> NDArray[np.integer]:
        return self._aside.labels(self._of_file[self.files[number]])

    def _looks_of(self, number: int) -> PlacedLooks:
        return self._aside.looks(self._of_file[self.files[number]])

    def _link_anew(self) -> None:
        """Link all frames in their order, as one came late."""
        self._linker = self._new_linker()
        for number in range(len(self.files)):
            cells = frame_cells(self._pixels(number))
            self._linker.add_cells(replace(cells, looks=self._looks_of(number).of(cells)))

    def write(self, notices: Sequence[str] = ()) -> TrackedFilm:
        """Measure and write all that is known; ids of tracks are those of the last time.

        Raises
        ------
        OutputError
            If it cannot be written.
        """
        film = film_of_files(self._path, tuple(self.files), self._overrides)
        linked, names = self._linker.finish(), [file.name for file in self.files]
        if self._corrected is not None:
            linked = settle(linked, self._corrected.settled(names))
        known = {
            Node(number, label): track
            for number, name in enumerate(names)
            if name in self._known
            for label, track in self._known[name].T.tolist()
        }
        tracks = keep_ids(linked.tracks, known, self._free)
        del known
        self._known = _by_file(tracks, names)
        self._free = max(self._free, max(tracks.nodes, default=0) + 1)
        said = self._labels.notices if self._labels is not None else ()
        said = (*film.notices, *said, *self._looks.notices)
        said += (*unusual_frames(self._watched.pictures, self._watched.outlined), *notices)
        self._earlier = _Earlier()  # its masks are replaced now
        corrected = () if self._corrected is None else self._corrected.records
        said += (said_kept(len(corrected)),) if corrected else ()
        linked = replace(linked, tracks=tracks)
        found = FoundTracks(linked, self._watched, said, self._pixels, corrected, self._looks_of)
        return write_tracked(film, found, replace(self._request, overwrite=True), self.folder)


def _by_file(tracks: Tracks, names: Sequence[str]) -> dict[str, TracksOfLabels]:
    """Return the labels and tracks of the cells of each file that has some: of long films, dictionaries are large."""
    rows = np.array(
        [(node.frame, node.label, track) for track, held in tracks.nodes.items() for node in held], np.int64
    ).reshape(-1, 3)
    rows = rows[np.argsort(rows[:, 0], kind="stable")]
    frames, begins = np.unique(rows[:, 0], return_index=True)
    parts = np.split(rows[:, 1:], begins[1:])
    return {names[frame]: part.T.copy() for frame, part in zip(frames.tolist(), parts, strict=False)}
