"""The review of a field that was left, as it is when the field is come back to."""

from __future__ import annotations

from dataclasses import dataclass

from napari_cellvino.annotation import Annotation, EditSession
from napari_cellvino.core.image import Plane
from napari_cellvino.results.corrections import Seen


@dataclass(frozen=True, slots=True, eq=False)
class SuspendedReview:
    """The review of a field that was left, with what was done to it where it has a session.

    ``seen`` is how its result stood on the disk when it was left, None where that is not known.
    """

    plane: Plane
    annotation: Annotation
    session: EditSession | None
    seen: Seen | None = None

    @property
    def unsaved(self) -> int:
        """Number of corrections that are not saved."""
        return self.session.to_save if self.session is not None else 0


class LeftReviews:
    """The reviews of fields that were left, each until it is come back to or let go of."""

    def __init__(self) -> None:
        self._all: list[SuspendedReview] = []

    def add(self, left: SuspendedReview) -> None:
        """Keep a review."""
        self._all.append(left)

    @property
    def unsaved(self) -> list[SuspendedReview]:
        """Those whose corrections are not saved."""
        return [left for left in self._all if left.unsaved]

    def pop(self, plane: Plane) -> SuspendedReview | None:
        """Return the review of these pixels and keep it no longer; None where there is none."""
        return self._pop([left for left in self._all if left.plane is plane])

    def pop_saved(self, plane: Plane, seen: Seen) -> SuspendedReview | None:
        """Return the review of a field whose result on disk nobody changed since, and keep it no longer."""
        return self._pop([left for left in self._all if left.seen == seen and left.plane.origin == plane.origin])

    def _pop(self, found: list[SuspendedReview]) -> SuspendedReview | None:
        if not found:
            return None
        self._all.remove(found[-1])
        return found[-1]

    def let_go_of(self, plane: Plane) -> None:
        """Let go of the review of a field that cannot be come back to; its journal has what is not saved."""
        self._let_go([left for left in self._all if left.plane is plane])

    def let_go_of_same(self, annotation: Annotation) -> None:
        """Let go of a review of the same pixels that was left before they were read again: a journal has one writer.

        What was not saved is in its journal, and on offer. One without a journal stays.
        """
        pixels = annotation.provenance.pixels_sha256
        same = [left for left in self._all if pixels and left.annotation.provenance.pixels_sha256 == pixels]
        self._let_go([left for left in same if left.session is None or left.session.journal is not None])

    def close(self) -> None:
        """Let go of all."""
        self._let_go(list(self._all))

    def _let_go(self, reviews: list[SuspendedReview]) -> None:
        for left in reviews:
            self._all.remove(left)
            if left.session is not None:
                left.session.close()
