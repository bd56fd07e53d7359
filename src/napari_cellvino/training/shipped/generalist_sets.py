"""Real fields of every kind that the generalist ``cells`` learns from, one image per channel, in grey.

Fields are resized once so that their median cell is at most `STORED` px across: crops are cheap to cut from them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from skimage.transform import resize

from napari_cellvino.training.data.datasets import LabelledImage, read_packed_set
from napari_cellvino.training.metrics.evaluate import LabelledSet

STORED = 40.0  # px: median diameter of the cells of a stored field
EVERY_FRAMES = 4  # of a film, one in so many frames
CHANNELS = {"bacteria": ("", "_fluorescence"), "yeast": ("", "_fluorescence"), "cellpainting": ("", "", None)}
VALIDATED = ("usiigaci_phase", "bacteria", "dsb2018")
FEW = 5  # fields of a large set that are enough to choose defaults on


def validation_sets(data: Path) -> list[LabelledSet]:
    """Return the validation fields of sets that have some, a few of each; nobody tells the model a diameter."""
    sets = []
    for folder in VALIDATED:
        fields = [one for f in read_packed_set(data / folder, "val") for one in one_per_channel(f, folder)]
        sources = dict.fromkeys(field.source for field in fields)
        for source in sources:
            own = [field for field in fields if field.source == source]
            sets.append(LabelledSet(f"{source} val", tuple(own[:: max(1, len(own) // FEW)][:FEW])))
    return sets


def real_fields(data: Path, *, without: Sequence[str] = ()) -> Iterator[LabelledImage]:
    """Yield the training fields of every set that may ship, one image per channel; ``without`` leaves sets out."""
    folders = ("usiigaci_phase", "bacteria", "yeast", "cellpainting", "membrane_cells", "bbbc039", "dsb2018")
    for folder in (f for f in folders if f not in without):
        for field in read_packed_set(data / folder, "train"):
            yield from map(at_stored_size, one_per_channel(field, folder))
    if "usiigaci_phase" not in without:
        for field in list(read_packed_set(data / "t98g_tracks", "dev"))[1::EVERY_FRAMES]:
            yield at_stored_size(field)


def one_per_channel(field: LabelledImage, folder: str) -> Iterator[LabelledImage]:
    """Yield a field once per channel that shows its cells; colour stays one image, under a source of its own."""
    image = field.image
    if folder == "dsb2018":
        stained = image.ndim == 3 or float(np.median(image.astype(np.float32))) > 0.5 * float(np.max(field.grey()))
        yield replace(field, source="dsb2018_stained" if stained else folder)
    elif image.ndim == 3 and folder in CHANNELS:
        for channel, suffix in zip(image, CHANNELS[folder], strict=False):
            if suffix is not None:
                yield replace(field, image=channel, source=folder + suffix)
    else:
        yield field


def at_stored_size(field: LabelledImage) -> LabelledImage:
    """Return a field in grey whose median cell is at most `STORED` px across."""
    labels, grey = field.true_labels(), field.grey()
    areas = np.bincount(labels.reshape(-1).astype(np.intp))[1:]
    areas = areas[areas > 0]
    zoom = min(1.0, STORED / float(np.sqrt(4 / np.pi * np.median(areas)))) if len(areas) else 1.0
    if zoom > 0.8:
        return replace(field, image=grey)
    shape = (round(grey.shape[0] * zoom), round(grey.shape[1] * zoom))
    small = resize(grey.astype(np.float32), shape, order=1, anti_aliasing=True).astype(np.float32)
    return replace(field, image=small, labels=_nearest(labels, shape))


def _nearest(labels: NDArray[np.integer], shape: tuple[int, int]) -> NDArray[np.integer]:
    rows, columns = (((np.arange(n) + 0.5) * m / n).astype(int) for n, m in zip(shape, labels.shape, strict=True))
    return labels[np.ix_(rows, columns)]
