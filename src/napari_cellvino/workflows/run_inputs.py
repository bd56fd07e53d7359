"""What the inputs of a run are, and where the results of each go: plates, each with tables of its own, and images."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from napari_cellvino.core.errors import ImageReadError, ImageValueError
from napari_cellvino.core.image import MetadataOverrides
from napari_cellvino.io.folder_listing import FolderListing
from napari_cellvino.io.plates import PlateSource, open_plate
from napari_cellvino.storage.file_names import safe_name
from napari_cellvino.workflows.plate_inputs import is_plate
from napari_cellvino.workflows.run_folder import list_inputs

IMAGES = "images"  # folder for the results of images that are run beside plates


@dataclass(frozen=True, slots=True)
class PlateInput:
    """An open plate, and the folder of its results."""

    source: PlateSource
    root: Path


@dataclass(frozen=True, slots=True)
class UnreadPlate:
    """A plate that cannot be opened, and why."""

    path: Path
    error: str


@dataclass(frozen=True, slots=True)
class RunInputs:
    """Plates, images, the folder of the results of the images, plates that cannot be opened, and what folders hold."""

    plates: tuple[PlateInput, ...]
    paths: tuple[Path, ...]
    images: tuple[Path, ...]
    images_root: Path
    unread: tuple[UnreadPlate, ...] = ()
    listings: Mapping[Path, FolderListing] = field(default_factory=dict)

    @property
    def roots(self) -> tuple[Path, ...]:
        """The folders of results, one for each plate, and one for the images where there are any."""
        images = (self.images_root,) if self.images or not self.plates else ()
        return (*(plate.root for plate in self.plates), *images)


def plan_inputs(
    inputs: Sequence[Path], out: Path, overrides: MetadataOverrides, as_plate: bool | None = None
) -> RunInputs:
    """Return what the inputs are. The results of one plate, or of images alone, go right into ``out``.

    Of several, each plate gets a folder of its name there, and all images get ``images``. One of several that cannot
    be opened does not hold up the others.

    Raises
    ------
    OptionError
        If the pattern of names cannot be used.
    ImageReadError, ImageValueError
        If there is nothing but a plate, or plates, that cannot be read.
    """
    plates = [path for path in inputs if is_plate(path, overrides.pattern, as_plate)]
    others = tuple(path for path in inputs if path not in plates)
    alone = len(inputs) == 1 or not plates
    roots = [out] if alone else [out / name for name in _names(plates)]
    listings: dict[Path, FolderListing] = {}
    images = tuple(list_inputs(others, overrides.pattern, listings))
    opened: list[PlateInput] = []
    unread: list[UnreadPlate] = []
    for path, root in zip(plates, roots, strict=False):
        try:
            opened.append(PlateInput(open_plate(path, overrides), root))
        except (ImageReadError, ImageValueError) as error:
            if not others and len(unread) == len(plates) - 1:
                raise
            unread.append(UnreadPlate(path, str(error)))
    return RunInputs(tuple(opened), others, images, out if alone else out / IMAGES, tuple(unread), listings)


def _names(plates: Sequence[Path]) -> list[str]:
    """Return a folder name for each plate, with those of the folders above where two are called alike."""
    depth = 1
    while True:
        names = [safe_name("_".join(path.absolute().parts[-depth:]).removesuffix(".zarr")) for path in plates]
        twice = [name for name, count in Counter([*names, IMAGES]).items() if count > 1]
        if not twice or depth >= max(len(path.absolute().parts) for path in plates):
            return names
        depth += 1
