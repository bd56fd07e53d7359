"""A made-up image with known faults comes out in the right order, for the right reasons."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from napari_cellvino.annotation import Annotation, EditSession
from napari_cellvino.annotation.tools.delete import delete
from napari_cellvino.annotation.tools.mark import accept, set_class
from napari_cellvino.annotation.tools.outline import grow
from napari_cellvino.core.errors import ImageValueError
from napari_cellvino.core.objects import Doubt
from napari_cellvino.quality.doubts import another_threshold, disagreements
from napari_cellvino.quality.review_queue import review_progress, review_queue, with_reasons
from napari_cellvino.quality.sampling import draw_sample
from tests.annotation.conftest import annotate, boxed


def disc(shape, centre, radius):
    y, x = np.ogrid[: shape[0], : shape[1]]
    return (y - centre[0]) ** 2 + (x - centre[1]) ** 2 <= radius**2


@pytest.fixture
def field():
    """Thirty discs; #1 low score, #2 huge, #3 tiny, #4 a dumbbell, #5 bent, #6 on the edge, #7 blurred."""
    labels = np.zeros((260, 320), np.int32)
    for row in range(5):
        for column in range(6):
            labels[disc(labels.shape, (30 + 50 * row, 30 + 50 * column), 11)] = 6 * row + column + 1
    for id_, shape in (
        (2, disc(labels.shape, (30, 80), 22)),
        (3, disc(labels.shape, (30, 130), 3)),
        (4, disc(labels.shape, (30, 173), 9) | disc(labels.shape, (30, 188), 9)),
        (5, disc(labels.shape, (30, 230), 16) & ~disc(labels.shape, (24, 230), 13)),
        (6, disc(labels.shape, (2, 282), 13)),
    ):
        labels[labels == id_] = 0
        labels[shape] = id_
    foreground_probability = gaussian_filter((labels > 0).astype(float), 0.7)
    blurred = gaussian_filter((labels == 7).astype(float), 6)
    near = disc(labels.shape, (80, 30), 24)
    foreground_probability[near] = blurred[near] / blurred.max()
    annotation = annotate(labels)
    scored = [r if r.id != 1 else type(r)(1, 0, 0.21) for r in annotation.records.values()]
    return Annotation(
        labels, scored, annotation.classes, annotation.provenance, shape=labels.shape
    ), foreground_probability


def test_known_faults_come_first_with_their_reasons(field):
    annotation, foreground_probability = field
    queue = review_queue(annotation, foreground_probability=foreground_probability)
    assert {item.id for item in queue} == set(range(1, 31))
    doubted = {item.id: item for item in queue if item.reasons}
    assert set(doubted) == {1, 2, 3, 4, 5, 6, 7}
    kinds = {id_: [reason.doubt for reason in item.reasons] for id_, item in doubted.items()}
    assert kinds[1] == [Doubt.LOW_SCORE]
    assert kinds[2] == kinds[3] == [Doubt.ODD_SIZE]
    assert Doubt.LOOKS_LIKE_TWO in kinds[4]
    assert Doubt.ODD_SHAPE in kinds[5]
    assert kinds[6] == [Doubt.TOUCHES_EDGE]
    assert kinds[7] == [Doubt.UNSURE_OUTLINE]
    assert doubted[1].text == "low score 0.21"
    assert doubted[2].text.endswith("times the usual size")
    assert doubted[3].text == "8 % of the usual size"
    assert "looks like two" in doubted[4].text
    assert doubted[7].text == "unsure outline"
    assert [item.id for item in queue[7:]] == list(range(8, 31))
    assert queue[6].id == 6, "an edge alone is the weakest reason"
    assert [item.doubt for item in queue] == sorted((item.doubt for item in queue), reverse=True)


def test_another_threshold_tells_what_hangs_on_it(field):
    annotation, _ = field
    other = annotation.labels.copy()
    other[other == 8] = 0
    x = np.indices(other.shape)[1]
    other[(other == 9) & (x > 133)], other[(other == 9) & (x < 127)] = 31, 32
    other[disc(other.shape, (80, 180), 18)] = 10
    said = {item.id: item.text for item in review_queue(annotation, other=other)}
    assert said[8] == "not found when judged more strictly"
    assert said[9] == "3 cells when judged more strictly"
    assert said[10] == "another outline when judged more strictly"
    assert said[11] == ""


def test_reasons_that_come_later_put_the_queue_in_order_again(field):
    annotation, foreground_probability = field
    other = np.where(annotation.labels == 8, 0, annotation.labels).astype(np.int32)
    first = review_queue(annotation, foreground_probability=foreground_probability)
    later = with_reasons(
        first, [*disagreements(annotation.objects, annotation.labels, other), (99, first[0].reasons[0])]
    )
    assert later == review_queue(annotation, foreground_probability=foreground_probability, other=other)
    assert later != first


def test_another_threshold_is_stricter_and_in_range():
    values = {"confidence": 0.75, "smallest": 19.0, "outline": 0.95, "split": 1.0, "overlap": 0.3}
    stricter = {"confidence": pytest.approx(0.85), "smallest": 19.0, "outline": 0.95, "split": 1.0, "overlap": 0.3}
    assert another_threshold(values) == stricter


def test_progress_counts_what_was_reviewed_and_leaves_out_what_gates_do(field):
    annotation, _ = field
    session = EditSession(annotation)
    session.commit(accept(annotation, [1]))
    session.commit(grow(annotation, 3))
    session.commit(delete(annotation, [2]))
    session.commit(set_class(annotation, [4], 1))
    assert str(review_progress(annotation)) == "3 of 29 reviewed, 2 edited"
    gated = annotation.with_records([replace(annotation.records[id_], excluded=True) for id_ in (1, 5, 6)])
    assert str(review_progress(gated)) == "3 of 27 reviewed, 2 edited, 2 left out by gates"  # 1 was reviewed
    assert {5, 6}.isdisjoint(draw_sample(gated, 500, seed=1).ids)
    assert 1 in draw_sample(gated, 500, seed=1).ids


def test_breaks_along_z_name_the_other_half():
    labels = np.zeros((12, 40, 90), np.int32)
    for plane in range(12):
        labels[plane][disc((40, 90), (20, 15), 8)] = 1 if plane < 6 else 2
        labels[plane][disc((40, 90), (20, 45), 8)] = 3 if plane != 5 else 0
        labels[plane][disc((40, 90), (20, 75), 8)] = 4 if plane < 4 else 5 if plane > 4 else 0
    said = {item.id: item.text for item in review_queue(annotate(labels))}
    assert said == {
        1: "broken along z: goes on as #2",
        2: "broken along z: began as #1",
        3: "broken along z: a plane is missing",
        4: "broken along z: goes on as #5",
        5: "broken along z: began as #4",
    }


def test_boxes_have_a_queue_and_nothing_has_an_empty_one():
    annotation = boxed((0, 0, 10, 10), *((30 + 12 * n, 30, 40 + 12 * n, 40) for n in range(4)))
    assert [item.text for item in review_queue(annotation)] == ["touches the edge", "", "", "", ""]
    assert review_queue(annotate(np.zeros((4, 4)))) == ()
    empty = np.zeros((4, 4), np.int32)
    assert review_queue(annotate(empty), foreground_probability=empty.astype(float), other=empty) == ()


def test_maps_that_do_not_fit_are_said(field):
    with pytest.raises(ImageValueError, match="a map of shape"):
        review_queue(field[0], foreground_probability=np.zeros((3, 3)))
    with pytest.raises(ImageValueError, match="shape"):
        review_queue(field[0], other=np.zeros((3, 3), np.int32))
