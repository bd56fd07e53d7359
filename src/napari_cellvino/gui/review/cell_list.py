"""Which cells are reviewed, in which order: filters, random sample, table and gallery."""

from __future__ import annotations

from qtpy.QtCore import QSize
from qtpy.QtWidgets import QHBoxLayout, QSpinBox, QTabWidget, QVBoxLayout, QWidget

from napari_cellvino.core.errors import OptionError
from napari_cellvino.core.objects import Doubt, ReviewState
from napari_cellvino.gui.review.cell_table import CellView
from napari_cellvino.gui.review.cursor import CellFilter, Order
from napari_cellvino.gui.review.gallery import Gallery
from napari_cellvino.gui.review.review_controller import ReviewController
from napari_cellvino.gui.review.review_view import STATES
from napari_cellvino.gui.widgets.delay import debouncer
from napari_cellvino.gui.widgets.form_layout import ignore_wheel, say, side_by_side, text_line
from napari_cellvino.gui.widgets.formatting import format_estimate
from napari_cellvino.gui.widgets.value_combo import Choice, ValueCombo
from napari_cellvino.quality.sampling import estimate, reviewed_in_order

ORDERS = tuple(Choice(order.value, order) for order in Order)
IN_STATE: tuple[Choice[ReviewState | None], ...] = (
    Choice("States", None),
    *(Choice(title, state) for state, title in STATES.items()),
)
WITH_DOUBT = (
    Choice("Doubts", Doubt.NONE),
    Choice("low score", Doubt.LOW_SCORE),
    Choice("unsure outline", Doubt.UNSURE_OUTLINE),
    Choice("odd size", Doubt.ODD_SIZE),
    Choice("odd shape", Doubt.ODD_SHAPE),
    Choice("touches the edge", Doubt.TOUCHES_EDGE),
    Choice("looks like two", Doubt.LOOKS_LIKE_TWO),
    Choice("broken along z", Doubt.BROKEN_ALONG_Z),
    Choice("depends on the threshold", Doubt.THRESHOLDS_DISAGREE),
)
ANY_CLASS: Choice[int | None] = Choice("Classes", None)
SETTLE_MS = 40  # after the last edit, before rows are listed anew
HEIGHT = 112  # px: a panel of 800 px is not scrolled for it


class _LowTabs(QTabWidget):
    """Tabs that take what height there is: a table asks for its own, and the panel would be scrolled for it."""

    def sizeHint(self) -> QSize:  # noqa: N802 (Qt's name)
        """Return the least height."""
        return QSize(super().sizeHint().width(), HEIGHT)


class ReviewList(QWidget):
    """Shows the queue of a review; ``beside`` stands in the row of its order."""

    def __init__(self, reviewer: ReviewController, beside: QWidget) -> None:
        super().__init__()
        self._reviewer = reviewer
        self.order = ValueCombo[Order](ORDERS, name="Order", tooltip="In which order N goes through the cells")
        self.state = ValueCombo[ReviewState | None](IN_STATE, name="State", tooltip="List cells in this state only")
        self.doubt = ValueCombo[Doubt](WITH_DOUBT, name="Reason", tooltip="List and go to cells with this reason only")
        self.kind = ValueCombo[int | None](name="Class", tooltip="List and go to cells of this class only")
        self.size = ignore_wheel(QSpinBox())
        self.estimate = text_line("aside")
        self.table, self.gallery = CellView(reviewer), Gallery(reviewer)
        self.tabs = _LowTabs()
        self._settle = debouncer(self, SETTLE_MS, self.draw)
        self._fill()
        self._lay_out(beside)
        self._connect()
        self._list_classes()

    def _fill(self) -> None:
        self.kind.offer([ANY_CLASS])
        for combo in (self.state, self.doubt, self.kind):  # side by side in a narrow panel
            combo.setMinimumContentsLength(3)
        self.size.setRange(2, 1000)
        self.size.setValue(self._reviewer.queue.sample_size)
        self.size.setKeyboardTracking(False)
        self.size.setToolTip("How many cells are drawn at random")
        self.size.setAccessibleName("Size")
        self.size.hide()
        self.estimate.hide()

    def _lay_out(self, beside: QWidget) -> None:
        first, second = side_by_side(self.order, beside, stretch=0), QHBoxLayout()
        second.setSpacing(4)
        for widget in (self.state, self.doubt, self.kind):
            second.addWidget(widget, 1)
        second.addWidget(self.size)
        self.tabs.addTab(self.table, "Table")
        self.tabs.addTab(self.gallery, "Gallery")
        self.tabs.setMinimumHeight(HEIGHT)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(first)
        layout.addLayout(second)
        layout.addWidget(self.estimate)
        layout.addWidget(self.tabs, 1)

    def _connect(self) -> None:
        self.order.value_changed.connect(self._choose_order)
        self.size.valueChanged.connect(self._choose_order)
        for combo in (self.state, self.doubt, self.kind):
            combo.value_changed.connect(self._filter)
        self.tabs.currentChanged.connect(self.draw)
        self._reviewer.replaced.connect(self._list_classes)
        self._reviewer.replaced.connect(self._settle.throttle)
        self._reviewer.queue.changed.connect(self._settle.throttle)
        self._reviewer.edited.connect(self._list_later)
        self._reviewer.changed.connect(self._highlight)

    def _list_classes(self) -> None:
        annotation = self._reviewer.annotation
        classes = annotation.classes if annotation is not None else ()
        if [self.kind.itemText(row) for row in range(1, self.kind.count())] != list(classes):
            named = (Choice(name, number) for number, name in enumerate(classes))
            self.kind.offer([ANY_CLASS, *named])
            self.kind.set_value(None)
            self._filter()
        self.kind.setVisible(len(classes) > 1)

    def _list_later(self, _: object) -> None:
        self._settle.throttle()

    def _choose_order(self, _: object) -> None:
        self._reviewer.editor.forget()
        self._reviewer.queue.go_by(self.order.value(), self.size.value())

    def _filter(self, _: object = None) -> None:
        self._reviewer.queue.show_only(CellFilter(self.state.value(), self.doubt.value(), self.kind.value()))

    def draw(self, _: int = 0) -> None:
        """List the cells, where they are seen."""
        if not self.isVisible():
            return
        walk = self._reviewer.queue.ready
        if walk is not None or not self._reviewer.queue.finding:
            ids = walk.listed(self._reviewer.queue.filter) if walk is not None else []
            (self.table if self.tabs.currentWidget() is self.table else self.gallery).draw(ids)
        self.order.set_value(self._reviewer.queue.order)
        self.size.setVisible(self._reviewer.queue.order is Order.SAMPLE)
        self._estimate()

    def showEvent(self, _: object) -> None:  # noqa: N802 (Qt's name)
        """List what was not listed while hidden."""
        self._settle.throttle()

    def _highlight(self) -> None:
        if self.isVisible():
            (self.table if self.tabs.currentWidget() is self.table else self.gallery).highlight()

    def _estimate(self) -> None:
        walk, annotation = self._reviewer.queue.ready, self._reviewer.annotation
        if walk is None or walk.sample is None or annotation is None:
            say(self.estimate, "")
            return
        done, drawn = reviewed_in_order(walk.sample, annotation), len(walk.sample.ids)
        waiting = ""
        if done < min(walk.at, drawn):
            waiting = f" #{walk.sample.ids[done]} was passed over: those after it count once it is reviewed."
        try:
            found = estimate(walk.sample, annotation)
        except OptionError:
            say(self.estimate, f"{drawn} cells drawn at random: accept, reject or correct each of them.{waiting}")
            return
        say(self.estimate, format_estimate(found) + waiting)
        self.estimate.setToolTip(f"Method: {found.method}")
