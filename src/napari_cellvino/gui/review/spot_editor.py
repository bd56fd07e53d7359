"""The spots of the field shown: rings that a click adds or deletes, with undo; saved as corrections are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

import napari
import numpy as np
from napari.layers import Points
from napari.utils.events import Event
from numpy.typing import NDArray
from qtpy.QtCore import QObject, Signal

from napari_cellvino.annotation import Annotation, pixels_sha256
from napari_cellvino.core.errors import CellvinoError, JournalBusyError
from napari_cellvino.core.spot_edits import SpotEdit, deletion_of, edit_spots, with_edits
from napari_cellvino.core.spots import Spots, labels_at
from napari_cellvino.gui.napari_bridge.result_layers import inherited_space
from napari_cellvino.gui.open.open_controller import OpenController
from napari_cellvino.gui.review.review_controller import ReviewController
from napari_cellvino.gui.save.save_controller import SaveController
from napari_cellvino.gui.widgets.failure import failure_of
from napari_cellvino.gui.widgets.formatting import format_count, format_number
from napari_cellvino.gui.widgets.serial_worker import SerialWorker, Task
from napari_cellvino.results.field_writing import with_kept_edits
from napari_cellvino.results.spot_journal import SpotHold, keep_spot_edits, kept_spot_edits, spot_journal_path
from napari_cellvino.results.spot_table import read_spot_edits, read_spots
from napari_cellvino.segmentation.spots.one_spot import point_at_spot
from napari_cellvino.workflows.workspace import Workspace

COLOURS = ("#ff6e3c", "#56b4e9")  # of the spots, and of those that they are compared with
RING = 5.0  # widths across
LEAST_RING = 7.0  # px
USUAL_SIGMA = 1.3  # px, of spots that were read from a file


class SpotEditor(QObject):
    """Shows the spots in a layer of their own; with that chosen, a click on a ring deletes it, beside all adds one."""

    changed = Signal()
    edited = Signal()

    def __init__(
        self,
        viewer: napari.Viewer,
        workspace: Workspace,
        opener: OpenController,
        reviewer: ReviewController,
        worker: SerialWorker,
    ) -> None:
        super().__init__()
        self._viewer, self._workspace, self._opener = viewer, workspace, opener
        self._reviewer, self._worker = reviewer, worker
        self.saver: SaveController | None = None
        self.whole_cells: Callable[[Annotation], NDArray[np.int32] | None] = lambda _: None
        self.spots: Spots | None = None
        self.failure = ""
        self.returned = False  # whether edits that were not saved are here again
        self._found: object = None  # what the spots were taken from
        self._pixels = ""  # sha256 of those that are shown, once it is asked for
        self._kept_in: Path | None = None  # the folder of the result that edits are kept beside
        self._hold: SpotHold | None = None  # no other window edits these spots meanwhile
        self._seen: tuple[SpotEdit, ...] | None = None  # the edits that stood in the result when it was opened here
        self._history: list[Spots] = []
        self._layers: list[Points] = []
        self._task = Task()
        workspace.outcome_changed.connect(self._take)
        workspace.saved_changed.connect(self._take)
        reviewer.edited.connect(self.changed)

    def close(self) -> None:
        """Listen no more; the layers stay as they are."""
        self._task.stop()
        self._release()
        self._workspace.outcome_changed.disconnect(self._take)
        self._workspace.saved_changed.disconnect(self._take)

    @property
    def corrected(self) -> Spots | None:
        """The spots where a person edited them, to be saved; else None."""
        return self.spots if self.spots is not None and self.spots.edits is not None else None

    @property
    def can_undo(self) -> bool:
        """Whether there is an edit to take back."""
        return bool(self._history)

    def describe(self) -> str:
        """Return how many spots there are, and how many of them lie in cells; empty where none were sought."""
        if self.spots is None:
            return ""
        inside = self._inside(self.spots)
        said = format_count(len(self.spots), "spot") + (
            f", {format_number(inside)} in cells" if inside is not None else ""
        )
        edits = self.spots.edits or ()
        added = sum(edit.added for edit in edits)
        said += f" · {added} added, {len(edits) - added} deleted" if edits else ""
        return said + (" · those that were not saved are here again" if self.returned else "")

    def tell(self) -> None:
        """Have it said anew how many spots there are: the cells that they lie in are others."""
        self.changed.emit()

    def _inside(self, spots: Spots) -> int | None:
        """Return how many spots lie in cells that count, whole ones where they were sought; None where none were."""
        annotation, shown = self._reviewer.annotation, self._workspace.shown
        if annotation is None or shown is None:
            return None
        cells = annotation.labels if shown.recipe.whole_cells is None else self.whole_cells(annotation)
        if cells is None:
            return None
        counted = [id_ for id_, record in annotation.records.items() if record.counted]
        return int(np.isin(labels_at(spots.position, cells), counted).sum())

    # -- what the user does

    def choose(self) -> None:
        """Choose the layer, so that clicks edit spots."""
        if self._layers and self._layers[0] in self._viewer.layers:
            self._viewer.layers.selection.active = self._layers[0]

    def delete(self, row: int) -> None:
        """Delete a spot by its row."""
        if self.spots is not None:
            self._edit(deletion_of(self.spots, row))

    def add(self, place: tuple[float, float, float]) -> None:
        """Add the spot at a place (z, y, x) in px, once it is fitted there."""
        shown, stack = self._workspace.shown, self._workspace.stack
        if self.spots is None or shown is None or stack is None:
            return
        found, sigma = self._found, self.spots.sigma
        work = partial(point_at_spot, stack, shown.plane, shown.recipe, place, sigma)
        self._task = Task(done=lambda edit: self._edit(edit) if self._found is found else None, failed=self._fail)
        self._worker.start(work, self._task)

    def undo(self) -> None:
        """Take the last edit back."""
        if self._history and self._is_ours():
            self.spots = self._history.pop()
            if self.spots.edits is None:
                self.spots = edit_spots(self.spots, ())
            self._after_edit()

    def _edit(self, edit: SpotEdit) -> None:
        if self.spots is None or not self._is_ours():
            return
        self._history.append(self.spots)
        self.spots = edit_spots(self.spots, [edit])
        self._after_edit()

    def _after_edit(self) -> None:
        self.failure, self.returned = "", False
        self._keep()
        self._draw()
        self.edited.emit()
        self.changed.emit()

    def _is_ours(self) -> bool:
        """Return whether spots may be edited here; why they may not is said."""
        try:
            if self._hold is None and self.saver is not None and self.saver.folder:
                self._take_hold(self.saver.target())
        except JournalBusyError as error:
            self.failure = error.window_message
            self.changed.emit()
            return False
        except CellvinoError:  # `_keep` says why, and edits are in memory
            return True
        return True

    def _take_hold(self, folder: Path) -> None:
        """Let no other window edit these spots from now on.

        Raises
        ------
        JournalBusyError
            If another one does, or did since they were opened here.
        """
        hold = SpotHold(folder)
        if read_spot_edits(folder) != self._seen:
            hold.release()
            raise JournalBusyError(
                f"the spots of {folder.name} were edited in another window after they were opened here",
                remedy="open the image again to go on with those",
            )
        self._hold = hold

    def _release(self) -> None:
        if self._hold is not None:
            self._hold.release()
        self._hold = None

    def keep_elsewhere(self) -> None:
        """Keep edits beside the folder that results go to from now on."""
        before, self._kept_in = self._kept_in, None
        if before is not None and self.corrected is not None:
            self._release()
            self._look_at_kept()
            if not self._is_ours():
                return
            self._keep()
            if self._kept_in is not None and self._kept_in != before:
                spot_journal_path(before).unlink(missing_ok=True)
            self.changed.emit()

    def _keep(self) -> None:
        """Write the edits beside the folder of the result, where a crash leaves them; why they are not is said."""
        if self.saver is None or self.spots is None:
            return
        try:
            folder = self.saver.target()
            keep_spot_edits(folder, self.spots.edits or (), self._sha256())
            self._kept_in = folder
        except CellvinoError as error:
            self.failure = f"{failure_of(error).message}. Until then edits of spots are in memory only"

    def _sha256(self) -> str:
        """Return that of the pixels that are shown; found once for each result."""
        if not self._pixels and self._workspace.shown is not None:
            self._pixels = pixels_sha256(self._workspace.shown.plane)
        return self._pixels

    def _fail(self, error: BaseException) -> None:
        self.failure = failure_of(error).message
        self.changed.emit()

    # -- what follows

    def _take(self, _: object = None) -> None:
        """Show the spots of the field that is shown now."""
        outcome, saved = self._workspace.outcome, self._workspace.saved
        found: object = None
        if outcome is not None:
            found = outcome.prediction.spots
        elif saved is not None:
            found = saved
        if found is self._found:
            return
        self._release()
        self._found, self._history = found, []
        self.spots, self.failure, self.returned, self._pixels, self._kept_in = None, "", False, "", None
        with suppress(CellvinoError, OSError):
            self.spots = self._spots_of(found)
        self._look_at_kept()
        self._bring_back()
        self._draw()
        self.changed.emit()

    def _look_at_kept(self) -> None:
        self._seen = None
        if self.spots is not None and self.saver is not None and self.saver.folder:
            with suppress(CellvinoError):
                self._seen = read_spot_edits(self.saver.target())

    def _bring_back(self) -> None:
        """Do the edits again that were not saved when the window was closed, or the program ended; undo takes them."""
        if self.spots is None or self.saver is None:
            return
        try:
            folder = self.saver.target()
            kept = kept_spot_edits(folder, self._sha256()) if spot_journal_path(folder).is_file() else None
        except CellvinoError as error:
            self.failure = failure_of(error).message
            return
        if kept is None or not self._is_ours():
            return
        before, self.spots = self.spots, with_edits(self.spots, kept)
        self._history, self._kept_in = [before], folder
        self.returned = True
        self.edited.emit()

    def _spots_of(self, found: object) -> Spots | None:
        saved = self._workspace.saved
        if not isinstance(found, Spots):
            return read_spots(saved.folder) if found is not None and saved is not None else None
        try:
            return found if self.saver is None else with_kept_edits(self.saver.target(), found)
        except CellvinoError:
            return found

    def _draw(self) -> None:
        active = self._viewer.layers.selection.active
        if self.spots is None:
            self._remove()
            return
        sets = [self.spots, *([self.spots.partner] if self.spots.partner is not None else [])]
        if len(self._layers) != len(sets) or not all(layer in self._viewer.layers for layer in self._layers):
            self._remove()
            made = [self._new_layer(held, n) for n, held in reversed(list(enumerate(sets)))]
            self._layers = made[::-1]  # those that are edited lie on top
            self._viewer.layers.selection.active = active
        for layer, held in zip(self._layers, sets, strict=True):
            if not np.array_equal(layer.data, _places(held)):
                layer.data = _places(held)
                layer.selected_data = set()

    def _new_layer(self, spots: Spots, number: int) -> Points:
        picture, shown = self._opener.picture, self._workspace.shown
        name = "" if shown is None else f"{shown.plane.origin.name}: "
        axes = 3 if spots.planes else 2
        source = None if picture is None else picture.source_layer()
        space = inherited_space(source, axes) if source is None or source.ndim >= axes else {}
        layer = Points(
            _places(spots),
            ndim=axes,
            name=f"{name}spots" + (" of the other channel" if number else ""),
            size=max(LEAST_RING, RING * (spots.sigma[1] or USUAL_SIGMA)) * (1 + number / 2),
            symbol="ring",
            face_color=COLOURS[number],
            border_width=0,
            out_of_slice_display=spots.planes,
            **space,
        )
        layer.editable = False  # by napari's own tools, which know nothing of the light of a spot
        if not number:
            layer.mouse_drag_callbacks.append(self._on_press)
            layer.bind_key("Control-Z", lambda _: self.undo(), overwrite=True)
        self._viewer.add_layer(layer)
        return layer

    def _on_press(self, layer: Points, event: Event) -> Iterator[None]:
        """Edit by a click; a drag moves the picture."""
        if event.button != 1:
            return
        yield
        if event.type == "mouse_move":
            while event.type == "mouse_move":
                yield
            return
        row = layer.get_value(event.position, view_direction=event.view_direction, dims_displayed=event.dims_displayed,
                              world=True)  # fmt: skip
        if row is not None:
            self.delete(int(row))
            return
        place = np.asarray(layer.world_to_data(event.position), float)
        self.add((float(place[-3]) if layer.ndim == 3 else 0.0, float(place[-2]), float(place[-1])))

    def _remove(self) -> None:
        for layer in self._layers:
            if layer in self._viewer.layers:
                self._viewer.layers.remove(layer)
        self._layers = []


def _places(spots: Spots) -> NDArray[np.float64]:
    """Return the places as napari takes them: (N, 3) in a stack, (N, 2) in a plane."""
    return spots.position if spots.planes else spots.position[:, 1:]
