"""Open images and plates, so that a file is not opened again for each of its fields."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from napari_cellvino.core.errors import ImageReadError, ImageValueError
from napari_cellvino.core.image import MetadataOverrides, Origin, Stack
from napari_cellvino.io import Position, Source, open_as
from napari_cellvino.io.plates import PlateSource, is_of_plate, open_plate
from napari_cellvino.workflows.field_task import FieldTask, PlateAddress
from napari_cellvino.workflows.path_map import PathMap

MAX_OPEN = 2  # files kept open
HERE = PathMap()

_Key = TypeVar("_Key")
_Opened = TypeVar("_Opened")


class OpenSources:
    """Opens files and plates, and keeps the most recent ones open.

    Parameters
    ----------
    paths
        Where the files of tasks lie on this computer, if another one made the tasks.
    """

    def __init__(self, paths: PathMap = HERE) -> None:
        self._paths = paths
        self._images: OrderedDict[tuple[Path, MetadataOverrides], Source] = OrderedDict()
        self._plates: OrderedDict[PlateAddress, PlateSource] = OrderedDict()

    def image(self, path: Path, overrides: MetadataOverrides) -> Source:
        """Return an image file, opened with the user's metadata overrides.

        Raises
        ------
        ImageReadError, ImageValueError
            If it cannot be read or understood.
        """
        key = (path, overrides)
        if key not in self._images:
            self._images[key] = open_as(Path(self._paths.there(str(path))), overrides)
        return _most_recent(self._images, key)

    def plate(self, address: PlateAddress) -> PlateSource:
        """Return a plate, opened with the user's metadata overrides; it raises the errors of `image`."""
        if address not in self._plates:
            self._plates[address] = open_plate(Path(self._paths.there(str(address.path))), address.overrides)
        return _most_recent(self._plates, address)

    def hold(self, address: PlateAddress, source: PlateSource) -> None:
        """Add an open plate."""
        self._plates[address] = source

    def stack(self, task: FieldTask) -> Stack:
        """Return the image of a task.

        Raises
        ------
        ImageReadError, ImageValueError
            If it cannot be read, or does not exist any more.
        """
        if task.place is not None:
            stack = self.plate(task.place.plate).open_field(task.place.field)
        else:
            stack = self.position(task.origin, task.recipe.overrides)
        return replace(stack, origin=replace(stack.origin, path=self._paths.here(stack.origin.path)))

    def field(self, origin: Origin, overrides: MetadataOverrides) -> Stack:
        """Return the image of a field of a saved result: a position of a file, or a field of a plate.

        Raises
        ------
        ImageReadError, ImageValueError
            If it cannot be read, or does not exist any more.
        """
        if not is_of_plate(origin):
            return self.position(origin, overrides)
        source = self.plate(PlateAddress(Path(origin.path), overrides))
        field = source.plate.field_labelled(origin.position)
        if field is None:
            raise ImageReadError(f"plate {origin.path} has no field {origin.position} any more")
        return source.open_field(field)

    def position(self, origin: Origin, overrides: MetadataOverrides) -> Stack:
        """Return the image of a position of a file; the errors are those of `stack`."""
        source = self.image(Path(origin.path), overrides)
        return source.read(find_position(source, origin))


def find_position(source: Source, origin: Origin) -> Position:
    """Return the position of an open file that an origin names; `ImageValueError` if it has none."""
    for position in source.positions:
        if position.name == origin.position:
            return position
    raise ImageValueError(f"{origin.path} has no position {origin.position!r} any more")


def _most_recent(held: OrderedDict[_Key, _Opened], key: _Key) -> _Opened:
    """Return an open source, and drop the least recently used ones."""
    held.move_to_end(key)
    while len(held) > MAX_OPEN:
        held.popitem(last=False)
    return held[key]
