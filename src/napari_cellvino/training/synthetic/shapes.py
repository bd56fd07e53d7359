"""Label images of cells that never were: round, in contact, rods, spread with thin processes, buds and chains.

Two ways to draw: *territories* (every pixel goes to the centre it is nearest to, in a bent space and in each cell's
own ellipse: round, polygonal and spread cells, apart or in contact) and *strokes* (a disc moved along a bent line:
rods, chains, processes).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi
from skimage.draw import polygon
from skimage.measure import label as connected_components

from napari_cellvino.training.synthetic.noise import smooth_noise

Labels = NDArray[np.int32]
Draw = Callable[[int, float, np.random.Generator], Labels]
LEAST_AREA = 0.08  # of a disc of the typical diameter; smaller pieces are no cells


def draw_labels(kind: str, size: int, diameter: float, rng: np.random.Generator) -> Labels:
    """Return a label image (size, size), 0 = background, of cells about ``diameter`` px across (disc of equal area)."""
    return _tidy(KINDS[kind](size, diameter, rng), diameter)


def frayed(labels: Labels, diameter: float, far: float, rng: np.random.Generator) -> Labels:
    """Return cells with outlines that are bent by up to about ``far`` px over short ways."""
    grid = np.mgrid[: len(labels), : len(labels)].astype(np.float32)
    wave = diameter * rng.uniform(0.08, 0.25)
    bent = [g + np.float32(far / 2) * smooth_noise(len(labels), wave, rng) for g in grid]
    return _tidy(np.asarray(ndi.map_coordinates(labels, bent, order=0, mode="nearest"), np.int32), diameter)


def _tidy(labels: Labels, diameter: float) -> Labels:
    """Return labels 1…N of connected pieces that are large enough."""
    pieces = connected_components(labels, connectivity=1).astype(np.int32)
    area = np.bincount(pieces.reshape(-1))
    keep = area >= max(6.0, LEAST_AREA * np.pi / 4 * diameter**2)
    keep[0] = False
    lookup = np.where(keep, np.cumsum(keep), 0).astype(np.int32)
    return np.asarray(lookup[pieces])


def _round(size: int, diameter: float, rng: np.random.Generator) -> Labels:
    return _territories(size, diameter, rng, cover=rng.uniform(0.05, 0.8), stretch=0.25, bend=rng.uniform(0, 0.12))


def _contact(size: int, diameter: float, rng: np.random.Generator) -> Labels:
    """Polygons that fill the field or islands of it, with or without a gap between them."""
    labels = _territories(
        size, diameter, rng, cover=rng.uniform(1.0, 1.6), stretch=0.3, bend=rng.uniform(0, 0.12), reach=4.0
    )
    if rng.random() < 0.6:
        labels[smooth_noise(size, 5 * diameter, rng) > rng.uniform(-0.3, 1.2)] = 0
    if rng.random() < 0.4:
        labels[_edges(labels, int(rng.integers(1, 3)))] = 0
    return labels


def _spread(size: int, diameter: float, rng: np.random.Generator) -> Labels:
    """Adherent cells of irregular outline, many with thin processes, apart or in contact."""
    crowded = rng.uniform(0.1, 1.0)
    labels = _territories(size, diameter, rng, cover=crowded, stretch=0.7, bend=rng.uniform(0.15, 0.4), reach=1.2)
    if rng.random() < 0.7:
        _add_processes(labels, diameter, rng)
    return labels


def _stars(size: int, diameter: float, rng: np.random.Generator) -> Labels:
    """Adherent cells with a few corners and hollow sides between them, some spindles and round ones among them."""
    labels = np.zeros((size, size), np.int32)
    count = max(1, round(rng.uniform(0.1, 1.3) * (size / diameter) ** 2))
    long, hollow, round_share = rng.uniform(0, 0.9), rng.uniform(0.1, 0.75), rng.choice([0.0, 0.1, 0.3])
    for y, x in _centres(size, diameter, count, rng):
        radius = diameter / 2 * np.exp2(rng.normal(0, 0.25))
        if rng.random() < round_share:
            _stroke(labels, np.array([[y, x]]), np.array([0.6 * radius]))
            continue
        outline = np.array([y, x]) + _star_outline(radius, np.exp2(np.abs(rng.normal(0, long))), hollow, rng)
        _fill(labels, outline)
    return labels


def _star_outline(radius: float, ratio: float, hollow: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return the outline (N, 2) of a cell of about this radius round the origin, ``ratio`` times as long as wide."""
    corners = int(rng.integers(2, 7))
    turns = np.sort((np.arange(corners) + rng.uniform(-0.45, 0.45, corners)) * 2 * np.pi / corners)
    reach = np.exp2(rng.normal(0.35, 0.45, corners))
    fine = np.linspace(0, 2 * np.pi, 73)[:-1]
    ends, far = np.concatenate([turns, turns[:1] + 2 * np.pi]), np.concatenate([reach, reach[:1]])
    at = np.where(fine < turns[0], fine + 2 * np.pi, fine)
    low = np.clip(np.searchsorted(ends, at, side="right") - 1, 0, corners - 1)
    share = (at - ends[low]) / np.maximum(ends[low + 1] - ends[low], 1e-6)
    valley = 1 - (1 - hollow * rng.uniform(0.5, 1.0, corners)[low]) * (1 - np.abs(2 * share - 1) ** rng.uniform(0.8, 2))
    r = radius * (far[low] * (1 - share) + far[low + 1] * share) * (0.35 + 0.65 * valley)
    r *= 1 + 0.05 * np.sin(fine * rng.integers(3, 14) + rng.uniform(0, 6))
    y, x, turn = r * np.sin(fine) / ratio**0.5, r * np.cos(fine) * ratio**0.5, rng.uniform(0, 2 * np.pi)
    return np.stack([y * np.cos(turn) + x * np.sin(turn), x * np.cos(turn) - y * np.sin(turn)], 1)


def _fill(labels: Labels, outline: NDArray[np.float64]) -> None:
    """Draw a new cell inside an outline (N, 2) where most of it finds free room, in place."""
    rows, columns = polygon(outline[:, 0], outline[:, 1], labels.shape)
    free = labels[rows, columns] == 0
    if len(rows) and free.mean() > 0.65:
        labels[rows[free], columns[free]] = int(labels.max()) + 1


def _spindles(size: int, diameter: float, rng: np.random.Generator) -> Labels:
    return _territories(
        size, diameter, rng, cover=rng.uniform(0.1, 0.9), stretch=1.1, bend=rng.uniform(0.05, 0.25), aligned=True
    )


def _rods(size: int, diameter: float, rng: np.random.Generator) -> Labels:
    """Rods, straight or bent, scattered or side by side in colonies."""
    aspect, bent = rng.uniform(1.6, 7.0), rng.exponential(0.25)
    width = diameter / np.sqrt(4 / np.pi * (aspect - 1) + 1)  # of a rod of the same area
    labels = np.zeros((size, size), np.int32)
    for y, x, turn in _colony(size, width, aspect, rng):
        length = width * aspect * np.exp2(rng.uniform(-0.6, 0.4))
        line = _bent_line(y, x, turn, length - width, rng.normal(0, bent), rng)
        gap = 0.0 if rng.random() < 0.7 else 1.0
        _stroke(labels, line, np.full(len(line), width / 2), gap=gap)
    return labels


def _chains(size: int, diameter: float, rng: np.random.Generator) -> Labels:
    """Round cells in rows and pairs, each touching the next."""
    labels = np.zeros((size, size), np.int32)
    for _ in range(max(1, round(rng.uniform(0.1, 0.9) * (size / diameter) ** 2 / 4))):
        y, x, turn = *rng.uniform(0, size, 2), rng.uniform(0, 2 * np.pi)
        for _ in range(rng.integers(1, 8)):
            radius = diameter / 2 * np.exp2(rng.uniform(-0.3, 0.3))
            _stroke(labels, np.array([[y, x]]), np.array([radius]))
            turn += rng.normal(0, 0.4)
            y, x = y + 2 * radius * np.sin(turn), x + 2 * radius * np.cos(turn)
    return labels


def _buds(size: int, diameter: float, rng: np.random.Generator) -> Labels:
    """Yeast: mothers with smaller daughters at their side, in clumps."""
    labels = np.zeros((size, size), np.int32)
    centres = rng.uniform(0, size, (max(1, round(rng.uniform(0.1, 1.0) * (size / diameter) ** 2 / 8)), 2))
    for centre in centres:
        for _ in range(rng.integers(1, 9)):
            y, x = centre + rng.normal(0, diameter, 2)
            radius = diameter / 2 * np.exp2(rng.uniform(-0.3, 0.3))
            turn, long = rng.uniform(0, 2 * np.pi), radius * rng.uniform(0, 0.5)
            _stroke(labels, _bent_line(y, x, turn, long, 0, rng), np.full(9, radius))
            if rng.random() < 0.5:
                small, way = radius * rng.uniform(0.35, 0.8), rng.uniform(0, 2 * np.pi)
                away = radius + 0.85 * small
                _stroke(labels, np.array([[y + away * np.sin(way), x + away * np.cos(way)]]), np.array([small]))
    return labels


def _territories(
    size: int,
    diameter: float,
    rng: np.random.Generator,
    *,
    cover: float,
    stretch: float,
    bend: float,
    reach: float = 1.0,
    aligned: bool = False,
) -> Labels:
    """Return cells round random centres.

    Parameters
    ----------
    size, diameter, rng
        Of the image and its cells, px.
    cover
        Share of the field that cells would fill if none met another.
    stretch
        Deviation of the ellipses' axis ratio, in octaves.
    bend
        How far outlines are bent, in diameters.
    reach
        How far a cell may go, in its own radii.
    aligned
        Whether neighbours lie in one direction.
    """
    count = max(1, round(cover * (size + diameter) ** 2 / (np.pi / 4 * diameter**2)))
    centres = _centres(size, diameter, count, rng)
    turn = rng.uniform(0, np.pi) + rng.normal(0, 0.3, count) if aligned else rng.uniform(0, np.pi, count)
    ratio = np.exp2(np.abs(rng.normal(stretch, 0.3 + stretch / 3, count)))
    radius = diameter / 2 * np.exp2(rng.normal(0, rng.uniform(0.05, 0.4), count))
    yy, xx = _bent_grid(size, diameter, bend, rng)
    best, labels = np.full((size, size), np.inf, np.float32), np.zeros((size, size), np.int32)
    for number, (y, x) in enumerate(centres, 1):
        i = number - 1
        span = int(radius[i] * reach * ratio[i] ** 0.5 + 3 * bend * diameter + 3)
        part = _window(y, x, span, size)
        dy, dx = yy[part] - y, xx[part] - x
        along = (dx * np.cos(turn[i]) + dy * np.sin(turn[i])) / ratio[i] ** 0.5
        across = (dy * np.cos(turn[i]) - dx * np.sin(turn[i])) * ratio[i] ** 0.5
        far = np.hypot(along, across) / radius[i]
        nearer = (far < best[part]) & (far < reach)
        best[part][nearer] = far[nearer]
        labels[part][nearer] = number
    return labels


def _centres(size: int, diameter: float, count: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return centres (N, 2), some beyond the edge, that keep some distance or gather in clumps."""
    margin = diameter / 2
    if rng.random() < 0.3:
        homes = rng.uniform(-margin, size + margin, (max(1, count // 6), 2))
        return np.asarray(homes[rng.integers(0, len(homes), count)] + rng.normal(0, 1.2 * diameter, (count, 2)))
    drawn = rng.uniform(-margin, size + margin, (6 * count, 2))
    apart = np.round((drawn + margin) / (rng.uniform(0.6, 0.95) * diameter)).astype(int)
    first = np.unique(apart, axis=0, return_index=True)[1]
    return np.asarray(drawn[np.sort(first)[:count]])


def _bent_grid(size: int, diameter: float, bend: float, rng: np.random.Generator) -> tuple[NDArray[np.float32], ...]:
    axis = np.arange(size, dtype=np.float32)
    grid = np.meshgrid(axis, axis, indexing="ij")
    wave = diameter * rng.uniform(0.5, 1.6)
    return tuple(g + np.float32(bend * diameter) * smooth_noise(size, wave, rng) for g in grid)


def _window(y: float, x: float, span: int, size: int) -> tuple[slice, slice]:
    rows, columns = (slice(max(0, int(c) - span), max(0, min(size, int(c) + span + 1))) for c in (y, x))
    return rows, columns


def _bent_line(
    y: float, x: float, turn: float, length: float, bend: float, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Return nine points (9, 2) of a line with its middle at (y, x) that turns by ``bend`` radians to either side."""
    along = np.linspace(-0.5, 0.5, 9)
    turns = turn + 2 * bend * along
    steps = np.stack([np.sin(turns), np.cos(turns)], 1) * max(0.0, length) / 8
    line = np.cumsum(steps, axis=0)
    return np.asarray(line - line[4] + [y, x])


def _stroke(
    labels: Labels, line: NDArray[np.float64], radii: NDArray[np.float64], *, gap: float = 0.0, number: int = 0
) -> None:
    """Draw a new cell (or more of ``number``) where discs along ``line`` find free room, in place."""
    low, high = line.min(0) - radii.max() - 1, line.max(0) + radii.max() + 2
    part = tuple(slice(max(0, int(a)), max(0, min(n, int(b)))) for a, b, n in zip(low, high, labels.shape, strict=True))
    if labels[part].size == 0:
        return
    fine = np.linspace(0, len(line) - 1, max(2, 4 * len(line)))
    points = np.stack([np.interp(fine, np.arange(len(line)), c) for c in line.T], 1)
    widths = np.interp(fine, np.arange(len(line)), radii)
    yy, xx = np.mgrid[part]
    far = np.min(np.hypot(yy[..., None] - points[:, 0], xx[..., None] - points[:, 1]) - widths, axis=-1)
    room = labels[part] == 0
    inside = far < 0
    if number == 0 and (not inside.any() or room[inside].mean() < 0.7):
        return
    new = number or int(labels.max()) + 1
    if gap:
        near = ndi.binary_dilation(labels[part] > 0)
        room &= ~near
    labels[part][inside & room] = new


def _colony(size: int, width: float, aspect: float, rng: np.random.Generator) -> list[tuple[float, float, float]]:
    """Return places and directions (y, x, turn) of rods: scattered, or row by row in colonies."""
    length = width * aspect
    if rng.random() < 0.35:
        count = max(2, round(rng.uniform(0.03, 0.35) * size**2 / (width * length)))
        return [(*rng.uniform(0, size, 2), rng.uniform(0, np.pi)) for _ in range(count)]
    places: list[tuple[float, float, float]] = []
    for _ in range(rng.integers(1, 5)):
        middle, turn, spread = rng.uniform(0.1, 0.9, 2) * size, rng.uniform(0, np.pi), rng.uniform(1.0, 4.0) * length
        disorder, drift = rng.uniform(0.02, 0.4), rng.normal(0, 0.6) / spread
        pitch_along, pitch_across = length * rng.uniform(0.95, 1.15), width * rng.uniform(1.0, 1.15)
        for a in np.arange(-spread, spread, pitch_along):
            for b in np.arange(-spread, spread, pitch_across):
                if a * a + b * b < spread**2 and rng.random() < 0.93:
                    t = turn + drift * (a + b) + rng.normal(0, disorder)
                    shift = a + rng.uniform(-0.5, 0.5) * length
                    y = middle[0] + shift * np.sin(turn) + b * np.cos(turn)
                    x = middle[1] + shift * np.cos(turn) - b * np.sin(turn)
                    places.append((y, x, t))
    return places


def _add_processes(labels: Labels, diameter: float, rng: np.random.Generator) -> None:
    """Let cells reach out with thin processes into free room, in place."""
    for number, box in enumerate(ndi.find_objects(labels), 1):
        if box is None or rng.random() < 0.4:
            continue
        ys, xs = np.nonzero(labels[box] == number)
        y, x = ys.mean() + box[0].start, xs.mean() + box[1].start
        for _ in range(rng.integers(1, 4)):
            long, turn = diameter * rng.uniform(0.6, 1.4), rng.uniform(0, 2 * np.pi)
            middle = y + long / 2 * np.sin(turn), x + long / 2 * np.cos(turn)
            line = _bent_line(*middle, turn, long, rng.normal(0, 0.4), rng)
            radii = np.linspace(diameter * rng.uniform(0.1, 0.25), diameter * 0.03 + 0.5, 9)
            _stroke(labels, line, radii, number=number)


def _edges(labels: Labels, width: int) -> NDArray[np.bool_]:
    side = 2 * width + 1
    return np.asarray(ndi.maximum_filter(labels, side) != ndi.minimum_filter(labels, side))


KINDS: Mapping[str, Draw] = {
    "round": _round,
    "contact": _contact,
    "spread": _spread,
    "stars": _stars,
    "spindles": _spindles,
    "rods": _rods,
    "chains": _chains,
    "buds": _buds,
}
