"""*Compare films*: the tracked films of a folder by groups, and their curves."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtCore import Qt
from qtpy.QtGui import QPixmap
from qtpy.QtWidgets import QFileDialog, QHeaderView, QPushButton, QTableWidget, QTableWidgetItem, QWidget

from napari_cellvino.gui.tracks.groups_controller import GroupsController
from napari_cellvino.gui.widgets.form_layout import panel_layout, say, side_by_side, text_line
from napari_cellvino.gui.widgets.notice import Notice
from napari_cellvino.gui.widgets.wide_picture import WidePicture

ROWS = 6  # of the table that are seen at once
HINT = (
    "Films that were tracked and saved into one folder. With three or more in a group, the 95 % interval is over "
    "films; with fewer, over cells and their descendants."
)


class GroupsPanel(QWidget):
    """Shows what the controller of groups has."""

    def __init__(self, controller: GroupsController) -> None:
        super().__init__()
        self._controller = controller
        self.open_button = QPushButton("Folder of films…")
        self.open_button.setToolTip("Choose a folder of results with tracked films in it")
        self.compare_button = QPushButton("Compare")
        self.compare_button.setToolTip("Draw growth, mean squared displacement and speed of each group")
        self.table = QTableWidget(0, 2)
        self.table.setHorizontalHeaderLabels(["Film", "Group"])
        self.table.setAccessibleName("Groups of films")
        self.table.setToolTip("Write the group of each film; without one it is left out")
        self.table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        self.table.verticalHeader().setVisible(False)
        self.table.setTabKeyNavigation(False)
        self.state, self.failure, self.picture = (
            text_line("aside"),
            Notice(),
            WidePicture("Curves of groups", plot=True),
        )
        self._drawn: tuple[Path, ...] = ()
        layout = panel_layout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(text_line("aside", HINT))
        buttons = side_by_side(self.open_button, self.compare_button)
        for widget in (buttons, self.table, self.failure, self.state, self.picture):
            layout.addWidget(widget)
        self.open_button.clicked.connect(self._ask)
        self.compare_button.clicked.connect(controller.compare)
        self.table.itemChanged.connect(self._on_item)
        controller.changed.connect(self._draw)
        self._draw()

    def _ask(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "A folder of results with tracked films")
        if folder:
            self._controller.open(Path(folder))

    def _on_item(self, item: QTableWidgetItem) -> None:
        if item.column() == 1 and item.row() < len(self._drawn):
            self._controller.put(self._drawn[item.row()], item.text())

    def _draw(self) -> None:
        controller = self._controller
        if tuple(controller.groups) != self._drawn:
            self._fill()
        self.table.setVisible(bool(controller.groups))
        self.compare_button.setEnabled(bool(controller.groups) and not controller.working)
        self.failure.show_failure(controller.failure)
        say(self.state, controller.working or controller.said)
        self.picture.show_pixmap(None if controller.picture is None else QPixmap(str(controller.picture)))

    def _fill(self) -> None:
        self._drawn = ()  # what is filled in is no choice of the user
        groups = self._controller.groups
        self.table.setRowCount(len(groups))
        for row, (film, group) in enumerate(groups.items()):
            name = QTableWidgetItem(film.name)
            name.setFlags(name.flags() & ~Qt.ItemFlag.ItemIsEditable)
            self.table.setItem(row, 0, name)
            self.table.setItem(row, 1, QTableWidgetItem(group))
        height = self.table.verticalHeader().defaultSectionSize() * (min(len(groups), ROWS) + 1) + 4
        self.table.setFixedHeight(height)
        self._drawn = tuple(groups)
