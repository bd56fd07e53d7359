"""One cell of a film through time, as a picture: a strip of it, or a kymograph along it or along a drawn line."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import napari
import numpy as np
from napari.layers import Shapes
from numpy.typing import NDArray

from napari_cellvino.core.errors import CellvinoError, OptionError
from napari_cellvino.core.progress import Progress
from napari_cellvino.figures.plot_style import save_png
from napari_cellvino.figures.track_strip import draw_strip
from napari_cellvino.gui.tracks.opened_film import OpenedFilm
from napari_cellvino.gui.tracks.tracks_controller import TracksController
from napari_cellvino.gui.widgets.one_task import OneTask
from napari_cellvino.gui.widgets.serial_worker import SerialWorker, Task, Work
from napari_cellvino.workflows.kymograph import Kymograph, kymograph_of_cell, kymograph_of_line, write_kymograph
from napari_cellvino.workflows.track_strips import cut_strips

FOLDER = "pictures"  # beside the folders of films: what is in those is written anew when tracks are saved
LINES = ("line", "path")  # kinds of shapes that a kymograph is along


class CellTimeController(OneTask):
    """One picture at a time; it is written, and shown."""

    def __init__(self, viewer: napari.Viewer, tracks: TracksController, worker: SerialWorker) -> None:
        super().__init__()
        self._viewer, self._tracks, self._worker = viewer, tracks, worker
        self._task = Task()
        self.channel = 0
        self.picture: Path | None = None
        self.said = ""
        tracks.taken.connect(self._forget)

    def close(self) -> None:
        """Stop what is under way."""
        self._task.stop()

    @property
    def channels(self) -> tuple[str, ...]:
        """The names of the channels of the film."""
        opened = self._tracks.opened
        return () if opened is None else opened.film.first.channels

    def strip(self) -> None:
        """Draw the chosen track as a picture for each frame."""
        try:
            opened, track = self._film(), self._one()
        except CellvinoError as error:
            self._fail(error)
            return
        linked, channel, path = self._tracks.linked, self.channel, _path(opened, f"track_{track:04d}_strip")

        def work() -> Path:
            if linked is not None:
                found = cut_strips(opened.film, linked, opened.annotation.pixels.__getitem__, [track], channel)
                path.parent.mkdir(parents=True, exist_ok=True)
                strip = draw_strip(found[track], title=f"{opened.folder.name}, track {track}")
                save_png(strip, path, software="napari-cellvino", with_places=True)
            return path

        self._start(work)

    def along_cell(self) -> None:
        """Draw what is along the long axis of the chosen cell through time."""
        try:
            opened, track = self._film(), self._one()
        except CellvinoError as error:
            self._fail(error)
            return
        pixels = opened.annotation.pixels
        making = kymograph_of_cell(opened.film, lambda n: pixels[n] == track, opened.scale, channel=self.channel)
        self._draw_kymograph(making, opened, f"track_{track:04d}_kymograph", f"track {track}")

    def along_line(self) -> None:
        """Draw what is along the last line of a layer of shapes through time."""
        try:
            opened, corners = self._film(), self._line()
        except CellvinoError as error:
            self._fail(error)
            return
        making = kymograph_of_line(opened.film, corners, opened.scale, channel=self.channel)
        self._draw_kymograph(making, opened, "line_kymograph", "a line")

    def _draw_kymograph(
        self, making: Generator[Progress, None, Kymograph], opened: OpenedFilm, name: str, along: str
    ) -> None:
        path = _path(opened, name)

        def work() -> Generator[Progress, None, Path]:
            write_kymograph(path, (yield from making), f"{opened.folder.name}, along {along}")
            return path

        self._start(work)

    def _start(self, work: Work) -> None:
        self._task.stop()
        self.working, self.failure = "drawing …", None
        self._task = Task(done=self._take, failed=self._fail, stopped=self._stop)
        self._worker.start(work, self._task)
        self.changed.emit()

    def _take(self, path: Path) -> None:
        self.working, self.picture, self.said = "", path, f"Saved as {path}"
        self.changed.emit()

    def _forget(self) -> None:
        self._task.stop()
        self.working, self.failure, self.picture, self.said, self.channel = "", None, None, "", 0
        self.changed.emit()

    def _film(self) -> OpenedFilm:
        opened = self._tracks.opened
        if opened is None:
            raise OptionError("no tracks are open; track a film first")
        return opened

    def _one(self) -> int:
        if len(self._tracks.selection) != 1:
            raise OptionError("this takes one track; click on a cell")
        return self._tracks.selection[0]

    def _line(self) -> NDArray[np.float64]:
        """Return the corners (P, 2) in px of the line that was drawn last, first of all in the selected layer."""
        active = self._viewer.layers.selection.active
        layers = [layer for layer in self._viewer.layers if isinstance(layer, Shapes)]
        for layer in sorted(layers, key=lambda layer: layer is not active):
            drawn = [n for n, kind in enumerate(layer.shape_type) if kind in LINES]
            if drawn:
                world = np.array([layer.data_to_world(corner) for corner in layer.data[drawn[-1]]], np.float64)
                return self._tracks.canvas.pixels_of(world[:, -2:])
        raise OptionError("no line is drawn; add a layer of shapes, draw a line or a path in it, and try again")


def _path(opened: OpenedFilm, name: str) -> Path:
    return opened.folder.parent / FOLDER / f"{opened.folder.name}_{name}.png"
