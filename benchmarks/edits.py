"""How long corrections take: tools, undo and redo in a large image or a plane of a large stack; the review queue.

Times are of the processor, in the thread that edits: what else the machine does is left out, and nothing else waits, as
the journal has a thread of its own.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import numpy as np
import psutil
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from benchmarks.figure import Figure, NotMeasuredError
from napari_cellvino.annotation import Annotation, Edit, EditSession, ObjectRecord, Provenance
from napari_cellvino.annotation.recovery import start_session
from napari_cellvino.annotation.tools.add import add_drawn, add_from_map
from napari_cellvino.annotation.tools.brush import brush, erase
from napari_cellvino.annotation.tools.delete import delete
from napari_cellvino.annotation.tools.drawing import draw_polygon, draw_stroke
from napari_cellvino.annotation.tools.mark import accept
from napari_cellvino.annotation.tools.merge import merge
from napari_cellvino.annotation.tools.outline import grow, shrink, smooth
from napari_cellvino.annotation.tools.selection import inside, smaller_than
from napari_cellvino.annotation.tools.split_line import split_by_line
from napari_cellvino.annotation.tools.split_seeds import split_at_waist, split_by_seeds
from napari_cellvino.core.image import Origin
from napari_cellvino.core.recipe import Precision, Recipe
from napari_cellvino.engines.engine import EngineInfo
from napari_cellvino.quality.review_queue import review_queue

SIDE, PLANES, PITCH, RADIUS = 2048, 60, 45, 15
EDIT_MS, QUEUE_MS, STACK_RATIO = 50.0, 500.0, 1.5
STACK_BYTES = 3_000_000_000

Labels = NDArray[np.int32]
Describe = Callable[[Annotation, int, int | None], Edit]


def measure_edits(repeats: int) -> list[Figure]:
    """Return the median milliseconds of each tool, undo and redo with 2,000 objects, and those of the queue."""
    labels = _field()
    flat = _timed(_annotated(labels), repeats, None)
    each = [Figure(f"  {name}", 1000 * statistics.median(taken), "ms") for name, taken in flat.items()]
    slowest = max(each, key=lambda figure: figure.value)
    return [
        Figure(f"slowest step:{slowest.name[1:]}", slowest.value, "ms", EDIT_MS),
        *each,
        Figure("opening the review queue", 1000 * _queue(labels, repeats), "ms", QUEUE_MS),
    ]


def measure_stack_edits(repeats: int) -> list[Figure]:
    """Return how much longer an edit in one plane of a stack takes than the same in a single plane.

    Raises
    ------
    NotMeasuredError
        If the stack does not fit in memory.
    """
    if psutil.virtual_memory().available < STACK_BYTES:
        raise NotMeasuredError(f"the stack takes {STACK_BYTES / 1e9:.0f} GB of memory, which are not free")
    labels = _field()
    single = _annotated(labels)
    stack = _annotated(np.repeat(labels[None], PLANES, axis=0))
    ratios = {name: [] for name in _TOOLS} | {"undo": [], "redo": []}
    for number in range(repeats):  # in turn, so that a busy moment strikes both
        one, many = _timed(single, 1, None, first=number), _timed(stack, 1, PLANES // 2, first=number)
        for name, taken in ratios.items():
            taken.append(many[name][0] / one[name][0])
    each = [Figure(f"  {name}", statistics.median(taken), "x") for name, taken in ratios.items()]
    return [Figure("median over the tools", statistics.median(f.value for f in each), "x", STACK_RATIO), *each]


def _field() -> Labels:
    """Return a (2048, 2048) image of 2,025 cells; every twentieth has a waist."""
    labels = np.zeros((SIDE, SIDE), np.int32)
    chance = Random(1)
    y, x = np.mgrid[-22:23, -22:23]
    count = SIDE // PITCH
    for id_ in range(1, count * count + 1):
        row, column = divmod(id_ - 1, count)
        radius = chance.randint(RADIUS - 3, RADIUS)
        mask = y**2 + x**2 <= radius**2
        if id_ % 20 == 0:
            mask = (y**2 + (x - 10) ** 2 <= 121) | (y**2 + (x + 10) ** 2 <= 121)
        place = labels[PITCH * row : PITCH * row + 45, PITCH * column : PITCH * column + 45]
        place[mask] = id_
    return labels


def _annotated(labels: Labels) -> Annotation:
    records = [ObjectRecord(id_, score=0.9) for id_ in range(1, int(labels.max()) + 1)]
    facts = EngineInfo("CPU", Precision.FAST, "bf16", "")
    provenance = Provenance(Origin("benchmark"), "", "", "", "", Recipe(), facts)
    annotation = Annotation(labels, records, ("cell",), provenance, shape=labels.shape)
    annotation.index.ids()
    return annotation


def _timed(annotation: Annotation, repeats: int, plane: int | None, *, first: int = 0) -> dict[str, list[float]]:
    """Return the seconds of each tool (described and committed, with a journal), and of undo and redo after each."""
    times: dict[str, list[float]] = {name: [] for name in (*_TOOLS, "undo", "redo")}
    with tempfile.TemporaryDirectory() as folder:
        session = start_session(Path(folder) / "a.corrections", annotation)
        for number in range(first, first + repeats):
            for offset, (name, describe) in enumerate(_TOOLS.items()):
                id_ = 20 * ((37 + 11 * number + offset) % 100) + 20
                for step, taken in _steps(session, lambda d=describe, i=id_: d(annotation, i, plane)):
                    times[step or name].append(taken)
        session.close()
    return times


def _steps(session: EditSession, describe: Callable[[], Edit]) -> Iterator[tuple[str, float]]:
    """Yield the seconds of an edit, of its undo, its redo, and leave things as they were."""
    for step, call in (("", lambda: session.commit(describe())), ("undo", session.undo), ("redo", session.redo)):
        start = time.thread_time()
        call()
        yield step, time.thread_time() - start
    session.undo()


def _queue(labels: Labels, repeats: int) -> float:
    """Return the median seconds that the queue takes, with a map and the labels of another threshold."""
    foreground_probability = gaussian_filter((labels > 0).astype(np.float32), 1).astype(np.float16)
    other = np.where(labels % 7 == 0, 0, labels).astype(np.int32)
    annotation = _annotated(labels)
    taken = []
    for _ in range(max(3, repeats // 3)):
        start = time.thread_time()
        review_queue(annotation, foreground_probability=foreground_probability, other=other)
        taken.append(time.thread_time() - start)
    return statistics.median(taken)


def _middle(annotation: Annotation, id_: int) -> tuple[float, float]:
    y, x = annotation.geometry(id_).centroid[-2:]
    return y, x


def _square(annotation: Annotation, id_: int, half: float) -> list[tuple[float, float]]:
    y, x = _middle(annotation, id_)
    return [(y - half, x - half), (y - half, x + half), (y + half, x + half), (y + half, x - half)]


def _click(annotation: Annotation, id_: int, plane: int | None) -> Edit:
    y, x = _middle(annotation, id_)
    return add_from_map(annotation, (y + 20, x + 22), np.ones(annotation.shape[-2:], np.float16), plane=plane)


def _split_line(annotation: Annotation, id_: int, plane: int | None) -> Edit:
    y, x = _middle(annotation, id_)
    return split_by_line(annotation, [(y - 19, x), (y + 19, x)], plane=plane, whole=False)


def _split_seeds(annotation: Annotation, id_: int, plane: int | None) -> Edit:
    y, x = _middle(annotation, id_)
    return split_by_seeds(annotation, [(y, x - 9), (y, x + 9)], plane=plane, whole=False)


def _stroke(annotation: Annotation, id_: int, plane: int | None) -> Edit:
    y, x = _middle(annotation, id_)
    return brush(annotation, id_, draw_stroke(annotation, [(y - 15, x - 20), (y + 15, x)], 6, plane=plane))


def _erase(annotation: Annotation, id_: int, plane: int | None) -> Edit:
    y, x = _middle(annotation, id_)
    return erase(annotation, draw_stroke(annotation, [(y - 9, x - 9), (y, x)], 5, plane=plane))


def _polygon(annotation: Annotation, id_: int, plane: int | None) -> Edit:
    return add_drawn(annotation, draw_polygon(annotation, _square(annotation, id_, 21), plane=plane))


def _lasso(annotation: Annotation, id_: int, plane: int | None) -> Edit:
    return delete(annotation, inside(annotation, _square(annotation, id_, 90), plane=plane).ids, plane=plane)


def _small(annotation: Annotation, _: int, plane: int | None) -> Edit:
    limit = 900 * (1 if plane is None else PLANES)
    return delete(annotation, smaller_than(annotation, limit).ids[:200], plane=plane)


_TOOLS: dict[str, Describe] = {
    "delete": lambda a, i, p: delete(a, [i], plane=p),
    "delete by lasso": _lasso,
    "delete the 200 of a small size": _small,
    "merge": lambda a, i, p: merge(a, [i, i + 1], plane=p, apart=True),
    "split by a line": _split_line,
    "split by seeds": _split_seeds,
    "split at the waist": lambda a, i, p: split_at_waist(a, i, plane=p),
    "add by a click": _click,
    "add by a polygon": _polygon,
    "brush": _stroke,
    "eraser": _erase,
    "grow": lambda a, i, p: grow(a, i, plane=p),
    "shrink": lambda a, i, p: shrink(a, i, plane=p),
    "smooth": lambda a, i, p: smooth(a, i, plane=p),
    "accept": lambda a, i, _: accept(a, [i]),
}
