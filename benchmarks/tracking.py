"""Tracks scored by py-ctcmetrics beside those of laptrack and btrack with their defaults, and the time of linking."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import tifffile
from numpy.typing import NDArray

from benchmarks.asked import ROOT, Asked
from benchmarks.environment import environment
from benchmarks.figure import Figure, NotMeasuredError
from benchmarks.tracked_films import FILMS, Labels, TrueFilm, damaged, true_film
from napari_cellvino import track
from napari_cellvino.core.link_options import LinkOptions
from napari_cellvino.core.progress import finish
from napari_cellvino.formats.ctc_tracks import ctc_tracks, write_ctc
from napari_cellvino.tracking.link_film import FilmLinker, link_film
from napari_cellvino.tracking.tracks import Tracks

SCORES = ("py-ctcmetrics==1.3.3", "laptrack==0.17.1")
BTRACK = ("btrack==0.6.5",)  # does not go with laptrack
ENVIRONMENTS = ROOT / ".cache" / "benchmarks"
CONFIG = ROOT / ".cache" / "benchmarks" / "btrack_cell_config.json"  # btrack's own, where it cannot be downloaded
WORKER = Path(__file__).with_name("tracking_worker.py")
LNK, TRA = 0.97, 0.98
FEWER = (("mother machine", 2), ("yeast", 5), ("t98g", 5))  # films of which every so many frames are taken
FRAMES, SIZE, CELLS = 100, 1024, 200
SECONDS, SLIDER = 5.0, 1.0  # of the processor


def measure_tracking(asked: Asked) -> list[Figure]:
    """Return LNK and TRA with true outlines, damaged and found ones, ours and others', and the time of linking.

    Raises
    ------
    NotMeasuredError
        If the films are not there, or what scores them cannot be installed.
    """
    films = [true_film(asked.data, name) for name in FILMS]
    films += [true_film(asked.data, name, step) for name, step in FEWER]
    with tempfile.TemporaryDirectory(prefix="cellvino-benchmark-") as folder:
        for film in films:
            _write(Path(folder), film, film.labels, "")
            _write(Path(folder), film, damaged(film.labels), ", damaged")
            if film.name in FILMS:
                _write_found(Path(folder), film)
        found = _scores(Path(folder))
    return [*_figures(found), *_speed()]


def _write(folder: Path, film: TrueFilm, labels: Labels, said: str) -> None:
    own = folder / f"{film.name}{said}"
    _folder(own / "ours", finish(link_film(labels)).tracks, labels, truth=False)
    _beside(own, film, labels)


def _write_found(folder: Path, film: TrueFilm) -> None:
    """Write what ``cellvino track`` makes of a film with ``cells``."""
    frames, own = folder / "frames", folder / f"{film.name}, found"
    frames.mkdir()
    for number, image in enumerate(film.images):
        (frames / f"t{number:03d}.tif").write_bytes(image)
    track(frames, "cells", out=folder / "out")
    own.mkdir()
    (folder / "out" / "frames" / "ctc").rename(own / "ours")
    shutil.rmtree(frames)
    shutil.rmtree(folder / "out")
    masks = [tifffile.imread(path).astype(np.int32) for path in sorted((own / "ours").glob("mask*.tif"))]
    _beside(own, film, masks)


def _beside(own: Path, film: TrueFilm, masks: Labels) -> None:
    """Write the masks that others link too, and the truth."""
    np.savez_compressed(own.with_name(f"{own.name}.npz"), masks=np.stack(masks))
    _folder(own / "truth" / "TRA", film.tracks, film.labels, truth=True)


def _folder(folder: Path, tracks: Tracks, labels: Labels, *, truth: bool) -> None:
    folder.mkdir(parents=True)
    write_ctc(folder, ctc_tracks(tracks), len(labels), lambda n: labels[n])
    if truth:
        for path in sorted(folder.glob("mask*.tif")):
            tifffile.imwrite(path.with_name(f"man_track{path.stem[4:]}.tif"), tifffile.imread(path))
            path.unlink()
        (folder / "res_track.txt").rename(folder / "man_track.txt")


def _scores(folder: Path) -> list[dict[str, object]]:
    config = [str(CONFIG)] if CONFIG.is_file() else []
    both = environment(ENVIRONMENTS / "tracking", SCORES)
    _work(both, folder, "laptrack")
    try:
        _work(environment(ENVIRONMENTS / "btrack", BTRACK), folder, "btrack", *config)
    except NotMeasuredError as error:
        print(error, file=sys.stderr)
    return [json.loads(line) for line in _work(both, folder, "score").splitlines() if line.startswith("{")]


def _work(python: Path, folder: Path, *what: str) -> str:
    done = subprocess.run(
        [str(python), str(WORKER), str(folder), *what], capture_output=True, encoding="utf-8", check=False
    )
    print(done.stderr, file=sys.stderr, end="")
    if done.returncode:
        said = done.stderr.strip().splitlines()
        raise NotMeasuredError(f"{what[0]} ended: {said[-1] if said else 'it does not say why'}")
    return done.stdout


def _figures(found: list[dict[str, object]]) -> list[Figure]:
    figures = []
    for scores in found:
        if "film" not in scores:
            continue
        ours = scores["tracker"] == "ours"
        own = ours and scores["film"] in FILMS
        for metric, least in (("LNK", LNK), ("TRA", TRA)):
            name = f"{scores['film']}: {metric}, {scores['tracker']}"
            value = scores[metric]
            figures.append(
                Figure(name, float("nan") if value is None else float(str(value)), least=least if own else None)
            )
    return figures


def _speed() -> list[Figure]:
    """Return the seconds of processor of 100 frames of 1024 x 1024 with 200 cells, which move freely or in a crowd."""
    figures = []
    for name, film in (("", _moving()), (", side by side", _crowd())):
        _linked(film[:2])
        linker, seconds = _linked(film)
        begin = time.process_time()
        linker.relinked(LinkOptions(division=1.0))
        again = time.process_time() - begin
        figures += [
            Figure(f"100 frames of 1024 x 1024 with 200 cells linked{name}", seconds, "s", SECONDS),
            Figure(f"linked again by a slider{name}", again, "s", SLIDER),
        ]
    return figures


def _linked(film: Labels) -> tuple[FilmLinker, float]:
    linker, begin = FilmLinker(LinkOptions(), keep=True), time.process_time()
    for image in film:
        linker.add(image)
    linker.finish()
    return linker, time.process_time() - begin


def _moving() -> Labels:
    rng = np.random.default_rng(0)
    places, film = rng.uniform(0, SIZE, (CELLS, 2)), []
    for _ in range(FRAMES):
        film.append(_drawn(places, 12))
        places = np.clip(places + rng.normal(0, 3, places.shape), 0, SIZE - 1)
    return film


def _crowd() -> Labels:
    """Return cells of 40 px that touch, keep their direction for a while, and run into each other."""
    rng = np.random.default_rng(0)
    places = rng.uniform(30, SIZE - 30, (CELLS, 2))
    for _ in range(60):
        apart = places[:, None] - places
        far = np.linalg.norm(apart, axis=2) + np.eye(CELLS) * 1e9
        pushed = (apart * (np.clip(44 - far, 0, None) / far)[..., None] / 3).sum(1)
        places = np.clip(places + pushed, 22, SIZE - 22)
    speed, film = rng.normal(0, 2, places.shape), []
    for _ in range(FRAMES):
        speed = 0.7 * speed + rng.normal(0, 2, places.shape)
        places = np.clip(places + speed, 22, SIZE - 22)
        film.append(_drawn(places, 20))
    return film


def _drawn(places: NDArray[np.float64], radius: int) -> NDArray[np.int32]:
    disc = np.hypot(*np.mgrid[-radius : radius + 1, -radius : radius + 1]) <= radius
    image = np.zeros((SIZE + 2 * radius,) * 2, np.int32)
    for label, (y, x) in enumerate(places.astype(int), 1):
        window = image[y : y + 2 * radius + 1, x : x + 2 * radius + 1]
        window[disc & (window == 0)] = label
    return image[radius : radius + SIZE, radius : radius + SIZE]
