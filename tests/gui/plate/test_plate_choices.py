from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import tifffile
from pytestqt.qtbot import QtBot

from napari_cellvino.core.image import KeepDoubles, MetadataOverrides
from napari_cellvino.core.plate import FieldOfView, Plate, Well
from napari_cellvino.gui.plate.plate_choices import PlateForm
from napari_cellvino.gui.shell.window import CellvinoWindow

from ..plate_hands import open_plate, wait_plate

PLATE = Plate("p", "made", 8, 12, (FieldOfView(Well(0, 0), "1"),), ("DNA",))


def test_only_what_is_to_be_chosen_is_shown(qtbot: QtBot) -> None:
    choices = PlateForm()
    qtbot.addWidget(choices)
    choices.show()
    choices.set_value(PLATE, MetadataOverrides())
    assert not choices.isVisible()
    twice = replace(PLATE, acquisitions=("before", "after"))
    choices.set_value(twice, MetadataOverrides(acquisition="after"))
    assert (choices.acquisition.isVisible(), choices.doubles.isVisible()) == (True, False)
    assert choices.acquisition.value() == "after"
    with qtbot.waitSignal(choices.value_changed) as said:
        choices.acquisition.setCurrentIndex(0)
        choices.acquisition.activated.emit(0)
    assert said.args == [MetadataOverrides(acquisition="before")]


def test_doubled_images_are_decided_in_the_window(window: CellvinoWindow, tmp_path: Path, qtbot: QtBot) -> None:
    for n, folder in enumerate(("monday", "tuesday")):
        (tmp_path / "plate" / folder).mkdir(parents=True)
        pixels = np.full((16, 20), n, np.uint16)
        tifffile.imwrite(tmp_path / "plate" / folder / "W0001F0001T0001Z001C1.tif", pixels)
    open_plate(window, tmp_path / "plate", qtbot)
    panel, plates = window.plate_panel, window.session.plates
    assert panel.choices.doubles.isVisible()
    assert "doubled" in panel.problems.text()
    for row, (keep, fields) in enumerate(((KeepDoubles.FIRST, 1), (KeepDoubles.BOTH, 2)), 1):
        panel.choices.doubles.setCurrentIndex(row)
        panel.choices.doubles.activated.emit(row)
        wait_plate(window, qtbot)
        assert plates.current is not None
        assert (plates.current.overrides.keep_doubles, len(plates.current.source.plate.fields)) == (keep, fields)
        assert not plates.current.source.plate.faults
        assert panel.choices.doubles.value() == keep
