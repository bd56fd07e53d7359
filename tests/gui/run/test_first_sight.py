"""All models look at the open image; the best is offered, and choosing it runs nothing."""

from __future__ import annotations

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
    use = next(button for button in box.rows.findChildren(type(box.button)) if button.accessibleName() == "Use nuclei")
    use.click()
    assert window.session.workspace.recipe.model == "nuclei"
    assert window.session.workspace.outcome is None
