"""Tracked films compared by groups: growth, mean squared displacement and speed, with intervals."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from napari_cellvino.core.errors import CellvinoError, OptionError
from napari_cellvino.gui.widgets.one_task import OneTask
from napari_cellvino.gui.widgets.serial_worker import SerialWorker, Task
from napari_cellvino.workflows.film_groups import OUT_NAME, PLOT_NAME, compare_films, find_films, guess_group


class GroupsController(OneTask):
    """The films of one folder of results, and the group of each; films without a group are left out."""

    def __init__(self, worker: SerialWorker) -> None:
        super().__init__()
        self._worker, self._task = worker, Task()
        self._folder: Path | None = None
        self.groups: dict[Path, str] = {}
        self.picture: Path | None = None
        self.said = ""

    def close(self) -> None:
        """Stop what is under way."""
        self._task.stop()

    def open(self, folder: Path) -> None:
        """List the tracked films of a folder, with the groups that their names tell of."""
        self.failure, self.picture, self.said = None, None, ""
        try:
            films = find_films([folder])
        except CellvinoError as error:
            self._fail(error)
            return
        self._folder, self.groups = folder, {film: guess_group(film.name) for film in films}
        self.changed.emit()

    def put(self, film: Path, group: str) -> None:
        """Put a film into a group; an empty name leaves it out."""
        self.groups[film] = group.strip()

    def compare(self) -> None:
        """Compare the groups, and write their tables and the picture into the folder."""
        groups: dict[str, list[Path]] = {}
        for film, group in self.groups.items():
            if group:
                groups.setdefault(group, []).append(film)
        folder = self._folder
        if folder is None or not groups:
            self._fail(OptionError("no film is in a group; choose a folder of results, and name a group"))
            return
        self._task.stop()
        self.working, self.failure = "comparing …", None
        self._task = Task(done=self._take, failed=self._fail, stopped=self._stop)
        self._worker.start(lambda: _compared(groups, folder / OUT_NAME), self._task)
        self.changed.emit()

    def _take(self, out: Path) -> None:
        self.working, self.picture, self.said = "", out / PLOT_NAME, f"Tables and picture are in {out}"
        self.changed.emit()


def _compared(groups: Mapping[str, list[Path]], out: Path) -> Path:
    compare_films(groups, out)
    return out
