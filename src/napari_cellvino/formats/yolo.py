"""YOLO folders for detection and for segmentation: ``images/<split>/``, ``labels/<split>/<field>.txt``, ``data.yaml``.

A line is ``class x y width height`` (``yolo-detect``) or ``class x1 y1 x2 y2 …`` (``yolo-segment``), all as shares of
the image. Outlines run along the edges of pixels; holes and parts are joined to the one polygon that the format has by
ways that are gone twice, so that reading them here gives every pixel back (programs that draw them with OpenCV add half
a pixel all round, and the ways). Lost: ids, scores, review states, scale; a z-stack becomes one image per plane; pixels
become 8 bits, stretched, since the trainers read no others; ``yolo-detect`` keeps boxes only.

References
----------
https://docs.ultralytics.com/datasets/segment
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import yaml
from numpy.typing import NDArray

from napari_cellvino.core.errors import ImageReadError
from napari_cellvino.formats.areas import Area, SkippedShapes, box_of, cells_of_areas, imported_cell, points_of
from napari_cellvino.formats.decoding import decoding
from napari_cellvino.formats.field import Cells, ExportField, planes_of
from napari_cellvino.formats.label_canvas import check_flat
from napari_cellvino.formats.polygons import single_path
from napari_cellvino.formats.writer import SplitAssignment
from napari_cellvino.formats.yolo_names import DATA_NAME, ClassNames, class_names

BOX = ("x", "y", "width", "height")
MOST_SHARE = 1.5  # of the image: predictions reach a little beyond it
WITHIN = 0.005  # of the image, that key points may lie out of their box
FEWEST = 3  # lines that tell key points without visibility from polygons
FAR, MOSTLY = 2.0, 0.75  # times as far as all others lies a corner that is none, in most lines
Line = tuple[str, Iterable[float]]  # class, and shares of the image


class Yolo:
    """Writes ``yolo-detect``, or with ``outlines`` ``yolo-segment``."""

    def __init__(self, folder: Path, book: SplitAssignment, *, outlines: bool) -> None:
        self._folder, self._book, self._outlines = folder, book, outlines
        self._kinds: dict[str, int] = {}

    def add(self, field: ExportField) -> None:
        """Write a field, or each plane of it.

        Raises
        ------
        ImageValueError
            If outlines are asked for and only boxes are known.
        """
        for kind in field.cells.classes:
            self._kinds.setdefault(kind, len(self._kinds))
        for plane in planes_of(field):
            split = self._book.of(plane)
            for kind in ("images", "labels"):
                (self._folder / kind / split).mkdir(parents=True, exist_ok=True)
            (self._folder / "images" / split / f"{plane.name}.png").write_bytes(plane.png)
            lines = _outlines(plane) if self._outlines else _boxes(plane)
            text = "".join(f"{self._number(kind)} {_numbers(shares)}\n" for kind, shares in lines)
            (self._folder / "labels" / split / f"{plane.name}.txt").write_text(text, encoding="utf-8", newline="\n")

    def finish(self) -> None:
        """Write ``data.yaml`` and the splits; without a field of ``val``, what is validated on is ``train``.

        It names no ``path``: the folder it lies in is taken, wherever that is moved to.
        """
        splits = {split for _, split, _ in self._book.rows}
        val = "images/val" if "val" in splits else "images/train"
        train = "images/train" if "train" in splits else val
        content = {"train": train, "val": val, "names": {n: name for name, n in self._kinds.items()}}
        text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
        (self._folder / DATA_NAME).write_text(text, encoding="utf-8", newline="\n")
        self._book.write(self._folder)

    def _number(self, kind: str) -> int:
        return self._kinds.setdefault(kind, len(self._kinds))


def _boxes(plane: ExportField) -> Iterator[Line]:
    height, width = plane.shape
    for cell in plane.cells.cells:
        y0, x0, y1, x1 = cell.box
        yield cell.kind, ((x0 + x1) / 2 / width, (y0 + y1) / 2 / height, (x1 - x0) / width, (y1 - y0) / height)


def _outlines(plane: ExportField) -> Iterator[Line]:
    plane.cells.outlines(plane.name, "yolo-segment")
    rings = plane.cells.rings
    size = np.array(plane.shape[::-1])
    for cell in plane.cells.cells:
        yield cell.kind, (single_path(rings[cell.id]) / size).ravel().tolist()


def _numbers(shares: Iterable[float]) -> str:
    return " ".join(f"{share:.7g}" for share in shares)


def read_yolo(path: Path, shape: tuple[int, ...], name: str = "") -> Cells:
    """Return the objects in a YOLO label file of an image (Y, X).

    Class names are those of a ``data.yaml`` above, or of a ``classes.txt`` as labelImg writes it, if there is one; a
    number behind a box or a polygon is its confidence, a whole number behind a box the id of its track.

    Raises
    ------
    ImageReadError
        If the file holds anything but numbers, or numbers of pixels or key points.
    ImageValueError
        If the image is no plane, or nothing in the file lies in it.
    """
    check_flat(path, "a YOLO file", shape)
    areas = []
    with decoding(path, "YOLO labels"):
        names = class_names(path)
        rows = [line.split() for line in path.read_text(encoding="utf-8-sig").splitlines() if line.strip()]
        if _are_key_points(rows) or _look_like_key_points(rows):
            raise ImageReadError(
                f"{path} has key points behind its boxes (a pose), which are no cells; save boxes alone"
            )
        for number, row in enumerate(_without_tracks(rows), 1):
            with decoding(path, f"YOLO labels, line {number}"):
                areas.append(_area(number, _class_number(row[0]), np.array(row[1:], np.float64), names, shape))
    left = SkippedShapes(remarks=names.remarks)
    return cells_of_areas(path, areas, shape, tuple(names.names.values()) or (() if areas else ("cell",)), left)


def _without_tracks(rows: list[list[str]]) -> list[list[str]]:
    """Return lines without the numbers of tracks, which trackers write behind a box or behind its confidence.

    ``x y width height confidence track`` has as many numbers as a triangle: it is none where all end in whole numbers.
    """
    tracked = {len(BOX) + 2: _all_whole(rows, len(BOX) + 2, 1), len(BOX) + 1: _all_whole(rows, len(BOX) + 1, 2)}
    return [row[:-1] if tracked.get(len(row) - 1) else row for row in rows]


def _all_whole(rows: list[list[str]], count: int, highest: int) -> bool:
    """Return whether lines of ``count`` numbers behind the class end in whole ones, up to ``highest`` or above it."""
    last = [row[-1] for row in rows if len(row) == count + 1]
    return bool(last) and all(text.isdecimal() for text in last) and max(map(int, last)) >= highest


def _are_key_points(rows: list[list[str]]) -> bool:
    """Return whether all lines are boxes with key points of ``x y visibility`` (0, 1 or 2) behind them."""
    count = {len(row) - 1 - len(BOX) for row in rows}
    if len(count) != 1 or (behind := count.pop()) < 6 or behind % 3:
        return False
    seen = [row[n] for row in rows for n in range(len(BOX) + 3, len(row), 3)]
    return set(seen) <= {"0", "1", "2"} and max(seen) > "0"


def _look_like_key_points(rows: list[list[str]]) -> bool:
    """Return whether most lines are boxes with key points behind them, ``x y`` or ``x y confidence``.

    They read as polygons, of which width and height are a corner that lies far from all others; those lie in the box.
    """
    alike = len(rows) >= FEWEST and len({len(row) for row in rows}) == 1
    behind = len(rows[0]) - 1 - len(BOX) if alike else 0
    try:
        numbers = np.array([row[1:] for row in rows], np.float64) if behind >= 2 else None
    except ValueError:  # told with its line
        return False
    if numbers is None:
        return False
    strides = [stride for stride in (2, 3) for n in (behind, behind - 1) if n >= stride and n % stride == 0]
    return any(_lie_in_boxes(numbers, stride) for stride in strides)


def _lie_in_boxes(numbers: NDArray[np.float64], stride: int) -> bool:
    centre, size = numbers[:, None, :2], numbers[:, 2:4]
    count = (numbers.shape[1] - len(BOX)) // stride
    marks = numbers[:, len(BOX) : len(BOX) + count * stride].reshape(len(numbers), count, stride)[..., :2]
    inside = (np.abs(marks - centre) <= size[:, None] / 2 + WITHIN).all((1, 2))
    others = np.concatenate([centre, marks], axis=1)
    middle = others.mean(1, keepdims=True)
    reach = np.linalg.norm(others - middle, axis=2).max(1)
    away = np.linalg.norm(size - middle[:, 0], axis=1)
    return bool((inside & (away > FAR * reach)).mean() > MOSTLY)


def _class_number(text: str) -> int:
    number = float(text)
    if number != int(number) or number < 0:
        raise ValueError(f"{text} is no class; those are numbered from 0")
    return int(number)


def _area(number: int, kind: int, said: NDArray[np.float64], names: ClassNames, shape: tuple[int, ...]) -> Area:
    """Return the object of a line: a box, or a polygon of three points or more, and perhaps its confidence."""
    size = np.array(shape[::-1], np.float64)
    word, boxed = names.of(kind), len(said) in (4, 5)
    count = 4 if boxed else len(said) - len(said) % 2
    if count < 4 or (not boxed and count < 6):
        raise ValueError(f"{len(said)} numbers are neither a box nor a polygon")
    shares, score = said[:count], float(said[count]) if len(said) > count else 1.0
    if not (np.abs(shares) < MOST_SHARE).all() or not 0 <= score <= 1:
        odd = next((n for n in shares.tolist() if not abs(n) < MOST_SHARE), score)
        raise ValueError(f"{odd:g} is no share of the image; numbers go from 0 to 1, and are not pixels")
    points = _on_lattice(shares.reshape(-1, 2) * size)
    if not boxed:
        return Area(imported_cell(number, word, score=score), (points_of(points),), known=True)
    (x, y), (width, height) = shares.reshape(2, 2) * size
    edges = np.array([x - width / 2, y - height / 2, x + width / 2, y + height / 2])
    x0, y0, x1, y1 = _on_lattice(edges).tolist()
    return Area(imported_cell(number, word, box_of(x0, y0, x1 - x0, y1 - y0), score))


def _on_lattice(
    points: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return points on the edges of pixels where all of them nearly are: the shares are rounded."""
    nearest = np.rint(points)
    return nearest if np.abs(points - nearest).max() < 0.02 else points
