"""What the inputs of a run are, and where the results of each go: plates, each with tables of its own, and images."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from napari_cellvino.core.errors import CellvinoError, ImageReadError, ImageValueError
from napari_cellvino.core.image import MetadataOverrides
from napari_cellvino.io import open_as
from napari_cellvino.io.folder_listing import FolderListing
from napari_cellvino.io.plates import PlateSource, open_plate
from napari_cellvino.storage.file_names import safe_name
from napari_cellvino.workflows.plate_inputs import is_plate
from napari_cellvino.workflows.run_folder import list_inputs

IMAGES, FILMS = "images", "films"  # folders for the results of images and films that are run beside other kinds


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
    """Plates, images, the folder of the results of the images, plates that cannot be opened, and what folders hold.

    Films are images with time points, where they are run apart.
    """

    plates: tuple[PlateInput, ...]
    paths: tuple[Path, ...]
    images: tuple[Path, ...]
    images_root: Path
    unread: tuple[UnreadPlate, ...] = ()
    listings: Mapping[Path, FolderListing] = field(default_factory=dict)
    films: tuple[Path, ...] = ()
    films_root: Path = Path()

    @property
    def roots(self) -> tuple[Path, ...]:
        """The folders of results, one for each plate, and one for the films and the images where there are any."""
        films = (self.films_root,) if self.films else ()
        images = (self.images_root,) if self.has_images else ()
        return (*(plate.root for plate in self.plates), *films, *images)

    @property
    def has_images(self) -> bool:
        """Whether images are run, if only to say that there are none."""
        return bool(self.images) or not (self.plates or self.films)


def plan_inputs(
    inputs: Sequence[Path],
    out: Path,
    overrides: MetadataOverrides,
    as_plate: bool | None = None,
    *,
    of_plates: MetadataOverrides | None = None,
    of_films: MetadataOverrides | None = None,
    check: Callable[[PlateSource], None] = lambda source: None,
) -> RunInputs:
    """Return what the inputs are. The results of one plate, or of images alone, go right into ``out``.

    Of several, each plate gets a folder of its name there, and all images get ``images``. One of several that cannot
    be opened does not hold up the others. With what is said ``of_films``, images with time points are films, which get
    ``films`` there; ``of_plates`` is what is said of plates, where that is something else. ``check`` raises for a plate
    that cannot be run as asked, which is then one that cannot be opened.

    Raises
    ------
    OptionError
        If the pattern of names cannot be used.
    ImageReadError, ImageValueError
        If there is nothing but a plate, or plates, that cannot be read.
    """
    plates = [path for path in inputs if is_plate(path, (of_plates or overrides).pattern, as_plate)]
    others = tuple(path for path in inputs if path not in plates)
    alone = len(inputs) == 1 or not plates
    roots = [out] if alone else [out / name for name in _names(plates)]
    listings: dict[Path, FolderListing] = {}
    images = tuple(list_inputs(others, overrides.pattern, listings))
    films = () if of_films is None else tuple(path for path in images if _is_film(path, of_films))
    images = tuple(path for path in images if path not in set(films)) if films else images
    apart = not alone or bool(films and images)
    opened: list[PlateInput] = []
    unread: list[UnreadPlate] = []
    for path, root in zip(plates, roots, strict=False):
        try:
            source = open_plate(path, of_plates or overrides)
            check(source)
            opened.append(PlateInput(source, root))
        except (ImageReadError, ImageValueError) as error:
            if not others and len(unread) == len(plates) - 1:
                raise
            unread.append(UnreadPlate(path, str(error)))
    roots_of = (out / IMAGES, out / FILMS) if apart else (out, out)
    return RunInputs(tuple(opened), others, images, roots_of[0], tuple(unread), listings, films, roots_of[1])


def _is_film(path: Path, overrides: MetadataOverrides) -> bool:
    """Return whether an image has time points; of one that cannot be read the run tells why."""
    try:
        return open_as(path, overrides).read().shape.t > 1
    except CellvinoError:
        return False


def _names(plates: Sequence[Path]) -> list[str]:
    """Return a folder name for each plate, with those of the folders above where two are called alike."""
    depth = 1
    while True:
        names = [safe_name("_".join(path.absolute().parts[-depth:]).removesuffix(".zarr")) for path in plates]
        twice = [name for name, count in Counter([*names, IMAGES, FILMS]).items() if count > 1]
        if not twice or depth >= max(len(path.absolute().parts) for path in plates):
            return names
        depth += 1
