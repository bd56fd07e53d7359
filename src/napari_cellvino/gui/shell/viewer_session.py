"""What the panels of one viewer share, for as long as one of them is open.

It is found through the viewer's docks and not kept in a module, so that two viewers do not meet and nothing outlives
its window.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import napari
from qtpy.QtCore import QObject, QTimer, Signal
from qtpy.QtWidgets import QApplication, QWidget

from napari_cellvino.annotation.snapshot import Snapshot
from napari_cellvino.core.image import MetadataOverrides, Origin
from napari_cellvino.core.spots import Spots
from napari_cellvino.gui.batch.batch_controller import BatchController
from napari_cellvino.gui.batch.watch_controller import WatchController
from napari_cellvino.gui.cells.cells_controller import CellsController
from napari_cellvino.gui.compare.compare_controller import CompareController
from napari_cellvino.gui.napari_bridge import ResultLayers
from napari_cellvino.gui.napari_bridge.drawing_context import clean_up_in_own_context
from napari_cellvino.gui.open.current_field_controller import CurrentFieldController
from napari_cellvino.gui.open.dropped_files import DroppedFiles
from napari_cellvino.gui.open.open_controller import OpenController
from napari_cellvino.gui.open.saved_result_controller import SavedResultController
from napari_cellvino.gui.plate.answers_controller import AnswersController
from napari_cellvino.gui.plate.plate_controller import PlateController
from napari_cellvino.gui.plate.plate_list import PlateList
from napari_cellvino.gui.plate.plate_run_controller import PlateRunController
from napari_cellvino.gui.plate.profiles_controller import ProfilesController
from napari_cellvino.gui.plate.thumbnails import WellThumbnails
from napari_cellvino.gui.plate.well_values_controller import WellValuesController
from napari_cellvino.gui.retrain.retrain_controller import RetrainController
from napari_cellvino.gui.review.colour_controller import ColourController
from napari_cellvino.gui.review.mask_import_controller import MaskImportController
from napari_cellvino.gui.review.review_canvas import ReviewCanvas
from napari_cellvino.gui.review.review_controller import ReviewController
from napari_cellvino.gui.review.spot_editor import SpotEditor
from napari_cellvino.gui.run.device_times_controller import DeviceTimesController
from napari_cellvino.gui.run.earlier_recipe import EarlierRecipe
from napari_cellvino.gui.run.first_sight_controller import FirstSightController
from napari_cellvino.gui.run.model_catalogue import ModelCatalogue
from napari_cellvino.gui.run.run_controller import RunController
from napari_cellvino.gui.run.view_trial import TrialLayer
from napari_cellvino.gui.run.whole_cell_layer import WholeCellLayer
from napari_cellvino.gui.save.export_controller import ExportController
from napari_cellvino.gui.save.save_controller import SaveController, SaveWork
from napari_cellvino.gui.save.save_work import save_as_found
from napari_cellvino.gui.shell import warm_up
from napari_cellvino.gui.shell.long_lived import LongLived
from napari_cellvino.gui.shell.panel_leaving import PanelLeaving
from napari_cellvino.gui.shell.preferences import looks_unasked
from napari_cellvino.gui.shell.result_homes import ResultHomes
from napari_cellvino.gui.shell.session_log import SessionLog
from napari_cellvino.gui.shell.unsaved_changes_guard import UnsavedChangesGuard
from napari_cellvino.gui.teach.teach_controller import TeachController
from napari_cellvino.gui.tracks.cell_time_controller import CellTimeController
from napari_cellvino.gui.tracks.groups_controller import GroupsController
from napari_cellvino.gui.tracks.tracks_controller import TracksController
from napari_cellvino.gui.widgets.colours import style_sheet
from napari_cellvino.gui.widgets.serial_worker import SerialWorker, Task
from napari_cellvino.gui.worklist.folder_watch import FolderWatch
from napari_cellvino.gui.worklist.list_review import ListReview
from napari_cellvino.gui.worklist.list_run_controller import ListRunController
from napari_cellvino.gui.worklist.list_thumbnails import ListThumbnails
from napari_cellvino.gui.worklist.work_list_controller import WorkListController
from napari_cellvino.io.plates import INDEX_SUFFIXES
from napari_cellvino.workflows.workspace import Workspace

WARM_UP_DELAY_MS = 300  # after the first panel: what is seen comes first


class Session(QObject):
    """The workspace of a viewer with the threads and layers that serve it; panels join and leave."""

    restyled = Signal(str)  # style sheet
    cells_wanted = Signal()  # the cells of all fields are to be shown
    comparison_wanted = Signal()  # two results side by side
    batch_wanted = Signal()  # the ledger of a folder of results

    def __init__(self, viewer: napari.Viewer) -> None:
        super().__init__()
        clean_up_in_own_context()
        self.viewer = viewer
        self.log, self._long_lived = SessionLog(), LongLived(viewer)
        self.workspace = Workspace()
        self.worker = SerialWorker()  # everything that uses the inference engine, or writes files
        self.files = SerialWorker()  # reading, so that a well opens while others are run
        self.decoder = SerialWorker()  # decoding again, so that sliders never wait for the engine
        self.catalogue = ModelCatalogue(self.workspace, self.worker)
        self.opener = OpenController(viewer, self.workspace, self.files)
        self.current_field = CurrentFieldController(viewer, self.workspace, self.opener)
        self.saver = SaveController(self.workspace, self.worker, self._snapshot, self._edited_spots)
        self.reviewer = ReviewController(self.workspace, self.decoder, self.saver.target)
        self.review_canvas = ReviewCanvas(viewer, self.reviewer)
        self.colouring = ColourController(self.workspace, self.reviewer, self.review_canvas, self.decoder)
        self.masks = MaskImportController(self.reviewer, self.files)
        self.dropped = DroppedFiles(viewer, self.open, self.reviewer, self.masks, self.files)
        self.result_layers = ResultLayers(viewer)
        self.runner = RunController(
            self.workspace,
            self.worker,
            self.decoder,
            self.opener,
            self.result_layers,
            self.reviewer,
            self.review_canvas,
            TrialLayer(viewer),
        )
        self.review_canvas.outside.boxes_changed.connect(self.runner.show_again)
        self.whole_cells = WholeCellLayer(viewer, self.workspace, self.opener, self.reviewer, self.decoder)
        self.spots = SpotEditor(viewer, self.workspace, self.opener, self.reviewer, self.decoder)
        self.spots.saver, self.spots.whole_cells = self.saver, self.whole_cells.cells_of
        self.whole_cells.grown.connect(self.spots.tell)
        self.spots.edited.connect(self.saver.mark_changed)
        self.saver.moved.connect(self.spots.keep_elsewhere)
        self.looks = SerialWorker()  # all models look at a part of an image
        self.first_sight = FirstSightController(
            self.workspace, self.looks, unasked=looks_unasked, chosen=self._is_model_chosen
        )
        self.tables = SerialWorker()  # reading what stands in folders of results
        self.exporter = ExportController(self.saver, self.worker, self.tables)
        self.retrainer = RetrainController(self.workspace, self.catalogue, self.worker)
        self.lessons = SerialWorker()  # strokes are learnt from
        self.teacher = TeachController(viewer, self.workspace, self.opener, self.saver, self.catalogue, self.lessons)
        self.reviewer.edited.connect(self.saver.mark_changed)
        self.reviewer.resumed.connect(self.runner.show_again)
        self.reviewer.resumed.connect(self.saver.go_on)
        self.reviewer.came_back.connect(self.saver.go_on)
        self.saver.unsaved = lambda: self.reviewer.editor.unsaved
        self.saver.wrote.connect(self.reviewer.on_written)
        self.saver.changed.connect(lambda: self.reviewer.on_saver(self.saver.saved))
        self.close_guard = UnsavedChangesGuard(viewer, self.reviewer, self.saver, self.runner, self._save_left)
        self._build_lists()
        self._panels: list[int] = []
        self._prepared, self._open = False, True
        viewer.events.theme.connect(self._restyle)
        QApplication.instance().aboutToQuit.connect(self.close)
        self.catalogue.start()
        QTimer.singleShot(WARM_UP_DELAY_MS, self._warm_up)

    def _build_lists(self) -> None:
        """Make what serves plates and the work list."""
        self.plates = PlateController(self.opener, self.files)
        self.plate_worker = SerialWorker()  # a run over a plate, and its tables
        self.background = SerialWorker()  # small pictures
        self.listing = SerialWorker()  # what is in the work list, and what stands in its folder of results
        self.saved_result = SavedResultController(
            self.workspace, self.opener, self.worker, lambda of: self.homes.result_folder(of)
        )
        self.saved_result.ready.connect(self.runner.take_ready)
        self.saved_result.nothing.connect(self.result_layers.remove_aside)
        self.saver.moved.connect(self._look_again)
        self.well_values = WellValuesController(self.plates, self.tables, self.plate_worker)
        self.plate_runner = PlateRunController(self.workspace, self.plates, self.well_values, self.plate_worker)
        self.answers = AnswersController(self.well_values, self.tables)
        self.profiles = ProfilesController(self.well_values, self.tables)
        self.thumbnails = WellThumbnails(self.background)
        self.plate_runner.ended.connect(self._after_run)
        self.work_list = WorkListController(self.workspace, self.opener, self.listing)
        self.list_runner = ListRunController(self.workspace, self.work_list, self.plate_worker)
        self.plate_list = PlateList(self.plates, self.well_values, self.plate_runner, self.work_list, self.list_runner)
        self.homes = ResultHomes(self.workspace, self.saver, self.work_list, self.plate_list, self.well_values)
        self.list_thumbnails = ListThumbnails(self.background)
        self.folder_watch = FolderWatch(self.work_list, lambda: self.listing.busy or self.plate_worker.busy)
        self.work_list.found.connect(self._look_again)
        self.list_review = ListReview(self.viewer, self.workspace, self.work_list, self.reviewer, self.saver)
        self.watching = SerialWorker()  # a watch over folders, as long as it is wanted
        self.batch = BatchController(self.plate_worker, self.listing)
        self.watcher = WatchController(self.workspace, self.watching)
        self.watcher.began.connect(self.batch.follow)
        self.batch.ended.connect(self._after_run)
        self.compare = CompareController(self.workspace, self.reviewer, self.worker)
        self.device_times = DeviceTimesController(self.workspace, self.worker)
        self.tracks = TracksController(self.viewer, self.workspace, self.worker, self.decoder)
        self.cell_time = CellTimeController(self.viewer, self.tracks, self.worker)
        self.film_groups = GroupsController(self.worker)
        self.cells = CellsController(self.workspace, self.reviewer, self.saver, self.worker, self.tables)
        self.cells.root_wanted = lambda: self.homes.root
        self.work_list.moved.connect(self.cells.look)
        self.work_list.opened.connect(self.cells.look)
        self.cells.navigation.show_origin, self.cells.shown_again = self._show_field, self._look_again
        self.reviewer.done_in_many = lambda: self.cells.undo_name
        self.cells.written.connect(self.work_list.refresh)
        self.cells.written.connect(self.well_values.read)
        self.list_runner.ended.connect(self.cells.look)
        self.plate_runner.ended.connect(self.cells.look)
        self.list_runner.ended.connect(self._after_run)
        self.reviewer.field_wanted.connect(self._show_field)
        self.first_sight.make_room_for(self.runner, self.list_runner, self.plate_runner)
        self.earlier_recipe = EarlierRecipe(
            self.workspace, self.catalogue, self.work_list, self.plates, self.plate_runner, self.well_values
        )

    def _warm_up(self) -> None:
        if self._open:
            self.background.start(warm_up.prepare, Task(done=self._warmed_up))

    def _warmed_up(self, registry: object) -> None:
        warm_up.use_registry(registry)
        self._long_lived.set_aside()

    def open(self, *paths: Path) -> None:
        """Open images as a work list, or a plate: its folder or index; a folder that is no plate is a list as well."""
        first = paths[0]
        index = first.suffix.lower() in INDEX_SUFFIXES and first.is_file()
        if len(paths) == 1 and (index or first.is_dir()):
            self.plates.open(first, otherwise=lambda: self.work_list.open([first]))
        else:
            self.plates.cease()
            self.work_list.open(paths)

    def _is_model_chosen(self) -> bool:
        """Return whether the open image is of a list of which fields were run."""
        return self.work_list.current is not None and self.work_list.has_results

    def run_listed(self, numbers: Sequence[int], *, replace: bool = False) -> None:
        """Run fields of the work list, by their numbers from 0, once all corrections are saved."""
        self.saver.when_saved(partial(self.plate_list.run, numbers, replace=replace), self.list_runner.changed.emit)

    def prepare_plates(self) -> None:
        """Import what reads plates while nobody waits for it, so that the first opens as fast as the next."""
        if not self._prepared:
            self._prepared = True
            self.background.start(warm_up.import_readers, Task())

    def join(self, panel: QWidget, restyle: Callable[[str], None] | None = None) -> None:
        """Serve a panel until it leaves its window; it gets the colours of the theme, if given by ``restyle``."""
        self._panels.append(id(panel))
        restyle = restyle or panel.setStyleSheet
        restyle(style_sheet(self.viewer.theme))
        self.restyled.connect(restyle)
        PanelLeaving(panel, self.leave)

    def leave(self, panel_id: int) -> None:
        """Forget a panel; the last one closes the session."""
        if panel_id in self._panels:
            self._panels.remove(panel_id)
        if not self._panels:
            self.close()

    def close(self) -> None:
        """Stop all work and let go of the viewer."""
        if not self._open:
            return
        self._open = False
        one_image = (self.catalogue, self.opener, self.runner, self.reviewer, self.masks, self.saver, self.exporter)
        more = (self.dropped, self.first_sight, self.retrainer, self.teacher, self.batch, self.watcher)
        of_plates = (self.thumbnails, self.plates, self.well_values, self.answers, self.profiles, self.plate_runner)
        of_list = (self.work_list, self.list_runner, self.list_thumbnails, self.cells, self.compare, self.tracks)
        others = (self.cell_time, self.film_groups, self.device_times)
        for part in (*one_image, *more, *of_plates, *of_list, *others):
            part.blockSignals(True)  # panels may be half gone
        self.runner.cancel()
        self.plate_runner.close()
        self.batch.close()
        self.watcher.close()
        self.list_runner.close()
        self.thumbnails.forget()
        self.list_thumbnails.forget()
        self.teacher.close()
        self.whole_cells.close()
        self.spots.close()
        self.workspace.close()  # heard by the parts, which let go too
        self.first_sight.close()
        listening = (self.retrainer, self.saver, self.runner, self.colouring, self.review_canvas, self.reviewer)
        for part in (
            *listening,
            self.saved_result,
            self.cells,
            self.compare,
            self.device_times,
            self.cell_time,
            self.film_groups,
            self.tracks,
            self.list_review,
            self.earlier_recipe,
            self.folder_watch,
            self.work_list,
            self.current_field,
            self.dropped,
            self.opener,
        ):
            part.close()
        for worker in self._workers:
            worker.close()
        self._long_lived.close()
        self.close_guard.close()
        self.log.blockSignals(True)
        self.log.close()
        self.viewer.events.theme.disconnect(self._restyle)
        application = QApplication.instance()
        if application is not None:
            application.aboutToQuit.disconnect(self.close)

    @property
    def busy(self) -> bool:
        """Whether any work is queued or under way."""
        return any(worker.busy for worker in self._workers) or bool(self.cells.working)

    @property
    def _workers(self) -> tuple[SerialWorker, ...]:
        threads = (self.worker, self.files, self.decoder, self.plate_worker, self.tables, self.background)
        return (*threads, self.listing, self.looks, self.watching, self.lessons)

    @property
    def is_open(self) -> bool:
        """Whether panels may still join."""
        return self._open

    def follow_batch(self, root: Path | None = None) -> None:
        """Show the ledger of a folder of results; without one, of that which results are saved to."""
        found = root or self.work_list.root or Path(self.saver.folder).expanduser()
        if found.is_dir():
            self.batch.follow(found)
        self.batch_wanted.emit()

    def _snapshot(self) -> Snapshot | None:
        """Return what is corrected as it is now, None where nobody changed anything."""
        self.review_canvas.outside.check()  # what is saved is what is seen
        session = self.reviewer.editor.session
        return session.snapshot(self.review_canvas.unfinished) if session is not None else None

    def _edited_spots(self) -> Spots | None:
        return self.spots.corrected

    def _show_field(self, origin: Origin) -> None:
        """Show a field of the work list, or of the viewer; one that is in neither is opened."""
        if not self.work_list.show_origin(origin) and not self.opener.choose_origin(origin) and origin.path:
            self.opener.show_origin(origin, MetadataOverrides())

    def _save_left(self, *, found_anew: bool = False) -> None:
        """Save what was corrected in fields that were left; with ``found_anew`` only what a run has saved since."""
        works: list[SaveWork] = []
        for left in self.reviewer.left_unsaved:
            held, origin = self.workspace.left_outcome(left.plane), left.plane.origin
            if held is not None and left.session is not None:
                home = self.homes.home_of(origin, held.stack, held.pipeline.recipe)
                request = held.save_request(self.saver.root_of(origin), home[1] if home is not None else None)
                save = partial(save_as_found, request) if found_anew else request.save
                works.append(partial(save, left.session.snapshot()))
        self.saver.save_left(works)

    def _look_again(self) -> None:
        """Show what a run over many fields has saved of the field that is open, and what can be made of all."""
        self.saved_result.look(again=True)
        self.exporter.look()

    def _after_run(self) -> None:
        """Show what a run over many fields has saved; what was corrected in these fields before it is saved there."""
        self._look_again()
        self.saver.look_again()
        self._save_left(found_anew=True)

    def _restyle(self) -> None:
        self.restyled.emit(style_sheet(self.viewer.theme))


def session_of(viewer: napari.Viewer) -> Session:
    """Return the session of a viewer: the one its open panels share, or a new one."""
    viewer = getattr(viewer, "__wrapped__", viewer)  # napari hands plugins a proxy, which is never `is` itself
    for widget in viewer.window.dock_widgets.values():
        session = getattr(widget, "session", None)
        if isinstance(session, Session) and session.is_open:
            return session
    return Session(viewer)
