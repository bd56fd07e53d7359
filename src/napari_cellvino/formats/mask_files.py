"""Files of annotations in a folder, by the names that programs give them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from napari_cellvino.formats.matching import UPLOADED, ImageQuery, plain
from napari_cellvino.io.mask_names import image_of_mask

ENDING = re.compile(r"(\.ome)?(\.(tiff?|btf|tf8|png|npy|npz|zip|roi|geojson|json|txt|csv|zarr))(\.gz)?$", re.IGNORECASE)
ADDED = re.compile(
    r"[-_. ](cp_masks|cp_outlines|masks?|labels?|segm?|roi_?sets?|rois?)$", re.IGNORECASE
)  # what programs add to a name
WORDS = re.compile(  # of which names of masks are made
    r"([-_. ]+(masks?|labels?|label+ed|lbl(img)?|ima?ge?|segm?|segment(ation|ed)|segmentationmask|cp|cellpose|stardist"
    r"|omnipose|instanseg|mesmer|deepcell|cellprofiler|ilastik|labkit|(micro)?sam|objects?|cells?|cellmasks?|nucle(us|i|ar)"
    r"|cyto(plasm)?|membrane|inst(ances?)?|gt|truth|pred(ictions?)?|manual|corrected|final|roi_?sets?|rois?))+"
)
NO_MASKS = re.compile(r"[-_. ](flows?|overlay|prob(abilities)?)$", re.IGNORECASE)  # what lies beside masks
PICTURE = re.compile(r"\.(tiff?|btf|tf8|png|zarr)(\.gz)?$", re.IGNORECASE)
MOST_FILES = 100_000
LABELS = "labels"  # of an OME-Zarr


def is_packed(path: Path) -> bool:
    """Return whether a file is packed with gzip."""
    return path.suffix.lower() == ".gz"


def names_of(path: Path) -> tuple[str, str]:
    """Return the name without its ending, and without what programs add to it."""
    stem = ENDING.sub("", path.name)
    return stem, ADDED.sub("", stem)


def files_of_image(masks: Path, wanted: ImageQuery) -> list[Path]:
    """Return the files in a folder that are called like an image; in the folders below where it holds none.

    Where there are none, those whose names go on with words for masks alone: ``a_Cells`` or ``a_stardist_labels``.
    """
    here = sorted(masks.iterdir())
    found = _marked(here, wanted)
    if not found:
        below = sorted(islice(_below(masks), MOST_FILES))
        found = _marked(below, wanted) or [path for path in below if is_named_after(path, wanted)]
    return found


def is_named_after(path: Path, wanted: ImageQuery) -> bool:
    """Return whether a name is that of the image with words for masks behind it, and of no other image."""
    stem = plain(names_of(path)[0])
    if not ENDING.search(path.name) or path.name.startswith(".") or NO_MASKS.search(stem):
        return False
    if _is_of(path, wanted) or _is_of_another(stem, wanted):
        return False
    behind = [stem.removeprefix(name) for name in wanted.names if stem.startswith(name)]
    return any(WORDS.fullmatch(rest) for rest in behind)


def _below(folder: Path) -> Iterator[Path]:
    for path in folder.rglob("*"):
        above = path.relative_to(folder).parts[:-1]
        if not any(part.startswith(".") or part.endswith(".zarr") or part == "__MACOSX" for part in above):
            yield path


def _marked(files: list[Path], wanted: ImageQuery) -> list[Path]:
    """Return the files that have the name of the image, and are not the image, which may lie beside them."""
    own = Path(wanted.path).resolve() if wanted.path else None
    if own is not None and (own / LABELS).is_dir():
        own = None  # an OME-Zarr, which holds its labels itself
    named = [
        path
        for path in files
        if ENDING.search(path.name) and not path.name.startswith(".") and _is_of(path, wanted) and path.resolve() != own
    ]
    return [path for path in named if len(named) == 1 or not _may_be_a_copy(path, wanted)] or named


def _may_be_a_copy(path: Path, wanted: ImageQuery) -> bool:
    """Return whether a file is called as the image is, and may be one: it lies beside its masks in many folders."""
    return PICTURE.search(path.name) is not None and plain(names_of(path)[0]) in wanted.names


def others_named_after(file: Path, wanted: ImageQuery) -> list[str]:
    """Return the names of other files beside one that are called masks of the same image, as those of whole cells."""
    begun = (
        path for path in islice(file.parent.iterdir(), MOST_FILES) if plain(path.name).startswith(tuple(wanted.names))
    )
    return sorted(path.name for path in begun if path != file and is_named_after(path, wanted))


def _is_of(path: Path, wanted: ImageQuery) -> bool:
    stem, short = names_of(path)
    if NO_MASKS.search(stem) or _is_of_another(plain(stem), wanted):
        return False
    program = image_of_mask(ENDING.sub(".tif", path.name), [f"{wanted.name}.tif"]) or ""
    found = {plain(name) for name in (stem, short, UPLOADED.sub("", stem), program.removesuffix(".ome"))}
    return not wanted.names.isdisjoint(found)


def _is_of_another(stem: str, wanted: ImageQuery) -> bool:
    """Return whether another image has a longer name that ``stem`` begins with: ``a_cells`` of ``a_cells_labels``."""
    longest = max(map(len, wanted.names))
    begun = (other for other in wanted.others if len(other) > longest and stem.startswith(other))
    return any(len(stem) == len(other) or stem[len(other)] in "-_. " for other in begun)
