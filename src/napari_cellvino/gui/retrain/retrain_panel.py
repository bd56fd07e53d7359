"""The Retrain panel: choose corrections, train, see the old and the new model side by side, use it or go back."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtCore import QSignalBlocker, Qt
from qtpy.QtWidgets import (
    QFileDialog,
    QGridLayout,
    QLabel,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QProgressBar,
    QPushButton,
    QWidget,
)

from napari_cellvino.gui.retrain.retrain_view import RetrainView, Row, format_fields, resolve_retrain
from napari_cellvino.gui.retrain.training_plot import TrainingPlot
from napari_cellvino.gui.run.run_view import State
from napari_cellvino.gui.shell.viewer_session import Session
from napari_cellvino.gui.widgets.colours import set_tone
from napari_cellvino.gui.widgets.form_layout import (
    add_row,
    form,
    panel_layout,
    say,
    side_by_side,
    text_line,
)
from napari_cellvino.gui.widgets.notice import Notice
from napari_cellvino.gui.widgets.usable import enable_unless
from napari_cellvino.gui.widgets.wide_picture import WidePicture

LIST_HEIGHT = 120  # px, at most; longer lists scroll


class RetrainPanel(QWidget):
    """Draws the retrainer."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self._retrainer = session.retrainer
        layout = panel_layout(self)
        grid = form(layout)
        self.folder = QLineEdit()
        self.folder.setToolTip("Folder of saved results: each field that was corrected has its own folder in it")
        self.choose_button = QPushButton("C&hoose…")
        self.choose_button.setToolTip("Choose the folder of saved corrections")
        add_row(grid, "Corrections", self.folder, self.choose_button)
        self.fields = QListWidget()
        self.fields.setAccessibleName("Fields to learn from")
        self.summary = text_line("aside")
        layout.addWidget(self.fields)
        layout.addWidget(self.summary)
        model = form(layout)
        self.base = text_line()
        add_row(model, "Go on from", self.base)
        self.name = QLineEdit()
        self.name.setToolTip("What the new model is called; the old one stays as it is")
        add_row(model, "New &name", self.name)
        for rows in (grid, model):  # the fields of both begin at one line
            rows.setColumnMinimumWidth(0, self.fontMetrics().horizontalAdvance("Corrections  "))
        self.train_button = QPushButton("&Train")
        self.train_button.setProperty("role", "main")
        self.stop_button = QPushButton("S&top")
        self.stop_button.setToolTip("Stop; what was learned up to the last checkpoint is kept, and Go on starts there")
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.progress = text_line("aside")
        self.plot = TrainingPlot()
        self.hint = text_line("aside")
        self.failure = Notice()
        self.verdict = text_line("done")
        self.scores = _ScoreGrid()
        self.picture = WidePicture("Where the two models differ")
        self.picture_words = text_line("aside")
        self.use_button = QPushButton("&Use it")
        self.back_button = QPushButton("Go &back")
        self.back_button.setToolTip("Use the model again that was used before; this one is kept")
        for widget in (
            self.train_button, self.bar, self.progress, side_by_side(self.stop_button), self.plot, self.hint,
            self.failure, self.verdict, self.scores, self.picture, self.picture_words, self.use_button,
            side_by_side(self.back_button),
        ):  # fmt: skip
            layout.addWidget(widget)
        layout.addStretch(1)
        self._connect()
        self._offer_saved()
        self._draw()

    def _connect(self) -> None:
        retrainer = self._retrainer
        retrainer.changed.connect(self._draw)
        retrainer.progressed.connect(self._draw_training)
        self.session.saver.changed.connect(self._offer_saved)
        self.folder.editingFinished.connect(self._look)
        self.choose_button.clicked.connect(self._ask)
        self.fields.itemChanged.connect(self._take)
        self.name.textEdited.connect(self._call)
        self.train_button.clicked.connect(retrainer.start)
        self.stop_button.clicked.connect(self._stop)
        self.use_button.clicked.connect(retrainer.use)
        self.back_button.clicked.connect(retrainer.go_back)

    # -- what the user does

    def _ask(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, "Folder of saved corrections", self.folder.text())
        if chosen:
            self._retrainer.look(chosen)

    def _look(self) -> None:
        if self.folder.text() != self._retrainer.folder:
            self._retrainer.look(self.folder.text())

    def _offer_saved(self) -> None:
        """Take the folder that results were just saved in, unless one was chosen."""
        saved = self.session.saver.saved
        if saved is not None and not self._retrainer.running and self._retrainer.folder in ("", str(saved.parent)):
            self._retrainer.look(str(saved.parent))

    def _take(self, item: QListWidgetItem) -> None:
        self._retrainer.select(
            Path(item.data(Qt.ItemDataRole.UserRole)), wanted=item.checkState() == Qt.CheckState.Checked
        )

    def _call(self, name: str) -> None:
        self._retrainer.name = name.strip()

    def _stop(self) -> None:
        self.stop_button.setEnabled(False)
        self.progress.setText("stopping …")
        self._retrainer.stop()

    # -- what is shown

    def _draw(self) -> None:
        retrainer, view = self._retrainer, resolve_retrain(self._retrainer)
        if self.folder.text() != retrainer.folder:
            self.folder.setText(retrainer.folder)
        self._draw_fields(view)
        package = retrainer.package
        self.base.setText(f"{package.spec.title} {package.spec.version}" if package else "–")
        self.base.setToolTip("The model chosen in tab 2")
        if not self.name.hasFocus():
            self.name.setText(retrainer.new_name)
        working = view.state is State.WORKING
        enable_unless(
            "A training is under way: stop it first" if working else "",
            self.folder, self.choose_button, self.fields, self.name,
        )  # fmt: skip
        self.train_button.setVisible(not working)
        self.train_button.setText(view.train)
        _make_main(self.train_button, wanted=view.state is not State.DONE)
        self.train_button.setEnabled(view.can_train)
        self.train_button.setToolTip(view.hint or "Learn from the chosen fields in a process beside napari")
        self.stop_button.setVisible(working)
        self.stop_button.setEnabled(working)
        say(self.hint, view.hint)
        self.failure.show_failure(view.failure)
        self._draw_training()
        self._draw_result(view)

    def _draw_fields(self, view: RetrainView) -> None:
        retrainer = self._retrainer
        with QSignalBlocker(self.fields):
            self.fields.clear()
            for field in retrainer.fields:
                item = QListWidgetItem(format_fields(field))
                item.setData(Qt.ItemDataRole.UserRole, str(field.folder))
                selected = field.folder not in retrainer.left_out
                item.setCheckState(Qt.CheckState.Checked if selected else Qt.CheckState.Unchecked)
                self.fields.addItem(item)
        rows = sum(self.fields.sizeHintForRow(row) for row in range(self.fields.count()))
        self.fields.setFixedHeight(min(rows + 2 * self.fields.frameWidth() + 4, LIST_HEIGHT))
        self.fields.setVisible(bool(retrainer.fields))
        say(self.summary, view.summary)

    def _draw_training(self) -> None:
        view = resolve_retrain(self._retrainer)
        working = view.state is State.WORKING
        self.bar.setVisible(working)
        self.bar.setRange(0, 1000 if view.permille >= 0 else 0)
        self.bar.setValue(max(view.permille, 0))
        say(self.progress, view.progress)
        self.plot.show_progress(self._retrainer.progress)
        self.plot.setVisible(any(progress.step for progress in self._retrainer.progress))

    def _draw_result(self, view: RetrainView) -> None:
        result = self._retrainer.result
        set_tone(self.verdict, view.tone)
        say(self.verdict, view.verdict)
        self.scores.show_rows(view.scores)
        self.picture.show_picture(result.difference.picture if result and result.difference else None)
        say(self.picture_words, view.picture)
        _make_main(self.use_button, wanted=result is not None and result.done.better)
        self.use_button.setText(view.use)
        self.use_button.setVisible(bool(view.use))
        self.use_button.setToolTip("Install the new model and choose it; the one before stays")
        self.back_button.setVisible(bool(view.back))


def _make_main(button: QPushButton, *, wanted: bool) -> None:
    """Give a button the look of what is to be done next, or the plain one."""
    button.setProperty("role", "main" if wanted else "")
    button.style().unpolish(button)
    button.style().polish(button)


class _ScoreGrid(QWidget):
    """The scores of both models on the fields kept aside."""

    def __init__(self) -> None:
        super().__init__()
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setColumnStretch(3, 1)
        self.setToolTip(
            "On the fields kept aside. F1 and AP: 1 is perfect, a cell counts where half of its area and of what was "
            "found agree (IoU 0.5). Cells off: how far the count is off in each field, on average."
        )

    def show_rows(self, rows: tuple[Row, ...]) -> None:
        """Show the rows under the headings before and now, or nothing."""
        while self._grid.count():
            self._grid.takeAt(0).widget().deleteLater()
        for number, row in enumerate((("On fields kept aside", "before", "now"), *rows) if rows else ()):
            for column, text in enumerate(row):
                label = QLabel(text)
                label.setAlignment(Qt.AlignmentFlag.AlignRight if column else Qt.AlignmentFlag.AlignLeft)
                set_tone(label, "aside" if number == 0 else "")
                self._grid.addWidget(label, number, column)
        self.setVisible(bool(rows))
