"""Open files and layers: read on the thread, shown in the viewer, handed to the workspace."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import napari
from napari.utils.events import Event
from qtpy.QtCore import QObject, Signal

from napari_cellvino.core.errors import CellvinoError
from napari_cellvino.core.image import MetadataOverrides, Origin, Spacing, Stack
from napari_cellvino.gui.napari_bridge import LayerRecipe, Picture, Pictures, layer_space, prepare_layers
from napari_cellvino.gui.widgets.failure import Failure, failure_of
from napari_cellvino.gui.widgets.serial_worker import SerialWorker, Task
from napari_cellvino.io import Position, Source, open_as
from napari_cellvino.workflows.outcome import MAX_FIELDS
from napari_cellvino.workflows.sources import find_position
from napari_cellvino.workflows.workspace import Workspace

_Opened = tuple[Source, Position, Stack, tuple[LayerRecipe, ...]]


class OpenController(QObject):
    """Knows the pictures of the viewer and which one is worked on."""

    listed = Signal()  # pictures came or went, or were renamed
    changed = Signal()  # `picture`, `reading` or `failure`
    chosen = Signal()  # a picture of the viewer, maybe the one that is worked on
    left = Signal(object)  # planes of a picture whose layers another one has taken
    corrected = Signal(object)  # Stack that the user has given other axes, sizes or names

    def __init__(self, viewer: napari.Viewer, workspace: Workspace, worker: SerialWorker) -> None:
        super().__init__()
        self._workspace, self._worker = workspace, worker
        self.pictures = Pictures(viewer)
        self.picture: Picture | None = None
        self._kept: dict[tuple[str, str], _Opened] = {}  # of the work list, the latest last
        self._reading: list[str] = []
        self._field = Task()
        self.failure: Failure | None = None
        self.field_failed = False  # whether the field that was asked for cannot be read, and nothing is shown
        self._events = viewer.layers.events
        self._ignoring = False  # while our own layers come and go
        for event in (self._events.inserted, self._events.removed, self._events.reordered, self._events.renamed):
            event.connect(self._layers_changed)
        self._layers_changed()

    @property
    def reading(self) -> str:
        """Name of the file being read, or an empty string."""
        return self._reading[0] if self._reading else ""

    @property
    def covered(self) -> str:
        """What is wrong where another picture is seen instead of the one that is worked on; else empty."""
        picture = self.picture
        other = "" if picture is None else self.pictures.covering(picture)
        return (
            f"“{other}” lies over “{picture.name}”, which is worked on: choose in tab 1." if other and picture else ""
        )

    def close(self) -> None:
        """Let go of the viewer and of its pictures."""
        self.picture = None
        self._kept.clear()
        self.pictures.forget()
        for event in (self._events.inserted, self._events.removed, self._events.reordered, self._events.renamed):
            event.disconnect(self._layers_changed)

    # -- what to work on

    def open(self, path: Path, pattern: str = "") -> None:
        """Open a file, or the images that a pattern finds in a folder; add layers to the viewer and work on it."""
        self._read(path.name, lambda: _open(path, MetadataOverrides(pattern=pattern)), self._add)

    def go_to(self, position: Position) -> None:
        """Work on another position of the file; its layers take the place of the ones shown."""
        if self.picture is not None and self.picture.source is not None:
            source = self.picture.source
            self._read(position.name, lambda: _opened(source, position), partial(self._add, instead=self.picture))

    def show_field(self, source: Source, position: Position) -> None:
        """Work on a field of a plate, in the layers of the field shown before; one asked for earlier is passed over."""
        self._field.stop()
        self._field = self._read(position.name, lambda: _opened(source, position), self._add, self._fail_field)

    def show_origin(self, origin: Origin, overrides: MetadataOverrides) -> None:
        """Work on a field of a file, in the place of the field of the work list shown before."""
        held, frame = self.picture, origin.frame or 1
        self._field.stop()
        if held is not None and held.stack is not None and held.stack.origin_of(frame) == origin:
            self._workspace.choose(frame=frame)
            return
        known = self._kept.get((origin.path, origin.position))
        work = (lambda: known) if known is not None else partial(_opened_origin, origin, overrides)
        self._field = self._read(origin.name, work, partial(self._add_listed, frame=frame), self._fail_field)

    def choose_origin(self, origin: Origin) -> bool:
        """Work on a time point of a picture of the viewer by where its pixels are, and return whether it is there."""
        frame = origin.frame or 1
        for picture in self.pictures.listed():
            if picture.stack is not None and picture.stack.origin_of(frame) == origin:
                if picture is not self.picture:
                    self.choose(picture)
                self._workspace.choose(frame=frame)
                return True
        return False

    def choose(self, picture: Picture | None, *, axes: str | None = None) -> None:
        """Work on a picture of the viewer, or on none."""
        try:
            self.picture = None if picture is None else self.pictures.read(picture, axes=axes)
            self.failure = None
        except CellvinoError as error:
            self.picture, self.failure = None, failure_of(error)
        if self.picture is not picture:  # it was read now
            self.listed.emit()
        self._use()
        self.chosen.emit()

    def refresh(self) -> None:
        """Read the layer again if its array or its scale was replaced since."""
        if self.picture is not None and self.pictures.outdated(self.picture):
            self.choose(self.picture)

    # -- what the user knows better

    def correct_spacing(self, spacing: Spacing) -> None:
        """Give the picture a pixel size."""
        if self.picture is not None and self.picture.stack is not None:
            self._correct(self.picture, self.picture.stack.with_spacing(spacing))

    def correct_channels(self, names: tuple[str, ...]) -> None:
        """Give the channels other names; the chosen one stays chosen."""
        picture = self.picture
        if picture is not None and picture.stack is not None and names != picture.stack.channels:
            chosen = self._workspace.recipe.channel
            old = picture.stack.channels
            self._correct(picture, picture.stack.with_channels(names))
            if chosen in old:
                self._workspace.choose(channel=names[old.index(chosen)])

    def correct_axes(self, axes: str) -> None:
        """Say what the dimensions are; the picture is read again."""
        picture = self.picture
        if picture is None:
            return
        if picture.source is None or picture.stack is None:
            self.choose(picture, axes=axes)
        else:
            said = replace(picture.stack.overrides, axes=axes, channels=None)  # channels may be others in number now
            self._read_again(picture, picture.stack.origin, said)

    def choose_level(self, level: int) -> None:
        """Read another level of a pyramid, in the place of the one that is shown."""
        picture = self.picture
        if picture is None or picture.stack is None or level == picture.stack.overrides.level:
            return
        said = replace(picture.stack.overrides, level=level, region="", spacing=None)
        self._read_again(picture, picture.stack.origin, said)

    def choose_region(self, region: str) -> None:
        """Read another part of the level (`Region`; empty: all), in the place of the one that is shown."""
        picture = self.picture
        if picture is None or picture.stack is None:
            return
        self._read_again(picture, picture.stack.origin, replace(picture.stack.overrides, region=region))

    def _read_again(self, picture: Picture, origin: Origin, said: MetadataOverrides) -> None:
        """Read an image with other overrides, in the place of the one that is shown; its field in the list has them."""
        add = partial(self._add_corrected, instead=picture)
        self._read(origin.name, partial(_opened_origin, origin, said), add)

    def _correct(self, picture: Picture, stack: Stack) -> None:
        self._ignoring = True
        self.picture = self.pictures.correct(picture, stack)
        self._ignoring = False
        self._keep_corrected(self.picture, stack)
        self._use()
        self.listed.emit()
        self.corrected.emit(stack)

    def _keep_corrected(self, picture: Picture, stack: Stack) -> None:
        """Let a field of the work list be as it was corrected when it is come back to."""
        if picture.source is None or picture.position is None:
            return
        key = (stack.origin.path, picture.position.name)
        if key in self._kept:
            space = layer_space(stack)
            recipes = tuple(
                LayerRecipe(recipe.data, recipe.arguments | space | {"name": layer.name})
                for recipe, layer in zip(self._kept[key][3], picture.layers, strict=True)
            )
            self._kept[key] = (picture.source, picture.position, stack, recipes)

    # -- reading

    def _read(
        self,
        name: str,
        work: Callable[[], _Opened],
        add: Callable[[_Opened], None],
        fail: Callable[[BaseException], None] | None = None,
    ) -> Task:
        """Read a picture and show it by ``add``."""
        self.failure = None
        self._reading.append(name)
        self.changed.emit()
        return self._worker.start(work, Task(done=add, failed=fail or self._fail, stopped=self._pass_over))

    def _add_corrected(self, opened: _Opened, instead: Picture) -> None:
        """Show an image that was read again with other overrides; its field in the work list has them from now on."""
        key = (opened[2].origin.path, opened[1].name)
        if key in self._kept:
            self._kept[key] = opened
        self._add(opened, instead)
        self.corrected.emit(opened[2])

    def _add_listed(self, opened: _Opened, frame: int) -> None:
        """Show a field of the work list at a time point, from 1.

        What was opened of the last ones is kept, and with it what was done to it.
        """
        source, position, stack, recipes = opened
        key = (stack.origin.path, position.name)
        self._kept.pop(key, None)
        self._kept[key] = opened
        before = self.pictures.listed_shown()
        self._ignoring = True
        if before is not None:
            self.picture = self.pictures.take_over(before, stack, recipes, source=source, position=position)
        else:
            self.picture = self.pictures.add(stack, recipes, source=source, position=position, listed=True)
        self._ignoring = False
        while len(self._kept) > MAX_FIELDS:
            self.left.emit(self._kept.pop(next(iter(self._kept)))[2].planes)
        self._reading.pop(0)
        self.listed.emit()
        self._use(frame)

    def _pass_over(self) -> None:
        self._reading.pop(0)
        self.changed.emit()

    def _add(self, opened: _Opened, instead: Picture | None = None) -> None:
        source, position, stack, recipes = opened
        self._ignoring = True
        before = self.pictures.field_shown() if position.well else None
        if before is not None:
            self.picture = self.pictures.take_over(before, stack, recipes, source=source, position=position)
        else:
            self.picture = self.pictures.add(stack, recipes, source=source, position=position, instead=instead)
        self._ignoring = False
        if before is not None and before.stack is not None and self.picture is not before:
            self.left.emit(before.stack.planes)
        self._reading.pop(0)
        self.listed.emit()
        self._use()
        if instead is not None and instead.stack is not None and instead.stack.overrides != stack.overrides:
            self._keep_read_again(opened)

    def _keep_read_again(self, opened: _Opened) -> None:
        """Let an image of the work list be read as it was read again, when it is come back to and when it is run."""
        stack = opened[2]
        key = (stack.origin.path, opened[1].name)
        if key in self._kept:
            self._kept[key] = opened
        self.corrected.emit(stack)

    def _fail(self, error: BaseException) -> None:
        self._reading.pop(0)
        self.failure = failure_of(error)
        self.changed.emit()

    def _fail_field(self, error: BaseException) -> None:
        """Show nothing, as the field before is not the current one any more; unless another one is asked for by now."""
        if self._reading[1:]:
            self._pass_over()
            return
        self._reading.pop(0)
        self.picture, self.failure, self.field_failed = None, failure_of(error), True
        self._use()

    def _use(self, frame: int | None = None) -> None:
        picture = self.picture
        self.field_failed = self.field_failed and picture is None
        self._workspace.source = picture.source if picture is not None else None
        stack = picture.stack if picture is not None else None
        if stack is not self._workspace.stack:
            self._workspace.use_stack(stack, frame=frame)
        self.changed.emit()

    def _layers_changed(self, event: Event | None = None) -> None:
        if self._ignoring:
            return
        listed = self.pictures.listed()
        self.listed.emit()
        if self.field_failed and event is not None and event.type != "inserted":
            return
        if self.picture is None or self.picture not in listed:
            self.choose(listed[-1] if listed else None)


def _open(path: Path, said: MetadataOverrides) -> _Opened:
    source = open_as(path, said)
    return _opened(source, source.positions[0])


def _opened_origin(origin: Origin, overrides: MetadataOverrides) -> _Opened:
    source = open_as(Path(origin.path), overrides)
    return _opened(source, find_position(source, origin))


def _opened(source: Source, position: Position) -> _Opened:
    stack = source.read(position)
    return source, position, stack, prepare_layers(stack)
