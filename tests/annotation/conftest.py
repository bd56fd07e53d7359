"""Small annotations, and where they came from."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from napari_cellvino.annotation import Annotation, ObjectRecord, Provenance
from napari_cellvino.core.image import Origin
from napari_cellvino.core.recipe import Precision, Recipe
from napari_cellvino.engines.engine import EngineInfo

PROVENANCE = Provenance(
    origin=Origin("a.tif"),
    plane="Channel 1",
    pixels_sha256="0" * 64,
    model="nuclei 0.2.0",
    model_sha256="1" * 64,
    recipe=Recipe(),
    engine=EngineInfo("CPU", Precision.FAST, "bf16", "2026.4"),
)
CLASSES = ("living", "dead")


def annotate(labels, *, score=0.9, **fields) -> Annotation:
    """Return an annotation of a label image as a model leaves it; fields of its records may be given."""
    labels = np.array(labels, np.int32)
    ids = [id_ for id_ in np.unique(labels).tolist() if id_]
    records = [ObjectRecord(id_, score=score, **fields) for id_ in ids]
    return Annotation(labels, records, CLASSES, PROVENANCE, shape=labels.shape)


def boxed(*boxes, shape=(100, 120)) -> Annotation:
    """Return an annotation of boxes as a model leaves it."""
    records = [ObjectRecord(id_, score=0.9, box=box) for id_, box in enumerate(boxes, 1)]
    return Annotation(None, records, CLASSES, PROVENANCE, shape=shape)


def state(annotation):
    """Return all that an annotation holds, to be compared."""
    pixels = b"" if annotation.labels is None else annotation.labels.tobytes()
    return pixels, dict(annotation.records), dict(annotation.deleted)


def check_index(annotation):
    """Assert that the index says what counting all pixels anew says, and that records and pixels agree."""
    fresh = annotate(annotation.labels)
    assert annotation.index.ids() == fresh.index.ids() == sorted(annotation.records)
    for id_ in annotation.records:
        assert annotation.geometry(id_) == fresh.geometry(id_)


@pytest.fixture
def two() -> Annotation:
    """Two squares of 10 x 10 px that touch, and one apart."""
    labels = np.zeros((40, 60), np.int32)
    labels[5:15, 5:15], labels[5:15, 15:25], labels[25:35, 40:50] = 1, 2, 3
    return annotate(labels)


@pytest.fixture
def disc() -> Callable[..., np.ndarray]:
    """A function that returns the mask of a disc."""

    def mask(shape, centre, radius):
        grid = np.ogrid[tuple(slice(n) for n in shape)]
        return sum((axis - c) ** 2 for axis, c in zip(grid, centre, strict=True)) <= radius**2

    return mask
