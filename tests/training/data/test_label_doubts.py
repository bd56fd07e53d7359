"""Labels of a training set that are of other images are told, whichever way the training is started."""

import numpy as np
import pytest

from napari_cellvino.training.data.datasets import LabelledImage
from napari_cellvino.training.data.label_doubts import LabelDoubts, doubt_labels

SIDE = 96


def field(name, *, turn=lambda labels: labels, colours=False):
    chance = np.random.default_rng(0)
    y, x = np.mgrid[:SIDE, :SIDE]
    pixels, labels = chance.normal(200, 20, (SIDE, SIDE)), np.zeros((SIDE, SIDE), np.uint16)
    while labels.max() < 12:
        cy, cx = chance.integers(8, SIDE - 8), chance.integers(8, SIDE * 2 // 3)
        inside = np.hypot(y - cy, x - cx) <= 6
        if not labels[inside].any():
            labels[inside], pixels[inside] = labels.max() + 1, 3000
    image = np.stack([pixels] * 3, -1) if colours else pixels
    return LabelledImage(name, "set", image, labels=turn(labels))


def test_labels_that_are_of_other_images_are_told():
    doubts = doubt_labels([field("own"), field("other", turn=lambda a: a[::-1, ::-1]), field("colour", colours=True)])
    (said,) = doubts.sentences
    assert "the outlines in other would lie on" in said
    assert (doubts.fields, doubts.mostly) == (3, False)
    assert doubt_labels([field("boxes")][:0]) == LabelDoubts()


@pytest.mark.parametrize(("doubted", "fields", "mostly"), [(0, 0, False), (1, 2, False), (2, 3, True), (1, 1, True)])
def test_more_than_half_is_most(doubted, fields, mostly):
    assert LabelDoubts(("said",) * doubted, fields).mostly is mostly
