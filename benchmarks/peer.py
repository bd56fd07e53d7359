"""The shipped nuclei model beside StarDist 2D, which runs in an environment of its own, on the same image in turn."""

from __future__ import annotations

import statistics
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from benchmarks.alternate import seconds
from benchmarks.asked import ROOT, Asked
from benchmarks.environment import environment
from benchmarks.figure import Figure, NotMeasuredError
from benchmarks.scenes import in_memory, nuclei_field
from napari_cellvino.core.progress import finish
from napari_cellvino.engines.openvino import OpenVinoEngine
from napari_cellvino.model_package import find_package
from napari_cellvino.segmentation.heads import check_parameters
from napari_cellvino.segmentation.predict import decode, infer_maps
from napari_cellvino.segmentation.prepare import project

GOAL = 1 / 8
REQUIREMENTS = ("stardist==0.9.2", "tensorflow-cpu==2.21.0")
ENVIRONMENT = ROOT / ".cache" / "benchmarks" / "stardist"
MODEL = "stardist2d"
WORKER = Path(__file__).with_name("stardist_worker.py")


@dataclass(frozen=True, slots=True)
class StarDist:
    """A running worker: a line on ``orders`` asks, a line on ``answers`` answers, ``log`` holds what else it says."""

    orders: IO[str]
    answers: IO[str]
    log: Path

    def answer(self) -> list[str]:
        """Return the words of the next line; `NotMeasuredError` if the worker ended."""
        words = self.answers.readline().split()
        if not words:
            said = self.log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
            raise NotMeasuredError(f"StarDist ended: {said[-1] if said else 'it does not say why'}")
        return words

    def predict(self) -> tuple[float, int]:
        """Return the seconds of one ``predict_instances`` and the number of objects."""
        print(file=self.orders, flush=True)
        seconds, count = self.answer()
        return float(seconds), int(count)


def measure_stardist(asked: Asked) -> list[Figure]:
    """Return the time of a 1024 x 1024 field, network and decoding, as a part of StarDist's.

    Raises
    ------
    NotMeasuredError
        If the trained StarDist is not there, or cannot be installed.
    """
    if not (asked.peer / MODEL / "config.json").is_file():
        raise NotMeasuredError(f"there is no trained StarDist in {asked.peer / MODEL}; name its folder with --peer")
    field = nuclei_field()
    package = find_package("nuclei")
    engine, values = OpenVinoEngine(package, precision=package.automatic_precision), check_parameters(package.spec, {})
    plane = finish(project(in_memory(field)))
    counts = []

    def ours() -> None:
        maps = finish(infer_maps(plane, package.spec, engine, diameter_px=package.spec.diameter_px.reference))
        counts.append(len(decode(maps, package.spec, values).objects))

    with _started(asked.peer / MODEL, field) as stardist:
        pairs = [(seconds(ours), *stardist.predict()) for _ in range(asked.repeats + 2)][2:]  # the first warm up
    own, theirs = (statistics.median(pair[i] for pair in pairs) for i in (0, 1))
    return [
        Figure("ours / StarDist", own / theirs, "x", GOAL),
        Figure("ours, network and decoding", 1000 * own, "ms"),
        Figure("StarDist, predict_instances", 1000 * theirs, "ms"),
        Figure("nuclei, ours", counts[-1]),
        Figure("nuclei, StarDist", pairs[-1][2]),
    ]


@contextmanager
def _started(model: Path, field: NDArray[np.uint16]) -> Iterator[StarDist]:
    """Start the worker, wait until it has loaded, and end it by closing its input."""
    python = environment(ENVIRONMENT, REQUIREMENTS)
    with tempfile.TemporaryDirectory(prefix="cellvino-benchmark-") as folder:
        image, log = Path(folder) / "field.npy", Path(folder) / "log.txt"
        np.save(image, field)
        with (
            log.open("w", encoding="utf-8") as errors,
            subprocess.Popen(
                [python, WORKER, model, image],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                encoding="utf-8",
            ) as child,
        ):
            if child.stdin is None or child.stdout is None:
                raise NotMeasuredError("StarDist's process has no pipes")
            stardist = StarDist(child.stdin, child.stdout, log)
            stardist.answer()
            yield stardist
