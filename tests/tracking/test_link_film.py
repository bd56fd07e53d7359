import gc
import tracemalloc
from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from napari_cellvino.core.link_options import LinkOptions
from napari_cellvino.core.progress import finish
from napari_cellvino.tracking import choosing
from napari_cellvino.tracking.channels import find_channels
from napari_cellvino.tracking.choosing import choose
from napari_cellvino.tracking.doubts import doubtful_links
from napari_cellvino.tracking.drift import field_drift
from napari_cellvino.tracking.frame_cells import covered_pixels, frame_cells, shared_pixels
from napari_cellvino.tracking.link_film import FilmLinker, LinkedFilm, link_film
from napari_cellvino.tracking.looks import Looks, unlike
from napari_cellvino.tracking.placed_looks import PlacedLooks, joined_looks
from napari_cellvino.tracking.tracks import Node, Tracks
from tests.tracking.film_maker import dividing_film, draw, drifting_film


def linked(film: Sequence[NDArray[np.int32]], **options: float) -> Tracks:
    return finish(link_film(film, LinkOptions(**options))).tracks


def labels_of(tracks: Tracks) -> list[list[int]]:
    return [[node.label for node in nodes] for nodes in tracks.nodes.values()]


def same_labels(tracks: Tracks) -> bool:
    return all(len(set(labels)) == 1 for labels in labels_of(tracks))


def test_cells_that_move_keep_their_tracks() -> None:
    tracks = linked(drifting_film())
    assert len(tracks.nodes) == 9
    assert same_labels(tracks)
    assert tracks.parents == {}


def test_a_field_that_jumps_by_more_than_a_cell_is_followed() -> None:
    film = drifting_film(4, step=(0, 14))
    assert same_labels(linked(film))
    assert field_drift(frame_cells(film[0]), frame_cells(film[1])) == pytest.approx([0, 14], abs=2)


def test_no_shift_is_sought_where_none_could_be_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("skimage.registration.phase_cross_correlation", None)
    one, two = (frame_cells(draw({1: (40, 40 + t, 9), 2: (90, 90, 9)})) for t in (0, 1))
    assert field_drift(one, two).tolist() == [0, 0]


def test_a_division_has_two_daughters_and_the_neighbour_none() -> None:
    tracks = linked(dividing_film())
    mother = next(t for t, nodes in tracks.nodes.items() if nodes[0].label == 2)
    assert {tracks.nodes[d][0] for d in tracks.divisions[mother]} == {Node(3, 3), Node(3, 4)}
    assert list(tracks.divisions) == [mother]
    assert [tracks.generation(t) for t in sorted(tracks.nodes)] == [0, 0, 1, 1]


def test_a_cell_that_is_missed_is_the_same_one_again() -> None:
    film = drifting_film()
    for frame in (2, 3):
        film[frame][film[frame] == 5] = 0
    tracks = linked(film)
    assert len(tracks.nodes) == 9
    assert [n.frame for n in tracks.nodes[tracks.track_of()[Node(0, 5)]]] == [0, 1, 4, 5]
    assert len(linked(film, gap=0).nodes) == 10


def test_a_frame_without_cells_is_bridged() -> None:
    film = drifting_film()
    film[3][:] = 0
    tracks = linked(film)
    assert len(tracks.nodes) == 9
    assert same_labels(tracks)


def test_a_division_on_a_black_frame_has_two_daughters() -> None:
    film = dividing_film()
    film[3][:] = 0
    tracks = linked(film)
    mother = next(t for t, nodes in tracks.nodes.items() if nodes[0].label == 2)
    assert {tracks.nodes[d][0] for d in tracks.divisions[mother]} == {Node(4, 3), Node(4, 4)}
    assert len(tracks.nodes) == 4


def test_a_cell_cut_in_two_for_a_frame_does_not_divide() -> None:
    film = drifting_film()
    y, x = np.nonzero(film[2] == 5)
    half = y > np.median(y)
    film[2][y[half], x[half]] = 20
    tracks = linked(film)
    assert tracks.parents == {}
    assert {len(nodes) for nodes in tracks.nodes.values()} == {6, 1}


@pytest.mark.parametrize("merged", [(3,), (2, 3)])
def test_cells_outlined_as_one_for_a_frame_or_two_part_without_a_division(merged: tuple[int, ...]) -> None:
    film = [draw({1: (60, 60 + t % 2, 9), 2: (60, 79, 9)}) for t in range(6)]
    for frame in merged:
        film[frame][film[frame] == 2] = 1
    tracks = linked(film)
    assert tracks.parents == {}
    assert tracks.track_of()[Node(0, 2)] == tracks.track_of()[Node(5, 2)]
    assert tracks.track_of()[Node(0, 1)] == tracks.track_of()[Node(5, 1)]


def test_films_without_cells_or_with_one_frame_are_films() -> None:
    empty: LinkedFilm = finish(link_film([np.zeros((20, 20), np.int32)] * 3))
    assert empty.tracks.nodes == {}
    assert len(linked(drifting_film(1)).nodes) == 9
    assert finish(link_film([])).tracks.nodes == {}


def test_frames_of_another_size_are_linked() -> None:
    film = drifting_film()
    film[3] = film[3][:150, :155]
    assert same_labels(linked(film))


def test_a_long_film_takes_no_memory_while_it_passes(tmp_path: Path) -> None:
    linker, held, image = FilmLinker(LinkOptions(), folder=tmp_path), [], drifting_film(1)[0]
    for number in range(60):
        linker.add(image)
        if number in (10, 20, 59):
            gc.collect()
            tracemalloc.start()
            held.append(tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()
    assert held[2] - held[1] < 39 * 1500  # bytes for each frame of nine cells; they were 3,000, and are below 250 alone
    assert [len(nodes) for nodes in linker.finish().tracks.nodes.values()] == [60] * 9


def test_volumes_are_linked() -> None:
    film = [np.stack([frame * 0, frame, frame, frame * 0]) for frame in drifting_film(4)]
    tracks = linked(film)
    assert len(tracks.nodes) == 9
    assert same_labels(tracks)


@given(st.integers(0, 10_000), st.sampled_from([choosing.SMALL, 0]))
def test_the_choice_is_the_best_there_is(seed: int, small: int) -> None:
    rng = np.random.default_rng(seed)
    before = rng.integers(0, 3, 9)
    one = rng.integers(0, 4, 9)
    two = np.where(rng.random(9) < 0.3, (one + 1 + rng.integers(0, 3, 9)) % 4, -1)
    gains = np.round(rng.normal(-0.5, 1, 9), 1)  # equal ones among them
    with mock.patch.object(choosing, "SMALL", small):
        taken = choose(before, np.stack([one, two], 1), gains, 3, 4)
    used = [("b", before[n]) for n in taken] + [("a", k) for n in taken for k in (one[n], two[n]) if k >= 0]
    assert len(used) == len(set(used))
    assert gains[taken].sum() == pytest.approx(_best_by_trying(before, one, two, gains))


def test_divisions_that_would_be_chosen_in_half_are_chosen_whole() -> None:
    """Each two of three divisions share a daughter: half of each would gain 1.5, the best whole one 1.1."""
    with mock.patch.object(choosing, "SMALL", 0):
        taken = choose(np.arange(3), np.array([[0, 1], [1, 2], [2, 0]]), np.array([-1.0, -1.1, -1.0]), 3, 3)
    assert taken.tolist() == [1]


def test_px_shared_by_all_are_those_shared_by_each_cell() -> None:
    twice = np.ones((2, 2), int)
    images = [drifting_film(2, (3, 2))[1], np.kron(drifting_film()[0], twice)[:160, :160], draw({1: (80, 75, 60.0)})]
    film = [frame_cells(image) for image in images]
    assert len({cells.step for cells in film}) > 1
    for before, after in product(film, film):
        for moved in ([0, 0], [-7, 4], [31.4, -55], [200, 0]):
            each = shared_pixels(before, after, np.tile(np.array(moved, float), (len(before), 1)))[2]
            assert covered_pixels(before, after, np.array(moved, float)) == each.sum()


def _best_by_trying(
    before: NDArray[np.int64], one: NDArray[np.int64], two: NDArray[np.int64], gains: NDArray[np.float64]
) -> float:
    best = 0.0
    for chosen in range(2 ** len(gains)):
        which = [n for n in range(len(gains)) if chosen >> n & 1]
        later = [k for n in which for k in (one[n], two[n]) if k >= 0]
        if len({before[n] for n in which}) == len(which) and len(set(later)) == len(later):
            best = min(best, float(gains[which].sum()))
    return best


def test_doubtful_links_say_why() -> None:
    film = drifting_film()
    film[2][film[2] == 3] = 0  # missed
    y, x = np.nonzero(film[3] == 5)
    film[3][y[y > y.mean() + 2], x[y > y.mean() + 2]] = 0  # smaller for a frame
    film[4][2:8, 80:86] = 20  # there for a frame
    found: LinkedFilm = finish(link_film(film))
    doubts = doubtful_links(found)
    said = {(row.frame, row.label, row.reason.split(" ")[0]) for row in doubts.itertuples()}
    assert (3, 3, "not") in said
    assert (4, 20, "there") in said
    assert doubts["doubt"].is_monotonic_decreasing
    assert all(cells.thinned.size == 0 and not cells.places for cells in found.frames)  # no pixels are held


def test_a_small_new_cell_beside_a_large_one_is_no_daughter() -> None:
    film = [draw({1: (60, 60, 12)} | ({2: (60, 75, 3 + t % 2)} if t > 2 else {})) for t in range(7)]
    tracks = linked(film)
    assert tracks.parents == {}
    assert sorted(map(len, tracks.nodes.values())) == [4, 7]
    assert "appears inside the field" in doubtful_links(finish(link_film(film)))["reason"].str.cat()


def test_a_cell_that_leaves_over_the_edge_is_one_track_to_its_last_sliver() -> None:
    film = [draw({1: (80, 8 - 3.5 * t, 10), 2: (100, 100, 10)}) for t in range(5)]  # from 299 px to 36
    tracks = linked(film)
    assert sorted(map(len, tracks.nodes.values())) == [5, 5]


def test_a_daughter_that_the_edge_cuts_is_a_daughter() -> None:
    film = [draw({1: (100, 14, 12), 2: (60, 100, 10)}) for _ in range(3)]
    film += [draw({3: (100, 24 + t, 9), 4: (100, 2, 8), 2: (60, 100, 10)}) for t in range(4)]  # 137 px of her are seen
    tracks = linked(film)
    mother = tracks.track_of()[Node(2, 1)]
    assert {tracks.nodes[d][0] for d in tracks.divisions[mother]} == {Node(3, 3), Node(3, 4)}


@pytest.mark.parametrize(
    ("options", "kept"),
    [(LinkOptions(), False), (LinkOptions(intensity=1.0), True), (LinkOptions(features=1.0), True)],
)
def test_looks_tell_cells_apart_where_they_are_asked_for(options: LinkOptions, kept: bool) -> None:
    still = {3: (120, 40, 8), 4: (130, 120, 8), 5: (20, 130, 8)}
    film = [draw({1: (60, 40, 8), 2: (60, 65, 8)} | still)]
    film.append(draw({1: (60, 54, 8), 2: (60, 41, 8)} | still))  # one jumps over the other
    seen = Looks(np.array([10.0, 90.0, 50.0, 60.0, 30.0]), np.random.default_rng(1).normal(size=(5, 20)))
    linker = FilmLinker(options, keep=True)
    for frame in film:
        linker.add_cells(replace(frame_cells(frame), looks=seen))
    assert same_labels(linker.finish().tracks) == kept
    assert not same_labels(linker.relinked(LinkOptions()).tracks)  # of what is kept, any weight is tried
    assert same_labels(linker.relinked(LinkOptions(intensity=1.0)).tracks)


def test_how_unlike_cells_look() -> None:
    turned = np.zeros((6, 3))
    turned[:, 0], turned[:, 1] = [1, -1, 0, 0, 2, -2], [0, 0, 1, -1, 0, 0]
    before, after = Looks(np.arange(6.0), turned), Looks(np.array([0, 5, 2, 3, 4, np.nan]), turned)
    laters = np.array([[0, -1], [1, -1], [2, -1], [4, 1], [5, -1]])
    found = unlike(before, after, np.array([0, 0, 0, 4, 0]), laters, np.array([1, 1, 1, 1, 3, 1]))
    low, high = np.percentile(np.arange(6.0), (16, 84))
    mixed = (4 * 3 + 5) / 4  # of daughters by their sizes
    intensity = [0, 2, 2 / ((high - low) / 2), abs(mixed - 4) / ((high - low) / 2)]
    np.testing.assert_allclose(found[0], [*intensity, np.median(intensity)])  # of what is not known, what is usual
    np.testing.assert_allclose(found[1], [0, 2, 1, 0, 2], atol=1e-12)
    assert not unlike(None, after, np.array([0]), laters[:1], np.ones(6, np.int64)).any()


def test_looks_are_found_again_by_place() -> None:
    kept = PlacedLooks(np.array([[60.0, 40.0], [120.0, 40.0]]), Looks(np.array([10.0, 20.0])))
    cells = frame_cells(draw({7: (120, 41, 8), 8: (60, 40, 8), 9: (60, 90, 8)}))  # other labels, and one that is new
    np.testing.assert_array_equal(kept.of(cells).intensities, [20.0, 10.0, np.nan])
    assert kept.of(cells).features is None
    both = joined_looks([kept, PlacedLooks(np.array([[60.0, 90.0]]), Looks(np.array([30.0])))])
    assert both is not None
    np.testing.assert_array_equal(both.of(cells).intensities, [20.0, 10.0, 30.0])


def test_cells_that_may_have_changed_places_are_told() -> None:
    film = [draw({1: (60, 60, 8), 2: (60, 78, 8), 3: (120, 40, 8)}) for _ in range(4)]
    film[2:] = [draw({1: (52, 69, 8), 2: (69, 69, 8), 3: (120, 40, 8)}) for _ in range(2)]  # above and below, by turns
    doubts = doubtful_links(finish(link_film(film)))
    (swap,) = [row for row in doubts.itertuples() if "changed places" in row.reason]
    assert (swap.frame, swap.track in (1, 2)) == (2, True)
    assert swap.doubt >= 0.8


def test_a_fast_cell_goes_on_as_it_moved_past_another() -> None:
    film = [draw({1: (60, 12 + 13 * t, 8), 2: (80, 132 - 13 * t, 8)}) for t in range(10)]
    assert same_labels(linked(film))


def mother_machine(frames: int) -> tuple[list[NDArray[np.int32]], dict[int, int]]:
    """Return rods in six channels that grow by a fifth a frame, divide and are pushed out, and the mothers of all."""
    rng = np.random.default_rng(4)
    rows = [[(10 * row + k, float(rng.uniform(14, 26))) for k in range(1, 7)] for row in range(6)]
    free, mothers, film = 100, {}, []
    for _ in range(frames):
        image = np.zeros((170, 210), np.int32)
        for row, cells in enumerate(rows):
            y = 10.0
            for label, length in cells:
                image[int(y) : int(y + length) - 1, 20 + 30 * row : 28 + 30 * row] = label
                y += length
        film.append(image)
        for row, cells in enumerate(rows):
            grown: list[tuple[int, float]] = []
            for label, length in ((label, length * rng.uniform(1.15, 1.25)) for label, length in cells):
                if length > 30:
                    mothers |= {free: label, free + 1: label}
                    grown, free = [*grown, (free, length / 2), (free + 1, length / 2)], free + 2
                else:
                    grown.append((label, length))
            ends = np.cumsum([length for _, length in grown])
            rows[row] = [cell for cell, end in zip(grown, ends, strict=True) if end < 150]
    return film, mothers


def test_cells_in_channels_are_followed_though_one_in_twenty_is_not_found() -> None:
    film, mothers = mother_machine(8)
    assert field_drift(frame_cells(film[0]), frame_cells(film[3])).tolist() == [0, 0]  # growth is none
    rng = np.random.default_rng(0)
    for frame in film:
        for label in np.unique(frame[frame > 0]).tolist():
            if rng.random() < 0.05:
                frame[frame == label] = 0
    tracks = linked(film)
    wrong = [set(labels) for labels in labels_of(tracks) if len(set(labels)) > 1]
    assert len(wrong) <= 2  # 21 where order alone is looked at
    of = {track: nodes[0].label for track, nodes in tracks.nodes.items()}
    divided = [(of[d], tracks.nodes[m][-1].label) for d, m in tracks.parents.items()]
    assert sum(mothers.get(d) == m for d, m in divided) >= 0.9 * len(divided)


def test_cells_in_channels_that_are_only_marked_are_followed_by_how_far_they_lie_apart() -> None:
    film, mothers = mother_machine(8)
    marks = []
    for frame in film:
        cells, image = frame_cells(frame), np.zeros_like(frame)
        for label, (y, x) in zip(cells.labels.tolist(), np.rint(cells.centroids).astype(int).tolist(), strict=True):
            image[y - 2 : y + 3, x - 2 : x + 3] = label
        marks.append(image)
    assert frame_cells(marks[0]).are_marks
    assert not frame_cells(film[0]).are_marks
    tracks = linked(marks)
    assert len([labels for labels in labels_of(tracks) if len(set(labels)) > 1]) <= 1  # 26 where all are alike in size
    of = {track: nodes[0].label for track, nodes in tracks.nodes.items()}
    divided = [(of[d], tracks.nodes[m][-1].label) for d, m in tracks.parents.items()]
    assert len(divided) > 20
    assert sum(mothers.get(d) == m for d, m in divided) >= 0.9 * len(divided)


def test_a_lattice_of_cells_is_no_mother_machine() -> None:
    y, x = np.mgrid[:410, :410]
    film = []
    for step in (0, 2):
        inside = ((y - step) % 10 - 5) ** 2 + (x % 10 - 5) ** 2 <= 9
        film.append(np.where(inside & (y >= step), (y - step) // 10 * 41 + x // 10 + 1, 0).astype(np.int32))
    assert find_channels(frame_cells(film[0])) is None  # rows of 41, either way
    tracks = linked(film)
    assert len(tracks.nodes) == 41 * 41
    assert same_labels(tracks)


def test_rods_side_by_side_are_followed_though_the_stage_moves() -> None:
    film = [np.zeros((190, 160), np.int32) for _ in range(3)]
    for t, image in enumerate(film):
        for n in range(16):
            y, x = 10 + (72 + 3 * t) * (n // 8) + 14 * (n % 3), int(16 + (12 + t) * (n % 8) + 3.5 * t)
            image[y : y + 40 + 2 * t, x : x + 10] = n + 1
    assert field_drift(frame_cells(film[0]), frame_cells(film[1])) == pytest.approx([2.5, 7], abs=1.5)
    assert same_labels(linked(film))


@pytest.mark.parametrize(("frame", "label"), [(2, 2), (3, 4)])
def test_a_division_is_told_though_mother_or_daughter_were_not_found(frame: int, label: int) -> None:
    film = dividing_film()
    film[frame][film[frame] == label] = 0
    tracks = linked(film)
    (daughters,) = tracks.divisions.values()
    assert {tracks.nodes[d][0].label for d in daughters} == {3, 4}
    assert len(tracks.nodes) == 4


@pytest.mark.parametrize("alone", [False, True])
def test_channels_of_which_none_is_in_the_next_frame_end(alone: bool) -> None:
    film = np.zeros((2, 100, 240), np.int32)
    for number, (x, y) in enumerate([(x, y) for x in (20, 40) for y in (10, 30, 50, 70)], 1):
        film[0, y : y + 16, x : x + 6] = number
        film[1, y : y + 16, x + 140 : x + 146] = number
    if alone:  # one cell in a channel that is in both
        film[0, 10:26, 160:166] = 9
    lives = labels_of(linked(list(film)))
    assert sum(len(life) > 1 for life in lives) <= alone  # none of the cells is there twice, but for the one
    assert sum(map(len, lives)) == 16 + alone
