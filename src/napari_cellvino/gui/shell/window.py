"""The dock: the panels as tabs, in the order of the work."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeVar

import napari
from qtpy.QtCore import QSize, Qt, QTimer
from qtpy.QtGui import QKeySequence, QShortcut, QShowEvent
from qtpy.QtWidgets import QFrame, QScrollArea, QTabWidget, QVBoxLayout, QWidget

from napari_cellvino.gui.batch.batch_panel import BatchPanel
from napari_cellvino.gui.batch.watch_panel import WatchPanel
from napari_cellvino.gui.cells.cells_panel import CellsPanel
from napari_cellvino.gui.compare.compare_panel import ComparePanel
from napari_cellvino.gui.open.open_panel import OpenPanel
from napari_cellvino.gui.plate.plate_panel import PlatePanel
from napari_cellvino.gui.retrain.retrain_panel import RetrainPanel
from napari_cellvino.gui.review.keys import KeysPage
from napari_cellvino.gui.review.review_panel import ReviewPanel
from napari_cellvino.gui.run.run_panel import RunPanel
from napari_cellvino.gui.save.save_panel import SavePanel
from napari_cellvino.gui.shell.details_panel import DetailsPanel
from napari_cellvino.gui.shell.viewer_session import Session, session_of
from napari_cellvino.gui.teach.teach_panel import TeachPanel
from napari_cellvino.gui.tracks.tracks_panel import TracksPanel
from napari_cellvino.gui.widgets.formatting import format_number
from napari_cellvino.gui.widgets.tab_order import move_focus

_Panel = TypeVar("_Panel", bound=QWidget)
TABS: dict[Callable[[Session], QWidget], str] = {
    OpenPanel: "1 Open",
    RunPanel: "2 Run",
    ReviewPanel: "3 Review",
    SavePanel: "4 Save",
    PlatePanel: "Plate",
    TeachPanel: "Teach",
    RetrainPanel: "Retrain",
    TracksPanel: "Tracks",
}
WIDE_PX = 400  # of a panel beside the picture
STYLE_MS = 10  # from one tab to the next that takes the colours of another theme
BELOW_PX = 300  # height of a dock below the picture: Qt gives it the least that it needs


class _Page(QScrollArea):
    """A tab; its panel is made when it is first seen or asked for: all at once would hold up the window."""

    def __init__(self, make: Callable[[], QWidget]) -> None:
        super().__init__()
        self._make = make
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)

    def make(self) -> QWidget:
        """Return the panel."""
        if self.widget() is None:
            self.setWidget(self._make())
        return self.widget()

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802 (Qt's name)
        """Make what is to be seen."""
        self.make()
        super().showEvent(event)


class CellvinoWindow(QWidget):
    """Tabs 1 Open, 2 Run, 3 Review, 4 Save, then Plate, Teach, Retrain, Tracks; a tick says that a step is done."""

    def __init__(self, napari_viewer: napari.Viewer) -> None:
        super().__init__()
        self.session = session_of(napari_viewer)
        self.tabs = QTabWidget()
        self._pages = {kind: _Page(partial(kind, self.session)) for kind in TABS}
        for kind, title in TABS.items():
            self.tabs.addTab(self._pages[kind], title)
        self.tabs.setUsesScrollButtons(False)  # half a tab and two arrows are worse than shortened titles
        self.tabs.setElideMode(Qt.TextElideMode.ElideRight)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 4, 0, 0)
        self.details = DetailsPanel(self.session.log)
        layout.addWidget(self.tabs, 1)
        layout.addWidget(self.details)
        session = self.session
        for changed in (
            session.opener.changed,
            session.runner.changed,
            session.reviewer.changed,
            session.saver.changed,
        ):
            changed.connect(self._draw_titles)
        session.reviewer.replaced.connect(self._draw_titles)
        session.review_canvas.keys_wanted.connect(self._show_keys)
        self.tabs.tabBarClicked.connect(self._give_keys)
        for index in range(self.tabs.count()):
            QShortcut(QKeySequence(f"Alt+{index + 1}"), self).activated.connect(partial(self._go_to_tab, index))
        session.plates.opened.connect(lambda: self.tabs.setCurrentWidget(self._pages[PlatePanel]))
        session.dropped.found.connect(partial(self.show_step, 1))
        self._viewer = self.session.viewer  # not the proxy that plugins are handed
        self.session.cells_wanted.connect(partial(self._show_below, "All cells"))
        self.session.comparison_wanted.connect(partial(self._show_below, "Compare"))
        self.session.batch_wanted.connect(partial(self._show_below, "Batch"))
        self._coming: dict[str, QWidget] = {}  # docks that are to be added below the picture
        self._add_later = QTimer(self)
        self._add_later.setSingleShot(True)
        self._add_later.timeout.connect(self._add_below)
        self._style, self._to_style = "", list[QWidget]()
        self._style_later = QTimer(self)
        self._style_later.timeout.connect(self._style_next)
        self.session.join(self, self._restyle)
        self.session.plate_list.come_back()
        self._draw_titles()

    @property
    def open_panel(self) -> OpenPanel:
        """Tab 1."""
        return self._panel(OpenPanel)

    @property
    def run_panel(self) -> RunPanel:
        """Tab 2."""
        return self._panel(RunPanel)

    @property
    def review_panel(self) -> ReviewPanel:
        """Tab 3."""
        return self._panel(ReviewPanel)

    @property
    def save_panel(self) -> SavePanel:
        """Tab 4."""
        return self._panel(SavePanel)

    @property
    def plate_panel(self) -> PlatePanel:
        """The tab of a plate."""
        return self._panel(PlatePanel)

    @property
    def teach_panel(self) -> TeachPanel:
        """The tab of strokes."""
        return self._panel(TeachPanel)

    @property
    def retrain_panel(self) -> RetrainPanel:
        """The tab of training."""
        return self._panel(RetrainPanel)

    @property
    def tracks_panel(self) -> TracksPanel:
        """The tab of films."""
        return self._panel(TracksPanel)

    def _panel(self, kind: type[_Panel]) -> _Panel:
        panel = self._pages[kind].make()
        assert isinstance(panel, kind)
        return panel

    def sizeHint(self) -> QSize:  # noqa: N802 (Qt's name)
        """Return a width that leaves the picture most of a small screen."""
        return QSize(WIDE_PX, 640)

    def focusNextPrevChild(self, forward: bool) -> bool:  # noqa: N802 (Qt's name)
        """Go on with the Tab key in the order of reading."""
        return move_focus(self, forward=forward) or super().focusNextPrevChild(forward)

    def show_step(self, number: int) -> None:
        """Go to a tab, counted from 1."""
        self.tabs.setCurrentIndex(number - 1)

    def _show_below(self, name: str) -> None:
        """Show a panel in a dock below the picture."""
        docks = self._viewer.window.dock_widgets
        if name in docks:
            dock = docks[name].parent()
            dock.show()
            dock.raise_()
        elif name not in self._coming:
            self._coming[name] = BELOW[name](self._viewer)
            self._add_later.start(0)

    def _add_below(self) -> None:
        """Add the docks that were made: at once with making them it would hold up the window."""
        window, coming, self._coming = self._viewer.window, self._coming, {}
        for name, dock in coming.items():
            made = window.add_dock_widget(dock, name=name, area="bottom", tabify=True)
            window._qt_window.resizeDocks([made], [BELOW_PX], Qt.Orientation.Vertical)

    def _go_to_tab(self, index: int) -> None:
        self.tabs.setCurrentIndex(index)
        self._give_keys(index)

    def _give_keys(self, index: int) -> None:
        """Let the keys of a review hold when its tab was clicked."""
        if self.tabs.widget(index) is self._pages[ReviewPanel]:
            self.session.review_canvas.focus()

    def _show_keys(self) -> None:
        if self._pages[ReviewPanel].widget() is None:  # which shows them otherwise
            page = KeysPage(self.session.reviewer, self)
            page.setStyleSheet(self._style)
            page.show()

    def _restyle(self, style: str) -> None:
        """Take the colours of a theme, one after the other, what is seen first: each takes Qt a while."""
        here = self.tabs.currentWidget()
        hidden = [page for page in self._pages.values() if page is not here]
        self._style, self._to_style = style, [here, self.tabs.tabBar(), self.details, *hidden]
        while self._to_style and not self.isVisible():
            self._style_next()
        self._style_later.start(STYLE_MS)

    def _style_next(self) -> None:
        if self._to_style:
            self._to_style.pop(0).setStyleSheet(self._style)
        else:
            self._style_later.stop()

    def _draw_titles(self, _: object = None) -> None:
        """Say in the titles what is done, and in the tooltips how far the review is."""
        workspace, reviewer = self.session.workspace, self.session.reviewer
        progress = reviewer.progress
        reviewed = reviewer.annotation is not None
        done: dict[Callable[[Session], QWidget], bool] = {
            OpenPanel: workspace.stack is not None,
            RunPanel: workspace.outcome is not None,
            ReviewPanel: reviewed and progress.reviewed == progress.objects > 0,
            SavePanel: self.session.saver.saved is not None,
        }
        for index, (kind, title) in enumerate(TABS.items()):
            text = f"✓ {title.split()[-1]}" if done.get(kind) else title
            if text != self.tabs.tabText(index):  # else Qt lays out all tabs once more
                self.tabs.setTabText(index, text)
            far = f"{format_number(progress.reviewed)} of {format_number(progress.objects)} cells reviewed · "
            self.tabs.setTabToolTip(index, f"{far if kind is ReviewPanel and reviewed else ''}Alt+{index + 1}")


class _LatePage(QWidget):
    """A panel that is put in its place once its window is seen: both at once would hold up the window."""

    def __init__(self, panel: QWidget) -> None:
        super().__init__()
        self._panel = panel
        panel.setParent(self)
        panel.hide()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        self._fill_later = QTimer(self)
        self._fill_later.setSingleShot(True)
        self._fill_later.timeout.connect(self._fill)

    def sizeHint(self) -> QSize:  # noqa: N802 (Qt's name)
        """Return the size of the panel, there or not."""
        return self._panel.sizeHint()

    def minimumSizeHint(self) -> QSize:  # noqa: N802 (Qt's name)
        """Return the least size of the panel, there or not."""
        return self._panel.minimumSizeHint().expandedTo(self._panel.minimumSize())

    def showEvent(self, _: QShowEvent) -> None:  # noqa: N802 (Qt's name)
        """Put the panel in its place after what is waiting to be done."""
        if self.layout().isEmpty():
            self._fill_later.start(0)

    def _fill(self) -> None:
        self.layout().addWidget(self._panel)
        self._panel.show()


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
            layout.addWidget(_scrolling(made) if scrolls else _LatePage(made))
            self.session.join(self)

        def focusNextPrevChild(self, forward: bool) -> bool:  # noqa: N802 (Qt's name)
            """Go on with the Tab key in the order of reading."""
            return move_focus(self, forward=forward) or super().focusNextPrevChild(forward)

        def sizeHint(self) -> QSize:  # noqa: N802 (Qt's name)
            """Return a width in which nothing of a panel is cut off."""
            return super().sizeHint().expandedTo(QSize(WIDE_PX, 0))

    return Dock


OpenDock, RunDock, ReviewDock = _dock_of(OpenPanel), _dock_of(RunPanel), _dock_of(ReviewPanel)
SaveDock, PlateDock, RetrainDock = _dock_of(SavePanel), _dock_of(PlatePanel), _dock_of(RetrainPanel)
TeachDock = _dock_of(TeachPanel)
TracksDock = _dock_of(TracksPanel)
CellsDock, CompareDock = _dock_of(CellsPanel, scrolls=False), _dock_of(ComparePanel, scrolls=False)
BatchDock, WatchDock = _dock_of(BatchPanel, scrolls=False), _dock_of(WatchPanel)
BELOW = {"All cells": CellsDock, "Compare": CompareDock, "Batch": BatchDock}  # docks below the picture, by their names


def _scrolling(panel: QWidget) -> QScrollArea:
    page = _Page(lambda: panel)
    page.make()
    return page
