"""The spots of one field as columns: where they are, how bright, how sure, and in which cell."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from napari_cellvino.core.spot_edits import SpotEdit


@dataclass(frozen=True, slots=True)
class Spots:
    """One entry per spot, columns of equal length N.

    ``position`` (N, 3) is (z, y, x) in px, pixel centres on integers from 0; z is 0 where spots were sought in one
    plane (``planes`` False). ``intensity`` is the light of a spot above its surroundings, summed over it, in grey
    values; ``score`` how far its response stands above the noise there, in standard deviations. ``cell`` is the id of
    the cell that a spot lies in, 0 outside of cells. ``sigma`` (z, y, x) is the width of a spot in px. ``least_score``
    and ``least_brightness`` are what a spot has at least, and ``curve`` (K, 2) how many spots each brightness leaves.
    ``beyond`` is the width in px of bright things that are larger than what is sought, 0 without such. ``notices`` say
    what may have made their number wrong, ``remarks`` how they were found. ``partner`` are the spots of a second
    channel, where both are compared. ``by_network`` says whether a network saw them. ``may_be_noise`` is the share of
    them that noise or grain may be, at most; ``left_over`` how strong what is left round them is once they are taken
    off, over their own response; both None where nothing tells. ``least_likely`` is how likely each one is at least
    where a network saw them, ``between`` how many places are at least 80 and at least 20 % likely; None where none saw
    them. ``blind`` is the share of the image where texture is nearly as strong as a typical spot. ``hidden`` is the
    share of spots that may lie so near to others that they were counted with them. ``left_out`` is how many dimmer
    places the field itself took for grain or granules. ``edits`` are what a person did to them, in order; None where
    nobody looked.
    """

    position: NDArray[np.float64]
    intensity: NDArray[np.float64]
    score: NDArray[np.float64]
    cell: NDArray[np.int32]
    planes: bool = False
    sigma: tuple[float, float, float] = (0.0, 0.0, 0.0)
    least_score: float = 0.0
    least_brightness: float = 0.0
    curve: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 2)))
    beyond: float = 0.0
    channel: str = ""
    notices: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    partner: Spots | None = None
    by_network: bool = False
    may_be_noise: float | None = None
    left_over: float | None = None
    least_likely: float = 0.0
    between: tuple[int, int] | None = None
    blind: float = 0.0
    hidden: float = 0.0
    left_out: int = 0
    edits: tuple[SpotEdit, ...] | None = None

    def __len__(self) -> int:
        return len(self.intensity)

    @property
    def typical_intensity(self) -> float:
        """The light of a single spot: the median of the field, as most are single; 0 without spots."""
        return float(np.median(self.intensity)) if len(self) else 0.0

    @property
    def by_intensity(self) -> float:
        """How many spots their light is that of, as where they crowd several are seen as one; 0 without spots."""
        typical = self.typical_intensity
        return float(self.intensity.sum()) / typical if typical > 0 else 0.0

    def in_cells(self, labels: NDArray[np.integer] | None) -> Spots:
        """Return the spots with the ids that ``labels`` (Y, X) or (Z, Y, X) have where they lie; None: no cells."""
        partner = None if self.partner is None else self.partner.in_cells(labels)
        return replace(self, cell=labels_at(self.position, labels), partner=partner)

    def select(self, rows: NDArray[np.integer] | NDArray[np.bool_]) -> Spots:
        """Return some of the spots."""
        columns = {name: getattr(self, name)[rows] for name in ("position", "intensity", "score", "cell")}
        return replace(self, **columns)


def labels_at(position: NDArray[np.float64], labels: NDArray[np.integer] | None) -> NDArray[np.int32]:
    """Return the labels (N,) at positions (N, 3) z, y, x; 0 without labels. Those (Y, X) hold for every plane."""
    if labels is None or not len(position):
        return np.zeros(len(position), np.int32)
    whole = np.rint(position[:, -labels.ndim :]).astype(int)
    inside = np.clip(whole, 0, np.array(labels.shape) - 1)
    return np.asarray(labels[tuple(inside.T)], np.int32)
