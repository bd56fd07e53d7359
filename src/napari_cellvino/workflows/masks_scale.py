"""Whether masks have the scale of the image that they are imported for."""

from __future__ import annotations

from pathlib import Path

from napari_cellvino.core.errors import CellvinoError
from napari_cellvino.core.image import Spacing
from napari_cellvino.io import open_source

TIFFS = (".tif", ".tiff", ".btf", ".tf8")
ALIKE = 0.02  # of a size of a pixel, that the same are rounded by


def describe_masks_scale(file: Path, spacing: Spacing) -> tuple[str, ...]:
    """Return what to say of a label TIFF that gives another size of a pixel than its image, or one that has none."""
    if not file.name.lower().endswith(TIFFS):
        return ()
    try:
        said = open_source(file).read().spacing.x
    except CellvinoError:  # its pixels were read, and that is all that is needed
        return ()
    if said is None or (spacing.x is not None and abs(said / spacing.x - 1) < ALIKE):
        return ()
    if spacing.x is None:
        return (f"the image has no size of a pixel, and {file.name} {said:g} µm: --pixel-size {said:g} takes it",)
    return (
        f"{file.name} says a pixel of {said:g} µm, and the image of {spacing.x:g} µm, which is taken: if the masks "
        "were made in an image of another size, their cells are others",
    )
