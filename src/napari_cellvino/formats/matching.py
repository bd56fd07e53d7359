"""Which entry of a file, or which file of a folder, belongs to an image: the one whose path fits best.

Images of one name in several folders are common (a folder per well), and so are files that name them by a path, by a
name alone, or by a path of another computer. The end of the path decides; where it leaves two, the size may; where
both do, or another image fits as well, it is an error: masks on the wrong image look right.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote

from napari_cellvino.core.errors import ImageReadError, ImageValueError
from napari_cellvino.core.region import PlaceInImage
from napari_cellvino.formats.field import MisfitError
from napari_cellvino.storage.file_names import safe_name

Size = tuple[int, int]
IMAGE_ENDING = re.compile(r"(\.ome)?\.[A-Za-z0-9]{1,5}$", re.IGNORECASE)
UPLOADED = re.compile(r"^[0-9a-f]{8}-(?=.)")  # what Label Studio puts before the name of a file
ROBOFLOW = re.compile(r"_[a-z]{3,4}\.rf\.[0-9a-zA-Z]{8,}$")  # what Roboflow puts behind it
SHOWN = 8
CELLPOSE = ("_seg.npy", "_cp_masks.tif", "_cp_masks.tiff", "_cp_masks.png", "_rois.zip", "_cp_outlines.txt")


@dataclass(frozen=True, slots=True)
class ImageQuery:
    """The image whose annotations are looked for.

    ``name`` is without ending; ``path`` is where it lies, empty where that is not known; ``rivals`` are the paths of
    other images that are imported together with it and have the same name; ``several`` says that there are others, and
    ``others`` are their names, as `plain` gives them.
    ``unit_px`` (x, y) is how many px one unit of the outlines is, where a person says that they are not in px;
    ``place`` is where it lies in its file, of which a region or a smaller level may be read.
    """

    name: str
    path: str = ""
    rivals: tuple[str, ...] = ()
    several: bool = False
    unit_px: tuple[float, float] | None = None
    others: frozenset[str] = frozenset()
    place: PlaceInImage = field(default_factory=PlaceInImage)

    @property
    def names(self) -> frozenset[str]:
        """The names that a file of it may have."""
        return frozenset(map(plain, (self.name, safe_name(self.name))))


@dataclass(frozen=True, slots=True)
class Entry:
    """An image that a file of annotations names, with its (height, width) in px where it tells them."""

    file_name: str
    size: Size | None = None


def as_query(wanted: ImageQuery | str) -> ImageQuery:
    """Return the image that is wanted; of a name alone, nothing else is known."""
    return ImageQuery(wanted) if isinstance(wanted, str) else wanted


def plain(text: str) -> str:
    """Return text as it is compared: letters with accents are written in two ways, and case is not kept everywhere."""
    return unicodedata.normalize("NFC", text).casefold()


def stem_of(file_name: str) -> str:
    """Return the name of an image file without folders, ending, and what a server put before it."""
    return IMAGE_ENDING.sub("", re.split(r"[\\/]", _path_of(file_name))[-1])


def _path_of(file_name: str) -> str:
    return re.sub(r"^[a-z]{2,6}://|\?.*$", "", file_name, flags=re.IGNORECASE)


def shared_folders(file_name: str, path: str) -> int:
    """Return how many folders, from the file upwards, two paths share."""
    one, two = (re.split(r"[\\/]", plain(_path_of(text)))[-2::-1] for text in (file_name, path))
    count = 0
    for left, right in zip(one, two, strict=False):
        if left != right:
            break
        count += 1
    return count


def choose_entry(path: Path, entries: Sequence[Entry], wanted: ImageQuery, shape: tuple[int, ...]) -> int:
    """Return the row of the entry that belongs to an image of ``shape`` (Y, X).

    Raises
    ------
    ImageValueError
        If there is none, or more than one could be meant, or another image could as well.
    MisfitError
        If the one that is meant is of another size.
    """
    rows = _named(entries, wanted)
    if not rows and len(entries) == 1 and not wanted.several:
        rows = [0]  # the only image of the file, for the only image that is asked for
    if not rows:
        changed = changed_by_roboflow([stem_of(entry.file_name) for entry in entries], wanted)
        raise ImageValueError(f"{path} has no image {wanted.name}; it holds {_listed(entries) or 'none'}{changed}")
    shared = {row: shared_folders(entries[row].file_name, wanted.path) for row in rows}
    best = [row for row in rows if shared[row] == max(shared.values())]
    if len(best) > 1:
        best = [row for row in best if entries[row].size in (None, tuple(shape))]
    if len(best) != 1:
        raise ImageValueError(
            f"{path}: {wanted.name} is ambiguous, {len(rows)} images there have that name: "
            f"{_listed([entries[row] for row in rows])}; import the images with the folders that these paths name"
        )
    check_rivals(path, entries[best[0]].file_name, wanted)
    size = entries[best[0]].size
    if size is not None and size != tuple(shape):
        raise MisfitError(path, size, shape)
    return best[0]


def _named(entries: Sequence[Entry], wanted: ImageQuery) -> list[int]:
    stems = [stem_of(entry.file_name) for entry in entries]
    exact = [row for row, stem in enumerate(stems) if stem == wanted.name]
    alike = [row for row, stem in enumerate(stems) if plain(stem) in wanted.names]
    served = [row for row, stem in enumerate(stems) if plain(unquote(UPLOADED.sub("", stem))) in wanted.names]
    return exact or alike or served


def changed_by_roboflow(stems: Sequence[str], wanted: ImageQuery) -> str:
    """Return what to add where names are those of an image that Roboflow exported, perhaps turned or resized."""
    if not any(ROBOFLOW.search(stem) and plain(ROBOFLOW.sub("", stem)) in wanted.names for stem in stems):
        return ""
    return "; Roboflow may have turned, cropped or resized the image: import them with the images of its export"


def _listed(entries: Sequence[Entry]) -> str:
    return ", ".join(entry.file_name for entry in entries[:SHOWN]) + (" …" if len(entries) > SHOWN else "")


def check_rivals(path: Path, file_name: str, wanted: ImageQuery) -> None:
    """Raise ImageValueError where another image that is imported fits ``file_name`` as well as the wanted one."""
    own = shared_folders(file_name, wanted.path)
    rival = next((other for other in wanted.rivals if shared_folders(file_name, other) >= own), None)
    if rival is not None:
        raise ImageValueError(
            f"{file_name} in {path} is ambiguous: it could be of {wanted.path} or of {rival}; "
            "import one of them at a time, or masks in folders called like those of the images"
        )


def most_telling(files: Sequence[Path]) -> list[Path]:
    """Return the one file that tells most, where all of them are what Cellpose writes of one image; else all."""
    ranks = [next((n for n, end in enumerate(CELLPOSE) if file.name.lower().endswith(end)), -1) for file in files]
    if -1 in ranks or len({file.parent for file in files}) > 1:
        return list(files)
    return [files[ranks.index(min(ranks))]]


def of_same_cellpose_run(file: Path) -> list[str]:
    """Return the names of the other files that Cellpose wrote of one image, beside one of them."""
    end = next((end for end in CELLPOSE if file.name.lower().endswith(end)), None)
    names = [] if end is None else [file.name[: -len(end)] + other for other in CELLPOSE if other != end]
    return [name for name in names if file.with_name(name).is_file()]


def _without_pictures(files: Sequence[Path]) -> list[Path]:
    """Return files without those in folders ``images`` whose masks lie in ``labels`` beside, as in sets for YOLO."""
    labels = {_in_labels(file) for file in files if "labels" in file.parts}
    return [file for file in files if "images" not in file.parts or _in_labels(file) not in labels]


def _in_labels(file: Path) -> tuple[str, ...]:
    return (*("labels" if part == "images" else part for part in file.parent.parts), file.stem)


def choose_file(
    masks: Path, files: Sequence[Path], wanted: ImageQuery, fits: Callable[[Path], bool] = lambda file: True
) -> Path:
    """Return the file of a folder that belongs to an image, of those that have its name.

    Raises
    ------
    ImageReadError
        If there is none, or more than one.
    ImageValueError
        If it could belong to another image as well.
    """
    shared = [shared_folders(str(file.absolute()), wanted.path) for file in files]
    best = [file for file, count in zip(files, shared, strict=True) if count == max(shared)]
    best = _without_pictures(best)
    if len(best) > 1:
        best = most_telling([file for file in best if fits(file)] or best)
    if not best:
        held = sorted(path.name for path in masks.iterdir() if not path.name.startswith("."))
        name, changed = wanted.name, changed_by_roboflow([stem_of(own) for own in held], wanted)
        raise ImageReadError(
            f"{masks} holds nothing for the image {name}, but {', '.join(held[:SHOWN]) or 'no file'}; masks of it are "
            f"called {name}.tif, {name}_masks.tif, {name}_cp_masks.png, {name}_seg.npy, {name}_RoiSet.zip, "
            f"{name}.geojson or {name}.txt: rename them, or name the file itself{changed}"
        )
    if len(best) > 1:
        found = " and ".join(str(file.relative_to(masks)) for file in best[:SHOWN])
        raise ImageReadError(f"{masks} holds {found} for the image {wanted.name}; name the file itself")
    check_rivals(masks, str(best[0].absolute()), wanted)
    return best[0]
