"""Which label image belongs to which frame of a film: by names, by the numbers in them, or by order.

Those that are called as the frames are belong to them. As many label images as frames belong to them in order, unless
the numbers of both say that other frames are missing; numbers without a gap, from 0 or 1, only count the label images,
unless one is called as a frame is. Fewer or more are told by their numbers. Folders of the Cell Tracking Challenge hold
label images one level deeper.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TypeVar

from napari_cellvino.core.errors import ImageReadError, OptionError
from napari_cellvino.io import is_image_folder
from napari_cellvino.io.folder_listing import natural_order
from napari_cellvino.io.registry import image_suffixes

INSIDE = ("SEG", "TRA")  # folders of the challenge that label images lie in

_Key = TypeVar("_Key", int, str)

Paired = tuple[tuple[Path | None, ...], tuple[str, ...]]
"""The file of each frame, None where it has none, and what to say of it."""


def label_files(folder: Path, frames: int) -> tuple[Path, ...]:
    """Return the label images of a folder, of ``01_ST`` or ``01_GT`` those of the folder in it that fits best.

    Raises
    ------
    ImageReadError
        If there are none.
    """
    found = [_files_in(folder), *(_files_in(folder / name) for name in INSIDE if (folder / name).is_dir())]
    held = found[0] or max(found, key=lambda files: (len(files) == frames, len(files)))
    if not held:
        raise ImageReadError(f"{folder} holds no label images; name a folder with one for each frame")
    return held


def _files_in(folder: Path) -> tuple[Path, ...]:
    suffixes = (*image_suffixes(), ".npy")
    held = [p for p in folder.iterdir() if p.name.lower().endswith(suffixes) and not p.name.startswith(".")]
    files = [p for p in held if not os.path.isdir(p) or is_image_folder(p)]
    return tuple(sorted(files, key=lambda p: natural_order(p.name)))


def numbers_of(names: Sequence[str]) -> tuple[int, ...] | None:
    """Return the numbers that tell names apart, None unless exactly one number in them differs from name to name.

    Of a single name it is the only number in it.
    """
    found = [[int(part) for part in re.findall(r"\d+", os.path.splitext(name)[0])] for name in names]
    if len({len(numbers) for numbers in found}) != 1:
        return None
    columns = [column for column in range(len(found[0])) if len({numbers[column] for numbers in found}) > 1]
    columns = columns if len(names) > 1 else list(range(len(found[0])))
    if len(columns) != 1:
        return None
    numbers = tuple(each[columns[0]] for each in found)
    return numbers if len(set(numbers)) == len(numbers) else None


def pair_labels(files: Sequence[Path], frames: Sequence[Path], count: int, *, growing: bool = False) -> Paired:
    """Return the label image of each of ``count`` frames.

    Parameters
    ----------
    files
        The label images.
    frames
        The images of the frames, where each has its own.
    count
        Number of frames.
    growing
        Whether further frames and label images may come: then numbers that only count them tell nothing.

    Raises
    ------
    OptionError
        If there are not as many as frames, and numbers do not tell which are missing.
    """
    stems = [frame.stem for frame in frames] if len(frames) > 1 else []
    by_name = {file.stem: file for file in files}
    if len(by_name) == len(files) and stems and (by_name.keys() <= {*stems} or {*stems} <= by_name.keys()):
        return _paired(by_name, stems)
    own = numbers_of([file.name for file in files])
    of_frames = _frame_numbers(own, frames, count)
    if len(files) == count and (own is None or of_frames is None or _same_steps(own, of_frames)):
        return tuple(files), ()
    if len(files) == count and _counted(own or ()) and not growing and by_name.keys().isdisjoint(stems):
        return tuple(files), ("label images are counted from one to the next, and frames are not: taken in order",)
    if own is None or of_frames is None or not (set(own) <= set(of_frames) or set(of_frames) <= set(own)):
        unlike = ", with other numbers in their names than the frames" if len(files) == count else ""
        raise OptionError(
            f"{files[0].parent} holds {len(files)} label images{unlike}, and the film has {count} frames; one for each "
            "is needed, with the number of the frame in its name where some are missing"
        )
    return _paired(dict(zip(own, files, strict=True)), of_frames)


def _paired(files: Mapping[_Key, Path], keys: Sequence[_Key]) -> Paired:
    """Return the file of each frame by its name or number, and what to say of those without one."""
    paired = tuple(files.get(key) for key in keys)
    return paired, _said(paired.count(None), len(files.keys() - {*keys}))


def _frame_numbers(own: tuple[int, ...] | None, frames: Sequence[Path], count: int) -> tuple[int, ...] | None:
    """Return the numbers of frames by their names; of a film in one file, counted as the label images are."""
    if len(frames) > 1:
        return numbers_of([frame.name for frame in frames])
    if own is None or not (min(own) == 0 or max(own) == count):
        return None
    first = int(min(own) > 0)
    return tuple(range(first, first + count))


def _same_steps(one: Sequence[int], two: Sequence[int]) -> bool:
    """Return whether numbers run alike but for where they begin."""
    return [n - one[0] for n in one] == [n - two[0] for n in two] or (_even(one) and _even(two))


def _counted(numbers: Sequence[int]) -> bool:
    return bool(numbers) and list(numbers) in ([*range(len(numbers))], [*range(1, len(numbers) + 1)])


def _even(numbers: Sequence[int]) -> bool:
    return len({b - a for a, b in pairwise(numbers)}) < 2


def _said(lost: int, left: int) -> tuple[str, ...]:
    said = []
    if lost:
        have = "frame has" if lost == 1 else "frames have"
        said.append(f"{lost} {have} no label image, told by names: no cells there")
    if left:
        said.append(f"{left} label image{'s are' if left > 1 else ' is'} of no frame of the film and left out")
    return tuple(said)
