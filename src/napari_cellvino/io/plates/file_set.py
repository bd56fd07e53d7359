"""Images of no plate whose channels, planes or times are files of their own, grouped by what their names mean.

LAS X, Micro-Manager, MetaMorph and many scripts save so. To count each file as an image would count every cell as often
as there are channels and planes. What follows from the list of files (order, gaps, doubles) is the same as for plates.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from napari_cellvino.core.errors import ImageValueError, OptionError
from napari_cellvino.core.image import MetadataOverrides, Stack
from napari_cellvino.io.plates.assemble import assemble
from napari_cellvino.io.plates.file_plate import FilePlate
from napari_cellvino.io.plates.name_pattern import read_pattern
from napari_cellvino.io.plates.plate_image import PlateListing
from napari_cellvino.io.source import Position, position_index


@dataclass(frozen=True, slots=True)
class FileSet:
    """Images of several files each; ``files`` are their files, as of a plate without wells."""

    path: Path
    files: FilePlate

    @property
    def positions(self) -> tuple[Position, ...]:
        """One position per image; its name is empty where there is only one."""
        fields = self.files.plate.fields
        return tuple(Position(f.name if len(fields) > 1 else "", index=n) for n, f in enumerate(fields))

    @property
    def parts(self) -> tuple[Path, ...]:
        """The file or folder that names the set, and every image file."""
        return (self.path, *self.files.parts)

    def read(self, position: Position | None = None) -> Stack:
        """Return the stack of ``position``, by default the first, without reading pixels.

        Raises
        ------
        ImageReadError
            If its first file cannot be opened.
        ImageValueError
            If there is no such position, or files are doubled and nobody said what becomes of them.
        """
        positions, plate = self.positions, self.files.plate
        index = position_index(self.path, positions, position)
        if plate.faults:
            raise ImageValueError(
                f"{self.path.name}: {'; '.join(plate.faults)}",
                remedy="name what differs in the pattern",
                command="name what differs in the pattern, or say --keep-doubles first, or both",
            )
        stack = self.files.open_field(plate.fields[index])
        said = (*(plate.problems if index == 0 else ()), *self._missing(index))
        origin = replace(stack.origin, position=positions[index].name)
        return replace(stack, origin=origin, warnings=(*stack.warnings, *said))

    def _missing(self, index: int) -> tuple[str, ...]:
        """Return what is missing of an image; the first one tells of images that are missing whole, too."""
        names = [field.name for field in self.files.plate.fields]
        owners = {lost: next((n for n in names if lost == n or lost.startswith(f"{n} ")), "") for lost in
                  self.files.plate.missing}  # fmt: skip
        wanted = {names[index]} | ({""} if index == 0 else set())
        return tuple(f"missing: {lost}" for lost, owner in owners.items() if owner in wanted)


def open_pattern(path: Path, overrides: MetadataOverrides) -> FileSet:
    """Return the images that the pattern finds in a folder; no pixel is read.

    Raises
    ------
    ImageReadError
        If it finds none.
    ImageValueError
        If the user's channel names or pixel size do not fit.
    OptionError
        If the pattern cannot be used, or is one of a plate or for a folder.
    """
    if not path.is_dir():
        raise OptionError(f"a pattern tells what names in a folder mean, and {path.name} is a file; leave it out")
    return open_listing(path, read_pattern(path, overrides.pattern), overrides)


def open_listing(path: Path, found: PlateListing, overrides: MetadataOverrides) -> FileSet:
    """Return the images of files that were found; the errors are those of `assemble`.

    Raises
    ------
    ImageValueError
        If axes were given, which the names say.
    """
    if overrides.axes is not None:
        raise ImageValueError(f"axes {overrides.axes!r} are for single files; leave them out for {path.name}")
    return FileSet(path, assemble(path, found, overrides))
