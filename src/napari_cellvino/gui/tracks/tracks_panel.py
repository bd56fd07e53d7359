"""Tracks: a film tracked, its doubtful links looked at and mended, its lineage, and links found again by sliders."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path

from qtpy.QtWidgets import QFileDialog, QGridLayout, QPushButton, QSizePolicy, QWidget

from napari_cellvino.core.image import Spacing
from napari_cellvino.core.link_options import LinkOptions
from napari_cellvino.gui.run.sliders import Sliders
from napari_cellvino.gui.shell.viewer_session import Session
from napari_cellvino.gui.tracks.cell_time_panel import CellTimePanel
from napari_cellvino.gui.tracks.groups_panel import GroupsPanel
from napari_cellvino.gui.tracks.lineage_view import Lineage, LineageView
from napari_cellvino.gui.tracks.scale_form import ScaleForm
from napari_cellvino.gui.tracks.track_actions import ACCEPT, EDITS, TrackAction
from napari_cellvino.gui.tracks.track_colours import GENERATION, colour_choices, measured, shares
from napari_cellvino.gui.widgets.form_layout import (
    CollapsibleSection,
    add_row,
    form,
    panel_layout,
    say,
    side_by_side,
    text_line,
)
from napari_cellvino.gui.widgets.formatting import format_count, format_number
from napari_cellvino.gui.widgets.notice import Notice
from napari_cellvino.gui.widgets.usable import WAIT, enable_unless
from napari_cellvino.gui.widgets.value_combo import ValueCombo
from napari_cellvino.segmentation.heads import Parameter
from napari_cellvino.tracking.link_film import LinkedFilm
from napari_cellvino.tracking.measures import FilmScale

COLUMNS = 3
GEFF_FILES = ("zarr.json", ".zgroup", ".zattrs")  # one of which is chosen for the folder that it lies in
NAMED = 22  # letters of what is undone that stand on its button, so that the panel does not become wider
HINT = (
    "Track the open film with the model of tab 2, or a film with label images of its own; or open tracks that were "
    "saved. Then N goes to the next doubtful link."
)
FEATURES = (
    "What it costs to look different to the model. A film tracked with it above 0 keeps what the model sees in cells, "
    "which takes longer"
)
PARAMETERS = (
    Parameter("end", "End", 1.0, 0.2, 3.0, 0.05, help="Higher links more, and lets fewer tracks end"),
    Parameter("division", "Division", 0.4, 0.0, 3.0, 0.05, help="Higher finds fewer divisions"),
    Parameter("gap", "Gap", 2, 0, 8, 1, help="Frames in which a cell may be missing"),
    Parameter("reach", "Reach", 1.5, 0.3, 5.0, 0.1, help="Diameters that a cell moves in a frame at most; looks anew"),
    Parameter("intensity", "Intensity", 0.0, 0.0, 1.0, 0.05, help="What it costs to become brighter or darker"),
    Parameter("features", "Features", 0.0, 0.0, 1.0, 0.05, help=FEATURES),
)


class TracksPanel(QWidget):
    """Shows what the controller of tracks has."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session, self.controller = session, session.tracks
        self.title, self.state, self.hint = text_line(), text_line("aside"), text_line("aside", HINT)
        self.title.setProperty("role", "title")
        self.failure, self.doubt = Notice(), text_line()
        self.track_button = _button("Track", "Find the cells of the open film with the model of tab 2, and follow them")
        self.masks_button = _button("With label images…", "A film, and a folder with a label image for each frame")
        self.others_button = _button(
            "Of another program…",
            "A film, its label images, and tracks of TrackMate (XML), btrack (HDF5, CSV), napari (CSV) or GEFF",
        )
        self.open_button = _button("Open tracks…", "A folder of results of tracks, or of the Cell Tracking Challenge")
        self.cancel_button = _button("Cancel", "Stop; nothing is changed")
        self.again_button = _button("Show the film again", "Show the layers that were deleted")
        self.previous_button = _button("◀", "Go back to the doubtful link before (Shift+N)")
        self.next_button = _button("▶", "Go to the next doubtful link (N)")
        self.accept_button = _button(ACCEPT.title, ACCEPT.tooltip)
        self.undo_button = _button("Undo", "Take the last edit back (Ctrl+Z)")
        self.redo_button = _button("Redo", "Make again what was undone (Ctrl+Shift+Z)")
        self.save_button = _button("Save", "Measure the tracks again and write tables, masks and lineage")
        self.edit_buttons = {action: _button(f"{action.title} {_key(action)}", action.tooltip) for action in EDITS}
        self.sliders = Sliders()
        self.sliders.offer(PARAMETERS, Spacing())
        self.use_button = _button("Use", "Take these links; tracks that you corrected stay as they are")
        self.leave_button = _button("Leave", "Leave the links as they are")
        self.preview = text_line("aside", "Moving a slider shows other links at once; no cell is found again.")
        self.colour: ValueCombo[str] = ValueCombo(
            [GENERATION], name="Colour tracks by", tooltip="What the tracks and the tree are coloured by"
        )
        self.lineage = LineageView()
        self._scale: FilmScale | None = None  # that the choices of colour are named by
        self._lay_out()
        self._connect()
        self._draw()
        self._draw_lineage()

    def _lay_out(self) -> None:
        layout = panel_layout(self)
        layout.addWidget(self.title)
        layout.addWidget(side_by_side(self.track_button, self.masks_button))
        layout.addWidget(side_by_side(self.others_button, self.open_button))
        for widget in (self.hint, side_by_side(self.state, self.cancel_button, stretch=0), self.failure):
            layout.addWidget(widget)
        for widget in (side_by_side(self.again_button), self.doubt):
            layout.addWidget(widget)
        self._walk = side_by_side(self.previous_button, self.accept_button, self.next_button)
        self._edits = QWidget()
        grid = QGridLayout(self._edits)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(4)
        for number, button in enumerate(self.edit_buttons.values()):
            button.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
            grid.addWidget(button, number // COLUMNS, number % COLUMNS)
        self._history = side_by_side(self.undo_button, self.redo_button, self.save_button)
        self.links = CollapsibleSection(
            "Link again", self.sliders, self.preview, side_by_side(self.use_button, self.leave_button)
        )
        self.links.setToolTip("Link the cells with other limits; tracks that you corrected stay")
        self._tree = QWidget()
        tree = panel_layout(self._tree)
        tree.setContentsMargins(0, 0, 0, 0)
        add_row(form(tree), "&Lineage, coloured by", self.colour)
        tree.addWidget(self.lineage, 1)
        self.scale = ScaleForm()
        self.units = CollapsibleSection("Pixel size and time", self.scale)
        self.units.setToolTip("What lengths and times are measured in")
        for widget in (self._walk, self._edits, self._history, self.links, self.units):
            layout.addWidget(widget)
        layout.addWidget(self._tree, 1)
        self.cell_time, self.groups = CellTimePanel(self.session.cell_time), GroupsPanel(self.session.film_groups)
        self.through_time = CollapsibleSection("One cell through time", self.cell_time)
        self.through_time.setToolTip("A picture for each frame of the chosen cell, or a kymograph of it")
        self.compared = CollapsibleSection("Compare films", self.groups)
        self.compared.setToolTip("Curves with intervals of the tracked films of a folder, by groups")
        for widget in (self.through_time, self.compared):
            layout.addWidget(widget)
        layout.addStretch()  # takes the room of what is hidden

    def _connect(self) -> None:
        controller = self.controller
        controller.changed.connect(self._draw)
        controller.redrawn.connect(self._draw_lineage)
        self.track_button.clicked.connect(lambda: controller.track())
        self.masks_button.clicked.connect(lambda: self._ask_masks())
        self.others_button.clicked.connect(self._ask_others)
        self.open_button.clicked.connect(self._ask_tracks)
        self.cancel_button.clicked.connect(controller.cancel)
        self.again_button.clicked.connect(self._show_again)
        self.save_button.clicked.connect(controller.save)
        self.use_button.clicked.connect(controller.use_preview)
        self.leave_button.clicked.connect(self._leave)
        self.sliders.value_changed.connect(lambda values: controller.try_options(_options(values)))
        self.colour.value_changed.connect(self._draw_lineage)
        self.scale.given.connect(controller.measure_with)
        self.lineage.wanted.connect(controller.go_to)
        calls: dict[str, tuple[QPushButton, Callable[[], object]]] = {
            "N": (self.next_button, partial(controller.step, 1)),
            "Shift+N": (self.previous_button, partial(controller.step, -1)),
            "A": (self.accept_button, partial(controller.do, ACCEPT)),
            "Ctrl+Z": (self.undo_button, controller.editor.undo),
            "Ctrl+Shift+Z": (self.redo_button, controller.editor.redo),
        }
        calls |= {action.key: (button, partial(controller.do, action)) for action, button in self.edit_buttons.items()}
        for button, call in calls.values():
            button.clicked.connect(partial(_call, call))  # and not with whether it is down
        controller.canvas.bind({key: call for key, (_, call) in calls.items()})

    def _ask_others(self) -> None:
        """Ask for tracks of another program, then for what they are of."""
        kinds = "Tracks (*.xml *.csv *.h5 *.hdf5 *.hdf);;GEFF (zarr.json .zgroup .zattrs);;All files (*)"
        name, _ = QFileDialog.getOpenFileName(self, "Tracks of another program", "", kinds)
        if name:
            path = Path(name)
            self._ask_masks(path.parent if path.name in GEFF_FILES else path)

    def _ask_masks(self, tracks: Path | None = None) -> None:
        """Ask for the label images of the open film, or for a film and its label images."""
        stack = self.session.workspace.stack
        film: str | None = None
        if stack is None or stack.shape.t < 2:
            film = QFileDialog.getExistingDirectory(self, "The film: a folder with an image for each frame")
            if not film:
                return
        masks = QFileDialog.getExistingDirectory(self, "The label images: a folder with one for each frame")
        if masks:
            self.controller.track(Path(film) if film else None, Path(masks), tracks)

    def _ask_tracks(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "A folder of results of tracks")
        if folder:
            self.controller.open(Path(folder))

    def _show_again(self) -> None:
        self.controller.canvas.show_again()
        self.controller.editor.forget()

    def _leave(self) -> None:
        self.controller.drop_preview()
        self.sliders.set_value(_values(self.controller.options))

    def _draw(self) -> None:
        controller, linked = self.controller, self.controller.linked
        there = linked is not None
        say(self.title, "" if linked is None else _counted(linked))
        self.hint.setVisible(not there and not controller.working)
        said = controller.working or controller.editor.said or "\n".join(controller.notices)
        say(self.state, said)
        self.cancel_button.setVisible(bool(controller.working))
        self.again_button.setVisible(controller.canvas.is_lost)
        self.failure.show_failure(controller.editor.failure)
        say(self.doubt, self._describe_doubt() if there else "")
        for widget in (self._walk, self._edits, self._history, self.links, self.units, self._tree, self.through_time):
            widget.setVisible(there)
        undone = controller.editor.undo_name
        self.undo_button.setText(f"Undo {undone if len(undone) <= NAMED else undone[:NAMED].rstrip() + '…'}".strip())
        enable_unless("" if controller.editor.undo_name else "Nothing to undo yet", self.undo_button)
        enable_unless("" if controller.editor.redo_name else "Nothing to redo yet", self.redo_button)
        enable_unless(WAIT if controller.working else "", self.save_button)
        self.sliders.set_value(_values(controller.options))
        self._draw_preview()
        self.lineage.show_place(controller.frame, controller.selection)

    def _describe_doubt(self) -> str:
        queue, chosen = self.controller.queue, self.controller.selection
        named = f"Chosen: {', '.join(f'#{track}' for track in chosen)}. " if chosen else ""
        if queue.looking:
            return f"{named}Looking for doubtful links…"
        if not queue.doubts:
            return f"{named}No doubtful link is left."
        if queue.place < 0 or queue.at is None:
            return f"{named}{format_count(len(queue.doubts), 'doubtful link')}: N goes to the first."
        at = queue.at
        where = f"{queue.place + 1} of {format_number(len(queue.doubts))} doubtful links"
        return f"{named}{where}: #{at.track}, frame {at.frame + 1}: {at.reason}."

    def _draw_preview(self) -> None:
        preview, linked = self.controller.preview, self.controller.linked
        enable_unless("" if preview is not None else "Link again first", self.use_button, self.leave_button)
        if preview is not None and linked is not None:
            more = len(preview.tracks.nodes) - len(linked.tracks.nodes)
            kept = "" if not self._kept else f", beside {format_count(self._kept, 'track')} that you corrected"
            lacking = ". This film keeps no features: track it again" if self.controller.lacks_features else ""
            self.preview.setText(f"{_counted(preview)} ({more + self._kept:+,}){kept}{lacking}")

    @property
    def _kept(self) -> int:
        annotation = self.controller.editor.annotation
        return 0 if annotation is None else sum(record.protected for record in annotation.records.values())

    def _draw_lineage(self, _: object = None) -> None:
        linked, opened = self.controller.linked, self.controller.opened
        if linked is not None and opened is not None:
            by, values = self.colour.value(), dict[int, float]()
            known, self._scale = self._scale == opened.scale, opened.scale
            if by or not known:  # measured when it is wanted, and once to know what there is
                table = measured(opened, linked)
                self.colour.offer(colour_choices(table))
                values = shares(table, self.colour.value())
            self.scale.show_scale(opened.scale)
            self.lineage.show_lineage(Lineage(linked.tracks, len(linked.frames), values))
            self.controller.colour_by(values)


def _call(call: Callable[[], object], _: bool = False) -> None:
    call()


def _button(text: str, tooltip: str) -> QPushButton:
    button = QPushButton(text)
    button.setToolTip(tooltip)
    return button


def _key(action: TrackAction) -> str:
    return action.key.replace("Shift+", "⇧")


def _counted(linked: LinkedFilm) -> str:
    divisions = format_count(len(linked.tracks.divisions), "division")
    return f"{format_count(len(linked.tracks.nodes), 'track')} · {divisions}"


def _options(values: dict[str, float]) -> LinkOptions:
    known = {name: value for name, value in values.items() if name != "gap"}
    return LinkOptions(gap=round(values["gap"]), **known)


def _values(options: LinkOptions) -> dict[str, float]:
    return asdict(options)
