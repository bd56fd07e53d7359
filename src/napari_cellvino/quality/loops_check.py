"""Whether compiled loops give what NumPy gives, on this very computer: no compiler is trusted with numbers unseen."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.core.compiled import use
from napari_cellvino.core.image import Spacing
from napari_cellvino.measure.objects import measure
from napari_cellvino.measure.outlines import find_outlines
from napari_cellvino.model_package.spec import Normalisation
from napari_cellvino.quality.shape_evidence import outline_entropy
from napari_cellvino.segmentation.contrast import contrast_of
from napari_cellvino.segmentation.heads.bands import decode_in_bands
from napari_cellvino.segmentation.heads.centre_offset import CentreOffsetHead
from napari_cellvino.segmentation.normalise import normalise_into

SHAPE = (400, 420)
Arrays = list[NDArray[Any]]


def check_loops(loops: object) -> None:
    """Raise RuntimeError unless loops and NumPy make the same bytes of drawn maps and images."""
    for dtype in (np.uint8, np.uint16):
        use(None)
        expected = _results(dtype)
        use(loops)
        for number, (one, other) in enumerate(zip(expected, _results(dtype), strict=True)):
            if one.dtype != other.dtype or one.tobytes() != other.tobytes():
                raise RuntimeError(f"compiled loops differ from NumPy (result {number} of {np.dtype(dtype)})")


def _results(dtype: type[np.uint8 | np.uint16]) -> Arrays:
    """Return what is found and measured of a drawn field."""
    from scipy import ndimage

    rng = np.random.default_rng(1)
    foreground = ndimage.gaussian_filter(rng.random(SHAPE), 3.0)
    foreground = (foreground - foreground.min()) / np.ptp(foreground)
    maps = np.stack([foreground, *rng.normal(0, 6, (2, *SHAPE))]).astype(np.float16)
    pixels = (200 * foreground + 20 * rng.random(SHAPE)).astype(dtype)[None]
    head = CentreOffsetHead()
    values = {p.name: p.default for p in head.parameters} | {"confidence": 0.0, "smallest": 0.0}
    found = decode_in_bands(maps, values, head.decode_band)
    labels, objects = found.label_image(), found.objects
    outlines = find_outlines(labels, objects.id, found.known_runs)
    table = measure(labels, objects, pixels, ("a",), Spacing(), ("cell",), outlines=outlines)
    seen = contrast_of(pixels, Normalisation(version=2))
    batch = np.zeros((1, max(SHAPE), max(SHAPE)), np.float32)
    normalise_into(batch, pixels, seen.ranges)
    columns = [table[name].to_numpy() for name in table if table[name].dtype.kind in "biuf"]
    ranges = np.array([(one.low, one.high) for one in seen.ranges])
    return [labels, *columns, outline_entropy(outlines.runs, maps[0]), ranges, batch]
