"""Watch: choose folders and rules, see what each file would get, and let what an instrument writes be counted."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from qtpy.QtCore import QSize, Qt
from qtpy.QtWidgets import QDoubleSpinBox, QFileDialog, QLabel, QListWidget, QPushButton, QWidget

from napari_cellvino.gui.shell.viewer_session import Session
from napari_cellvino.gui.widgets.form_layout import (
    add_row,
    form,
    ignore_wheel,
    panel_layout,
    say,
    side_by_side,
    text_line,
)
from napari_cellvino.gui.widgets.notice import Notice
from napari_cellvino.gui.widgets.usable import enable_unless

HINT = "What is written into a folder is counted as it comes: by rules, or by the choices of tab 2."
CHOOSE = "Choose a folder to watch, and one for the results"
NO_FOLDER, NO_RULES = "none chosen", "none: the choices of tab 2"
MOST_LISTED, LABEL_PX = 500, 220
_MIDDLE = Qt.TextElideMode.ElideMiddle


class WatchPanel(QWidget):
    """Shows and drives the watch of this window."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session, self.controller = session, session.watcher
        self.folder, self.results, self.rules = QLabel(), QLabel(), QLabel()
        self.settle = ignore_wheel(QDoubleSpinBox())
        self.settle.setRange(0.0, 3600.0)
        self.settle.setSuffix(" s")
        self.settle.setToolTip("A file counts as written when its size and time have stood still for so long")
        self.settle.setValue(self.controller.settle_s)
        self.folder_button, self.results_button = QPushButton("Choose…"), QPushButton("Choose…")
        self.rules_button, self.no_rules_button = QPushButton("Choose…"), QPushButton("None")
        self.start_button = QPushButton("Start")
        self.start_button.setProperty("role", "main")
        self.plan_button = QPushButton("What would each get?")
        self.plan_button.setToolTip("List what is there with the rule, model and results of each; runs nothing")
        self.batch_button = QPushButton("Batch…")
        self.batch_button.setToolTip("Look at the fields that were counted, and accept or reject them")
        self.hint, self.now, self.failure = text_line("aside", HINT), text_line(), Notice()
        self.list = QListWidget()
        self.list.setAccessibleName("What the watch has done, or would do")
        self._lay_out()
        self._connect()
        self._draw()

    def _lay_out(self) -> None:
        layout = panel_layout(self)
        layout.addWidget(self.hint)
        grid = form(layout)
        add_row(grid, "&Watch", self.folder, self.folder_button)
        add_row(grid, "R&esults", self.results, self.results_button)
        add_row(grid, "R&ules", self.rules, self.no_rules_button, self.rules_button)
        add_row(grid, "&Written after", self.settle)
        layout.addWidget(self.start_button)
        layout.addWidget(side_by_side(self.plan_button, self.batch_button))
        layout.addWidget(self.now)
        layout.addWidget(self.failure)
        layout.addWidget(self.list, 1)

    def _connect(self) -> None:
        controller = self.controller
        controller.changed.connect(self._draw)
        self.folder_button.clicked.connect(lambda: self._ask("folders", "Folder to watch"))
        self.results_button.clicked.connect(lambda: self._ask("root", "Folder for the results"))
        self.rules_button.clicked.connect(self._ask_rules)
        self.no_rules_button.clicked.connect(partial(controller.choose, rules=None))
        self.settle.valueChanged.connect(lambda value: controller.choose(settle_s=value))
        self.start_button.clicked.connect(lambda: controller.stop() if controller.running else controller.start())
        self.plan_button.clicked.connect(lambda: controller.look_ahead())
        self.batch_button.clicked.connect(lambda: self.session.follow_batch(controller.root))

    def sizeHint(self) -> QSize:  # noqa: N802 (Qt's name)
        """Return a width that leaves most of a small screen to the picture."""
        return QSize(400, 480)

    def _ask(self, what: str, title: str) -> None:
        chosen = QFileDialog.getExistingDirectory(self, title)
        if chosen:
            self.controller.choose(**{what: (Path(chosen),) if what == "folders" else Path(chosen)})

    def _ask_rules(self) -> None:
        chosen, _ = QFileDialog.getOpenFileName(self, "Rules", "", "Rules (*.yaml *.yml)")
        if chosen:
            self.controller.choose(rules=Path(chosen))

    def _draw(self) -> None:
        controller = self.controller
        shown = ", ".join(map(str, controller.folders)) or NO_FOLDER
        for label, text in (
            (self.folder, shown),
            (self.results, str(controller.root or NO_FOLDER)),
            (self.rules, controller.rules.name if controller.rules else NO_RULES),
        ):
            label.setToolTip(text)
            label.setText(label.fontMetrics().elidedText(text, _MIDDLE, LABEL_PX))
        ready = bool(controller.folders) and controller.root is not None
        self.start_button.setText("Stop" if controller.running else "Start")
        enable_unless("" if ready else CHOOSE, self.start_button)
        busy = "Stop watching first" if controller.running else ""
        enable_unless(
            busy, self.folder_button, self.results_button, self.rules_button, self.no_rules_button, self.settle
        )
        enable_unless(busy or ("" if ready else CHOOSE), self.plan_button)
        enable_unless("" if controller.root is not None else "Choose a folder for the results", self.batch_button)
        self.no_rules_button.setVisible(controller.rules is not None)
        say(self.now, controller.now)
        self.failure.show_failure(controller.failure)
        self._list()

    def _list(self) -> None:
        """List what is planned, or what was done, the newest last."""
        planned = self.controller.planned
        lines = self.controller.lines
        if planned is not None:
            lines = [f"{Path(plan.input).name}: {plan}" for plan in planned[:MOST_LISTED]] or ["no file is there yet"]
        if lines != [self.list.item(row).text() for row in range(self.list.count())]:
            self.list.clear()
            self.list.addItems(lines)
            self.list.scrollToBottom()
