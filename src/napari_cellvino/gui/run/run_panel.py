"""Panel 2: model, device, Run, the number, and sliders that decide again at once."""

from __future__ import annotations

from functools import partial

from qtpy.QtCore import QSignalBlocker, Qt
from qtpy.QtGui import QShowEvent
from qtpy.QtWidgets import QCheckBox, QDoubleSpinBox, QLabel, QProgressBar, QPushButton, QVBoxLayout, QWidget

from napari_cellvino.core.progress import Progress, Stage
from napari_cellvino.core.recipe import Precision, SpotPlanes, WholeCellWay
from napari_cellvino.gui.run.device_choice import device_choices, precision_choices, where_pixels_go
from napari_cellvino.gui.run.device_times_box import DeviceTimesBox
from napari_cellvino.gui.run.first_sight_box import FirstSightBox
from napari_cellvino.gui.run.model_choice import (
    CardWindow,
    model_choices,
    outline_choices,
    partner_choices,
    spot_choices,
    whole_cell_choices,
)
from napari_cellvino.gui.run.run_view import RunView, State, resolve
from napari_cellvino.gui.run.sliders import Sliders
from napari_cellvino.gui.shell.viewer_session import Session
from napari_cellvino.gui.widgets.colours import colours
from napari_cellvino.gui.widgets.form_layout import (
    CollapsibleSection,
    add_row,
    form,
    ignore_wheel,
    panel_layout,
    say,
    side_by_side,
    text_line,
)
from napari_cellvino.gui.widgets.formatting import format_seconds
from napari_cellvino.gui.widgets.notice import Notice
from napari_cellvino.gui.widgets.usable import enable_unless
from napari_cellvino.gui.widgets.value_combo import ValueCombo
from napari_cellvino.model_package import ModelOutput


class RunPanel(QWidget):
    """Shows the run, and the recipe's model, device, precision, diameter and parameters."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self._workspace, self._runner, self._catalogue = session.workspace, session.runner, session.catalogue
        layout = panel_layout(self)
        self._build_choices(layout)
        self._build_running(layout)
        self._build_result(layout)
        layout.addStretch(1)
        self._connect()
        self._offer_models()
        self._draw()

    def _build_choices(self, layout: QVBoxLayout) -> None:
        grid = form(layout)
        self.model = ValueCombo[str](name="Model")
        self.card_button = QPushButton("C&ard")
        self.card_button.setToolTip("What the model has seen, what it scores, where it fails, its licence")
        self.device = ValueCombo[str](name="Device", tooltip="Looking for devices …")
        self.precision = ValueCombo[Precision](name="Precision")
        self.outline = ValueCombo[str](name="Outlines")
        add_row(grid, "&Model", self.model, self.card_button)
        self._outline_label = add_row(grid, "O&utlines", self.outline)
        add_row(grid, "&Device", self.device, self.precision)
        self.away = text_line("attention")
        self.away.setAccessibleName("Where pixels go")
        self.again_button = QPushButton("Ask it a&gain")
        self.again_button.setToolTip("The next run asks the server first; without an answer it goes on here once more")
        layout.addWidget(self.away)
        layout.addWidget(self.again_button)
        self.diameter = ignore_wheel(QDoubleSpinBox())
        self.diameter.setDecimals(1)
        self.diameter.setSpecialValueText("automatic")
        self.diameter.setKeyboardTracking(False)
        self.diameter.setToolTip(
            "Typical width of one cell. Give it where cells are much larger or smaller than the model knows "
            "(see its card): the image is then resized for it. 0 is automatic."
        )
        self.further = text_line()
        self.only_cells_button = QPushButton("Cells only")
        self.only_cells_button.setToolTip("Find cells only: no whole cells, no spots, no gates, no classes of examples")
        self._further = side_by_side(self.further, self.only_cells_button, stretch=0)
        layout.addWidget(self._further)
        self.more = CollapsibleSection("More")
        self.more.setToolTip("Choices that are seldom needed")
        layout.addWidget(self.more)
        self.whole_cells = ValueCombo[tuple[WholeCellWay | None, str]](
            name="Whole cells", tooltip="Cell bodies round the nuclei that are found, with the measures of each part"
        )
        rows = form(self.more.content().layout())
        add_row(rows, "Cell diame&ter", self.diameter)
        self._whole_cells_label = add_row(rows, "W&hole cells", self.whole_cells)
        self.spots = ValueCombo[str | None](name="Spots", tooltip="The channel in which spots are found and counted")
        self.partner = ValueCombo[str](name="Spots compared", tooltip="A second channel, for pairs of spots of both")
        for combo in (self.spots, self.partner):
            combo.setMinimumContentsLength(4)
        add_row(rows, "S&pots", self.spots)
        self._partner_label = add_row(rows, "Compared", self.partner)

    def _build_cost(self) -> None:
        self.cost = text_line("aside")
        self.cost.setToolTip("Time of the network and memory, from a test run of this model on this device")
        self.times_button = QPushButton("Compare devices…")
        self.times_button.setToolTip(
            "Time every device and precision of this computer on this very image, with what each changes in the count"
        )
        self._cost = side_by_side(self.cost, self.times_button, stretch=0)
        self.device_times = DeviceTimesBox(self.session.device_times)

    def _build_running(self, layout: QVBoxLayout) -> None:
        self.covered = text_line("attention")
        self._build_cost()
        self.run_button = QPushButton("&Run")
        self.run_button.setProperty("role", "main")
        self.view_only = QCheckBox("on the &view only")
        self.view_only.setToolTip(
            "Try the choices on what is seen now: outlines and a number to look at, of which nothing is counted or "
            "saved. Contrast and cell size are judged by this part alone, so that the whole image may differ a little."
        )
        self._start = side_by_side(self.run_button, self.view_only, stretch=0)
        self.trial = text_line("done")
        self.channel = text_line("aside")
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.cancel_button = QPushButton("&Cancel")
        self.cancel_button.setToolTip("Stop this run; what was there before stays")
        self._working = side_by_side(self.bar, self.cancel_button, stretch=0)
        self.progress = text_line()
        self.hint = text_line("aside")
        self.failure = Notice()
        self.first_sight = FirstSightBox(self.session.first_sight)
        for widget in (
            self.first_sight,
            self.covered,
            self.channel,
            self._cost,
            self.device_times,
            self._start,
            self.trial,
            self._working,
            self.progress,
            self.hint,
            self.failure,
        ):
            layout.addWidget(widget)

    def _build_result(self, layout: QVBoxLayout) -> None:
        self.count = QLabel()
        self.count.setProperty("role", "number")
        self.count.setAccessibleName("Number of cells")
        self.classes = text_line()
        self.classes.setTextFormat(Qt.TextFormat.RichText)
        self.classes.setAccessibleName("Number of cells of each class")
        self.detail = text_line("aside")
        self.stale = text_line("attention")
        self.compare_button = QPushButton("Compare si&de by side")
        self.compare_button.setToolTip("The result shown beside that of other choices, or of other results")
        self.notice = Notice()
        self.sliders = Sliders()
        self.changes = QLabel()
        self.changes.setProperty("role", "title")
        self.changes.setToolTip("Cells that came and went against the result kept last")
        self.keep_button = QPushButton("&Keep")
        self.keep_button.setToolTip("Take what is shown as the result; later changes are counted against it")
        self.back_button = QPushButton("&Back")
        self.back_button.setToolTip("Go back to the result kept last")
        self._undecided = side_by_side(self.changes, self.keep_button, self.back_button, stretch=0)
        for widget in (
            self.count,
            self.classes,
            self.detail,
            self.stale,
            self.compare_button,
            self._undecided,
            self.notice,
            self.sliders,
        ):
            layout.addWidget(widget)

    def _connect(self) -> None:
        workspace, runner, catalogue = self._workspace, self._runner, self._catalogue
        catalogue.packages_listed.connect(self._offer_models)
        catalogue.devices_listed.connect(self._draw)
        catalogue.changed.connect(self._draw)
        self.session.opener.changed.connect(self._draw)
        self.session.opener.listed.connect(self._draw)
        self.session.saved_result.changed.connect(self._draw)
        self.session.reviewer.edited.connect(self._draw_seen)
        runner.changed.connect(self._draw)
        runner.progressed.connect(self._show_progress)
        self.model.value_changed.connect(catalogue.choose)
        self.outline.value_changed.connect(catalogue.choose_outline)
        self.card_button.clicked.connect(self._show_card)
        self.again_button.clicked.connect(runner.ask_server_again)
        self.device.value_changed.connect(lambda name: workspace.choose(device=name))
        self.precision.value_changed.connect(lambda precision: workspace.choose(precision=precision))
        self.diameter.valueChanged.connect(self._choose_diameter)
        self.whole_cells.value_changed.connect(self._choose_whole_cells)
        self.spots.value_changed.connect(self._choose_spots)
        self.partner.value_changed.connect(lambda name: workspace.choose(spot_partner=name))
        self.only_cells_button.clicked.connect(self._find_cells_only)
        self.times_button.clicked.connect(self.session.device_times.measure)
        self.session.device_times.changed.connect(self._draw)
        self.run_button.clicked.connect(self._run)
        self.compare_button.clicked.connect(self.session.comparison_wanted)
        self.cancel_button.clicked.connect(runner.cancel)
        self.sliders.value_changed.connect(runner.preview)
        self.keep_button.clicked.connect(runner.keep_preview)
        self.back_button.clicked.connect(runner.discard_preview)

    # -- what the user does

    def _run(self) -> None:
        self.session.device_times.stop()  # a run need not wait for the trials to come
        if self.view_only.isChecked():
            self._runner.run_in_view()
        else:
            self._runner.run()

    def _show_card(self) -> None:
        if self._workspace.package is not None:
            CardWindow(self).show_card(self._workspace.package, colours(self.session.viewer.theme).done)

    def _choose_diameter(self, shown: float) -> None:
        self._workspace.choose(diameter_px=shown / self._pixel_um() or None)

    def _choose_whole_cells(self, choice: tuple[WholeCellWay | None, str]) -> None:
        way, channel = choice
        self._workspace.choose(whole_cells=way, cell_channel=channel)

    def _choose_spots(self, channel: str | None) -> None:
        recipe = self._workspace.recipe
        partner = "" if channel is None or recipe.spot_partner == channel else recipe.spot_partner
        way = None if channel is None else recipe.spots or SpotPlanes.STACK
        self._workspace.choose(spots=way, spot_channel=channel or "", spot_partner=partner)

    def _find_cells_only(self) -> None:
        choose = partial(self._workspace.choose, gates=(), classifier=None)
        choose(whole_cells=None, cell_channel="", spots=None, spot_channel="", spot_partner="")

    def _pixel_um(self) -> float:
        """Return the size of a pixel in µm, or 1 where lengths are shown in px."""
        area = self._workspace.stack.spacing.pixel_area_um2 if self._workspace.stack is not None else None
        return float(area**0.5) if area else 1.0

    # -- what is shown

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802 (Qt's name)
        """Count what was corrected meanwhile."""
        super().showEvent(event)
        self._draw()

    def _draw_seen(self, _: object = None) -> None:
        """Draw anew after a correction; where nobody sees it, once it is seen."""
        if self.isVisible():
            self._draw()

    def _offer_models(self, _: object = None) -> None:
        self.model.offer(model_choices(self._catalogue.packages))
        self.outline.offer(outline_choices(self._catalogue.packages))
        self._draw_choices()

    def _draw(self, _: object = None) -> None:
        view = resolve(
            self._workspace, self._catalogue, self.session.opener, self._runner, self.session.saved_result.failure
        )
        self._draw_choices()
        self._draw_running(view)
        self._draw_result(view)

    def _draw_choices(self) -> None:
        recipe, package = self._workspace.recipe, self._workspace.package
        finds_boxes = package is not None and package.spec.gives is ModelOutput.BOXES
        self.model.set_value(self._catalogue.checking or recipe.model)
        self.outline.set_value(self._catalogue.checking_outline or recipe.outline)
        for widget in (self.outline, self._outline_label):
            widget.setVisible(finds_boxes and self.outline.count() > 1)
        self.card_button.setEnabled(package is not None)
        self.device.offer(device_choices(self._catalogue.devices, recipe.device))
        self.device.set_value(recipe.device)
        left = self._runner.left_server
        say(
            self.away,
            f"{left} did not answer: runs go on on this computer." if left else where_pixels_go(recipe.device),
        )
        self.again_button.setVisible(bool(left) and not self._runner.running)
        outlined = package is not None and package.spec.gives is ModelOutput.OUTLINES
        for widget in (self.whole_cells, self._whole_cells_label):
            widget.setVisible(outlined or bool(recipe.outline))
        self.whole_cells.offer(whole_cell_choices(self._workspace.stack, recipe))
        self.whole_cells.set_value((recipe.whole_cells, recipe.cell_channel))
        self.spots.offer(spot_choices(self._workspace.stack, recipe))
        self.spots.set_value(recipe.spot_channel if recipe.spots else None)
        for widget in (self.partner, self._partner_label):
            widget.setVisible(recipe.spots is not None)
        self.partner.offer(partner_choices(self._workspace.stack, recipe))
        self.partner.set_value(recipe.spot_partner)
        self.precision.offer(precision_choices(package, self._catalogue.capabilities(recipe.device)))
        self.precision.set_value(recipe.precision)
        with QSignalBlocker(self.diameter):
            self.diameter.setRange(0, 2000 * self._pixel_um())
            self.diameter.setSuffix(" px" if self._pixel_um() == 1.0 else " µm")
            self.diameter.setValue((recipe.diameter_px or 0.0) * self._pixel_um())

    def _draw_running(self, view: RunView) -> None:
        working = view.state is State.WORKING
        if working and not self._working.isVisibleTo(self):
            self.bar.setRange(0, 0)
            self.progress.setText("starting …")
        self.further.setText(f"Also: {view.further}")
        self._further.setVisible(bool(view.further))
        say(self.covered, f"⚠  {view.covered}" if view.covered else "")
        say(self.cost, "" if working else view.cost)
        self._cost.setVisible(not working and self._workspace.stack is not None)
        enable_unless(self._why_no_times(view), self.times_button)
        self.cost.setToolTip(view.cost_basis)
        self._start.setVisible(not working)
        say(self.channel, view.channel)
        say(self.trial, view.trial)
        self.run_button.setText("&Run again" if self._workspace.outcome is not None else "&Run")
        self.run_button.setEnabled(view.can_run)
        self.run_button.setToolTip(view.hint)
        self._working.setVisible(working)
        self.progress.setVisible(working)
        say(self.hint, "" if working or view.can_run else view.hint)
        self.failure.show_failure(view.failure)

    def _why_no_times(self, view: RunView) -> str:
        """Return why devices cannot be compared now; nothing where they can."""
        busy = self.session.device_times.working
        return f"Wait: {busy}" if busy else "" if view.can_run else view.hint

    def _draw_result(self, view: RunView) -> None:
        say(self.count, view.count)
        say(self.classes, view.classes)
        say(self.detail, view.detail)
        say(self.stale, f"⚠  {view.stale}" if view.stale else "")
        self.compare_button.setVisible(self._workspace.shown is not None and not view.changes)
        self.notice.show_message(view.notice)
        self.changes.setText(view.changes)
        self._undecided.setVisible(bool(view.changes))  # in the place of the button: no slider moves under the mouse
        stack, package = self._workspace.stack, self._workspace.package
        self.sliders.setVisible(stack is not None and package is not None)
        self.sliders.setEnabled(view.state is not State.WORKING)
        if stack is not None and package is not None:
            self.sliders.offer(self._workspace.parameters, stack.spacing)
            self.sliders.set_value(self._workspace.values)

    def _show_progress(self, progress: Progress, left: float | None) -> None:
        self.bar.setRange(0, progress.total)
        self.bar.setValue(progress.done)
        words = f"{progress.noun} {progress.done}/{progress.total}"
        if progress.stage is Stage.INFERENCE and progress.done == progress.total:
            words = "putting together …"
            self.bar.setRange(0, 0)
        self.progress.setText(words if not left else f"{words} · about {format_seconds(left)} left")
