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
from napari_cellvino.formats.field import IMPORTED, Cell, Cells, ExportField, planes_of
from napari_cellvino.formats.label_canvas import Canvas, check_flat
from napari_cellvino.formats.polygons import single_path
from napari_cellvino.formats.writer import SplitBook

DATA_NAME = "data.yaml"
Line = tuple[str, Iterable[float]]  # class, and shares of the image


class Yolo:
    """Writes ``yolo-detect``, or with ``outlines`` ``yolo-segment``."""

    def __init__(self, folder: Path, book: SplitBook, *, outlines: bool) -> None:
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
        """Write ``data.yaml`` and the splits; without a field of ``val``, what is validated on is ``train``."""
        splits = {split for _, split, _ in self._book.rows}
        val = "images/val" if "val" in splits else "images/train"
        train = "images/train" if "train" in splits else val
        content = {"path": ".", "train": train, "val": val, "names": {n: name for name, n in self._kinds.items()}}
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
    """Return the objects in a YOLO label file of an image (Y, X); class names from a ``data.yaml`` above, if any.

    Raises
    ------
    ImageReadError
        If the file holds anything but numbers.
    ImageValueError
        If the image is no plane.
    """
    check_flat(path, "a YOLO file", shape)
    names, (height, width) = _class_names(path), shape
    try:
        rows = [line.split() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
        parsed = [(int(row[0]), np.array(row[1:], np.float64)) for row in rows]
    except (OSError, ValueError, UnicodeDecodeError) as error:
        raise ImageReadError(f"{path} cannot be read as YOLO labels: {error}") from error
    canvas, boxes = Canvas((height, width)), []
    for id_, (number, shares) in enumerate(parsed, 1):
        kind = names.get(number, f"class {number}")
        if len(shares) == 4:
            boxes.append(_boxed(id_, kind, shares * (width, height, width, height)))
        elif len(shares) >= 6 and len(shares) % 2 == 0:
            points = shares.reshape(-1, 2) * (width, height)
            canvas.rings(Cell(id_, kind, (0, 0, 0, 0), origin=IMPORTED), [_on_lattice(points)])
        else:
            raise ImageReadError(f"{path}, line {id_}: {len(shares)} numbers are neither a box nor a polygon")
    classes = tuple(names.values())
    return Cells(None, tuple(boxes), classes or ("cell",)) if boxes else canvas.cells(classes)


def _on_lattice(
    points: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return points on the edges of pixels where all of them nearly are: the shares are rounded."""
    nearest = np.rint(points)
    return nearest if np.abs(points - nearest).max() < 0.02 else points


def _boxed(id_: int, kind: str, edges: NDArray[np.float64]) -> Cell:
    x, y, width, height = edges
    box = np.array([y - height / 2, x - width / 2, y + height / 2, x + width / 2])
    y0, x0, y1, x1 = _on_lattice(box).tolist()
    return Cell(id_, kind, (y0, x0, y1, x1), origin=IMPORTED)


def _class_names(path: Path) -> dict[int, str]:
    found = next((p / DATA_NAME for p in path.absolute().parents[:3] if (p / DATA_NAME).is_file()), None)
    if found is None:
        return {}
    names = yaml.safe_load(found.read_text(encoding="utf-8")).get("names", {})
    pairs = enumerate(names) if isinstance(names, list) else names.items()
    return {int(number): str(name) for number, name in pairs}
