"""A folder of frames is tracked as it grows: ids stay, half-written frames wait, late ones find their place."""

from __future__ import annotations

import threading
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile

from napari_cellvino.cli import main
from napari_cellvino.core.errors import ImageReadError
from napari_cellvino.service.follow_film import WAITING, FrameList, Patience, follow_film
from napari_cellvino.service.rules import InputKind, Rule, RuleBook
from napari_cellvino.service.watch_events import JobEnded
from napari_cellvino.storage.ledger import JobState
from napari_cellvino.tracking.lasting_ids import keep_ids
from napari_cellvino.tracking.tracks import Node, Tracks
from napari_cellvino.workflows.film import Film
from napari_cellvino.workflows.film_labels import FilmLabels, open_labels
from napari_cellvino.workflows.growing_film import GrowingTracks
from napari_cellvino.workflows.track_film import TrackRequest
from tests.tracking.film_maker import dividing_film


@pytest.fixture
def frames(tmp_path: Path) -> list[bytes]:
    """The files of a film of seven frames, and the label images of all of them."""
    for name in ("masks", "film", "whole"):
        (tmp_path / name).mkdir()
    files = []
    for number, labels in enumerate(dividing_film()):
        tifffile.imwrite(tmp_path / "masks" / f"t{number}.tif", labels.astype(np.uint16))
        tifffile.imwrite(tmp_path / "whole" / f"t{number}.tif", (100 + 50 * (labels > 0) + number).astype(np.uint16))
        files.append((tmp_path / "whole" / f"t{number}.tif").read_bytes())
    return files


def ids_of(folder: Path) -> dict[tuple[int, int], int]:
    """The track of each cell by its place in px."""
    table = pd.read_csv(folder / "tracks.csv")
    places = zip(
        table["frame"], table["y_px"].round().astype(int) * 1000 + table["x_px"].round().astype(int), strict=True
    )
    return dict(zip(places, table["track"], strict=True))


def test_frames_are_tracked_as_they_come(tmp_path: Path, frames: list[bytes]) -> None:
    film, out = tmp_path / "film", tmp_path / "out"
    tracks = GrowingTracks(film, partial(open_labels, tmp_path / "masks"), TrackRequest(out=out))
    clock, before = [0.0], {}

    def put(number: int, size: int | None = None) -> None:
        (film / f"t{number}.tif").write_bytes(frames[number][:size])

    def late() -> None:
        tracks.write()
        before.update(ids_of(out / "film"))
        put(2)

    steps = iter([lambda: [put(n) for n in (0, 1, 3)], partial(put, 4, 300), partial(put, 5), partial(put, 4), late])

    def tick() -> float:
        clock[0] += 1.0
        return clock[0]

    for event in follow_film(film, tracks, Patience(0.0, 20.0, 0.001), threading.Event(), tick):
        if event.noun == WAITING:  # all that can be read is done
            next(steps, lambda: None)()
    assert [file.name for file in tracks.files] == [f"t{n}.tif" for n in range(7) if n != 6]
    tracks.close()
    after = ids_of(out / "film")
    assert len(set(after.values())) == 4
    moved = {(frame + (frame > 1), place): track for (frame, place), track in before.items()}  # the third came later
    assert moved == {key: track for key, track in after.items() if key in moved}
    assert set(pd.read_csv(out / "film" / "tracks.csv")["frame"]) == set(range(6))

    (film / "t6.tif").write_bytes(frames[6])  # the next day: what was found stays, and ids too
    asked = []

    def labels_of(film: Film) -> FilmLabels:
        asked.append(film.count)
        return open_labels(tmp_path / "masks", film)

    again = GrowingTracks(film, labels_of, TrackRequest(out=out))
    list(follow_film(film, again, Patience(0.0, 3.0, 0.001), threading.Event(), tick))
    again.close()
    assert asked == [7]
    listed = FrameList(film, 1.0)
    assert (listed.ready(0.0), len(listed.ready(1.0))) == ([], 7)  # all stand still together
    assert {key: track for key, track in ids_of(out / "film").items() if key[0] < 6} == after
    words = f"track {film} --masks {tmp_path / 'masks'} --out {out} --follow 0.1 --settle 0".split()
    assert main(words) == 1  # of other choices
    assert main([*words, "--overwrite"]) == 0
    assert len(pd.read_csv(out / "film" / "frames.csv")) == 7


def test_frames_wait_for_their_label_images(tmp_path: Path, frames: list[bytes]) -> None:
    film, masks, clock = tmp_path / "film", tmp_path / "late", [0.0]
    masks.mkdir()
    for number, frame in enumerate(frames):
        (film / f"t{number}.tif").write_bytes(frame)
    tracks = GrowingTracks(film, partial(open_labels, masks), TrackRequest(out=tmp_path / "out"))

    def tick() -> float:
        clock[0] += 1.0
        return clock[0]

    late = iter(sorted((tmp_path / "masks").iterdir())[:6])
    for event in follow_film(film, tracks, Patience(0.0, 20.0, 0.001), threading.Event(), tick):
        if event.noun == WAITING and (mask := next(late, None)) is not None:
            (masks / mask.name).write_bytes(mask.read_bytes())
    tracks.close()
    table = pd.read_csv(tmp_path / "out" / "film" / "frames.csv")
    assert table["cells"].tolist() == [2, 2, 2, 3, 3, 3]
    assert "left out: t6.tif: it has no label image" in (tmp_path / "out" / "film" / "film.json").read_text()
    tracks = GrowingTracks(film, partial(open_labels, tmp_path), TrackRequest(out=tmp_path / "none"))
    with pytest.raises(ImageReadError, match="no frame of .* can be tracked"):
        list(follow_film(film, tracks, Patience(0.0, 3.0, 0.001), threading.Event(), tick))
    tracks.close()


def test_ids_stay() -> None:
    def held(*nodes: tuple[int, int]) -> tuple[Node, ...]:
        return tuple(Node(*node) for node in nodes)

    known = {Node(0, 1): 5, Node(1, 1): 5, Node(0, 2): 3}
    now = Tracks({1: held((2, 9)), 2: held((0, 1), (1, 1), (2, 1)), 3: held((0, 2))}, {1: 3})
    assert keep_ids(now, known, 8) == Tracks({3: held((0, 2)), 5: now.nodes[2], 8: held((2, 9))}, {8: 3})


def test_a_rule_takes_folders_for_films(make_watch, inbox: Path, crops, run_once) -> None:
    (inbox / "well_1").mkdir()
    for number in range(2):
        tifffile.imwrite(inbox / "well_1" / f"t{number}.tif", crops[0])
    book = RuleBook(rules=(Rule(match=("well_*",), take=InputKind.FILM),))
    (first,) = [event.job for event in run_once(make_watch(book)) if isinstance(event, JobEnded)]
    assert (first.kind, first.state) == ("film", JobState.DONE)
    assert len(pd.read_csv(Path(first.results) / "well_1" / "frames.csv")) == 2
    tifffile.imwrite(inbox / "well_1" / "t2.tif", crops[0])
    (second,) = [event.job for event in run_once(make_watch(book)) if isinstance(event, JobEnded)]
    assert second.state is JobState.DONE
    lineage = pd.read_csv(Path(first.results) / "well_1" / "lineage.csv")
    assert set(lineage["last_frame"]) == {2}
    assert list(run_once(make_watch(book))) == []
    (inbox / "well_2" / "deeper").mkdir(parents=True)  # films at any depth, and not the folders that they are in
    tifffile.imwrite(inbox / "well_2" / "deeper" / "t0.tif", crops[0])
    tifffile.imwrite(inbox / "whole.tif", np.stack([crops[0]] * 2), imagej=True, metadata={"axes": "TYX"})
    book = RuleBook(rules=(Rule(take=InputKind.FILM),))
    watch = make_watch(book)
    ended = [event.job for event in run_once(watch) if isinstance(event, JobEnded)]
    assert {Path(job.source).relative_to(inbox).as_posix() for job in ended} == {"well_2/deeper", "whole.tif"}
    assert {job.state for job in ended} == {JobState.DONE}
    assert len(pd.read_csv(Path(first.results) / "whole" / "frames.csv")) == 2
    tifffile.imwrite(inbox / "whole.tif", crops[0])  # no film
    assert [found.relative for found in watch.folders.list()] == ["well_1", "well_2/deeper"]
    assert "the images beside them are left out" in watch.folders.unreadable[inbox]
