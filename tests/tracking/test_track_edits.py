from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from napari_cellvino.annotation import Annotation, Edit, EditSession
from napari_cellvino.annotation.recovery import resume_session, start_session
from napari_cellvino.core.errors import EditError, UnsureError
from napari_cellvino.core.image import Origin
from napari_cellvino.core.link_options import LinkOptions
from napari_cellvino.core.progress import finish
from napari_cellvino.results.kept_looks import no_looks
from napari_cellvino.tracking.film_annotation import FilmCells, annotate_film
from napari_cellvino.tracking.link_film import link_film
from napari_cellvino.tracking.relinking import Relinker, relink
from napari_cellvino.tracking.track_edits import (
    copy_to_next,
    delete_track,
    divide,
    interpolate,
    link,
    make_gap,
    swap,
    unlink,
)
from napari_cellvino.tracking.track_outlines import merge_from, split_from
from napari_cellvino.tracking.tracks import Tracks
from tests.tracking.film_maker import dividing_film, draw, drifting_film

DEEP = [False]  # whether films are of volumes: of three planes that are alike


@pytest.fixture(params=[False, True], ids=["planes", "volumes"], autouse=True)
def deep(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{__name__}.DEEP", [request.param])


def annotated(film: list[NDArray[np.int32]]) -> Annotation:
    film = [np.stack([frame] * 3) for frame in film] if DEEP[0] else film
    tracks = finish(link_film(film)).tracks
    return annotate_film(film, tracks, len(film), Origin())


def spans(annotation: Annotation) -> dict[int, tuple[int, ...]]:
    """The frames of each track."""
    tracks = FilmCells(annotation).tracks()
    return {track: tuple(node.frame for node in nodes) for track, nodes in tracks.nodes.items()}


def tracks_of(annotation: Annotation) -> Tracks:
    return FilmCells(annotation).tracks()


def test_a_tracked_film_is_an_annotation_whose_ids_are_its_tracks() -> None:
    film = dividing_film()
    annotation = annotated(film)
    linked = finish(link_film(film)).tracks
    held = tracks_of(annotation)
    assert spans(annotation) == {track: tuple(n.frame for n in nodes) for track, nodes in linked.nodes.items()}
    assert held.parents == linked.parents
    assert (annotation.pixels[4] > 0).sum() == (film[4] > 0).sum() * (3 if DEEP[0] else 1)


def test_links_are_cut_and_made_again() -> None:
    annotation = annotated(dividing_film())  # 1 throughout, 2 divides into 3 and 4 in frame 3
    annotation.apply(unlink(annotation, 1, 4))
    assert spans(annotation)[1] == (0, 1, 2, 3)
    assert spans(annotation)[5] == (4, 5, 6)
    annotation.apply(link(annotation, 1, 5, 4))
    assert spans(annotation)[1] == tuple(range(7))
    assert 5 not in annotation.records


def test_a_link_to_a_daughter_takes_the_division_back() -> None:
    annotation = annotated(dividing_film())
    annotation.apply(link(annotation, 2, 3, 3))
    assert tracks_of(annotation).parents == {}
    assert spans(annotation)[2] == tuple(range(7))
    assert set(annotation.records) == {1, 2, 4}


def test_a_link_into_the_middle_of_a_track_takes_its_future_only() -> None:
    annotation = annotated(dividing_film())
    annotation.apply(link(annotation, 2, 1, 2))  # 2 goes on as what 1 was; what 2 was goes on as a track of its own
    assert spans(annotation) == {1: (0, 1), 2: tuple(range(7)), 3: (3, 4, 5, 6), 4: (3, 4, 5, 6), 5: (2,)}
    assert tracks_of(annotation).parents == {3: 5, 4: 5}


def test_a_daughter_that_is_none_leaves_the_other_to_go_on_as_the_mother() -> None:
    annotation = annotated(dividing_film())
    annotation.apply(unlink(annotation, 4, 3))
    assert tracks_of(annotation).parents == {}
    assert spans(annotation) == {1: tuple(range(7)), 2: tuple(range(7)), 4: (3, 4, 5, 6)}


def test_a_division_is_made_of_a_cell_and_a_new_one() -> None:
    annotation = annotated(dividing_film())
    annotation.apply(unlink(annotation, 4, 3))
    edit = divide(annotation, 2, [2, 4], 3)
    assert edit.name == f"Divide #2 into #{annotation.next_id} and #4 in frame 4"  # what goes on is a track of its own
    annotation.apply(edit)
    assert tracks_of(annotation).divisions == {2: (4, 5)}
    assert spans(annotation) == {1: tuple(range(7)), 2: (0, 1, 2), 4: (3, 4, 5, 6), 5: (3, 4, 5, 6)}


def test_tracks_that_changed_places_change_back() -> None:
    annotation = annotated(drifting_film())
    before = annotation.pixels.copy()
    annotation.apply(swap(annotation, 1, 2, 3))
    assert (annotation.pixels[3:][before[3:] == 1] == 2).all()
    assert (annotation.pixels[:3] == before[:3]).all()
    annotation.apply(swap(annotation, 1, 2, 3))
    np.testing.assert_array_equal(annotation.pixels, before)


def test_a_swap_takes_the_daughters_along() -> None:
    annotation = annotated(dividing_film())
    annotation.apply(swap(annotation, 1, 2, 2))
    assert tracks_of(annotation).divisions == {1: (3, 4)}


def test_gaps_are_made_filled_and_copied_into() -> None:
    annotation = annotated(drifting_film())
    annotation.apply(make_gap(annotation, 5, 2))
    assert spans(annotation)[5] == (0, 1, 3, 4, 5)
    assert spans(annotation)[10] == (2,)
    annotation.apply(delete_track(annotation, 10))
    annotation.apply(interpolate(annotation, 5))
    assert spans(annotation)[5] == tuple(range(6))
    drawn = annotation.pixels[2] == 5
    assert drawn.sum() == pytest.approx((drifting_film()[2] == 5).sum() * (3 if DEEP[0] else 1), rel=0.1)
    annotation.apply(unlink(annotation, 5, 4))
    annotation.apply(delete_track(annotation, 11))
    annotation.apply(copy_to_next(annotation, 5, 3))
    np.testing.assert_array_equal(annotation.pixels[4] == 5, annotation.pixels[3] == 5)


def test_a_deleted_mother_leaves_daughters_without_one() -> None:
    annotation = annotated(dividing_film())
    annotation.apply(delete_track(annotation, 2))
    assert tracks_of(annotation).parents == {}
    assert {record.parent for record in annotation.records.values()} == {0}
    assert list(annotation.deleted) == [2]


def test_a_merge_and_a_split_follow_through_later_frames() -> None:
    film = [draw({1: (80, 70.0, 9), 2: (80, 86.0, 9)}) for _ in range(5)]
    film[4] = draw({1: (80, 70.0, 9), 2: (80, 96.0, 9)})
    annotation = annotate_film(film, finish(link_film(film)).tracks, 5, Origin())
    annotation.apply(merge_from(annotation, [1, 2], 1, through=True))
    assert sorted(map(len, spans(annotation).values())) == [2, 5]
    both = max(spans(annotation), key=lambda track: len(spans(annotation)[track]))
    annotation.apply(split_from(annotation, both, 1, through=True))
    assert sorted(spans(annotation).values()) == [(0, 1, 2, 3, 4), (0, 4), (1, 2, 3)]
    with pytest.raises(EditError, match="not one clear waist"):
        split_from(annotation, both, 1)


IMPOSSIBLE: list[tuple[Callable[[Annotation], Edit], str]] = [
    (lambda a: link(a, 1, 1, 3), "one track already"),
    (lambda a: link(a, 3, 1, 2), "begins in frame 4"),
    (lambda a: link(a, 1, 3, 2), "not in frame 3"),
    (lambda a: unlink(a, 1, 0), "no link to cut"),
    (lambda a: swap(a, 1, 3, 3), "before and after"),
    (lambda a: divide(a, 2, [3], 3), "two daughters"),
    (lambda a: copy_to_next(a, 1, 6), "last one"),
    (lambda a: copy_to_next(a, 1, 2), "already"),
    (lambda a: interpolate(a, 1), "no gap to fill"),
    (lambda a: merge_from(a, [1], 2), "two cells or more"),
    (lambda a: delete_track(a, 9), "no cell #9"),
]


@pytest.mark.parametrize(("edit", "said"), IMPOSSIBLE)
def test_what_cannot_be_says_why(edit: Callable[[Annotation], Edit], said: str) -> None:
    with pytest.raises(EditError, match=said):
        edit(annotated(dividing_film()))


def test_cells_that_do_not_touch_are_merged_when_asked_again() -> None:
    annotation = annotated(dividing_film())
    with pytest.raises(UnsureError, match="do not touch"):
        merge_from(annotation, [1, 3], 4)
    assert not merge_from(annotation, [1, 3], 4, apart=True).empty


def all_edits(session: EditSession) -> None:
    annotation = session.annotation
    for describe in (
        lambda: divide(annotation, 1, [1, 3], 4),
        lambda: unlink(annotation, 2, 2),
        lambda: make_gap(annotation, 4, 5),
        lambda: swap(annotation, 4, 5, 5),
        lambda: delete_track(annotation, 3),
    ):
        try:
            session.commit(describe())
        except EditError:
            continue


def test_all_is_undone_redone_and_found_again_in_the_journal(tmp_path: Path) -> None:
    annotation = annotated(dividing_film())
    fresh = annotated(dividing_film())
    session = start_session(tmp_path / "film.corrections", annotation)
    before = annotation.fingerprint()
    all_edits(session)
    steps, after = session.unsaved, annotation.fingerprint()
    assert steps >= 4
    for _ in range(steps):
        session.undo()
    assert annotation.fingerprint() == before
    for _ in range(steps):
        session.redo()
    assert annotation.fingerprint() == after
    session.close()
    resumed = resume_session(tmp_path / "film.corrections", fresh)
    assert tracks_of(resumed.session.annotation) == tracks_of(annotation)
    assert resumed.session.annotation.fingerprint() == after
    resumed.session.close()


def test_the_cells_of_frames_follow_edits() -> None:
    annotation = annotated(dividing_film())
    session, cells = EditSession(annotation), FilmCells(annotation)
    session.changed.connect(cells.take)
    session.commit(unlink(annotation, 1, 4))
    session.commit(delete_track(annotation, 3))
    assert cells.tracks() == tracks_of(annotation)


def test_links_are_found_again_without_what_was_corrected() -> None:
    annotation = annotated(dividing_film())
    session = EditSession(annotation)
    session.commit(unlink(annotation, 1, 4))  # both parts are kept
    before = annotation.pixels.copy()
    relinker = finish(Relinker(annotation, 1.5).prepare(no_looks))
    assert not relinker.has_features
    change = session.commit(relink(annotation, relinker.linked(LinkOptions(division=9, features=0.3))))
    assert change.rerun
    assert tracks_of(annotation).parents == {}
    assert tuple(range(7)) in (spans(annotation)[track] for track in (2, 3, 4) if track in annotation.records)
    assert spans(annotation)[1] == (0, 1, 2, 3)
    assert ((before > 0) == (annotation.pixels > 0)).all()
    session.commit(relink(annotation, finish(Relinker(annotation, 1.5).prepare(no_looks)).linked(LinkOptions())))
    assert [len(d) for d in tracks_of(annotation).divisions.values()] == [2]
