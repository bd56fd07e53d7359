"""How long 100 fields take to every format, and how much memory: the command itself, watched from outside."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.figure import Figure
from benchmarks.memory import watched
from benchmarks.scenes import SIDE
from napari_cellvino.core.image import Spacing
from napari_cellvino.core.objects import Objects
from napari_cellvino.core.recipe import Recipe
from napari_cellvino.formats.field import boxes_of
from napari_cellvino.formats.registry import FORMATS
from napari_cellvino.io.label_tiff import put_image, write_labels
from napari_cellvino.measure.objects import measure
from napari_cellvino.storage.csv_table import write_table

FIELDS, CELLS = 100, 200
SPACING = Spacing(None, 0.65, 0.65)
GOAL_S = 60
MORE_MEMORY = 1.2  # of 100 fields beside 10: nothing is kept, but the heap of the threads of zarr settles slowly


def measure_exports(fields: int = FIELDS) -> list[Figure]:
    """Return the seconds of ``cellvino export`` to every format, and its peak memory beside that of a tenth."""
    with tempfile.TemporaryDirectory(prefix="cellvino-benchmark-") as name:
        folder = Path(name)
        peaks, seconds = [], 0.0
        for number in (max(fields // 10, 1), fields):
            _write_results(folder / f"results-{number}", number)
            start = time.perf_counter()
            options = ["--to", ",".join(FORMATS), "--out", str(folder / f"out-{number}"), "--all-fields"]
            peak, _ = watched("export", [str(folder / f"results-{number}"), *options])
            seconds = time.perf_counter() - start
            peaks.append(peak)
    goal = GOAL_S * fields / FIELDS
    return [
        Figure(f"{fields} fields of {CELLS} cells to {len(FORMATS)} formats", seconds, "s", goal),
        Figure("peak memory", peaks[1] / 1e9, "GB"),
        Figure("peak memory beside that of a tenth of the fields", peaks[1] / peaks[0], "x", MORE_MEMORY),
    ]


def _write_results(root: Path, fields: int) -> None:
    """Write images of 1024 x 1024 uint16 and results as ``cellvino run`` does, each with its own cells."""
    (root / "images").mkdir(parents=True)
    for number, (pixels, labels) in zip(range(fields), _scenes(), strict=False):
        image, folder = root / "images" / f"f{number}.ome.tif", root / f"f{number}"
        put_image(image, pixels[None], "CYX", SPACING, ("DNA",))
        folder.mkdir()
        write_labels(folder / "labels.tif", labels, SPACING)
        boxes = boxes_of(labels)
        box = np.array(list(boxes.values()), np.int32)
        area = np.bincount(labels.ravel())[1:]
        objects = Objects.found(
            score=np.linspace(0.5, 1, len(box)), box=box, centroid=(box[:, :2] + box[:, 2:] - 1) / 2, area_px=area
        )
        table = measure(labels, objects, pixels[None], ("DNA",), SPACING, ("nucleus",))
        write_table(folder / "objects.csv", table)
        records = [{"id": id_, "class": 0, "score": 0.9, "box": list(box)} for id_, box in boxes.items()]
        origin = {"path": str(image), "position": "", "plate": "", "well": "", "field": ""}
        content = {
            "provenance": {"origin": origin, "recipe": Recipe().model_dump(mode="json"), "model": "made for timing"},
            "classes": ["nucleus"],
            "objects": records,
        }
        (folder / "annotation.json").write_text(json.dumps(content), encoding="utf-8")


def _scenes() -> Iterator[tuple[NDArray[np.uint16], NDArray[np.int32]]]:
    """Yield endless fields: 200 lobed discs of about 30 px near a grid, and noise."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:SIDE, :SIDE]
    while True:
        labels = np.zeros((SIDE, SIDE), np.int32)
        for id_ in range(1, CELLS + 1):
            row, column = divmod(id_ - 1, 15)
            cy, cx = (np.array([row, column]) * 68 + 34 + rng.integers(-14, 15, 2)).tolist()
            near = np.s_[max(cy - 20, 0) : cy + 20, max(cx - 20, 0) : cx + 20]
            angle = np.arctan2(y[near] - cy, x[near] - cx)
            reach = 15 + 2 * np.cos(rng.integers(2, 6) * angle + rng.uniform(0, 6))
            labels[near][np.hypot(y[near] - cy, x[near] - cx) < reach] = id_
        noise = rng.normal(300, 30, labels.shape) + 1500 * (labels > 0)
        yield noise.clip(0, 65535).astype(np.uint16), labels
