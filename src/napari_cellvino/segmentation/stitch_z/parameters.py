"""Adjustable parameters of z-stitching."""

from __future__ import annotations

from napari_cellvino.core.image import ZChoice
from napari_cellvino.segmentation.heads import Parameter

STITCHING = (
    Parameter(
        "z_overlap", "Overlap along z", 0.3, 0.05, 0.95, 0.01,
        help="Outlines in neighbouring planes are one cell where they overlap by this share of what both cover",
    ),
    Parameter(
        "z_cut", "Split stacked cells", 0.95, 0.0, 1.0, 0.01,
        help="Higher cuts more: cells that lie on each other, where brightness dips below this share of its lower top",
    ),
    Parameter(
        "z_trim", "Trim dim planes", 0.05, 0.0, 0.95, 0.01,
        help="Higher makes cells flatter, by leaving out the planes where they are dim; 0.7 for widefield stacks",
    ),
    Parameter("z_planes", "Fewest planes", 3.0, 1.0, 30.0, 1.0, "planes", help="Cells seen in fewer are left out"),
    Parameter(
        "z_smallest", "Smallest in 3D", 0.15, 0.0, 1.0, 0.01,
        help="Cells of less than this share of the usual volume are left out: crumbs",
    ),
)  # fmt: skip


def stitching_parameters(z: ZChoice) -> tuple[Parameter, ...]:
    """Return the z-stitching parameters if planes are stitched, else none."""
    return STITCHING if z.joined else ()
