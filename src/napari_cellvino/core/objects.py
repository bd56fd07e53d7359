"""The cells of one field as columns: what they are, where they are, and what became of them."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from enum import IntEnum, IntFlag

import numpy as np
from numpy.typing import NDArray


class ObjectOrigin(IntEnum):
    """How an object came to be."""

    MODEL = 0
    DRAWN = 1
    SPLIT = 2
    MERGED = 3
    EDITED = 4
    IMPORTED = 5


class ReviewState(IntEnum):
    """Whether an object was reviewed, and with which result."""

    UNSEEN = 0
    ACCEPTED = 1
    EDITED = 2
    REJECTED = 3


def format_left_out(rejected: int, excluded: int) -> str:
    """Return ``2 rejected and 1 excluded cells are not counted``, or nothing where all are."""
    parts = [f"{n:,} {word}" for n, word in ((rejected, "rejected"), (excluded, "excluded")) if n]
    one = rejected + excluded == 1
    return f"{' and '.join(parts)} {'cell is' if one else 'cells are'} not counted" if parts else ""


class Doubt(IntFlag):
    """Reasons to look twice at an object."""

    NONE = 0
    LOW_SCORE = 1
    TOUCHES_EDGE = 2
    ODD_SIZE = 4
    UNSURE_OUTLINE = 8
    ODD_SHAPE = 16
    LOOKS_LIKE_TWO = 32
    BROKEN_ALONG_Z = 64
    THRESHOLDS_DISAGREE = 128


@dataclass(frozen=True, slots=True)
class Objects:
    """One entry per cell, columns of equal length N; ``id`` is the value in the label image (0 is background).

    Boxes are half-open pixel ranges (y0, x0, y1, x1); centroids are (y, x) in px, pixel centres on integers. Those of
    objects in 3D have z before y: (z0, y0, x0, z1, y1, x1) and (z, y, x); their ``area_px`` is a volume in voxels.
    """

    id: NDArray[np.int32]
    class_index: NDArray[np.int32]
    score: NDArray[np.float32]
    box: NDArray[np.int32]  # (N, 4), in 3D (N, 6)
    centroid: NDArray[np.float32]  # (N, 2), in 3D (N, 3)
    area_px: NDArray[np.int32]
    origin: NDArray[np.int32]  # ObjectOrigin
    review: NDArray[np.int32]  # ReviewState
    doubts: NDArray[np.int32]  # Doubt

    def __len__(self) -> int:
        return len(self.id)

    @classmethod
    def found(
        cls,
        *,
        score: NDArray[np.floating],
        box: NDArray[np.integer],
        centroid: NDArray[np.floating],
        area_px: NDArray[np.integer],
        class_index: NDArray[np.integer] | None = None,
    ) -> Objects:
        """Return objects numbered 1 to N as a model found them, not reviewed yet."""
        n = len(score)
        zeros = np.zeros(n, np.int32)
        return cls(
            id=np.arange(1, n + 1, dtype=np.int32),
            class_index=zeros if class_index is None else class_index.astype(np.int32),
            score=score.astype(np.float32),
            box=box.astype(np.int32).reshape(n, box.shape[-1]),
            centroid=centroid.astype(np.float32).reshape(n, box.shape[-1] // 2),
            area_px=area_px.astype(np.int32),
            origin=zeros,
            review=zeros,
            doubts=zeros,
        )

    @classmethod
    def none(cls) -> Objects:
        """Return an empty table."""
        empty = np.zeros(0)
        return cls.found(score=empty, box=np.zeros((0, 4), np.int32), centroid=empty, area_px=empty.astype(np.int32))

    def select(self, keep: NDArray[np.bool_] | NDArray[np.integer]) -> Objects:
        """Return the rows where ``keep`` is true, or the rows of the given numbers in that order."""
        return replace(self, **{f.name: getattr(self, f.name)[keep] for f in fields(self)})
