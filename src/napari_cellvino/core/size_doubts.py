"""Sizes of a pixel that no microscope gives, as where nm were taken for µm."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from napari_cellvino.core.image import Spacing

UNLIKELY_UM = (0.0005, 200.0)  # sizes of a pixel, and distances of planes, are questioned outside of this
UNLIKELY_RATIO = 5.0  # and sides of a pixel beyond this


def size_doubts(spacing: Spacing) -> tuple[str, ...]:
    """Return sentences on sizes that are unlikely; the numbers in µm would be as wrong as they are."""
    sizes = [size for size in (spacing.z, spacing.y, spacing.x) if size is not None]
    odd = next((size for size in sizes if not UNLIKELY_UM[0] <= size <= UNLIKELY_UM[1]), None)
    if odd is not None:
        return (f"a pixel of {odd:g} µm is unlikely: check its unit in the file, or give the size in µm",)
    y, x = spacing.y, spacing.x
    if y is None or x is None or max(y, x) <= UNLIKELY_RATIO * min(y, x):
        return ()
    return (f"pixels of {y:g} x {x:g} µm (y, x) are unlikely: check both units in the file, or give the size in µm",)
