"""What is known of the wells of the open plate: from its folder of results, and from a run as its fields come in."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from qtpy.QtCore import QObject, Signal

from napari_cellvino.core.plate import Well
from napari_cellvino.core.resources import shipped_folder
from napari_cellvino.gui.plate.plate_controller import PlateController
from napari_cellvino.gui.widgets.failure import Failure, failure_of
from napari_cellvino.gui.widgets.serial_worker import SerialWorker, Task
from napari_cellvino.io.plates import PlateSource
from napari_cellvino.plates.layout import Layout
from napari_cellvino.plates.well_measures import Measure, measures
from napari_cellvino.plates.well_table import well_row
from napari_cellvino.results.plate_store import PlateResults, PlateStore, usual_folder
from napari_cellvino.results.schema import Row
from napari_cellvino.results.store import ResultStore
from napari_cellvino.workflows.run_page import refresh_run_page


@dataclass(frozen=True, slots=True, eq=False)
class PlateHome:
    """A plate, the folder of its results, and what its wells hold."""

    source: PlateSource
    root: Path
    layout: Layout


class WellValuesController(QObject):
    """The folder of results of the open plate with what stands there; panels draw it when `changed` says so."""

    changed = Signal()

    def __init__(self, plates: PlateController, reading: SerialWorker, writing: SerialWorker) -> None:
        super().__init__()
        self._plates, self._reading, self._writing = plates, reading, writing
        self.folder = ""
        self.layout = Layout()
        self.failure: Failure | None = None
        self._rows: dict[Well, dict[str, Row]] = {}  # by the folder of the field
        self._lines: dict[Well, dict[str, object]] = {}
        self._stale: set[Well] = set()
        self._typed = False  # whether the layout is the user's, which holds against what stands in the folder
        self._taken: list[Row] = []  # since the folder was read last
        self._reads = Task()
        self._source: PlateSource | None = None  # of the plate that ``folder`` is of
        self._left: dict[str, PlateHome] = {}  # of plates that were opened before, by their path
        plates.opened.connect(self._open)

    @property
    def root(self) -> Path:
        """The folder of results."""
        return Path(self.folder).expanduser()

    def home_of(self, path: str) -> PlateHome | None:
        """Return where the fields of a plate belong by its path, also of one that was opened before; None of others."""
        if self._source is not None and str(self._source.path) == path:
            return PlateHome(self._source, self.root, self.layout)
        return self._left.get(path)

    @property
    def lines(self) -> dict[Well, dict[str, object]]:
        """What is known of each well, by the columns of ``wells.csv``."""
        if self._plates.current is not None:
            plate = self._plates.current.source.plate
            for well in self._stale:
                self._lines[well] = well_row(well, tuple(self._rows[well].values()), plate, self.layout)
        self._stale.clear()
        return self._lines

    @property
    def measures(self) -> tuple[Measure, ...]:
        """The numbers that there are."""
        current = self._plates.current
        return measures(self.lines, current.source.plate.channels) if current is not None else ()

    def done_of(self, labels: Iterable[str]) -> int:
        """Return how many fields are done, of those with these labels."""
        done = {place for rows in self._rows.values() for place, row in rows.items() if row["status"] == "done"}
        return len(done.intersection(labels))

    def choose(self, folder: str) -> None:
        """Take another folder of results, and read what stands there."""
        if folder != self.folder:
            self.folder = folder
            self._clear()
            self.read()

    def take(self, row: Row) -> None:
        """Take the row of a field that has come to its end."""
        well = Well.parse(str(row["well"]))
        self._rows.setdefault(well, {})[str(row["position"])] = row
        self._stale.add(well)
        self._taken.append(row)

    def set_layout(self, layout: Layout) -> None:
        """Take what the wells hold, keep it in the folder of results, and write the tables there again.

        It is kept at once; the tables wait for the end of a run.
        """
        current, root = self._plates.current, self.root
        if current is None:
            return
        self.layout, self._typed, failed = layout, True, self._failed()
        self.keep_layout()
        written = Task(done=lambda results: self._take_all(current.source, root, results), failed=self._fail)
        self._writing.start(lambda: _tabulated(root, current.source, layout, failed), written)
        self.changed.emit()

    def keep_layout(self) -> None:
        """Write what the wells hold into the folder of results, after what was kept before; what it told stays."""
        current, root, layout = self._plates.current, self.root, self.layout
        if current is not None and (self._typed or layout):
            self._reading.start(lambda: _stored(root, current.source).keep_layout(layout), Task(failed=self._fail))

    def read(self) -> None:
        """Read what stands in the folder of results."""
        current, root = self._plates.current, self.root
        if current is not None and self.folder:
            known, failed = self.layout if self._typed else None, self._failed()
            self._reads.stop()
            self._taken.clear()
            self._reads = Task(done=lambda results: self._take_all(current.source, root, results), failed=self._fail)
            self._reading.start(lambda: _stored(root, current.source).results(known, failed), self._reads)

    def _open(self) -> None:
        current = self._plates.current
        if self._plates.failure is not None or current is None:
            return
        before = self._source
        if before is not None:
            self._left[str(before.path)] = PlateHome(before, self.root, self.layout)
        self._source = current.source
        usual = usual_folder(current.source)
        ours = shipped_folder("sample_data") in usual.parents
        self.folder = str(usual if os.access(usual.parent, os.W_OK) and not ours else Path.home() / usual.name)
        self.layout, self._typed = Layout(), False
        self._clear()
        self.read()

    def _clear(self) -> None:
        self._rows, self._lines, self._taken, self.failure = {}, {}, [], None
        self._stale.clear()
        self.changed.emit()

    def _take_all(self, source: PlateSource, root: Path, results: PlateResults) -> None:
        if self._plates.current is None or self._plates.current.source.path != source.path or self.root != root:
            return  # another plate is open by now, or another folder chosen
        self._lines = {well: dict(line) for well, line in results.lines.items()}
        self._rows, self.failure = {}, None
        self.layout = self.layout if self._typed else results.layout
        for row in results.rows:
            well = Well.parse(str(row["well"]))
            self._rows.setdefault(well, {})[str(row["position"])] = row
        self._stale.clear()
        taken, self._taken = self._taken, []
        for row in taken:  # fields of a run that went on meanwhile
            self.take(row)
        self.changed.emit()

    def _failed(self) -> tuple[Row, ...]:
        return tuple(row for rows in self._rows.values() for row in rows.values() if row["status"] == "failed")

    def _fail(self, error: BaseException) -> None:
        self.failure = failure_of(error)
        self.changed.emit()


def _tabulated(root: Path, source: PlateSource, layout: Layout, failed: tuple[Row, ...]) -> PlateResults:
    stored = _stored(root, source)
    stored.tabulate(layout)
    refresh_run_page(root)
    return stored.results(layout, failed)


def _stored(root: Path, source: PlateSource) -> PlateStore:
    return PlateStore(ResultStore(root), source)
