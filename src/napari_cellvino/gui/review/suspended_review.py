"""The review of a field that was left, as it is when the field is come back to."""

from __future__ import annotations

from dataclasses import dataclass

from napari_cellvino.annotation import Annotation, EditSession
from napari_cellvino.core.image import Plane


@dataclass(frozen=True, slots=True, eq=False)
class SuspendedReview:
    """The review of a field that was left, with what was done to it where it has a session."""

    plane: Plane
    annotation: Annotation
    session: EditSession | None

    @property
    def unsaved(self) -> int:
        """Number of corrections that are not saved."""
        return self.session.to_save if self.session is not None else 0
