"""Outlines and boxes that programs drew, whatever their format, as the cells of an image.

Boxes alone stay boxes. Among outlines a box becomes the rectangle that it is, and that is said. An outline that goes
round others is the region that they were looked for in, and no cell.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_cellvino.core.errors import ImageValueError
from napari_cellvino.formats.contours import Points, is_inside
from napari_cellvino.formats.field import IMPORTED, Box, Cell, Cells
from napari_cellvino.formats.label_canvas import LabelCanvas, check_flat, labelled
from napari_cellvino.formats.label_parts import find_parts, stand_for_many

HALF = 0.5
FARTHEST = 1e8  # px
LARGER = 4  # times the usual area: what may be a region round cells
Pixels = tuple[NDArray[np.intp], NDArray[np.intp]]
CORNER, BY_CHANCE = 0.75, 1e-3  # of a side of the image; how likely objects of a whole image lie in its corner
STEPS = 72  # corners of an ellipse
MOST_OVER, SHARE_OVER = 2.0, 0.1  # px, and share of its side, that a box of a cell at the edge reaches beyond it


@dataclass(frozen=True, slots=True)
class Area:
    """One object: its ``rings`` (K, 2) of x, y in px, none where only the box of its cell is known; its plane ``z``.

    ``known`` says that the file tells what it is, so that nothing is guessed; ``suspect`` that it is a region where it
    goes round a single other one. ``joined`` rings are added up, instead of being holes of each other.
    A format that tells the ``pixels`` (y, x), all within the image, gives those in the place of rings.
    """

    cell: Cell
    rings: tuple[Points, ...] = ()
    z: int = 0
    known: bool = False
    suspect: bool = False
    joined: bool = False
    pixels: Pixels | None = None

    @property
    def outlined(self) -> bool:
        """Whether more than its box is known."""
        return bool(self.rings) or self.pixels is not None

    @property
    def is_degenerate(self) -> bool:
        """Whether no outline of it has three points, or it has no pixel."""
        if self.pixels is not None:
            return not len(self.pixels[0])
        return bool(self.rings) and all(len(ring) < 3 for ring in self.rings)


@dataclass
class SkippedShapes:
    """Counts what is no cell, by the words that say why; ``remarks`` are whole sentences beside that."""

    counts: dict[str, int] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()

    def add(self, why: str, count: int = 1) -> None:
        """Count ``count`` more."""
        if count:
            self.counts[why] = self.counts.get(why, 0) + count

    def notices(self) -> tuple[str, ...]:
        """Return a sentence per reason."""
        return (*self.remarks, *(f"{count} {why}: left out" for why, count in self.counts.items()))


def points_of(raw: ArrayLike) -> NDArray[np.float64]:
    """Return x, y pairs (K, 2), however they are nested.

    Raises
    ------
    ValueError
        If they are no pairs of finite numbers that an image can have.
    """
    numbers = np.asarray(raw, np.float64).ravel()
    if numbers.size % 2:
        raise ValueError(f"an outline has {numbers.size} numbers, and they come in pairs")
    points = numbers.reshape(-1, 2)
    if not (np.abs(points) < FARTHEST).all():
        raise ValueError("an outline has points that no image has (nan, inf, or beyond 100 million px)")
    return points


def is_closed(points: NDArray[np.float64]) -> bool:
    """Return whether a line (K, 2) comes back to where it began, and so goes round something."""
    return len(points) > 3 and bool(np.abs(points[0] - points[-1]).max() < 1)


def box_of(x: float, y: float, width: float, height: float) -> Box:
    """Return the box (y0, x0, y1, x1) at a corner; ValueError where it has no size, or no image holds it."""
    box = (float(y), float(x), float(y) + float(height), float(x) + float(width))
    if not (width > 0 and height > 0 and all(abs(edge) < FARTHEST for edge in box)):
        raise ValueError(f"the box x {x}, y {y}, width {width}, height {height} holds nothing")
    return box


def ellipse(x: float, y: float, rx: float, ry: float, turn: float = 0) -> NDArray[np.float64]:
    """Return the corners of an ellipse round x, y; ``turn`` is in radians, from x towards y."""
    at = np.linspace(0, 2 * np.pi, STEPS, endpoint=False)
    dx, dy = rx * np.cos(at), ry * np.sin(at)
    cos, sin = np.cos(turn), np.sin(turn)
    return points_of(np.stack([x + dx * cos - dy * sin, y + dx * sin + dy * cos], axis=1))


def imported_cell(number: int, kind: str, box: Box = (0, 0, 0, 0), score: float = 1.0) -> Cell:
    """Return a cell of which a file says no more than its class, and perhaps a score."""
    return Cell(number, kind, box, score, origin=IMPORTED)


def cells_of_areas(
    path: Path,
    areas: Sequence[Area],
    shape: tuple[int, ...],
    classes: Sequence[str] = (),
    left_out: SkippedShapes | None = None,
) -> Cells:
    """Return areas as the cells of an image of ``shape``, (Y, X) or (Z, Y, X).

    Raises
    ------
    ImageValueError
        If boxes are to fill a stack, none of the areas lies in the image, or nothing in the file is an area.
    """
    left = left_out or SkippedShapes()
    usable = [area for area in areas if not area.is_degenerate]
    left.add("outline(s) hold nothing", len(areas) - len(usable))
    if not usable and left.counts:
        held = " and ".join(f"{count} {why}" for why, count in left.counts.items())
        raise ImageValueError(f"{path} holds no cell of this image: {held}; outline the cells and save it again")
    left.remarks += (*_in_corner(path, usable, shape), *_boxes_beyond(path, usable, shape))
    if usable and not any(area.outlined for area in usable):
        return _boxes(path, usable, shape, classes, left)
    regions = find_regions(usable)
    left.add("outline(s) go round other cells and are regions, no cells", len(regions))
    cells = [area for row, area in enumerate(usable) if row not in regions]
    canvas = LabelCanvas(shape)
    for area in sorted(cells, key=lambda area: not area.outlined):  # outlines first: they know the cell better
        _draw(canvas, area)
    rectangles = sum(not area.outlined for area in cells)
    words = (f"{rectangles} object(s) have a box and no outline: taken as rectangles",) if rectangles else ()
    drawn = canvas.cells(tuple(classes), (*left.notices(), *words))
    if cells and not drawn.cells:
        raise _beyond(path, len(cells), shape)
    shared = len({area.cell.id for area in cells}) < len(cells)
    ours = any(area.cell.origin != IMPORTED for area in cells) or all(area.known for area in cells)  # of several pieces
    if not ours and (shared or any(len(area.rings) > 1 or area.pixels is not None for area in cells)):
        drawn = _in_pieces(path, drawn)
    doubt = () if all(area.known for area in cells) else _covering(path, drawn)
    return replace(drawn, notices=(*drawn.notices, *doubt))


def _in_pieces(path: Path, drawn: Cells) -> Cells:
    """Return cells with what to say of those in several pieces; a few that are each in many are taken apart."""
    if drawn.labels is None:
        return drawn
    pieces = find_parts(drawn.labels)
    several = int((pieces.apart > 1).sum())
    if stand_for_many(pieces):
        of = {cell.id: cell for cell in drawn.cells}
        parts = [replace(of[value], id=number) for number, value in enumerate(pieces.value.tolist(), 1)]
        word = f"{several} object(s) in {path.name} are {len(parts)} pieces that lie apart: the pieces are the cells"
        return labelled(pieces.labels, parts, drawn.classes, (*drawn.notices, word))
    word = (
        f"{several} of {len(pieces.values)} objects in {path.name} are of pieces that lie apart: each is taken as one "
        "cell; split those that are several"
    )
    return replace(drawn, notices=(*drawn.notices, word)) if several else drawn


def _covering(path: Path, drawn: Cells) -> tuple[str, ...]:
    """Return what to say where one object covers half of the image: regions of interest are outlines, too."""
    if drawn.labels is None or not drawn.cells:
        return ()
    area = np.bincount(drawn.labels.ravel())
    largest = int(np.argmax(area[1:])) + 1
    share = area[largest] / drawn.labels.size
    word = f"the object {largest} covers {share:.0%} of the image in {path.name}: is it a region, and no cell?"
    return (word,) if share > HALF else ()


def _in_corner(path: Path, areas: Sequence[Area], shape: tuple[int, ...]) -> tuple[str, ...]:
    """Return a question where all objects lie in the upper left corner, as those do that are in µm and not in px.

    Were they anywhere in the image, they would all lie in such a corner once in a thousand times.
    """
    if not areas or all(area.known for area in areas):
        return ()
    corners = np.array([_extent(area) for area in areas])
    right, lower = np.clip(corners[:, 2:].max(0) / (shape[-1], shape[-2]), 0, 1).tolist()
    if max(right, lower) > CORNER or (right * lower) ** len(areas) > BY_CHANCE:
        return ()
    return (
        f"all {len(areas)} object(s) in {path.name} lie in the upper left {right:.0%} by {lower:.0%} of the image: are "
        "they in µm and not in px, or of another image? Their areas would be wrong; GeoJSON in µm is read with "
        "--outlines-in um",
    )


def _draw(canvas: LabelCanvas, area: Area) -> None:
    if area.pixels is not None:
        canvas.pixels(area.cell, *area.pixels)
        return
    rings = [ring for ring in area.rings if len(ring) > 2] or [_rectangle(area.cell.box)]
    for part in [[ring] for ring in rings] if area.joined else [rings]:
        canvas.rings(area.cell, part, area.z)


def _rectangle(box: Box) -> NDArray[np.float64]:
    y0, x0, y1, x1 = box
    return np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]])


def _boxes(
    path: Path, areas: Sequence[Area], shape: tuple[int, ...], classes: Sequence[str], left: SkippedShapes
) -> Cells:
    check_flat(path, "a set of boxes", shape)
    height, width = shape
    inside = [
        area.cell
        for area in areas
        if area.cell.box[0] < height and area.cell.box[1] < width and min(area.cell.box[2:]) > 0
    ]
    if not inside:
        raise _beyond(path, len(areas), shape)
    left.add("box(es) lie beyond the image", len(areas) - len(inside))
    once = inside if all(area.known for area in areas) else list({cell.box: cell for cell in reversed(inside)}.values())
    left.add("box(es) are the same as one before", len(inside) - len(once))
    shown = sorted(once, key=lambda cell: cell.id)
    kinds = tuple(dict.fromkeys([*classes, *(cell.kind for cell in shown)]))
    return Cells(None, tuple(shown), kinds, left.notices())


def _boxes_beyond(path: Path, areas: Sequence[Area], shape: tuple[int, ...]) -> tuple[str, ...]:
    """Return a question where boxes reach far out of the image, as corners do that are read as width and height."""
    boxes = np.array([area.cell.box for area in areas if not (area.outlined or area.known)]).reshape(-1, 4)
    low, high = boxes[:, :2], boxes[:, 2:]
    over = np.maximum(-low, high - np.array(shape[-2:]))
    beyond = int(((over > MOST_OVER) & (over > SHARE_OVER * (high - low))).any(1).sum())
    if not beyond:
        return ()
    return (
        f"{beyond} of {len(boxes)} box(es) in {path.name} reach beyond the image: are their numbers two corners, where "
        "a corner (COCO) or the middle (YOLO), width and height are read, or are they of another image?",
    )


def _beyond(path: Path, count: int, shape: tuple[int, ...]) -> ImageValueError:
    return ImageValueError(
        f"none of the {count} object(s) in {path} lies in the image of {tuple(shape)} px; "
        "is it of another image, or in other units than pixels?"
    )


def find_regions(areas: Sequence[Area]) -> set[int]:
    """Return the rows of areas that go round others: round two or more, a ``suspect`` one round one."""
    outlined = [row for row, area in enumerate(areas) if area.outlined]
    if len(outlined) < 2:
        return set()
    corners = np.array([_extent(areas[row]) for row in outlined])
    size = np.prod(corners[:, 2:] - corners[:, :2], axis=1)
    centre = (corners[:, 2:] + corners[:, :2]) / 2
    planes = np.array([areas[row].z for row in outlined])
    large = size >= LARGER * np.median(size)
    found = set[int]()
    for place, row in enumerate(outlined):
        area = areas[row]
        if area.known or not (large[place] or area.suspect):
            continue
        within = (corners[:, :2] >= corners[place, :2]).all(1) & (corners[:, 2:] <= corners[place, 2:]).all(1)
        within &= (planes == area.z) & (size < size[place])
        held = _holds(area, centre[within])
        if held.sum() >= (1 if area.suspect else 2):
            found.add(row)
    return found


def _holds(area: Area, points: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which points (N, 2) of x, y lie in an area."""
    if area.pixels is None:
        return is_inside([ring for ring in area.rings if len(ring) > 2], points)
    held = set(zip(*(axis.tolist() for axis in area.pixels), strict=True))
    return np.array([(int(y), int(x)) in held for x, y in points.tolist()], bool)


def _extent(area: Area) -> NDArray[np.float64]:
    """Return x0, y0, x1, y1."""
    if area.pixels is not None:
        y, x = area.pixels
        return np.array([x.min(), y.min(), x.max() + 1, y.max() + 1], np.float64)
    if not area.rings:
        y0, x0, y1, x1 = area.cell.box
        return np.array([x0, y0, x1, y1], np.float64)
    points = np.concatenate([np.asarray(ring, np.float64) for ring in area.rings])
    return np.concatenate([points.min(0), points.max(0)])


def numbered(areas: Sequence[Area]) -> list[Area]:
    """Return areas with ids from 1 on, in their order."""
    return [replace(area, cell=replace(area.cell, id=number)) for number, area in enumerate(areas, 1)]
