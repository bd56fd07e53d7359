"""A pattern of the names for a folder that no reader knows, with what it matches as it is typed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QLineEdit, QPushButton, QVBoxLayout, QWidget

from napari_cellvino.gui.widgets.colours import set_tone
from napari_cellvino.gui.widgets.delay import debouncer
from napari_cellvino.gui.widgets.failure import failure_of
from napari_cellvino.gui.widgets.form_layout import say, side_by_side, text_line
from napari_cellvino.gui.widgets.formatting import format_number
from napari_cellvino.gui.widgets.serial_worker import SerialWorker, Task
from napari_cellvino.io.checks import list_names
from napari_cellvino.io.plates.name_pattern import Preview, preview_names
from napari_cellvino.io.plates.plate_image import list_names_in

LOOK_MS = 200  # after the last letter typed
_EXAMPLES = 3
_HELP = (
    "{well} (or {row} and {column}), {field}, {channel}, {z}, {t} stand for parts of a name, * for anything: "
    "{well}_s{field}_w{channel}.tif. A regular expression with named groups does too."
)

_Seen = tuple[Sequence[str], Preview | None]


class PlatePattern(QWidget):
    """Speaks a pattern; nothing is opened before the user says so."""

    asked = Signal(object, str)  # the folder, the pattern

    def __init__(self, worker: SerialWorker) -> None:
        super().__init__()
        self._worker, self._task = worker, Task()
        self._folder: Path | None = None
        self._names: Sequence[str] | None = None
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        self.pattern = QLineEdit()
        self.pattern.setPlaceholderText("{well}_s{field}_w{channel}.tif")
        self.pattern.setToolTip(_HELP)
        self.pattern.setAccessibleName("Pattern of the names")
        self.open_button = QPushButton("Open by pattern")
        self.preview = text_line()
        for widget in (text_line("aside", _HELP), self.pattern, self.preview, side_by_side(self.open_button)):
            layout.addWidget(widget)
        self._delay = debouncer(self, LOOK_MS, self._look)
        self.pattern.textChanged.connect(self._typed)
        self.pattern.returnPressed.connect(self.open_button.click)
        self.open_button.clicked.connect(self._open)
        self._allow(matched=0)

    def set_folder(self, folder: Path, pattern: str) -> None:
        """Take a folder, and the pattern that it was opened with."""
        if folder != self._folder:
            self._folder, self._names = folder, None
            self.pattern.setText(pattern)
            self._typed()

    # -- looking

    def _typed(self, _: str = "") -> None:
        self._allow(matched=0)
        self._delay.throttle()

    def _look(self) -> None:
        folder, names, text = self._folder, self._names, self.pattern.text().strip()
        if folder is None:
            return
        self._task.stop()
        self._task = Task(done=self._show, failed=self._fail)
        self._worker.start(lambda: _seen(folder, names, text), self._task)

    def _show(self, seen: _Seen) -> None:
        self._names, preview = seen
        set_tone(self.preview, "" if preview is None or preview.matched else "attention")
        place = self._folder.name if self._folder is not None else ""
        say(self.preview, _format_names(self._names, place) if preview is None else format_preview(preview))
        self._allow(matched=len(preview.matched) if preview is not None else 0)

    def _fail(self, error: BaseException) -> None:
        set_tone(self.preview, "attention")
        say(self.preview, f"⚠  {failure_of(error).message}")
        self._allow(matched=0)

    def _allow(self, *, matched: int) -> None:
        self.open_button.setEnabled(matched > 0)
        self.open_button.setToolTip("Open the images that match" if matched else "The pattern matches no image yet")

    def _open(self) -> None:
        if self._folder is not None:
            self.asked.emit(self._folder, self.pattern.text().strip())


def _seen(folder: Path, names: Sequence[str] | None, text: str) -> _Seen:
    """Return the names of the images in a folder, read once, and what a pattern makes of them."""
    known = list_names_in(folder).names if names is None else names
    return known, preview_names(known, text) if text else None


def _format_names(names: Sequence[str], place: str) -> str:
    listed = f"{format_number(len(names))} images in {place}: {list_names(list(names), _EXAMPLES)}"
    return listed if names else f"There is no image in {place}."


def format_preview(preview: Preview) -> str:
    """Return what a pattern makes of the names, in a few lines: how many, of what, and examples."""
    total = len(preview.matched) + len(preview.unmatched)
    lines = [f"{format_number(len(preview.matched))} of {format_number(total)} images match{_kinds(preview)}"]
    for name, groups in preview.matched[:_EXAMPLES]:
        lines.append(f"{name} → {', '.join(f'{kind} {value}' for kind, value in groups.items())}")
    if preview.unmatched:
        lines.append(f"not matched: {list_names(preview.unmatched, _EXAMPLES)}")
    return "\n".join(lines)


def _kinds(preview: Preview) -> str:
    """Return how many wells, fields and channels there are: ``: 3 wells, 2 fields, 2 channels``."""
    values: dict[str, set[str]] = {}
    for _, groups in preview.matched:
        named = dict(groups)
        if "row" in named and "column" in named:
            named["well"] = f"{named.pop('row')} {named.pop('column')}"
        for kind, value in named.items():
            values.setdefault(kind, set()).add(value.casefold())
    nouns = {"z": "plane", "t": "time point"}
    words = [f"{len(found)} {nouns.get(kind, kind)}{'s' * (len(found) != 1)}" for kind, found in values.items()]
    return f": {', '.join(words)}" if words else ""
