"""What the cells of the open plate look like, well by well: found from its results, on a thread."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import partial
from pathlib import Path
from typing import Any

from qtpy.QtCore import Signal

from napari_cellvino.core.errors import OptionError
from napari_cellvino.core.progress import Progress
from napari_cellvino.figures.point_picture import PlateWell, PointPicture
from napari_cellvino.figures.profile_plot import component_titles, draw_profiles, profile_picture
from napari_cellvino.gui.plate.asked_tables import AskedTables, asked_tables
from napari_cellvino.gui.plate.well_values_controller import WellValuesController
from napari_cellvino.gui.widgets.formatting import format_number
from napari_cellvino.gui.widgets.one_task import OneTask
from napari_cellvino.gui.widgets.serial_worker import SerialWorker, Task, Work
from napari_cellvino.quality.profile_map import umap_points
from napari_cellvino.quality.profiles import WellProfiles
from napari_cellvino.results.plate_page import Thumbnails
from napari_cellvino.workflows.plate_report import well_pictures
from napari_cellvino.workflows.profile_cells import FoundProfiles, find_profiles, write_found

DPI = 110
FOLDER, FILE = "profiles", "profiles.csv"  # beside the results


class ProfileMap(Enum):
    """How wells are laid out in a plane."""

    PCA = "principal components"
    UMAP = "UMAP"


@dataclass(frozen=True, slots=True, eq=False)
class ShownProfiles:
    """Profiles, their plot, the pictures of the wells, the row of each well, and what they were found from."""

    found: FoundProfiles
    plot: PointPicture
    pictures: Thumbnails
    rows: Mapping[PlateWell, int]
    tables: AskedTables

    @property
    def wells(self) -> WellProfiles:
        """The profiles of the wells."""
        return self.found.wells


class ProfilesController(OneTask):
    """Finds what `cellvino profile` finds, and writes the same tables."""

    found = Signal()  # another plot is here

    def __init__(self, wells: WellValuesController, worker: SerialWorker) -> None:
        super().__init__()
        self._wells, self._worker = wells, worker
        self.shown: ShownProfiles | None = None
        self.written: Path | None = None
        self.outdated = False  # whether what is shown is not of the tables of now
        self._root, self._task = Path(), Task()
        wells.changed.connect(self._on_wells)

    @property
    def ready(self) -> bool:
        """Whether there are results to look at."""
        return bool(self._wells.folder) and self._wells.root.is_dir()

    def ask(self, way: ProfileMap) -> None:
        """Find the profiles and lay the wells out; those found already are only laid out anew."""
        before = self.shown
        self._start("measuring cells …", partial(_profiled, self._wells.root, before, way), self._take)

    def again(self, way: ProfileMap) -> None:
        """Find the profiles anew, of results that have changed."""
        self.shown = None
        self.ask(way)

    def write(self) -> None:
        """Write the tables beside the results."""
        if self.shown is not None:
            out = self._wells.root / FOLDER / FILE
            self._start("writing …", partial(write_found, self.shown.found, out), lambda _: self._take_file(out))

    def cancel(self) -> None:
        """Stop after the field that is measured now."""
        self._task.stop()

    def _start(self, what: str, work: Work, done: Callable[[Any], None]) -> None:
        self.working, self.failure, self.written = what, None, None
        self.changed.emit()
        self._task = Task(done=done, failed=self._fail, stopped=self._stop, progressed=self._on_progress)
        self._worker.start(work, self._task)

    def _on_progress(self, progress: Progress) -> None:
        self.working = f"{progress.noun}: {format_number(progress.done)} of {format_number(progress.total)}"
        self.changed.emit()

    def _take(self, shown: ShownProfiles) -> None:
        self.outdated = self.outdated and self.shown is not None  # laid out anew, of cells as they were
        self.shown = shown
        self._stop()
        self.found.emit()

    def _take_file(self, path: Path) -> None:
        self.written = path
        self._stop()

    def _on_wells(self) -> None:
        """Forget the profiles of another plate, and look whether those of this one are still of its tables."""
        root = self._wells.root
        if self.shown is not None and root == self._root and not self.outdated:
            self._worker.start(lambda: asked_tables(root), Task(done=self._compare, failed=lambda _: None))
        if root != self._root:
            self._task.stop()
            self._root, self.shown, self.written, self.failure = self._wells.root, None, None, None
            self.changed.emit()

    def _compare(self, tables: AskedTables) -> None:
        if self.shown is not None and self.shown.tables != tables:
            self.outdated = True
            self.changed.emit()


def _profiled(root: Path, before: ShownProfiles | None, way: ProfileMap) -> Generator[Progress, None, ShownProfiles]:
    """Yield progress and return what is shown of a folder of results; profiles found ``before`` are taken."""
    if before is None:
        tables = asked_tables(root)
        found = yield from find_profiles(root)
    else:
        tables, found = before.tables, before.found
    wells = found.wells
    if wells.components.shape[1] < 2:
        raise OptionError(f"a plot needs three wells or more, and there are {len(wells.table)}")
    points, titles = wells.components, component_titles(wells.explained)
    if way is ProfileMap.UMAP:
        points, titles = umap_points(wells.components), ("UMAP 1", "UMAP 2")
    figure = draw_profiles(points, titles, [well for _, well in wells.names], wells.kinds, narrow=True)
    rows = {name: row for row, name in enumerate(wells.names)}
    plot = profile_picture(figure, points, wells.names, DPI)
    return ShownProfiles(found, plot, well_pictures([root]), rows, tables)
