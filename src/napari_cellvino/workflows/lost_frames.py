"""Frames of a film that cannot be read: they are gaps, which cells are followed over, and are named."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.core.errors import ImageReadError, can_pass

if TYPE_CHECKING:
    from napari_cellvino.workflows.film_labels import FilmLabels

_Read = TypeVar("_Read")


def unless_damaged(read: Callable[[], _Read]) -> _Read | ImageReadError:
    """Return what is read, or the error where it is damaged.

    Raises
    ------
    CellvinoError
        If it cannot be read for a reason that may be gone later, as where a disk is not connected.
    """
    try:
        return read()
    except ImageReadError as error:
        if can_pass(error):
            raise
        return error


class LabelsOverGaps:
    """Label images of a film, empty where a frame, or its label image, is damaged."""

    def __init__(self, labels: FilmLabels) -> None:
        self._labels = labels
        self._why: dict[int, ImageReadError] = {}

    def labels(self, number: int) -> NDArray[np.integer]:
        """Return the label image of a frame, from 0."""
        found = unless_damaged(lambda: self._labels.labels(number))
        if isinstance(found, ImageReadError):
            self._why[number] = found
            return self._labels.empty(number)
        return found

    def check(self, count: int) -> None:
        """Raise the first error where none of ``count`` frames could be read.

        Raises
        ------
        ImageReadError
            As said.
        """
        if self._why and len(self._why) == count:
            raise next(iter(self._why.values()))

    @property
    def notices(self) -> tuple[str, ...]:
        """What you should know of them, as sentences, and which frames have no cells, and why."""
        return (*self._labels.notices, *_describe_lost(self._why))


def _describe_lost(why: Mapping[int, ImageReadError]) -> tuple[str, ...]:
    """Return a sentence on frames (from 0) that could not be read, with the reason of the first."""
    if not why:
        return ()
    shown = ", ".join(str(number + 1) for number in sorted(why)[:8])
    more = f" and {len(why) - 8:,} more" if len(why) > 8 else ""
    frames = f"frame {shown} is" if len(why) == 1 else f"frames {shown}{more} are"
    return (f"{frames} damaged, no cells are known there, and cells are followed over the gap: {why[min(why)]}",)
