"""What the names of frames say: when each was taken, which are missing, and which may be none."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.io.checks import list_names
from napari_cellvino.workflows.film_label_files import numbers_of


def times_of(names: Sequence[str]) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """Return when frames were taken by the numbers in their names, in intervals from the first, and what is missing.

    The number that counts is the last one that differs from name to name; where none grows from each to the next by
    whole steps, frames are taken to follow each other.
    """
    plain = tuple(range(len(names)))
    found = numbers_of(names) if len(names) > 2 else None
    if found is None:
        return plain, ()
    numbers = np.array(found)
    steps = np.diff(numbers)
    usual = int(np.median(steps))
    if usual < 1 or (steps % usual).any() or (steps < 1).any():
        return plain, ()
    times = (numbers - numbers[0]) // usual
    gone = sorted(set(range(int(times[-1]) + 1)) - set(times.tolist()))
    if len(gone) > len(names):  # numbers with large jumps count something else
        return plain, _describe_jump(numbers, usual)
    return tuple(times.tolist()), _describe_missing([str(numbers[0] + time * usual) for time in gone])


def describe_series(names: Sequence[str]) -> tuple[str, ...]:
    """Return that frames are called in several ways, or counted several times, as those of several films are."""
    stems = [os.path.splitext(name)[0] for name in names]
    texts = [re.sub(r"\d+", "#", stem) for stem in stems]
    held = Counter(texts)
    several = [text for text, count in held.items() if count > 1]
    if len(several) > 1:
        return (
            f"frames are called in {len(several)} ways ({list_names(several)}): if these are films of their own, track "
            "each from a folder of its own",
        )
    numbers = [[int(part) for part in re.findall(r"\d+", stem)] for stem in stems]
    if len(held) == 1 and (again := [n for n, (a, b) in enumerate(pairwise(numbers), 1) if a and b[-1] < a[-1]]):
        return (
            f"the last number in the names begins again at {names[again[0]]}: if that is another film, track each from "
            "a folder of its own",
        )
    return (*_describe_strays(names, texts, several), *_describe_doubles(names, texts, numbers))


def _describe_strays(names: Sequence[str], texts: Sequence[str], usual: Sequence[str]) -> tuple[str, ...]:
    """Return which images are called unlike the frames, as a snapshot or a projection beside them is."""
    strays = [name for name, text in zip(names, texts, strict=True) if text not in usual]
    if not usual or not strays:
        return ()
    one = len(strays) == 1
    taken = (
        "is called unlike the others, and taken as a frame"
        if one
        else "are called unlike the others, and taken as frames"
    )
    return (f"{list_names(strays)} {taken} all the same; take away what is none",)


def _describe_doubles(names: Sequence[str], texts: Sequence[str], numbers: Sequence[Sequence[int]]) -> tuple[str, ...]:
    """Return which images have the numbers of another, as 3 and 003: one moment would be two frames."""
    held: dict[tuple[str, ...], list[str]] = {}
    for name, text, counted in zip(names, texts, numbers, strict=True):
        if counted:
            held.setdefault((text, *map(str, counted)), []).append(name)
    return tuple(
        f"{list_names(same)} have the same number: each is taken as a frame; take away what is saved twice"
        for same in held.values()
        if len(same) > 1
    )


def _describe_missing(lost: Sequence[str]) -> tuple[str, ...]:
    if not lost:
        return ()
    many = "frame is" if len(lost) == 1 else "frames are"
    return (f"{len(lost)} {many} missing by the numbers of the names: {list_names(lost)}",)


def _describe_jump(numbers: NDArray[np.int64], usual: int) -> tuple[str, ...]:
    """Return where numbers that go by ``usual`` steps jump so far that no frame is known to be missing there."""
    steps = np.diff(numbers)
    if 2 * np.count_nonzero(steps == usual) <= len(steps):  # they are no count, as the seconds of a clock
        return ()
    jumps = [(int(a), int(b)) for a, b in pairwise(numbers.tolist()) if b - a != usual and not _over_the_hour(a, b)]
    if not jumps:
        return ()
    shown = list_names([f"{a} to {b}" for a, b in jumps])
    return (
        f"the numbers of the names jump ({shown}), and frames are taken to follow each other all the same: if frames "
        "are missing there, speeds over the jump are wrong; track what is before and after it by itself",
    )


def _over_the_hour(before: int, after: int) -> bool:
    """Return whether two numbers follow each other as times of a clock do: 0959 and 1000, 095959 and 100000."""
    return before % 100 >= 50 > after % 100 and after // 100 - before // 100 in (1, 41)
