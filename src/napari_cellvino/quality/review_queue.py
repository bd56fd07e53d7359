"""The order of review: the most doubtful objects first, with their reasons."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.annotation import Annotation
from napari_cellvino.core.objects import ReviewState
from napari_cellvino.quality.doubts import Floats, Reason, find_reasons


@dataclass(frozen=True, slots=True)
class Doubtful:
    """An object, how doubtful it is (0 to 1), and why, the strongest reason first."""

    id: int
    doubt: float
    reasons: tuple[Reason, ...]

    @property
    def text(self) -> str:
        """The reasons as text; empty where there is none."""
        return " · ".join(reason.text for reason in self.reasons)


@dataclass(frozen=True, slots=True)
class ReviewProgress:
    """How far a review is: objects to be looked at in all, how many were, and how many of those were edited.

    Those ``gated``, which gates leave out, are not among them.
    """

    objects: int
    reviewed: int
    edited: int
    gated: int = 0

    def __str__(self) -> str:
        left_out = f", {self.gated} left out by gates" if self.gated else ""
        return f"{self.reviewed} of {self.objects} reviewed, {self.edited} edited{left_out}"


def review_queue(
    annotation: Annotation, *, foreground_probability: Floats | None = None, other: NDArray[np.int32] | None = None
) -> tuple[Doubtful, ...]:
    """Return all objects, the most doubtful first and those without a reason last, by id.

    Reasons are combined as independent probabilities: 1 minus the product of (1 - strength).

    Parameters
    ----------
    annotation
        What to review.
    foreground_probability
        The model's probability of a cell in each pixel (Y, X), where it was kept; for uncertain outlines.
    other
        The label image that another threshold would give, of the same shape; for objects that depend on the threshold.

    Raises
    ------
    ImageValueError
        If either does not have the size of the image.
    """
    reasons: dict[int, list[Reason]] = {id_: [] for id_ in sorted(annotation.records)}
    found = find_reasons(
        annotation.objects,
        annotation.labels,
        annotation.shape,
        foreground_probability=foreground_probability,
        other=other,
    )
    for id_, reason in found:
        reasons[id_].append(reason)
    return _in_order(reasons)


def with_reasons(queue: Sequence[Doubtful], further: Iterable[tuple[int, Reason]]) -> tuple[Doubtful, ...]:
    """Return a queue with further reasons, in the order that they give; those of objects not in it are left out."""
    more: dict[int, list[Reason]] = {}
    for id_, reason in further:
        more.setdefault(id_, []).append(reason)
    return _by_doubt(
        [_doubtful(item.id, [*item.reasons, *more[item.id]]) if item.id in more else item for item in queue]
    )


def review_progress(annotation: Annotation) -> ReviewProgress:
    """Return how far the review is."""
    gated = annotation.states.get((ReviewState.UNSEEN, True), 0)
    unseen, edited = (_number(annotation, state) for state in (ReviewState.UNSEEN, ReviewState.EDITED))
    objects = len(annotation.records)
    return ReviewProgress(objects - gated, objects - unseen, edited, gated)


def _number(annotation: Annotation, state: ReviewState) -> int:
    return annotation.states.get((state, False), 0) + annotation.states.get((state, True), 0)


def _in_order(reasons: Mapping[int, list[Reason]]) -> tuple[Doubtful, ...]:
    return _by_doubt([_doubtful(id_, held) for id_, held in reasons.items()])


def _by_doubt(queue: Iterable[Doubtful]) -> tuple[Doubtful, ...]:
    return tuple(sorted(queue, key=lambda item: (-item.doubt, item.id)))


def _doubtful(id_: int, reasons: list[Reason]) -> Doubtful:
    if not reasons:  # as of most
        return Doubtful(id_, 0.0, ())
    strongest = sorted(reasons, key=lambda reason: -reason.strength)
    return Doubtful(id_, 1 - prod(1 - reason.strength for reason in reasons), tuple(strongest))
