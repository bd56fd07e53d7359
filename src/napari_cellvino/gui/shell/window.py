"""The dock: the panels as tabs, in the order of the work."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import napari
from qtpy.QtCore import QSize
from qtpy.QtGui import QKeySequence, QShortcut
from qtpy.QtWidgets import QFrame, QScrollArea, QTabWidget, QVBoxLayout, QWidget

from napari_cellvino.gui.batch.batch_panel import BatchPanel
from napari_cellvino.gui.batch.watch_panel import WatchPanel
from napari_cellvino.gui.cells.cells_panel import CellsPanel
from napari_cellvino.gui.compare.compare_panel import ComparePanel
from napari_cellvino.gui.open.open_panel import OpenPanel
from napari_cellvino.gui.plate.plate_panel import PlatePanel
from napari_cellvino.gui.retrain.retrain_panel import RetrainPanel
from napari_cellvino.gui.review.review_panel import ReviewPanel
from napari_cellvino.gui.run.run_panel import RunPanel
from napari_cellvino.gui.save.save_panel import SavePanel
from napari_cellvino.gui.shell.details_panel import DetailsPanel
from napari_cellvino.gui.shell.viewer_session import Session, session_of
from napari_cellvino.gui.teach.teach_panel import TeachPanel
from napari_cellvino.gui.tracks.tracks_panel import TracksPanel


class CellvinoWindow(QWidget):
    """Tabs 1 Open, 2 Run, 3 Review, 4 Save, then Plate, Teach, Retrain, Tracks; a tick says that a step is done."""

    def __init__(self, napari_viewer: napari.Viewer) -> None:
        super().__init__()
        self.session = session_of(napari_viewer)
        self.open_panel = OpenPanel(self.session)
        self.run_panel = RunPanel(self.session)
        self.review_panel = ReviewPanel(self.session)
        self.save_panel = SavePanel(self.session)
        self.plate_panel = PlatePanel(self.session)
        self.teach_panel = TeachPanel(self.session)
        self.retrain_panel = RetrainPanel(self.session)
        self.tabs = QTabWidget()
        panels = (self.open_panel, self.run_panel, self.review_panel, self.save_panel)
        for title, panel in zip(("1 Open", "2 Run", "3 Review", "4 Save"), panels, strict=True):
            self.tabs.addTab(_scrolling(panel), title)
        self._plate_tab = self.tabs.addTab(_scrolling(self.plate_panel), "Plate")
        self.tabs.addTab(_scrolling(self.teach_panel), "Teach")
        self.tabs.addTab(_scrolling(self.retrain_panel), "Retrain")
        self.tracks_panel = TracksPanel(self.session)
        self.tabs.addTab(_scrolling(self.tracks_panel), "Tracks")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 4, 0, 0)
        self.details = DetailsPanel(self.session.log)
        layout.addWidget(self.tabs, 1)
        layout.addWidget(self.details)
        self.open_panel.done_changed.connect(lambda done: self._tick(0, "1 Open", done))
        self.review_panel.progress_changed.connect(lambda said: self.tabs.setTabText(2, f"3 Review {said}".strip()))
        self.save_panel.done_changed.connect(lambda done: self._tick(3, "4 Save", done))
        self.tabs.tabBarClicked.connect(self._give_keys)
        for index in range(self.tabs.count()):
            QShortcut(QKeySequence(f"Alt+{index + 1}"), self).activated.connect(partial(self._go_to_tab, index))
            self.tabs.setTabToolTip(index, f"Alt+{index + 1}")
        self.session.runner.changed.connect(self._tick_run)
        self.session.plates.opened.connect(lambda: self.tabs.setCurrentIndex(self._plate_tab))
        self._viewer = napari_viewer
        self.session.cells_wanted.connect(partial(self._show_below, "All cells"))
        self.session.comparison_wanted.connect(partial(self._show_below, "Compare"))
        self.session.batch_wanted.connect(partial(self._show_below, "Batch"))
        self.session.join(self)
        self.session.work_list.come_back()
        self._tick(0, "1 Open", self.session.workspace.stack is not None)

    def sizeHint(self) -> QSize:  # noqa: N802 (Qt's name)
        """Return a width that leaves the picture most of a small screen."""
        return QSize(400, 640)

    def show_step(self, number: int) -> None:
        """Go to a tab, counted from 1."""
        self.tabs.setCurrentIndex(number - 1)

    def _show_below(self, name: str) -> None:
        """Show a panel in a dock below the picture."""
        docks = self._viewer.window.dock_widgets
        if name not in docks:
            self._viewer.window.add_dock_widget(BELOW[name](self._viewer), name=name, area="bottom", tabify=True)
            return
        dock = docks[name].parent()
        dock.show()
        dock.raise_()

    def _go_to_tab(self, index: int) -> None:
        self.tabs.setCurrentIndex(index)
        self._give_keys(index)

    def _give_keys(self, index: int) -> None:
        """Let the keys of a review hold when its tab was clicked."""
        if self.tabs.widget(index).widget() is self.review_panel:
            self.session.review_canvas.focus()

    def _tick_run(self) -> None:
        self._tick(1, "2 Run", self.session.workspace.outcome is not None)

    def _tick(self, index: int, title: str, done: bool) -> None:
        self.tabs.setTabText(index, f"{title} ✓" if done else title)


def _dock_of(panel: Callable[[Session], QWidget], *, scrolls: bool = True) -> type[QWidget]:
    """Return the dock widget that shows one panel alone; napari asks for a class and gives it the viewer."""

    class Dock(QWidget):
        """One panel; the docks of a viewer share their session."""

        def __init__(self, napari_viewer: napari.Viewer) -> None:
            super().__init__()
            self.session = session_of(napari_viewer)
            layout = QVBoxLayout(self)
            layout.setContentsMargins(0, 0, 0, 0)
            made = panel(self.session)
            layout.addWidget(_scrolling(made) if scrolls else made)
            self.session.join(self)

    return Dock


OpenDock, RunDock, ReviewDock = _dock_of(OpenPanel), _dock_of(RunPanel), _dock_of(ReviewPanel)
SaveDock, PlateDock, RetrainDock = _dock_of(SavePanel), _dock_of(PlatePanel), _dock_of(RetrainPanel)
TeachDock = _dock_of(TeachPanel)
TracksDock = _dock_of(TracksPanel)
CellsDock, CompareDock = _dock_of(CellsPanel, scrolls=False), _dock_of(ComparePanel, scrolls=False)
BatchDock, WatchDock = _dock_of(BatchPanel, scrolls=False), _dock_of(WatchPanel)
BELOW = {"All cells": CellsDock, "Compare": CompareDock, "Batch": BatchDock}  # docks below the picture, by their names


def _scrolling(panel: QWidget) -> QScrollArea:
    area = QScrollArea()
    area.setWidgetResizable(True)
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setWidget(panel)
    return area
