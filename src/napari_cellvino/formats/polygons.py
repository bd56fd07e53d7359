"""Rings of one object as other programs want them: outer ring with its holes, or one single path."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from napari_cellvino.formats.contours import Points, Ring, signed_area

Polygon = list[Ring]  # outer ring, then its holes


def polygons_of(rings: Sequence[Ring]) -> list[Polygon]:
    """Return the parts of an object, each as its outer ring and the holes in it."""
    areas = [signed_area(ring) for ring in rings] if len(rings) > 1 else [1.0]
    order = sorted(range(len(rings)), key=areas.__getitem__)
    polygons = [[rings[row]] for row in order if areas[row] > 0]
    for hole in (rings[row] for row in order if areas[row] < 0):
        home = next((p for p in polygons[:-1] if _holds(p[0], hole)), polygons[-1])
        home.append(hole)
    return polygons


def _holds(outer: Ring, hole: Ring) -> bool:
    """Return whether the object's pixel beside a hole, on the right of its first step, lies in the outer ring."""
    (x0, y0), (x1, y1) = hole[:2].astype(float)
    length = max(abs(x1 - x0), abs(y1 - y0))
    right = np.array([-(y1 - y0), x1 - x0]) / length / 2
    x, y = np.array([x0, y0]) + np.array([x1 - x0, y1 - y0]) / length / 2 + right
    return _inside(outer, float(x), float(y))


def _inside(ring: Points, x: float, y: float) -> bool:
    """Return whether a point on no edge is inside a ring: a ray from it crosses the ring an odd number of times."""
    (x0, y0), (x1, y1) = ring.T.astype(float), np.roll(ring, -1, axis=0).T.astype(float)
    crosses = (y0 > y) != (y1 > y)
    at = x0[crosses] + (y - y0[crosses]) * (x1 - x0)[crosses] / (y1 - y0)[crosses]
    return bool((at > x).sum() % 2)


def single_path(rings: Sequence[Ring]) -> Ring:
    """Return all rings as one closed path (K, 2), for formats that have one polygon per object.

    From the first corner of the first ring the path goes to each other ring and back along the same lattice lines:
    a way that is gone twice encloses nothing, and no pixel centre lies on it, so that filling gives the same pixels.
    """
    first = rings[0]
    path = [first]
    for ring in rings[1:]:
        bend = np.array([[ring[0, 0], first[0, 1]]], np.int32)
        path += [first[:1], bend, ring, ring[:1], bend]
    return np.concatenate([*path, first[:1]]) if len(rings) > 1 else first
