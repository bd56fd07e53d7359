"""All models look at the open image; the best is offered, and choosing it runs nothing."""

from __future__ import annotations

import threading

import numpy as np
from qtpy.QtWidgets import QToolButton

from napari_cellvino.gui.run import first_sight_controller
from napari_cellvino.gui.run.first_sight_controller import AFTER_MS
from napari_cellvino.workflows.first_sight import FirstSight
from tests.gui.conftest import WAIT_MS


def test_first_image_of_a_kind_is_looked_at_unasked(window, open_file, root, qtbot, click, monkeypatch):
    monkeypatch.setattr(window.session.first_sight, "_unasked", lambda: True)
    drawn_by = []
    draw = first_sight_controller.draw_crop
    monkeypatch.setattr(
        first_sight_controller, "draw_crop", lambda panel: drawn_by.append(threading.current_thread()) or draw(panel)
    )
    monkeypatch.setattr(type(window.session.work_list), "has_results", True)  # of a list that this image is not of
    window.session.workspace.choose(model="cells-phase")
    plate = root / "sample_data" / "plate"
    box, controller = window.open_panel.first_sight, window.session.first_sight
    open_file(window, plate / "A01_s1.ome.tif")
    qtbot.waitUntil(lambda: controller.looking, timeout=WAIT_MS)
    assert box.bar.isVisible()
    window.session.runner.run()  # what somebody asked for goes first
    qtbot.waitUntil(lambda: not controller.looking, timeout=WAIT_MS)
    assert controller.sight is None
    qtbot.waitUntil(lambda: not window.session.runner.running, timeout=WAIT_MS)
    open_file(window, plate / "A02_s1.ome.tif")  # of the same kind, which nothing was said of yet
    qtbot.waitUntil(lambda: controller.sight is not None, timeout=WAIT_MS)
    assert box.isVisible()
    assert window.session.workspace.outcome is None
    assert controller.sight.best is not None
    assert controller.sight.best.model == "nuclei"
    buttons = {button.accessibleName(): button for button in box.columns.findChildren(QToolButton)}
    shown = [button.text().split()[0] for button in buttons.values()]
    assert shown == [f"{one.count:,}" for one in controller.sight.suggestions[:4]]
    assert len(drawn_by) == 4
    assert threading.main_thread() not in drawn_by
    titles = ["".join(button.text().split("\n")[1:]) for button in buttons.values()]
    assert titles[0] == "Nucleifluorescence", "on two lines, as nowhere else its name"
    assert controller.sight.says.startswith("Nuclei fluorescence suits it best")
    click(buttons["Use Nuclei fluorescence"])
    assert window.session.workspace.recipe.model == "nuclei"
    assert window.session.workspace.outcome is None
    click(box.hide_button)
    assert not box.isVisible()
    open_file(window, plate / "A03_s1.ome.tif")
    qtbot.wait(2 * AFTER_MS)
    assert not controller.looking
    window.show_step(2)
    asked = window.run_panel.first_sight
    click(asked.button)
    assert controller.looking
    click(asked.cancel_button)
    qtbot.waitUntil(asked.button.isVisible, timeout=WAIT_MS)
    assert controller.sight is None


def test_a_bright_image_that_is_run_with_a_model_of_dark_ones_asks_all(window, viewer, nuclei, run, qtbot, click):
    controller = window.session.first_sight
    viewer.add_image(nuclei[:96, :96].max() - nuclei[:96, :96])
    run(window)
    assert "background looks bright" in window.run_panel.notice.words.text()
    assert window.run_panel.notice.words.text()[3].isupper()
    qtbot.waitUntil(lambda: controller.looking, timeout=WAIT_MS)
    click(window.run_panel.first_sight.cancel_button)
    assert not controller.looking
    viewer.layers.clear()
    viewer.add_image(np.full((96, 96), 200, np.uint16), name="nothing")
    run(window)
    said = window.run_panel.notice.words.text()
    assert "The field looks empty" in said
    assert "If you see cells in it all the same, try another model" in said
    assert "No cells found" not in said
    if controller.looking:
        click(window.run_panel.first_sight.cancel_button)
    controller.sight = FirstSight("nothing", ())
    window.run_panel.first_sight.draw()
    assert "a few strokes teach a model to find them (tab Teach)" in window.run_panel.first_sight.outcome.text()
