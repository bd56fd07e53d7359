"""*One cell through time*: a strip of it, or a kymograph."""

from __future__ import annotations

from qtpy.QtWidgets import QPushButton, QWidget

from napari_cellvino.gui.tracks.cell_time_controller import CellTimeController
from napari_cellvino.gui.widgets.form_layout import add_row, form, panel_layout, say, side_by_side, text_line
from napari_cellvino.gui.widgets.notice import Notice
from napari_cellvino.gui.widgets.value_combo import Choice, ValueCombo
from napari_cellvino.gui.widgets.wide_picture import WidePicture

HINT = "Of the chosen cell; or of the line that was drawn last in a layer of shapes, which stays where it is."


class CellTimePanel(QWidget):
    """Shows what the controller of cells through time has."""

    def __init__(self, controller: CellTimeController) -> None:
        super().__init__()
        self._controller = controller
        self.channel: ValueCombo[int] = ValueCombo(
            name="Channel of pictures through time", tooltip="The channel that the pictures show"
        )
        self.strip_button = _button("Strip", "A picture of the chosen cell for each frame, with its outline")
        self.cell_button = _button("Along the cell", "A kymograph along its long axis, which turns with the cell")
        self.line_button = _button("Along a line", "A kymograph along the last line in a layer of shapes")
        self.state, self.failure = text_line("aside"), Notice()
        self.picture = WidePicture("One cell through time", plot=True)
        layout = panel_layout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        self._channels = QWidget()
        add_row(form(panel_layout(self._channels)), "C&hannel", self.channel)
        buttons = side_by_side(self.strip_button, self.cell_button, self.line_button)
        for widget in (text_line("aside", HINT), self._channels, buttons, self.failure, self.state, self.picture):
            layout.addWidget(widget)
        self.strip_button.clicked.connect(controller.strip)
        self.cell_button.clicked.connect(controller.along_cell)
        self.line_button.clicked.connect(controller.along_line)
        self.channel.value_changed.connect(self._choose)
        controller.changed.connect(self._draw)
        self._draw()

    def _choose(self, channel: int) -> None:
        self._controller.channel = channel

    def _draw(self) -> None:
        controller = self._controller
        channels = controller.channels
        self.channel.offer([Choice(name, number) for number, name in enumerate(channels)])
        self._channels.setVisible(len(channels) > 1)
        self.failure.show_failure(controller.failure)
        say(self.state, controller.working or controller.said)
        self.picture.show_file(controller.picture)


def _button(text: str, tooltip: str) -> QPushButton:
    button = QPushButton(text)
    button.setToolTip(tooltip)
    return button
