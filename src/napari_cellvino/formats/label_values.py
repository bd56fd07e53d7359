"""What the numbers of a label image mean: cells, or one value for all of them, and which of them is background.

Programs save whole numbers as floats (CLIJ, MorphoLibJ, MATLAB), all cells as one value (a binary mask: 0 and 255, or
0 and 1), classes instead of cells, or a background of 1 (ilastik). What is clear is taken, and said; what is not is
refused.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from skimage.measure import label as connected_parts

from napari_cellvino.core.errors import ImageValueError
from napari_cellvino.formats.areas import imported_cell
from napari_cellvino.formats.field import Cells, Labels, cells_of
from napari_cellvino.formats.label_canvas import LARGEST, fitting_labels, labelled
from napari_cellvino.formats.label_parts import (
    FEW_CLASSES,
    FULL,
    PIECES,
    LabelParts,
    find_parts,
    is_class_mask,
    parts_that_touch,
)

HALF = 0.5
MOST = 0.9
SPECK_PX, SEAMS = 4, 2  # px of noise, and small pieces of each number
NEAR = 2**24  # values that are counted by their number


def cells_in_values(path: Path, pixels: NDArray[Any], shape: tuple[int, ...]) -> Cells:
    """Return the cells of a label image of another program, in an image of ``shape``.

    Raises
    ------
    MisfitError
        If it has another size.
    ImageValueError
        If its pixels are no labels: colours, fractions, negative numbers beside a background of 0, grey values of a
        picture, outlines with nothing inside, cells with a border of another value.
    """
    numbers = whole_numbers(path, pixels, shape)
    labels, ground = without_background(path, numbers, shape)
    if not labels.any():
        return labelled(labels, (), notices=ground)
    pieces = find_parts(labels)
    check_parts(path, labels, pieces)
    if is_class_mask(pieces):
        return _parts(path, labels, pieces, ground)
    words = (*ground, *_wrapped(path, numbers.dtype, pieces), *_doubtful(path, labels, pieces))
    return labelled(labels, cells_of(labels), notices=words)


def whole_numbers(path: Path, pixels: NDArray[Any], shape: tuple[int, ...]) -> NDArray[np.integer[Any]]:
    """Return the pixels as whole numbers of ``shape``: floats that are whole, and one of three colours that are equal.

    Raises
    ------
    ImageValueError
        If there are colours, or fractions.
    """
    wanted = tuple(shape)
    while pixels.ndim > len(wanted) and len(pixels) == 1:
        pixels = pixels[0]
    if pixels.shape == (*wanted, 1):  # as networks give them
        pixels = pixels[..., 0]
    if pixels.shape[:-1] == wanted and pixels.shape[-1] in (2, 3, 4):
        pixels = _grey(path, pixels)
    if pixels.dtype.kind == "f":
        pixels = _rounded(path, pixels)
    if pixels.dtype.kind not in "bui":
        raise ImageValueError(f"{path} holds {pixels.dtype} pixels, which are no labels; those are whole numbers")
    return pixels.astype(np.uint8) if pixels.dtype.kind == "b" else pixels


def _grey(path: Path, pixels: NDArray[Any]) -> NDArray[Any]:
    colours = pixels[..., :3] if pixels.shape[-1] > 2 else pixels[..., :1]
    if (colours != colours[..., :1]).any():
        raise ImageValueError(
            f"{path} shows cells in colours, and colours are no numbers of cells; save it as a label image of 16 bits"
        )
    return colours[..., 0]


def _rounded(path: Path, pixels: NDArray[Any]) -> NDArray[np.int64]:
    if not np.isfinite(pixels).all():
        raise ImageValueError(f"{path} has pixels that are no numbers (nan, inf); labels are whole numbers")
    rounded = np.rint(pixels)
    if (rounded != pixels).any():
        odd = float(pixels[rounded != pixels].flat[0])
        raise ImageValueError(
            f"{path} has the pixel value {odd:g}, and labels are whole numbers; is it a probability map?"
        )
    if rounded.size and not -LARGEST <= float(rounded.min()) <= float(rounded.max()) <= LARGEST:
        raise ImageValueError(f"{path} has the label {rounded.max():g}; ids go from 1 to {LARGEST}")
    return np.asarray(rounded, np.int64)


def without_background(
    path: Path, pixels: NDArray[np.integer[Any]], shape: tuple[int, ...]
) -> tuple[Labels, tuple[str, ...]]:
    """Return labels with a background of 0, and what to say where it was another value, or pixels are to be ignored.

    Raises
    ------
    ImageValueError
        If numbers are below 0 and none of them is the background, or the mask is turned inside out.
    """
    if pixels.shape != tuple(shape) or not pixels.size:
        return fitting_labels(path, pixels, shape), ()
    values, counts = _values(pixels)
    if len(values) > 1 and 0 not in values:
        edge = _edge(pixels)
        ground = int(values[np.argmax(counts)])
        if max((edge == ground).mean(), counts.max() / pixels.size) >= HALF:
            filled = np.where(pixels == ground, 0, pixels)
            share = f"{counts.max() / pixels.size:.0%}"
            word = f"{path.name} has no pixel of 0: the value {ground}, in {share} of it, is taken as the background"
            return fitting_labels(path, filled, shape), (word,)
    if _ends_in_void(values, pixels.dtype):
        kept = np.where(pixels == values[-1], 0, pixels)
        word = (
            f"{path.name} has the value {values[-1]}, the largest that its pixels can have, far above the other ids: "
            "taken as pixels to ignore, and not as a cell"
        )
        return fitting_labels(path, kept, shape), (word,)
    labels = fitting_labels(path, pixels, shape)
    _check_inside_out(path, labels, values)
    return labels, ()


def _ends_in_void(values: NDArray[np.int64], dtype: np.dtype[np.integer[Any]]) -> bool:
    """Return whether the last of the sorted values is what tools write for pixels to ignore: 255 or 65535, apart."""
    ids = values[values > 0]
    if dtype.kind != "u" or len(ids) <= 2 or ids[-1] not in FULL or ids[-1] != np.iinfo(dtype).max:
        return False
    in_turn = int(ids[-2]) == len(ids) - 1 < ids[-1] - 1
    return in_turn or (len(ids) > FEW_CLASSES and int(ids[-2]) < HALF * int(ids[-1]))


def _values(pixels: NDArray[np.integer[Any]]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the values that there are, sorted, and how many pixels have each."""
    low, high = int(pixels.min()), int(pixels.max())
    if high - low > NEAR:
        values, counts = np.unique(pixels, return_counts=True)
        return values.astype(np.int64), counts.astype(np.int64)
    counts = np.bincount((pixels.ravel() - np.int64(low)).astype(np.int64) if low else pixels.ravel().astype(np.int64))
    there = np.flatnonzero(counts)
    return there.astype(np.int64) + low, counts[there].astype(np.int64)


def _edge(pixels: NDArray[Any]) -> NDArray[Any]:
    """Return the pixels along the edge of every plane."""
    sides = (pixels[..., 0, :], pixels[..., -1, :], pixels[..., :, 0], pixels[..., :, -1])
    return np.concatenate([side.ravel() for side in sides])


def _check_inside_out(path: Path, labels: Labels, values: NDArray[np.int64]) -> None:
    """Raise ImageValueError where one value goes all round several parts of 0."""
    if len(values) != 2 or labels.ndim != 2:
        return
    value = int(values[1])
    if (_edge(labels) == value).mean() < HALF or (labels == value).mean() < HALF:
        return
    holes = int(connected_parts(labels == 0).max())
    if holes >= PIECES and connected_parts(labels == value).max() == 1:
        raise ImageValueError(
            f"{path} is {value} all round {holes} parts of 0, as a binary mask turned inside out; invert it, so that "
            "the background is 0"
        )


def check_parts(path: Path, labels: Labels, pieces: LabelParts) -> None:
    """Raise ImageValueError where neither the numbers of a label image nor its connected parts are cells."""
    if not is_class_mask(pieces):
        _check_grey(path, labels, pieces)
        _check_interpolated(path, pieces)
        _check_rings(path, labels)
    elif len(pieces.values) > 1:
        _check_borders(path, pieces)
    elif labels.ndim == len("YX"):
        _check_outlines(path, labels)


def _check_grey(path: Path, labels: Labels, pieces: LabelParts) -> None:
    """Refuse grey values, and labels that were interpolated: most numbers lie in many places of one plane."""
    if len(pieces.values) <= FEW_CLASSES or (pieces.apart >= PIECES).mean() <= HALF:
        return
    if labels.ndim > len("YX"):  # a cell of a stack may be drawn on every fifth plane alone
        pieces = find_parts(labels[np.argmax(np.count_nonzero(labels, axis=(-2, -1)))])
    spread = int((pieces.apart >= PIECES).sum())
    if spread > HALF * len(pieces.values):
        raise ImageValueError(
            f"{path} has {len(pieces.values)} numbers, of which {spread} lie in many places, as grey values of a "
            "picture do, or labels that JPEG changed; save the labels as PNG or TIFF without loss"
        )


def _check_interpolated(path: Path, pieces: LabelParts) -> None:
    """Refuse labels that were resized or turned like a picture: seams between two numbers have all numbers between."""
    row = np.searchsorted(pieces.values, pieces.value)
    largest = np.zeros(len(pieces.values), np.int64)
    np.maximum.at(largest, row, pieces.area)
    small = pieces.area < HALF * largest[row]
    if np.count_nonzero(small) < SEAMS * len(pieces.values):
        return
    seams = small & parts_that_touch(pieces)
    torn = len(np.unique(row[seams]))
    if np.count_nonzero(seams) >= SEAMS * len(pieces.values) and torn > HALF * len(pieces.values):
        raise ImageValueError(
            f"{path}: {torn} of {len(pieces.values)} numbers are on small pieces against those of others, as where "
            "labels are resized or turned with interpolation; do that with nearest neighbour, or save them as they were"
        )


def _check_rings(path: Path, labels: Labels) -> None:
    """Refuse numbered outlines: most numbers go round an area of 0 that is larger than what they cover."""
    flat = labels
    if labels.ndim > len("YX"):
        flat = labels[np.argmax(np.count_nonzero(labels, axis=(-2, -1)))]
    around = np.asarray(connected_parts(flat == 0, connectivity=1))
    sizes, first = np.unique(around.ravel(), return_counts=True, return_index=True)[1:][::-1]
    holes = np.setdiff1d(np.arange(len(sizes)), [0, *np.unique(_edge(around))])
    if len(holes) < PIECES:
        return
    inside = np.bincount(flat.ravel()[first[holes] - 1], sizes[holes], minlength=int(flat.max()) + 1)
    own = np.bincount(flat.ravel(), minlength=len(inside))
    rings = np.count_nonzero(inside[1:] > own[1:])
    if rings > HALF * np.count_nonzero(own[1:]):
        raise ImageValueError(
            f"{path}: {rings} of {np.count_nonzero(own[1:])} numbers go round areas of 0 larger than what they cover: "
            "it shows numbered outlines, with nothing inside; fill them"
        )


def _check_borders(path: Path, pieces: LabelParts) -> None:
    """Refuse classes whose parts lie against those of another class, as a cell and its border do."""
    against = parts_that_touch(pieces)
    if all(against[pieces.value == value].mean() > MOST for value in pieces.values):
        values = ", ".join(map(str, pieces.values.tolist()))
        raise ImageValueError(
            f"{path} has the values {values}, whose parts lie against each other as a cell and its border do, so that "
            "parts are no cells; save a number per cell, or a mask of the cells without their borders"
        )


def _check_outlines(path: Path, labels: Labels) -> None:
    """Refuse a binary mask of lines that go round more than they cover."""
    around = np.asarray(connected_parts(labels == 0, connectivity=1))
    inside = np.bincount(around.ravel())
    inside[[0, *np.unique(_edge(around))]] = 0
    if np.count_nonzero(inside) >= PIECES and inside.sum() > np.count_nonzero(labels):
        raise ImageValueError(
            f"{path} goes round {np.count_nonzero(inside)} areas of 0 that are larger than what it covers: it shows "
            "outlines, with nothing inside; fill them, or save a number per cell"
        )


def describe_class_mask(path: Path, pieces: LabelParts) -> str:
    """Return what to say of a mask whose values are no numbers of cells."""
    values = ", ".join(map(str, pieces.values.tolist()))
    kind = f"a binary mask (0 and {values})" if len(pieces.values) == 1 else f"a mask of classes ({values})"
    parts = f"{len(pieces.area)} connected part" + ("s" if len(pieces.area) > 1 else "")
    return f"{path.name} is {kind}, with one value for all cells ({parts})"


def _parts(path: Path, labels: Labels, pieces: LabelParts, ground: tuple[str, ...]) -> Cells:
    word = f"{describe_class_mask(path, pieces)}: the parts are taken as the cells, those that touch as one"
    kinds = {v: "cell" if len(pieces.values) == 1 else f"class {v}" for v in pieces.values.tolist()}
    cells = [imported_cell(number, kinds[v]) for number, v in enumerate(pieces.value.tolist(), 1)]
    return labelled(pieces.labels, cells, notices=(*ground, word, *_specks(path, pieces.area)))


def _wrapped(path: Path, dtype: np.dtype[np.integer[Any]], pieces: LabelParts) -> tuple[str, ...]:
    """Return what to say where every number is taken that pixels can have: of more cells, one has become 0."""
    most = np.iinfo(dtype).max
    if dtype.kind != "u" or len(pieces.values) != most:
        return ()
    return (
        f"all {most:,} numbers that {8 * dtype.itemsize} bits can hold are in use in {path.name}: if there were more "
        f"cells, one became background and others share a number; save the labels with {16 * dtype.itemsize} bits",
    )


def _specks(path: Path, area: NDArray[np.integer[Any]]) -> tuple[str, ...]:
    """Return what to say where most objects, of the given areas in px, are no larger than noise."""
    specks = int(np.count_nonzero(area <= SPECK_PX))
    if len(area) <= PIECES or specks <= HALF * len(area):
        return ()
    return (
        f"{specks} of {len(area)} objects in {path.name} have {SPECK_PX} pixels or fewer: are they noise of a "
        "threshold, and not cells?",
    )


def _doubtful(path: Path, labels: Labels, pieces: LabelParts) -> tuple[str, ...]:
    """Return what to say of labels that are read as they are and need not be what was meant."""
    words = []
    split = pieces.values[pieces.apart > 1]
    if len(split):
        shown = ", ".join(map(str, split[:5].tolist())) + (" …" if len(split) > 5 else "")
        words.append(
            f"{len(split)} of {len(pieces.values)} numbers in {path.name} stand on pieces that lie apart (id {shown}): "
            "each is taken as one cell; split those that are several"
        )
    area = np.bincount(np.searchsorted(pieces.values, pieces.value), pieces.area)
    words += _specks(path, area)
    if area.max() > (HALF if len(area) > PIECES else MOST) * labels.size:
        largest = int(pieces.values[np.argmax(area)])
        words.append(
            f"the object {largest} covers {area.max() / labels.size:.0%} of {path.name}: is it the background?"
        )
    return tuple(words)
