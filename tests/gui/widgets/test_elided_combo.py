"""A combo box lets go of its painter before its drawing ends, whoever holds what is in the frame of the call."""

from __future__ import annotations

import pytest
from pytestqt.qtbot import QtBot
from qtpy.QtWidgets import QStylePainter

from napari_cellvino.gui.widgets import elided_combo
from napari_cellvino.gui.widgets.elided_combo import ElidedCombo


def test_no_painter_is_active_after_the_drawing(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    made = list[QStylePainter]()

    class Kept(QStylePainter):
        def __init__(self, combo: ElidedCombo) -> None:
            super().__init__(combo)
            made.append(self)

    monkeypatch.setattr(elided_combo, "QStylePainter", Kept)
    combo = ElidedCombo()
    qtbot.addWidget(combo)
    combo.addItem("a name")
    combo.grab()
    assert [painter.isActive() for painter in made] == [False]
