"""Panel 1: which image, what was understood of it, and which of its channels and planes the model sees."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtCore import QSignalBlocker, Qt
from qtpy.QtWidgets import QFileDialog, QProgressBar, QPushButton, QSpinBox, QVBoxLayout

from napari_cellvino.core.image import Stack
from napari_cellvino.gui.napari_bridge import Picture, units_differ
from napari_cellvino.gui.open.channel_choice import ChannelCombo
from napari_cellvino.gui.open.label_image_offer import LabelImageOffer
from napari_cellvino.gui.open.metadata_form import CorrectForm
from napari_cellvino.gui.open.plane_choice import PlaneChoice
from napari_cellvino.gui.plate.plate_controller import ask_plate
from napari_cellvino.gui.run.first_sight_box import FirstSightBox
from napari_cellvino.gui.shell.viewer_session import Session
from napari_cellvino.gui.widgets.colours import set_tone
from napari_cellvino.gui.widgets.drop_target import DropPanel
from napari_cellvino.gui.widgets.elided_combo import ElidedCombo
from napari_cellvino.gui.widgets.form_layout import (
    add_row,
    form,
    ignore_wheel,
    narrow,
    panel_layout,
    say,
    side_by_side,
    text_line,
)
from napari_cellvino.gui.widgets.formatting import format_number
from napari_cellvino.gui.widgets.notice import Notice
from napari_cellvino.gui.widgets.usable import enable_unless
from napari_cellvino.gui.widgets.value_combo import Choice, ValueCombo
from napari_cellvino.gui.worklist.work_list_rows import WorkListRows
from napari_cellvino.io import Position, image_suffixes

_MIXED = "Layers in µm and layers in pixels are open together: napari's scale bar has no unit. Tables are not touched."
_FIRST = "Open a file or a plate, drop one here, or add an image layer to the viewer: it will be listed above."
_CHOOSE = "Choose a field in the list above to see it."


def _filter() -> str:
    """Return the filter of the file dialog: all that is read."""
    return f"Images ({' '.join(f'*{suffix}' for suffix in image_suffixes())});;All files (*)"


class OpenPanel(DropPanel):
    """Shows the image and the recipe's channel, planes and time point."""

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._opener, self._workspace = session.opener, session.workspace
        layout = panel_layout(self)
        self.image = narrow(ElidedCombo())
        self.image.setToolTip("Every image layer of the viewer, from any reader")
        self.open_button = QPushButton("&Open…")
        self.open_button.setToolTip("Open one image or several: TIFF, OME-TIFF, PNG, JPEG. They stay on this computer")
        self.folder_button = QPushButton("Fol&der…")
        self.folder_button.setToolTip("Open all images of a folder as a list, to run and to review in one sitting")
        self.plate_button = QPushButton("&Plate…")
        self.plate_button.setToolTip("Open the folder of a plate, from any instrument, or an OME-Zarr plate")
        layout.addWidget(side_by_side(self.open_button, self.folder_button, self.plate_button))
        self.label_image = LabelImageOffer(session.dropped)
        self.work_list = WorkListRows(session)
        layout.addWidget(self.label_image)
        layout.addWidget(self.work_list)
        grid = form(layout)
        add_row(grid, "&Image", self.image)
        self._build_facts(layout)
        self._build_choices(layout)
        self.first_sight = FirstSightBox(session.first_sight, offered=self._is_unknown)
        layout.addWidget(self.first_sight)
        layout.addStretch(1)
        self._connect()
        self._list_pictures()
        self._draw()

    def _build_facts(self, layout: QVBoxLayout) -> None:
        self.hint = text_line("aside", _FIRST)
        self.bar = QProgressBar()
        self.bar.setRange(0, 0)
        self.bar.setTextVisible(False)
        self.notice = Notice()
        self.facts = text_line()
        self.spacing = text_line()
        self.guesses = text_line("attention")
        self.correct_button = QPushButton("Correc&t…")
        self.correct_button.setCheckable(True)
        self.correct_button.setToolTip(
            "Give the size of a pixel, the meaning of dimensions, names of channels, a region to read"
        )
        self.correct = CorrectForm()
        self._spacing_row = side_by_side(self.spacing, self.correct_button, stretch=0)
        for widget in (self.hint, self.bar, self.notice, self.facts, self._spacing_row, self.guesses, self.correct):
            layout.addWidget(widget)
        self.correct.hide()

    def _build_choices(self, layout: QVBoxLayout) -> None:
        grid = form(layout)
        self.position = narrow(ElidedCombo())
        self.position.setToolTip("The file holds several images; one is worked on at a time")
        self.level: ValueCombo[int] = ValueCombo(
            tooltip="The image is a pyramid: a smaller level is faster and needs less memory"
        )
        self.channel = ChannelCombo()
        self.planes = PlaneChoice()
        self.frame = ignore_wheel(QSpinBox())
        self.frame.setToolTip("Number of the time point, counted from 1")
        self._rows = {
            "position": (add_row(grid, "Positio&n", self.position), self.position),
            "level": (add_row(grid, "Level", self.level), self.level),
            "channel": (add_row(grid, "Channel", self.channel), self.channel),
            "planes": (add_row(grid, "Stac&k", self.planes), self.planes),
            "frame": (add_row(grid, "Ti&me point", self.frame), self.frame),
        }
        for name in ("channel", "planes"):
            self._rows[name][0].setAlignment(Qt.AlignmentFlag.AlignTop)

    def _connect(self) -> None:
        opener, workspace = self._opener, self._workspace
        opener.listed.connect(self._list_pictures)
        opener.changed.connect(self._draw)
        self.session.work_list.changed.connect(self._draw_hint)
        self.session.runner.changed.connect(self._draw)  # whenever a choice changed
        self.image.activated.connect(lambda row: opener.choose(self.image.itemData(row)))
        self.open_button.clicked.connect(self._ask)
        self.folder_button.clicked.connect(self._ask_folder)
        self.plate_button.clicked.connect(lambda: ask_plate(self, self.session.plates))
        self.correct_button.toggled.connect(self._show_form)
        self.correct.spacing_given.connect(opener.correct_spacing)
        self.correct.channels_given.connect(opener.correct_channels)
        self.correct.axes_given.connect(opener.correct_axes)
        self.correct.region_given.connect(opener.choose_region)
        self.correct.finished.connect(lambda: self.correct_button.setChecked(False))
        self.position.activated.connect(lambda row: opener.go_to(self.position.itemData(row)))
        self.level.value_changed.connect(opener.choose_level)
        self.channel.value_changed.connect(lambda name: workspace.choose(channel=name))
        self.planes.value_changed.connect(lambda z: workspace.choose(z=z))
        self.frame.valueChanged.connect(lambda number: workspace.choose(frame=number))

    # -- what the user does

    def _ask(self) -> None:
        chosen, _ = QFileDialog.getOpenFileNames(self, "Open images", "", _filter())
        if chosen:
            self.session.dropped.open([Path(path) for path in chosen])

    def _ask_folder(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, "Open the images of a folder")
        if chosen:
            self.session.open(Path(chosen))

    def _show_form(self, shown: bool) -> None:
        if shown and self._opener.picture is not None:
            self.correct.show_picture(self._opener.picture)
        self.correct.setVisible(shown)

    # -- what is shown

    def _is_unknown(self) -> bool:
        """Return whether models say, or are about to say, something of an image that was not run yet."""
        sight, workspace = self.session.first_sight, self._workspace
        return (sight.looking or sight.sight is not None) and workspace.shown is None

    def _list_pictures(self) -> None:
        with QSignalBlocker(self.image):
            self.image.clear()
            for picture in self._opener.pictures.listed():
                self.image.addItem(picture.name, picture)
        self._select_picture()
        self._draw_facts(self._workspace.stack)

    def _select_picture(self) -> None:
        rows = [row for row in range(self.image.count()) if self.image.itemData(row) is self._opener.picture]
        self.image.setCurrentIndex(rows[0] if rows else -1)
        empty = not self.image.count()
        enable_unless("Open or drop an image first" if empty else "", self.image)
        self.image.setPlaceholderText("no image layer yet" if empty else "choose an image")

    def _draw(self, _: object = None) -> None:
        opener, stack = self._opener, self._workspace.stack
        self._select_picture()
        self.bar.setVisible(bool(opener.reading))
        self._draw_hint()
        self.notice.show_failure(opener.failure)
        self._draw_facts(stack)
        self._draw_choices(stack)
        self.first_sight.draw()

    def _draw_hint(self) -> None:
        """Say what to do first, or what is being read."""
        reading = self._opener.reading
        first = _CHOOSE if self.session.work_list.fields else _FIRST
        say(self.hint, f"reading {reading} …" if reading else first if self._workspace.stack is None else "")

    def _draw_facts(self, stack: Stack | None) -> None:
        say(self.facts, stack.describe() if stack is not None else "")
        self._spacing_row.setVisible(stack is not None)
        guesses = [] if stack is None else [*stack.remarks, *stack.doubts]
        guesses += [_MIXED] if stack is not None and units_differ(self.session.viewer) else []
        say(self.guesses, "\n".join(f"⚠  {text}" for text in guesses))
        if stack is None:
            self.correct_button.setChecked(False)
            return
        known = stack.spacing.known
        self.spacing.setText(("" if known else "⚠  ") + stack.describe_spacing())
        set_tone(self.spacing, "" if known else "attention")

    def _draw_choices(self, stack: Stack | None) -> None:
        picture, recipe = self._opener.picture, self._workspace.recipe
        positions = _positions(picture)
        shape = stack.shape if stack is not None else None
        self._show_row("position", len(positions) > 1)
        self._show_row("level", stack is not None and bool(stack.levels))
        self._show_row("channel", stack is not None and (stack.rgb or stack.shape.c > 1 or bool(stack.absent)))
        self._show_row("planes", shape is not None and shape.z > 1)
        self._show_row("frame", shape is not None and shape.t > 1)
        if stack is None or picture is None:
            return
        self._draw_positions(positions, picture.position)
        self._draw_levels(stack)
        spec = self._workspace.package.spec if self._workspace.package is not None else None
        inputs, dyes = (1, False) if spec is None else (spec.input_channels, spec.sees_dyes)
        self.channel.show_stack(stack, picture.colours(), recipe.channel, inputs=inputs, dyes=dyes)
        self.planes.set_value(recipe.z_choice, stack.shape.z, suggested=stack.shape.z // 2 + 1)
        with QSignalBlocker(self.frame):
            self.frame.setRange(1, stack.shape.t)
            self.frame.setSuffix(f" of {stack.shape.t}")
            self.frame.setValue(recipe.frame)

    def _draw_positions(self, positions: tuple[object, ...], current: object) -> None:
        held = tuple(self.position.itemData(row) for row in range(self.position.count()))
        if held != positions:
            self.position.clear()
            for position in positions:
                self.position.addItem(getattr(position, "name", ""), position)
        if current in positions:
            self.position.setCurrentIndex(positions.index(current))

    def _draw_levels(self, stack: Stack) -> None:
        sizes = enumerate(stack.levels)
        self.level.offer(
            [
                Choice(f"{number}: {format_number(width)} × {format_number(height)} px", number)
                for number, (width, height) in sizes
            ]
        )
        self.level.set_value(stack.overrides.level)

    def _show_row(self, name: str, shown: bool) -> None:
        for widget in self._rows[name]:
            widget.setVisible(shown)


def _positions(picture: Picture | None) -> tuple[Position, ...]:
    """Return the positions to choose from; those of a plate are on its own panel, hundreds of them."""
    if picture is None or picture.source is None or (picture.position is not None and picture.position.well):
        return ()
    return picture.source.positions
