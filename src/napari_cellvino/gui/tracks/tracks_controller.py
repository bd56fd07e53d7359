"""One tracked film of a window: it is made or opened, corrected by keys, linked again, and saved."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from pathlib import Path

import napari
import numpy as np
from qtpy.QtCore import QObject, Signal

from napari_cellvino.annotation import Annotation, Change, EditAction, EditSession
from napari_cellvino.annotation.recovery import find_unsaved, resume_session
from napari_cellvino.annotation.snapshot import Snapshot
from napari_cellvino.core.errors import CellvinoError, OptionError
from napari_cellvino.core.image import Spacing
from napari_cellvino.core.link_options import LinkOptions
from napari_cellvino.core.progress import Progress
from napari_cellvino.gui.napari_bridge import prepare_layers
from napari_cellvino.gui.review.editor import Editor
from napari_cellvino.gui.tracks.film_canvas import GONE, FilmCanvas
from napari_cellvino.gui.tracks.link_history import LinkHistory
from napari_cellvino.gui.tracks.link_queue import LinkQueue
from napari_cellvino.gui.tracks.opened_film import OpenedFilm, check_flat, film_of_tracks, linked_with, rescaled
from napari_cellvino.gui.tracks.track_actions import ACCEPT, COPY, TrackAction
from napari_cellvino.gui.widgets.failure import failure_of
from napari_cellvino.gui.widgets.formatting import format_number
from napari_cellvino.gui.widgets.serial_worker import SerialWorker, Task, Work
from napari_cellvino.results.field_folder import journal_path
from napari_cellvino.results.kept_looks import KeptLooks
from napari_cellvino.results.usual_folder import results_beside
from napari_cellvino.segmentation.pipeline import Pipeline
from napari_cellvino.tracking.film_annotation import FilmCells
from napari_cellvino.tracking.link_film import LinkedFilm
from napari_cellvino.tracking.relinking import Relinker, relink
from napari_cellvino.workflows.film import Film, film_of_stack, open_film
from napari_cellvino.workflows.film_labels import FilmLabels, FoundLabels, open_labels
from napari_cellvino.workflows.track_film import TrackRequest, linking_alone, open_tracks, save_tracks, track_film
from napari_cellvino.workflows.workspace import Workspace

FOLDER = "tracks"  # in the folder of results beside a film

Held = tuple[OpenedFilm, Snapshot | None]
"""The film that is open, and its tracks with corrections that are not saved; None where all are."""


class TracksController(QObject):
    """The tracks of one film at a time; the panel and the layers draw them."""

    changed = Signal()  # anything below
    redrawn = Signal()  # the tracks are others
    taken = Signal()  # another film

    def __init__(
        self, viewer: napari.Viewer, workspace: Workspace, worker: SerialWorker, decoder: SerialWorker
    ) -> None:
        super().__init__()
        self._workspace, self._worker, self._decoder = workspace, worker, decoder
        self.opened: OpenedFilm | None = None
        self.editor = Editor(self._folder, lambda: None)
        self.queue = LinkQueue(decoder)
        self.canvas = FilmCanvas(viewer, self._on_click)
        self.linked: LinkedFilm | None = None  # as it is now
        self.preview: LinkedFilm | None = None  # as it would be with other options of linking
        self.selection: tuple[int, ...] = ()
        self.working, self.notices = "", tuple[str, ...]()
        self._task = Task()
        self._linking = Task()
        self._relinker: Relinker | None = None
        self._links = LinkHistory(LinkOptions())
        self.editor.edited.connect(self._on_edit)
        self.editor.changed.connect(self.changed)
        self.queue.changed.connect(self.changed)
        self.canvas.moved.connect(self.changed)
        self.canvas.disturbed.connect(self.editor.say)

    def close(self) -> None:
        """Write what is still to be written, and let go of the viewer."""
        self._task.stop()
        self._linking.stop()
        self.queue.show(None, None)
        self.editor.close()
        self.canvas.close()

    # -- a film comes in

    def track(self, path: Path | None = None, masks: Path | None = None, tracks: Path | None = None) -> None:
        """Track a film, the image that is open by default, with label images or with the model that is chosen.

        ``tracks`` of another program are put on its cells instead of linking them.
        """
        try:
            pipeline = self._workspace.pipeline() if masks is None else None
        except CellvinoError as error:
            self._fail(error)
            return
        stack = self._workspace.stack
        film = None if path is not None or stack is None else film_of_stack(stack)
        if film is None and path is None:
            self._fail(OptionError("no film is open; open one in tab 1, or choose a file or folder"))
            return
        held = self._held()

        def work() -> Generator[Progress, None, OpenedFilm]:
            try:
                return (yield from self._tracked(film, path, masks, pipeline, tracks, held))
            finally:
                if held is not None and held[1] is not None:
                    held[1].drop()

        self._start("opening the film …", work)

    def _held(self) -> Held | None:
        """Return the film that is open with what was corrected in it and not saved."""
        session, opened = self.editor.session, self.opened
        if opened is None:
            return None
        return opened, session.snapshot() if session is not None and session.unsaved else None

    def open(self, folder: Path) -> None:
        """Open the tracks in a folder of results, with the unsaved corrections beside it."""
        self._start("opening tracks …", lambda: self._read(folder, None))

    def _start(self, what: str, work: Work) -> None:
        self._task.stop()
        self.working, self.editor.failure = what, None
        self._task = Task(done=self._take, failed=self._fail, stopped=self._stop, progressed=self._progress)
        self._worker.start(work, self._task)
        self.changed.emit()

    def cancel(self) -> None:
        """Stop what is under way."""
        self._task.stop()

    def _tracked(
        self,
        film: Film | None,
        path: Path | None,
        masks: Path | None,
        pipeline: Pipeline | None,
        tracks: Path | None,
        held: Held | None,
    ) -> Generator[Progress, None, OpenedFilm]:
        film = film or open_film(path or Path())
        if film.count == 1 and film.first.shape.z > 1 and path is None:
            raise OptionError(
                f"{film.name} is a stack of {film.first.shape.z} planes at one time; if these are time points, say so "
                "at Dimensions under Correct… in tab 1, else choose a file with time points or a folder of frames"
            )
        labels: FilmLabels
        if masks is None and pipeline is not None:
            labels = FoundLabels(film, pipeline, self._workspace.engines)
            recipe = pipeline.recipe
        else:
            labels, recipe = open_labels(masks or Path(), film), linking_alone(self._workspace.recipe)
        if labels.empty(0).ndim == 2:
            check_flat(film, self._workspace.stack)
        root = results_beside(film.path) / FOLDER
        before, snapshot = held or (None, None)
        again = before if before is not None and before.folder == root / film.name else None
        if again is not None and snapshot is not None:
            yield from _saving(again, snapshot)  # what was corrected stays then
        measured, interval_s = film, None
        if again is not None:  # and so does what was typed of its scale
            measured, interval_s = rescaled(film, again.request.recipe.spacing_um), again.request.interval_s
        named = "" if masks is None else masks.name
        recipe = recipe.with_overrides(measured.first.overrides)
        request = TrackRequest(recipe, interval_s, root, overwrite=True, masks=named, tracks=tracks)
        tracked = yield from track_film(measured, labels, request)
        return self._read(tracked.folder or root / film.name, film)

    def _read(self, folder: Path, film: Film | None) -> OpenedFilm:
        """Read tracks and what was corrected since they were saved; runs in the thread."""
        held, stack = open_tracks(folder), self._workspace.stack
        notices = held.notices
        if film is None:
            film, said = film_of_tracks(folder, held, stack)
            notices = tuple(dict.fromkeys((*notices, *said)))
        volumes = held.annotation.pixels.ndim == 4
        if not volumes:
            check_flat(film, stack)
        if film.count != held.annotation.shape[0]:
            raise OptionError(f"{film.name} has {film.count} frames and its tracks {held.annotation.shape[0]}")
        images = () if film.first is stack else prepare_layers(film.as_stack(volumes=volumes))
        film = rescaled(film, held.request.recipe.spacing_um)
        session = _resumed(journal_path(folder), held.annotation)
        cells = FilmCells(held.annotation, held.drift)
        return OpenedFilm(film, held.annotation, cells, held.request, folder, images, session, notices)

    def _take(self, opened: OpenedFilm) -> None:
        self.working, self.opened, self.notices = "", opened, opened.notices
        self.queue.show(None, None)  # those of another film are none of this one
        self.selection, self.preview, self._relinker = (), None, None
        self._links = LinkHistory(opened.request.recipe.linking)
        self._workspace.choose_linking(self._links.options)
        self.editor.begin(opened.annotation, opened.session)
        self.canvas.show(opened.film, opened.annotation, opened.images)
        self.taken.emit()
        self._redraw()
        if opened.session is not None:
            self.editor.said = f"Went on with {opened.session.unsaved} corrections that were not saved"
            self.changed.emit()

    def _folder(self) -> Path:
        if self.opened is None:
            raise OptionError("no tracks are open")
        return self.opened.folder

    @property
    def folder(self) -> Path | None:
        """Where the tracks are saved."""
        return self.opened.folder if self.opened is not None else None

    @property
    def frame(self) -> int:
        """The frame that is shown, from 0."""
        return self.canvas.frame

    # -- choosing

    def _on_click(self, track: int, add: bool) -> None:
        if add and track:
            chosen = [t for t in self.selection if t != track]
            self.select(chosen if track in self.selection else [*chosen, track])
        elif not add:
            self.select([track] if track else [])

    def select(self, tracks: list[int] | tuple[int, ...]) -> None:
        """Choose tracks, in this order."""
        self.selection = tuple(tracks)
        self.canvas.mark(self.selection)
        self.editor.forget()

    def go_to(self, track: int, frame: int) -> None:
        """Choose a track and look at it from near in a frame, or in the nearest that it is in."""
        self.select([track])
        self.canvas.look_at(track, frame)

    def step(self, by: int) -> None:
        """Go to the next doubtful link, or for -1 to the one before."""
        doubt = self.queue.step(by)
        if doubt is None:
            self.editor.say("This is the end of the queue." if by > 0 else "This is the first one of the queue.")
        else:
            self.go_to(doubt.track, doubt.frame)

    # -- editing

    def do(self, action: TrackAction) -> None:
        """Do something to the chosen tracks in the frame that is shown; where it is not possible, say why."""
        if self.canvas.is_lost:  # nobody would see it
            self.editor.say(GONE)
            return
        frame, tracks, insisted = self.frame, self.selection, self.editor.unsure
        change = self.editor.do(lambda annotation: action.describe(annotation, tracks, frame, insisted))
        if change is not None and action is ACCEPT:
            self.step(1)
        elif change is not None and action is COPY:
            self.canvas.look_at(tracks[0], frame + 1)

    def _on_edit(self, change: Change) -> None:
        if self.opened is None:
            return
        self.opened.cells.take(change)
        self._relinker = None
        if change.rerun:
            self._links.take(change.step, self.options)
            self.opened = linked_with(self.opened, self._links.options)
            self._workspace.choose_linking(self._links.options)
        alive = self.opened.annotation.records
        chosen = [track for track in (*self.selection, *change.added) if track in alive]
        self.selection = tuple(dict.fromkeys(chosen[:2])) if not change.rerun else ()
        self._redraw()
        if change.step is not EditAction.DO and change.region is not None:
            self.canvas.bring(change.region)

    def _redraw(self) -> None:
        if self.opened is None:
            return
        self.preview = None
        self.linked = self.opened.cells.film()
        self.canvas.draw(self.linked)
        self.canvas.mark(self.selection)
        self.queue.show(self.linked, self.opened.annotation)
        self.redrawn.emit()
        self.changed.emit()

    def colour_by(self, values: dict[int, float]) -> None:
        """Colour the tracks by a value from 0 to 1 of each; by their number where there are none."""
        if self.linked is not None:
            points = [values.get(track, 0.0) for track, nodes in self.linked.tracks.nodes.items() for _ in nodes]
            self.canvas.draw(self.linked, np.array(points) if values else None)

    # -- linking again

    @property
    def options(self) -> LinkOptions:
        """How cells are linked, of the recipe."""
        return self._workspace.recipe.linking

    def try_options(self, options: LinkOptions) -> None:
        """Choose how cells are linked, and show the tracks as they would be with it, once that is known."""
        opened = self.opened
        self._workspace.choose_linking(options)
        if opened is None:
            return
        self._linking.stop()
        self._linking = Task(done=self._take_preview, failed=self._fail)
        self._decoder.start(lambda: _linked(opened, self._relinker, options), self._linking)

    @property
    def lacks_features(self) -> bool:
        """Whether features are to count of which the open film keeps none."""
        return bool(self.options.features) and self._relinker is not None and not self._relinker.has_features

    def _take_preview(self, done: tuple[Relinker, LinkedFilm]) -> None:
        self._relinker, self.preview = done
        self.canvas.draw(self.preview)
        self.changed.emit()

    def use_preview(self) -> None:
        """Take the tracks as they would be; tracks that were corrected stay."""
        preview = self.preview
        if preview is not None and self.opened is not None:
            self.editor.do(lambda annotation: relink(annotation, preview))

    def drop_preview(self) -> None:
        """Leave the tracks as they are."""
        self._linking.stop()
        if self.opened is not None:
            self._workspace.choose_linking(self.opened.request.recipe.linking)
        self._redraw()

    # -- saving

    def measure_with(self, spacing: Spacing, interval_s: float | None) -> None:
        """Measure with another size of pixels and time between frames; where None, with that of the file."""
        opened = self.opened
        if opened is None:
            return
        film = replace(opened.film, first=opened.film.first.with_spacing(spacing))
        recipe = opened.request.recipe.with_overrides(film.first.overrides)
        self.opened = replace(opened, film=film, request=replace(opened.request, recipe=recipe, interval_s=interval_s))
        self.editor.said = "Measured so from now on; Save writes the tables again"
        self.redrawn.emit()
        self.changed.emit()

    def save(self) -> None:
        """Measure the film again and write its tracks, in the thread; editing goes on."""
        opened = self.opened
        if opened is None or self.working:
            return
        snapshot = self.editor.started().snapshot()
        self.working = "saving …"
        self._task = Task(done=self._saved, failed=self._fail, progressed=self._progress, lasting=True)
        self._worker.start(lambda: _saving(opened, snapshot), self._task)
        self.changed.emit()

    def _saved(self, _: object) -> None:
        self.working, self.editor.failure = "", None
        self.editor.said = f"Saved in {self.folder}"
        self.changed.emit()

    def _progress(self, event: Progress) -> None:
        self.working = f"{event.noun}: {format_number(event.done)} of {format_number(event.total)}"
        self.changed.emit()

    def _stop(self) -> None:
        self.working = ""
        self.changed.emit()

    def _fail(self, error: BaseException) -> None:
        self.working, self.editor.failure = "", failure_of(error)
        self.changed.emit()


def _saving(opened: OpenedFilm, snapshot: Snapshot) -> Generator[Progress, None, None]:
    """Measure a film again and write its tracks as they were corrected."""
    with snapshot.saving(), KeptLooks(opened.folder) as kept:
        drift, said = opened.cells.drift, opened.notices
        yield from save_tracks(opened.film, snapshot.annotation, drift, opened.request, said, kept.of)


def _resumed(path: Path, annotation: Annotation) -> EditSession | None:
    """Return a session with the corrections that were not saved, None where there are none that fit."""
    left = find_unsaved(path, annotation)
    return resume_session(path, annotation).session if left is not None and left.fits else None


def _linked(
    opened: OpenedFilm, relinker: Relinker | None, options: LinkOptions
) -> Generator[Progress, None, tuple[Relinker, LinkedFilm]]:
    """Return tracks with other options; what needs pixels is looked at where that was not done yet."""
    if relinker is None or relinker.reach != options.reach:
        with KeptLooks(opened.folder) as kept:
            relinker = yield from Relinker(opened.annotation, options.reach).prepare(kept.of)
    return relinker, relinker.linked(options)
