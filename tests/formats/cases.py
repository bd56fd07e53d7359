"""Fields to export: made label images, and the awkward ones that formats lose cells over."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from napari_cellvino.core.image import Spacing
from napari_cellvino.formats.field import Cell, Cells, ExportField, boxes_of

KINDS = ("living", "dead")
STATES = ("accepted", "edited")


def field_of(labels, name="field", **more) -> ExportField:
    """A field of two uint16 channels with these labels, every cell reviewed, of two classes in turn."""
    labels = np.asarray(labels, np.int32)
    cells = tuple(
        Cell(id_, KINDS[id_ % 2], box, 0.5 + id_ % 4 / 8, STATES[id_ % 2], "split", id_ % 3 == 0, f"note {id_}")
        for id_, box in boxes_of(labels).items()
    )
    pixels = np.random.default_rng(0).integers(0, 4096, (2, *labels.shape)).astype(np.uint16)
    defaults = {"spacing": Spacing(2.0, 0.5, 0.25), "channels": ("DNA", "GFP"), "seen": 1, "group": name}
    measured = {"area_px": tuple(float((labels == cell.id).sum()) for cell in cells)} if len(cells) < 100 else {}
    return ExportField(name, pixels, Cells(labels, cells, KINDS), measurements=measured, **{**defaults, **more})


def boxes_field(name="boxes") -> ExportField:
    """A field of which only boxes are known, overlapping and at the edge."""
    boxes = [(0, 0, 7, 9), (3, 5, 12, 14), (20, 30, 40, 50)]
    cells = tuple(Cell(n, KINDS[n % 2], box, n / 4, "accepted") for n, box in enumerate(boxes, 1))
    return ExportField(name, np.full((1, 40, 50), 7, np.uint8), Cells(None, cells, KINDS))


def ring_with_island():
    labels = np.zeros((15, 17), np.int32)
    labels[1:12, 2:14] = 7
    labels[3:10, 4:12] = 0
    labels[5:8, 6:10] = 7  # a part inside the hole, of the same object
    labels[6, 7] = 3  # another object in a hole of that part
    return labels


def diagonals():
    return np.array([[1, 0, 2, 2], [0, 1, 2, 0], [1, 0, 2, 2], [3, 3, 0, 1], [3, 0, 3, 3], [3, 3, 3, 0]], np.int32)


def touching_at_the_edge():
    labels = np.repeat(np.repeat(np.arange(1, 13).reshape(3, 4), 5, 0), 4, 1)
    labels[0, 0], labels[-1, -1] = 40, 999
    return labels


def single_pixels():
    labels = np.zeros((9, 11), np.int32)
    labels[::2, ::2] = np.arange(1, 31).reshape(5, 6)
    return labels


CASES = {
    "ring with island": ring_with_island,
    "diagonals": diagonals,
    "touching, at the edge": touching_at_the_edge,
    "single pixels": single_pixels,
    "one pixel image": lambda: np.ones((1, 1), np.int32),
    "nothing": lambda: np.zeros((6, 5), np.int32),
}


def many_objects():
    """66,049 objects of one pixel: more than 16 bits count."""
    labels = np.zeros((514, 514), np.int32)
    labels[::2, ::2] = np.arange(1, 257 * 257 + 1).reshape(257, 257)
    return labels


def stack():
    """A z-stack (4, 12, 13): a cell through all planes, one in two, one in a single pixel, a hole in one plane."""
    labels = np.zeros((4, 12, 13), np.int32)
    labels[:, 1:7, 1:7] = 1
    labels[2, 3, 3] = 0
    labels[1:3, 5:12, 7:13] = 5
    labels[3, 11, 0] = 9
    return labels


label_images = arrays(np.int32, array_shapes(min_dims=2, max_dims=2, max_side=9), elements=st.integers(0, 3))
