"""Selections of many objects, to be checked before an edit.

Accepted objects are never selected, so that a limit does not undo reviews.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.annotation.document import Annotation
from napari_cellvino.annotation.tools.drawing import Points, check_plane
from napari_cellvino.core.errors import EditError
from napari_cellvino.core.objects import ReviewState


@dataclass(frozen=True, slots=True)
class Selection:
    """Ids of the selected objects, a description, and the number of accepted objects that were spared."""

    ids: tuple[int, ...]
    description: str
    spared: int = 0

    @property
    def count(self) -> int:
        """Number of selected objects."""
        return len(self.ids)

    def __str__(self) -> str:
        spared = f"; {self.spared} accepted {'ones are' if self.spared > 1 else 'one is'} spared" if self.spared else ""
        return f"{self.count} {'cell' if self.count == 1 else 'cells'} {self.description}{spared}"


def below_score(annotation: Annotation, score: float) -> Selection:
    """Return the objects with a score below a limit; drawn objects have no score."""
    ids = sorted(annotation.records)
    low = np.array([annotation.records[id_].score < score for id_ in ids], bool)
    return _chosen(annotation, ids, low, f"with a score below {score:g}")


def smaller_than(annotation: Annotation, area_px: float) -> Selection:
    """Return the objects with fewer pixels (voxels) than ``area_px``."""
    ids = sorted(annotation.records)
    return _chosen(annotation, ids, annotation.places(ids).area < area_px, f"smaller than {area_px:g} px")


def larger_than(annotation: Annotation, area_px: float) -> Selection:
    """Return the objects with more pixels (voxels) than ``area_px``."""
    ids = sorted(annotation.records)
    return _chosen(annotation, ids, annotation.places(ids).area > area_px, f"larger than {area_px:g} px")


def touching_edge(annotation: Annotation) -> Selection:
    """Return the objects that touch the edge of the image in Y or X."""
    ids = sorted(annotation.records)
    places, size = annotation.places(ids), np.array(annotation.shape[-2:])
    touches = (places.low[:, -2:] == 0).any(axis=1) | (places.high[:, -2:] == size).any(axis=1)
    return _chosen(annotation, ids, touches, "touching the edge of the image")


def inside(annotation: Annotation, lasso: Points, *, plane: int | None = None) -> Selection:
    """Return the objects with their centroid in a polygon (P, 2) and, in a z-stack, with pixels in the plane.

    Raises
    ------
    EditError
        If the polygon has fewer than three corners.
    """
    from skimage.measure import points_in_poly

    check_plane(annotation, plane)
    corners = np.asarray(lasso, np.float64).reshape(-1, 2)
    if len(corners) < 3:
        raise EditError(f"a lasso needs three corners or more, not {len(corners)}; draw round the cells")
    ids = sorted(annotation.records)
    places = annotation.places(ids)
    low, high = corners.min(axis=0), corners.max(axis=0)
    held = ((places.low[:, -2:] <= high) & (places.high[:, -2:] > low)).all(axis=1)
    if plane is not None:
        held &= (places.low[:, 0] <= plane) & (plane < places.high[:, 0])
    held[held] = points_in_poly(places.sums[held, -2:] / places.area[held, None], corners)
    return _chosen(annotation, ids, held, "in the lasso")


def _chosen(annotation: Annotation, ids: list[int], holds: NDArray[np.bool_], description: str) -> Selection:
    records, found = annotation.records, [ids[row] for row in np.flatnonzero(holds)]
    kept = tuple(id_ for id_ in found if records[id_].review is not ReviewState.ACCEPTED)
    return Selection(kept, description, len(found) - len(kept))
