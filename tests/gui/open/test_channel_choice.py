from __future__ import annotations

import numpy as np
import pytest
from pytestqt.qtbot import QtBot
from qtpy.QtCore import Qt

from napari_cellvino.core.image import Stack
from napari_cellvino.gui.open.channel_choice import ChannelCombo

COLOURS = Stack.from_array(np.full((16, 16, 3), 200, np.uint8), axes="YXS")


def buttons(combo: ChannelCombo) -> list[str]:
    return [button.accessibleName() for button in combo._group.buttons()]


@pytest.mark.parametrize(("dyes", "more"), [(True, ["Haematoxylin", "DAB"]), (False, [])])
def test_dyes_are_offered_where_the_model_is_of_stained_tissue(qtbot: QtBot, dyes: bool, more: list[str]) -> None:
    combo = ChannelCombo()
    qtbot.addWidget(combo)
    combo.show_stack(COLOURS, (), "", dyes=dyes)
    assert buttons(combo) == ["Grey", *COLOURS.channels, *more]
    assert combo._group.checkedId() == 0


def test_a_dye_that_was_chosen_is_shown_and_another_one_is_said(qtbot: QtBot) -> None:
    combo = ChannelCombo()
    qtbot.addWidget(combo)
    combo.show_stack(COLOURS, (), "hematoxylin")
    combo.resize(400, 80)
    combo.show()
    assert combo._group.checkedButton().accessibleName() == "Haematoxylin"
    with qtbot.waitSignal(combo.value_changed) as said:
        qtbot.mouseClick(combo._group.button(5), Qt.MouseButton.LeftButton)
    assert said.args == ["DAB"]
