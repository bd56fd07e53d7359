"""One set of rules: what stands in files is what the queue of a review says."""

from dataclasses import replace

import numpy as np
import pytest

from napari_cellvino.annotation import Annotation
from napari_cellvino.core.errors import ImageValueError
from napari_cellvino.core.objects import Doubt
from napari_cellvino.quality.doubts import find_doubts, find_reasons
from napari_cellvino.quality.review_queue import review_queue
from tests.annotation.conftest import annotate, boxed


def stack():
    """Four cells of a stack: whole, at the first plane, with a plane missing, and two that go on as each other."""
    labels = np.zeros((8, 40, 60), np.int32)
    labels[2:6, 5:15, 5:15] = 1
    labels[0:3, 20:30, 5:15] = 2
    labels[[2, 4, 5], 5:15, 20:30] = 3
    labels[1:4, 20:30, 20:30], labels[4:7, 21:31, 20:30] = 4, 5
    return labels


def test_a_stack_has_the_same_doubts_in_files_and_queue():
    annotation = annotate(stack())
    flags = find_doubts(annotation.objects, annotation.labels, annotation.shape)
    assert [Doubt(flag) for flag in flags.tolist()] == [Doubt.NONE, Doubt.NONE, *[Doubt.BROKEN_ALONG_Z] * 3]
    queue = {item.id: item for item in review_queue(annotation)}
    assert {id_ for id_, item in queue.items() if item.reasons} == {3, 4, 5}


def test_what_only_the_maps_told_is_kept_for_later():
    annotation = boxed((2, 2, 12, 12), (20, 20, 30, 30))
    told = [replace(annotation.records[1], doubts=Doubt.UNSURE_OUTLINE | Doubt.ODD_SIZE), annotation.records[2]]
    again = Annotation(None, told, annotation.classes, annotation.provenance, shape=annotation.shape)
    found = list(find_reasons(again.objects, None, again.shape))
    assert [(id_, reason.doubt) for id_, reason in found] == [(1, Doubt.UNSURE_OUTLINE)]
    assert find_doubts(again.objects, None, again.shape).tolist() == [int(Doubt.UNSURE_OUTLINE), 0]


def test_maps_of_another_size_are_refused():
    annotation = annotate(stack())
    with pytest.raises(ImageValueError, match=r"\(4, 4\)"):
        list(find_reasons(annotation.objects, None, annotation.shape, foreground_probability=np.zeros((4, 4))))
