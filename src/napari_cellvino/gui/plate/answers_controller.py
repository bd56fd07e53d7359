"""What the open plate answers: asked of the tables in its folder of results, on a thread."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from napari_cellvino.figures.dose_plot import curve_picture, draw_curves
from napari_cellvino.figures.point_picture import PointPicture
from napari_cellvino.gui.plate.asked_tables import AskedTables, asked_tables
from napari_cellvino.gui.plate.well_values_controller import WellValuesController
from napari_cellvino.gui.widgets.one_task import OneTask
from napari_cellvino.gui.widgets.serial_worker import SerialWorker, Task, Work
from napari_cellvino.plates.dose_response import AnswerChoices, PlateAnswers
from napari_cellvino.results.plate_page import Thumbnails
from napari_cellvino.workflows.plate_report import (
    answer_title,
    plate_answers,
    well_measures,
    well_pictures,
    write_plate_report,
)

DPI = 110
ACROSS = 1  # panels beside each other in the dock


@dataclass(frozen=True, slots=True, eq=False)
class ShownAnswers:
    """What a plate answers, its curves as a picture, the pictures of its wells, and what it was asked of."""

    answers: PlateAnswers
    curves: PointPicture
    pictures: Thumbnails
    tables: AskedTables


class AnswersController(OneTask):
    """Asks what `cellvino plate-report` asks, and writes the same page."""

    def __init__(self, wells: WellValuesController, worker: SerialWorker) -> None:
        super().__init__()
        self._wells, self._worker = wells, worker
        self.measures: tuple[str, ...] = ()
        self.shown: ShownAnswers | None = None
        self.page: Path | None = None
        self.outdated = False  # whether what is shown is not of the tables of now
        self._root, self._task = Path(), Task()
        wells.changed.connect(self._on_wells)

    def offer(self) -> None:
        """Read which measures the wells have."""
        root = self._wells.root
        if self._wells.folder:
            task = Task(done=partial(self._take_measures, root), failed=lambda _: None)
            self._worker.start(lambda: well_measures(root), task)

    def ask(self, choices: AnswerChoices, unit: str) -> None:
        """Ask for curves and hits."""
        self._start("fitting …", partial(_answered, self._wells.root, choices, unit), self._take)

    def write(self, choices: AnswerChoices, unit: str) -> None:
        """Write the page with its tables beside the results."""
        root = self._wells.root
        self._start("writing …", lambda: write_plate_report([root], choices, unit=unit).page, self._take_page)

    def _start(self, what: str, work: Work, done: Callable[[Any], None]) -> None:
        self.working, self.failure, self.page = what, None, None
        self.changed.emit()
        self._task = Task(done=done, failed=self._fail)
        self._worker.start(work, self._task)

    def _take_measures(self, root: Path, names: tuple[str, ...]) -> None:
        if root == self._wells.root:
            self.measures = names
            self.changed.emit()

    def _take(self, shown: ShownAnswers) -> None:
        self.shown, self.outdated = shown, False
        self._stop()

    def _take_page(self, page: Path) -> None:
        self.page = page
        self._stop()

    def _fail(self, error: BaseException) -> None:
        self.shown = None
        super()._fail(error)

    def _on_wells(self) -> None:
        """Forget the answers of another plate, and look whether those of this one are still of its tables."""
        root = self._wells.root
        if self.shown is not None and root == self._root and not self.outdated:
            self._worker.start(lambda: asked_tables(root), Task(done=self._compare, failed=lambda _: None))
        if root != self._root:
            self._task.stop()  # what was asked of the plate before is no answer of this one
            self._root, self.shown, self.page, self.failure, self.measures = root, None, None, None, ()
            self.working = ""
            self.changed.emit()

    def _compare(self, tables: AskedTables) -> None:
        if self.shown is not None and self.shown.tables != tables:
            self.outdated = True
            self.changed.emit()


def _answered(root: Path, choices: AnswerChoices, unit: str) -> ShownAnswers:
    tables, found = asked_tables(root), plate_answers([root], choices)
    figure = draw_curves(found.curves, title=answer_title(found), unit=unit, most_columns=ACROSS)
    return ShownAnswers(found, curve_picture(figure, found.curves, DPI), well_pictures([root]), tables)
