"""What running a plate and running the work list have in common: start, follow, stop, find the results."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from qtpy.QtWidgets import QCheckBox, QProgressBar, QPushButton, QWidget

from napari_cellvino.gui.widgets.failure import Failure
from napari_cellvino.gui.widgets.form_layout import say, side_by_side, text_line
from napari_cellvino.gui.widgets.formatting import format_count, format_number
from napari_cellvino.gui.widgets.notice import Notice

BUSY = "Not while fields are run: wait, or cancel the run"
UNSAVED = "Nothing is saved yet: run fields first"
_IN_FULL = 3  # sentences of a run that are told


@dataclass(frozen=True, slots=True)
class FieldRunView:
    """What is known of a run over many fields, as texts and numbers; an empty text takes no room."""

    missing: str  # why nothing can be run
    plan: str
    part: tuple[int, int]  # fields that have come to an end, of how many
    progress: str
    detail: str
    notice: str
    saved: Path | None
    failure: Failure | None


def first_of(said: Sequence[str]) -> list[str]:
    """Return the first sentences on the fields of a run, and how many more there are."""
    rest = len(said) - _IN_FULL
    return [
        *said[:_IN_FULL],
        *([f"and {format_number(rest)} more: see summary.html in the folder of results"] if rest > 0 else []),
    ]


class FieldRunRows(QWidget):
    """The widgets of such a run; a ``noun`` (well, field) is what is chosen, or *Run all* is the main button."""

    def __init__(self, noun: str, *, of_all: bool) -> None:
        super().__init__()
        self._noun = noun
        self.plan = text_line("aside")
        self.run_button, self.all_button = QPushButton(), QPushButton()
        first, second = (self.all_button, self.run_button) if of_all else (self.run_button, self.all_button)
        first.setProperty("role", "main")
        self._start = side_by_side(first, second, stretch=0)
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.cancel_button = QPushButton("C&ancel")
        self.cancel_button.setToolTip("Stop; fields that are finished stay, and Run goes on from there")
        self._working = side_by_side(self.bar, self.cancel_button, stretch=0)
        self.progress, self.detail = text_line(), text_line("done")
        self.notice, self.failure = Notice(), Notice()
        self.replace = QCheckBox("Re&place results made with other choices")
        self.replace.setToolTip("Otherwise such fields fail, so that nothing is lost unasked; corrections always stay")
        self.show_button = QPushButton("Open fold&er")
        self.show_button.setToolTip("Show the files in the file manager")
        self.cells_button = QPushButton("All cell&s")
        self.cells_button.setToolTip("Pictures and a plot of the cells of all fields, to choose, mark and gate many")

    def _draw_run(self, view: FieldRunView, *, chosen: int, total: int, working: bool, choose_first: str) -> None:
        """Show a run, or what can be run: ``chosen`` of ``total``; ``choose_first`` says how to choose."""
        some = format_count(chosen, self._noun)
        say(self.plan, view.plan)
        self._start.setVisible(not working)
        self.run_button.setText(f"R&un {some}" if chosen else f"R&un chosen {self._noun}s")
        self.run_button.setEnabled(bool(chosen) and not view.missing)
        self.run_button.setToolTip(view.missing or (f"Count the cells of {some}" if chosen else choose_first))
        self.all_button.setText(f"Run al&l {format_number(total)}")
        self.all_button.setEnabled(bool(total) and not view.missing)
        self.all_button.setToolTip(
            view.missing or f"Count the cells of every {self._noun}; what is done already is kept"
        )
        self._working.setVisible(working)
        self.bar.setRange(0, view.part[1])
        self.bar.setValue(view.part[0])
        say(self.progress, view.progress)
        say(self.detail, view.detail)
        self.notice.show_message(view.notice)
        self.failure.show_failure(view.failure)
