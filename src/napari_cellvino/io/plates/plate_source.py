"""What an opened plate is: a source whose positions are fields of wells."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from napari_cellvino.core.image import Stack
from napari_cellvino.core.plate import FieldOfView, Plate
from napari_cellvino.io.source import Position, Source


class PlateSource(Source, Protocol):
    """An opened plate."""

    @property
    def plate(self) -> Plate:
        """What is known of it."""
        ...

    def open_field(self, field: FieldOfView) -> Stack:
        """Return the stack of a field, without reading pixels.

        Raises
        ------
        ImageReadError
            If it cannot be opened.
        """
        ...

    def files(self, field: FieldOfView) -> tuple[Path, ...]:
        """Return the files that the pixels of a field come from."""
        ...

    def zarr_group(self, field: FieldOfView) -> Path | None:
        """Return the folder of a field that is an OME-Zarr image, to write labels into; None where it is files."""
        ...


def field_position(plate: Plate, field: FieldOfView, index: int) -> Position:
    """Return a field as a position of its source."""
    return Position(field.label, plate.name, field.well.name, field.name, index)
