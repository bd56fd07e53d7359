"""Tracks scored by py-ctcmetrics beside those of laptrack and btrack with their defaults, and the time of linking."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import tifffile

from benchmarks.asked import ROOT, Asked
from benchmarks.environment import environment
from benchmarks.figure import Figure, NotMeasuredError
from benchmarks.tracked_films import FILMS, Labels, TrueFilm, damaged, true_film
from napari_cellvino.core.progress import finish
from napari_cellvino.formats.ctc_tracks import ctc_tracks, write_ctc
from napari_cellvino.tracking.link_film import link_film
from napari_cellvino.tracking.tracks import Tracks

REQUIREMENTS = ("py-ctcmetrics==1.3.3", "laptrack==0.17.1", "btrack==0.7.0")
ENVIRONMENT = ROOT / ".cache" / "benchmarks" / "tracking"
CONFIG = ROOT / ".cache" / "benchmarks" / "btrack_cell_config.json"  # btrack's own, where it cannot be downloaded
WORKER = Path(__file__).with_name("tracking_worker.py")
LNK, TRA = 0.97, 0.98
FRAMES, SECONDS = 100, 5.0


def measure_tracking(asked: Asked) -> list[Figure]:
    """Return LNK and TRA with true outlines and with damaged ones, ours and others', and the time of linking.

    Raises
    ------
    NotMeasuredError
        If the films are not there, or the other trackers cannot be installed.
    """
    films = [true_film(asked.data, name) for name in FILMS]
    films += [true_film(asked.data, name, 2) for name in ("yeast", "t98g")]
    with tempfile.TemporaryDirectory(prefix="cellvino-benchmark-") as folder:
        for film in films:
            _write(Path(folder), film, film.labels, "")
            _write(Path(folder), film, damaged(film.labels), ", damaged")
        found = _scores(Path(folder))
    return [*_figures(found), _speed()]


def _write(folder: Path, film: TrueFilm, labels: Labels, said: str) -> None:
    own = folder / f"{film.name}{said}"
    np.savez_compressed(folder / f"{own.name}.npz", masks=np.stack(labels))
    _folder(own / "ours", finish(link_film(labels)).tracks, labels, truth=False)
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
    python = environment(ENVIRONMENT, REQUIREMENTS)
    config = [str(CONFIG)] if CONFIG.is_file() else []
    done = subprocess.run([str(python), str(WORKER), str(folder), *config], capture_output=True, text=True, check=False)
    if done.returncode:
        said = done.stderr.strip().splitlines()
        raise NotMeasuredError(f"the other trackers ended: {said[-1] if said else 'they do not say why'}")
    print(done.stderr, file=sys.stderr, end="")
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


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


def _speed() -> Figure:
    """Return the seconds of 100 frames of 1024 x 1024 with 200 cells that move."""
    rng, radius = np.random.default_rng(0), 12
    places = rng.uniform(0, 1024, (200, 2))
    disc = np.hypot(*np.mgrid[-radius : radius + 1, -radius : radius + 1]) <= radius
    film = []
    for _ in range(FRAMES // 5):
        image = np.zeros((1024 + 2 * radius + 1,) * 2, np.int32)
        for label, (y, x) in enumerate(places.astype(int), 1):
            image[y : y + 2 * radius + 1, x : x + 2 * radius + 1][disc] = label
        film.append(image[radius : radius + 1024, radius : radius + 1024])
        places = np.clip(places + rng.normal(0, 3, places.shape), 0, 1023)
    finish(link_film(film[:2]))
    begin = time.perf_counter()
    finish(link_film(film))
    return Figure("100 frames of 1024 x 1024 with 200 cells linked", 5 * (time.perf_counter() - begin), "s", SECONDS)
