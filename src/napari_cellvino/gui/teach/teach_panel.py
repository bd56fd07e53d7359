"""The Teach panel: paint strokes, see what comes of them, save it as a model."""

from __future__ import annotations

from qtpy.QtCore import QSignalBlocker
from qtpy.QtGui import QColor, QIcon, QPixmap
from qtpy.QtWidgets import QButtonGroup, QCheckBox, QGridLayout, QLineEdit, QPushButton, QWidget

from napari_cellvino.core.image import Spacing
from napari_cellvino.gui.run.sliders import Sliders
from napari_cellvino.gui.shell.viewer_session import Session
from napari_cellvino.gui.widgets.form_layout import (
    GAP,
    add_row,
    form,
    panel_layout,
    say,
    side_by_side,
    text_line,
)
from napari_cellvino.gui.widgets.formatting import THIN, format_count
from napari_cellvino.gui.widgets.notice import Notice
from napari_cellvino.gui.widgets.usable import enable_unless
from napari_cellvino.segmentation.heads.taught import TaughtHead

IDLE = (
    "For cells that no model finds: paint a few strokes on cells, on background, and between cells that touch. "
    "What comes of them is seen at once."
)
PAINT = "Paint some cells and some background. Ctrl+Z takes a stroke back, E erases, Space moves the picture."
GO_ON = "Paint where it is wrong. A keeps the cell under the mouse, N goes to where a stroke helps most."
SWATCH_PX = 12
IN_A_ROW = 3  # kinds of strokes


class TeachPanel(QWidget):
    """Draws the teacher."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session, self._teacher = session, session.teacher
        layout = panel_layout(self)
        self.hint = text_line("aside")
        self.start_button = QPushButton("&Start painting")
        self.start_button.setProperty("role", "main")
        self.start_button.setToolTip("Paint on the image that is open; results are hidden meanwhile")
        self.stop_button = QPushButton("S&top painting")
        self.stop_button.setToolTip("Take the layers away; the strokes are kept with the results of the image")
        self.kind_row = QWidget()
        self._kind_grid = QGridLayout(self.kind_row)
        self._kind_grid.setContentsMargins(0, 0, 0, 0)
        self._kind_grid.setSpacing(GAP)
        self.kinds = QButtonGroup(self)
        self.kind_buttons: list[QPushButton] = []
        self.count = text_line()
        self.count.setProperty("role", "number")
        self.quality, self.part = text_line(), text_line("aside")
        self.whole_button = QPushButton("&Whole image")
        self.whole_button.setToolTip("Look at all of this image, which takes longer")
        self.next_button = QPushButton("Where to paint &next (N)")
        self.next_button.setToolTip("Go to the place where a stroke would teach most")
        self.said, self.failure = text_line("aside"), Notice()
        self.sliders = Sliders()
        self._classes = QLineEdit()
        self._classes.setPlaceholderText("living, dead")
        self._classes.setToolTip("Names of classes of cells, with commas; each can then be painted")
        self.every_channel = QCheckBox("&All channels")
        self.every_channel.setToolTip("Learn from all channels of the image and not only from the chosen one")
        self.name = QLineEdit("my-cells")
        self.name.setToolTip("What the model is called")
        self.save_button = QPushButton("Save as &model")
        self.save_button.setToolTip("Make a model of the strokes on all images; it is then chosen in tab 2")
        self.made = text_line("done")
        for widget in (
            self.hint, self.start_button, self.kind_row, self.count, self.quality,
            side_by_side(self.part, self.whole_button, stretch=0), self.failure, self.next_button, self.said,
            self.sliders,
        ):  # fmt: skip
            layout.addWidget(widget)
        self._rows = QWidget()
        rows = panel_layout(self._rows)
        rows.setContentsMargins(0, 0, 0, 0)
        grid = form(rows)
        add_row(grid, "&Classes", self._classes)
        add_row(grid, "Channels", self.every_channel)
        add_row(grid, "Na&me", self.name, self.save_button)
        layout.addWidget(self._rows)
        layout.addWidget(self.made)
        layout.addWidget(side_by_side(self.stop_button))
        layout.addStretch(1)
        self._connect()
        self._draw()

    def _connect(self) -> None:
        teacher = self._teacher
        teacher.changed.connect(self._draw)
        self.session.opener.changed.connect(self._draw)
        self.start_button.clicked.connect(teacher.start)
        self.stop_button.clicked.connect(teacher.stop)
        self.next_button.clicked.connect(teacher.go_to_next)
        self.whole_button.clicked.connect(teacher.look_at_all)
        self.every_channel.toggled.connect(teacher.use_every_channel)
        self.sliders.value_changed.connect(self._slide)
        self._classes.editingFinished.connect(self._name_classes)
        self.save_button.clicked.connect(lambda: teacher.save_model(self.name.text().strip()))
        self.kinds.idClicked.connect(teacher.choose)

    def _slide(self, values: dict[str, float]) -> None:
        """Take what was moved: what was not keeps following the cells."""
        answer = self._teacher.answer
        shown = {} if answer is None else answer.values
        self._teacher.slide({name: value for name, value in values.items() if value != shown.get(name)})

    def _name_classes(self) -> None:
        names = tuple(name.strip() for name in self._classes.text().split(",") if name.strip())
        if names != tuple(kind.title for kind in self._teacher.kinds if not kind.key):
            self._teacher.name_classes(names)

    def _draw(self) -> None:
        teacher, answer, opened = self._teacher, self._teacher.answer, self.session.workspace.stack
        active = teacher.active
        self._draw_kinds()
        say(self.hint, (PAINT if answer is None else GO_ON) if active else IDLE)
        self.start_button.setVisible(not active)
        enable_unless("" if opened is not None else "Open an image first (tab 1)", self.start_button)
        for widget in (self.kind_row, self.stop_button, self._rows):
            widget.setVisible(active)
        say(self.count, self._counted())
        say(self.quality, self._quality())
        say(
            self.part, "Only a part of this image was looked at; zoom, move, or look at all." if teacher.is_part else ""
        )
        self.whole_button.setVisible(teacher.is_part)
        self.next_button.setVisible(answer is not None)
        say(self.said, teacher.said)
        self.failure.show_failure(teacher.failure)
        self.sliders.setVisible(answer is not None)
        if answer is not None:
            self.sliders.offer(TaughtHead.parameters, Spacing() if opened is None else opened.spacing)
            self.sliders.set_value(dict(answer.values))
        several = opened is not None and opened.shape.c > 1
        enable_unless("" if several else "This image has one channel", self.every_channel)
        making = "A model is being made" if teacher.working.startswith("making") else ""
        enable_unless(making or ("" if answer is not None else "Paint cells and background first"), self.save_button)
        say(self.made, teacher.made)

    def _draw_kinds(self) -> None:
        """Draw one button for each kind of stroke."""
        kinds = self._teacher.kinds
        if [button.property("kind") for button in self.kind_buttons] != [kind.title for kind in kinds]:
            for button in self.kind_buttons:
                self.kinds.removeButton(button)
                button.deleteLater()
            self.kind_buttons = []
            for kind in kinds:
                button = QPushButton(f"{kind.title} ({kind.key})" if kind.key else kind.title)
                button.setCheckable(True)
                button.setProperty("kind", kind.title)
                swatch = QPixmap(SWATCH_PX, SWATCH_PX)
                swatch.fill(QColor(*kind.colour))
                button.setIcon(QIcon(swatch))
                button.setToolTip(f"Paint: {kind.title.lower()}")
                self.kinds.addButton(button, kind.number)
                place = divmod(len(self.kind_buttons), IN_A_ROW)
                self._kind_grid.addWidget(button, *place)
                self.kind_buttons.append(button)
        with QSignalBlocker(self.kinds):
            chosen = self.kinds.button(self._teacher.kind)
            if chosen is not None:
                chosen.setChecked(True)

    def _counted(self) -> str:
        teacher, answer = self._teacher, self._teacher.answer
        if answer is None or not teacher.active:
            return teacher.working
        return format_count(len(answer.found.objects)) + (f" · {teacher.working}" if teacher.working else "")

    def _quality(self) -> str:
        """Say how good the model is, and by what that is known."""
        answer, judged = self._teacher.answer, self._teacher.judged
        if answer is None:
            return ""
        cells, background, between = answer.strokes
        strokes = f"{cells + background + between} strokes"
        if answer.agreement is None:
            said = f"{strokes}: too few to hold some out and say how good this is"
        else:
            said = f"Strokes that were held out are {100 * answer.agreement:.0f}{THIN}% right ({strokes})"
        if self._teacher.left_out:
            said += f"\nLeft out: {format_count(self._teacher.left_out, 'image')} with other channels"
        if judged is None:
            return said
        return f"{said}\nF1 {judged.f1:.2f} on {judged.first} accepted cells, which it learnt from too"
