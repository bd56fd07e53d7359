"""Truth as a reader expects it: every object in one piece, none a crumb, numbered 1..n without gaps."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi

Labels = NDArray[np.uint16]

CRUMB_PX = 30


def one_piece(labels: Labels) -> Labels:
    """Return a copy in which every object keeps only its largest piece (face-connected), in any dimension."""
    kept = np.zeros_like(labels)
    for number, box in enumerate(ndi.find_objects(labels), start=1):
        if box is not None:
            pieces, count = ndi.label(labels[box] == number)
            sizes = np.bincount(pieces.ravel(), minlength=count + 1)[1:]
            kept[box][pieces == sizes.argmax() + 1] = number
    return kept


def renumber(seen: Labels, *others: Labels) -> tuple[Labels, ...]:
    """Return the arrays with one dense numbering; objects of at most 30 px in ``seen``, the 2D truth, are left out.

    Parameters
    ----------
    seen
        2D labels, shape (rows, columns).
    *others
        Labels of the same objects under the same numbers (such as the 3D truth), any shape.
    """
    areas = np.bincount(seen.ravel())
    areas[0] = 0
    for other in others:
        areas[np.setdiff1d(np.arange(areas.size), other)] = 0
    dense = np.zeros(65536, np.uint16)
    numbers = np.flatnonzero(areas > CRUMB_PX)
    dense[numbers] = np.arange(1, numbers.size + 1)
    return tuple(dense[labels] for labels in (seen, *others))
