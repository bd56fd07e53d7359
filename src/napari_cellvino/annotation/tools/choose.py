"""Many objects chosen at once, to be looked at before anything is done to them.

Objects that a person accepted are spared: what was reviewed once is not swept away by a limit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from napari_cellvino.annotation.document import Annotation
from napari_cellvino.annotation.tools.drawing import Points, check_plane
from napari_cellvino.errors import EditError
from napari_cellvino.objects import ReviewState


@dataclass(frozen=True, slots=True)
class Selection:
    """Ids of what was chosen, what that is in words, and how many accepted objects were spared."""

    ids: tuple[int, ...]
    words: str
    spared: int = 0

    @property
    def count(self) -> int:
        """Number of objects chosen."""
        return len(self.ids)

    def __str__(self) -> str:
        spared = f"; {self.spared} accepted {'ones are' if self.spared > 1 else 'one is'} spared" if self.spared else ""
        return f"{self.count} {'cell' if self.count == 1 else 'cells'} {self.words}{spared}"


def below_score(annotation: Annotation, score: float) -> Selection:
    """Return the objects whose score is below a limit; drawn ones have none."""
    return _chosen(annotation, lambda id_: annotation.records[id_].score < score, f"with a score below {score:g}")


def smaller_than(annotation: Annotation, area_px: float) -> Selection:
    """Return the objects of fewer pixels (voxels) than ``area_px``."""
    return _chosen(annotation, lambda id_: annotation.geometry(id_).area < area_px, f"smaller than {area_px:g} px")


def larger_than(annotation: Annotation, area_px: float) -> Selection:
    """Return the objects of more pixels (voxels) than ``area_px``."""
    return _chosen(annotation, lambda id_: annotation.geometry(id_).area > area_px, f"larger than {area_px:g} px")


def touching_edge(annotation: Annotation) -> Selection:
    """Return the objects that touch the edge of the image in the plane."""

    def touches(id_: int) -> bool:
        region = annotation.geometry(id_).region
        return min(region.low[-2:]) == 0 or region.high[-2] == annotation.shape[-2] or region.high[-1] == last

    last = annotation.shape[-1]
    return _chosen(annotation, touches, "touching the edge of the image")


def inside(annotation: Annotation, lasso: Points, *, plane: int | None = None) -> Selection:
    """Return the objects with their middle in a polygon (P, 2), and in a z-stack with a part in the plane.

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
    ids = [id_ for id_ in sorted(annotation.records) if _in_plane(annotation, id_, plane)]
    middles = np.array([annotation.geometry(id_).centroid[-2:] for id_ in ids]).reshape(-1, 2)
    held = {id_ for id_, within in zip(ids, points_in_poly(middles, corners).tolist(), strict=True) if within}
    return _chosen(annotation, held.__contains__, "in the lasso")


def _in_plane(annotation: Annotation, id_: int, plane: int | None) -> bool:
    region = annotation.geometry(id_).region
    return plane is None or region.low[0] <= plane < region.high[0]


def _chosen(annotation: Annotation, holds: Callable[[int], bool], words: str) -> Selection:
    found = [id_ for id_ in sorted(annotation.records) if holds(id_)]
    ids = tuple(id_ for id_ in found if annotation.records[id_].review is not ReviewState.ACCEPTED)
    return Selection(ids, words, len(found) - len(ids))
