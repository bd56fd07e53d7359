"""How long a pass over many finished fields takes, and going on with a run that finished them all."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from benchmarks.figure import Figure
from napari_cellvino.core.image import Origin
from napari_cellvino.results.index import INDEX_NAME
from napari_cellvino.results.schema import WRITTEN, ResultKey
from napari_cellvino.results.store import ResultStore

FIELDS, CELLS = 10_000, 50
SETTLED_S = 3.0  # the index remembers what was not changed a moment ago
GOAL_PASS_S, GOAL_RUN_S = 2.0, 8.0


def measure_results(fields: int = FIELDS) -> list[Figure]:
    """Return the seconds that the processor takes for passes over small results, with and without an index."""
    with tempfile.TemporaryDirectory(prefix="cellvino-benchmark-") as name:
        root = Path(name)
        for number in range(fields):
            write_result(root, number)
        time.sleep(SETTLED_S)
        first = _seconds(lambda: ResultStore(root).rows())
        size = (root / INDEX_NAME).stat().st_size
        again = _seconds(lambda: ResultStore(root).rows())
        store = ResultStore(root)
        store.rows()
        same = _seconds(store.rows)
        kept = _seconds(lambda: _go_on(root, fields))
        counts = _seconds(lambda: ResultStore(root).write_counts([]))
    return [
        Figure(f"pass over {fields:,} fields, read for the first time", first, "s CPU"),
        Figure("pass once more, by another command", again, "s CPU", GOAL_PASS_S),
        Figure("pass once more, in the same run", same, "s CPU", GOAL_PASS_S),
        Figure("going on with the run: every field is kept", kept, "s CPU", GOAL_RUN_S),
        Figure("counts.csv written", counts, "s CPU"),
        Figure("index", size / 1e6, "MB"),
    ]


def _go_on(root: Path, fields: int) -> None:
    """Do what a run does of fields that are finished: find their folders, look whether they are whole, read rows."""
    store, taken = ResultStore(root), set[Path]()
    store.begin_run()
    for number in range(fields):
        folder = store.choose_folder(origin_of(number), taken)
        taken.add(folder)
        if not store.is_finished(folder, key_of(number)):
            raise AssertionError(f"{folder} is not finished")
        store.row(folder)


def _seconds(work: Callable[[], object]) -> float:
    start = time.process_time()  # not of the clock: others may use the machine
    work()
    return time.process_time() - start


def origin_of(number: int) -> Origin:
    """Return an image of that number, which is not there."""
    return Origin(f"/images/field {number:05d}.tif")


def key_of(number: int) -> ResultKey:
    """Return the key of its result."""
    return ResultKey(origin_of(number).path, "", 0, 0, "recipe")


def write_result(root: Path, number: int, cells: int = CELLS) -> None:
    """Write a result of small cells; of labels, table and picture only that they are there."""
    origin = origin_of(number)
    folder = root / origin.name
    folder.mkdir()
    for name in WRITTEN:
        (folder / name).touch()
    objects = [
        {"id": n, "class": 0, "score": 0.9, "box": [n, n, n + 9, n + 9], "origin": "model", "review": "unseen"}
        for n in range(1, cells + 1)
    ]
    counts = {"count": cells, "rejected": 0, "excluded": 0, "median_area_px": 64.0, "mean_score": 0.9}
    content = {
        "format": 3, "result_key": key_of(number).as_dict(), "counts": counts, "provenance": {"origin": asdict(origin)},
        "classes": ["nucleus"], "outlines": True, "shape": [512, 512], "objects": objects,
    }  # fmt: skip
    (folder / "annotation.json").write_text(json.dumps(content, indent=1), encoding="utf-8")
