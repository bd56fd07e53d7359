"""All models look at the open image; the best is offered, and choosing it runs nothing."""

from __future__ import annotations

from qtpy.QtWidgets import QLabel, QPushButton

from napari_cellvino.gui.run.first_sight_controller import AFTER_MS
from tests.gui.conftest import WAIT_MS


def test_models_are_compared_and_the_best_is_chosen_by_a_click(window, open_file, root, qtbot, click):
    open_file(window, root / "sample_data" / "plate" / "A01_s1.ome.tif")
    window.session.workspace.choose(model="cells-phase")
    box, controller = window.run_panel.first_sight, window.session.first_sight
    window.show_step(2)
    click(box.button)
    assert controller.looking
    qtbot.waitUntil(lambda: not controller.looking, timeout=WAIT_MS)
    assert controller.failure is None
    assert controller.sight is not None
    assert controller.sight.best is not None
    assert controller.sight.best.model == "nuclei"
    buttons = {button.accessibleName(): button for button in box.columns.findChildren(QPushButton)}
    click(buttons["Use nuclei"])
    assert window.session.workspace.recipe.model == "nuclei"
    assert window.session.workspace.outcome is None


def test_first_image_of_a_kind_is_looked_at_unasked(window, open_file, root, qtbot, click, monkeypatch):
    monkeypatch.setattr(window.session.first_sight, "_unasked", lambda: True)
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
    counts = [label.text() for label in box.columns.findChildren(QLabel) if label.text()]
    assert counts == [f"{one.count:,} cells" for one in controller.sight.suggestions[:4]]
    click(box.hide_button)
    assert not box.isVisible()
    open_file(window, plate / "A03_s1.ome.tif")
    qtbot.wait(2 * AFTER_MS)
    assert not controller.looking
