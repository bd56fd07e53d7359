"""A combo box of typed values, for every choice of one among several."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QStandardItemModel

from napari_cellvino.gui.widgets.elided_combo import ElidedCombo
from napari_cellvino.gui.widgets.form_layout import ignore_wheel, narrow

V = TypeVar("V")
V_co = TypeVar("V_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Choice(Generic[V_co]):
    """A value with its title; one that is not ``enabled`` is grey, and its tooltip says why."""

    title: str
    value: V_co
    tooltip: str = ""
    enabled: bool = True


class ValueCombo(ElidedCombo, Generic[V]):
    """Speaks the value of a `Choice`; ``value_changed`` is emitted for choices of the user only.

    Parameters
    ----------
    name
        For screen readers.
    tooltip
        Of the combo box where the chosen value has none.
    fitted
        Whether it is as wide as its longest title; else it takes the width that there is.
    """

    value_changed = Signal(object)

    def __init__(
        self, choices: Sequence[Choice[V]] = (), *, name: str = "", tooltip: str = "", fitted: bool = False
    ) -> None:
        super().__init__()
        self._choices: tuple[Choice[V], ...] = ()
        self._tooltip = tooltip
        if fitted:
            ignore_wheel(self)
        else:
            narrow(self)
        self.setAccessibleName(name)
        self.setToolTip(tooltip)  # choices may come later
        self.activated.connect(lambda _: self._on_activated())
        self.offer(choices)

    def offer(self, choices: Sequence[Choice[V]]) -> None:
        """Offer these choices; the chosen value stays where it is among them, else it is the first."""
        if tuple(choices) == self._choices:
            return
        shown = self._choices[self.currentIndex()].value if self.currentIndex() >= 0 else None
        self._choices = tuple(choices)
        self.clear()
        for row, choice in enumerate(self._choices):
            self.addItem(choice.title, choice.value)
            self.setItemData(row, choice.tooltip, Qt.ItemDataRole.ToolTipRole)
            model = self.model()
            if isinstance(model, QStandardItemModel):
                model.item(row).setEnabled(choice.enabled)
        self.set_value(shown)
        if self.currentIndex() < 0 and self._choices:
            self.set_value(self._choices[0].value)

    def value(self) -> V:
        """Return the value that is shown; LookupError where there is none."""
        if self.currentIndex() < 0:
            raise LookupError(f"nothing is chosen in {self.accessibleName()}")
        row: int = self.currentIndex()
        return self._choices[row].value

    def set_value(self, value: object) -> None:
        """Show a value; nothing is chosen where it is not offered. No signal is sent."""
        row = next((row for row, choice in enumerate(self._choices) if choice.value == value), -1)
        self.setCurrentIndex(row)
        self._show_tooltip()

    def _on_activated(self) -> None:
        self._show_tooltip()
        self.value_changed.emit(self.value())

    def _show_tooltip(self) -> None:
        row = self.currentIndex()
        self.setToolTip((self._choices[row].tooltip if row >= 0 else "") or self._tooltip)
