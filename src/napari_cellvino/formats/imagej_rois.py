"""ROIs for ImageJ and Fiji: ``<field>_RoiSet.zip``, which the ROI Manager opens and saves.

An object in one piece is a traced ROI, one with holes or parts a composite; both run along the edges of pixels and
fill to exactly its pixels. In a z-stack an object has one ROI per plane, at that plane. A ROI's name is the object's
id, its properties hold class, score, origin and review state; its group number tells classes apart by colour. Positions
are those in the whole image at full resolution, where a region or a smaller level was read. Lost:
nothing of the outlines (one-pixel objects and those at the edge included) in images of up to 60,535 px a side.
Boxes become rectangles. Scores keep six digits.

References
----------
ImageJ's ``ij.io.RoiDecoder``; the package ``roifile`` writes and reads the bytes.
"""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from roifile import ROI_SUBTYPE, ROI_TYPE, ImagejRoi

from napari_cellvino.core.errors import ImageReadError, ImageValueError
from napari_cellvino.core.region import PlaceInImage
from napari_cellvino.formats.archives import read_members, visible_members
from napari_cellvino.formats.areas import Area, SkippedShapes, cells_of_areas, ellipse, points_of
from napari_cellvino.formats.contours import Points, Ring
from napari_cellvino.formats.decoding import check_fits, decoding
from napari_cellvino.formats.field import Cell, Cells, ExportField, cell_from, planes_of
from napari_cellvino.formats.label_canvas import check_flat, planes_of_areas, single_planes_notice
from napari_cellvino.formats.matching import ImageQuery, as_query
from napari_cellvino.formats.writer import SplitAssignment

MOVE, LINE, CLOSE = 0.0, 1.0, 4.0  # how java.awt.geom.PathIterator numbers them
AREAS = (ROI_TYPE.POLYGON, ROI_TYPE.FREEHAND, ROI_TYPE.TRACED, ROI_TYPE.RECT, ROI_TYPE.OVAL)
STAMP = (1980, 1, 1, 0, 0, 0)  # the same ROIs are the same bytes


class RoiZips:
    """Writes ``imagej``."""

    def __init__(self, folder: Path, book: SplitAssignment) -> None:
        self._folder = folder
        self._kinds: dict[str, int] = {}

    def add(self, field: ExportField) -> None:
        """Write the ROIs of a field."""
        for kind in field.cells.classes:
            self._kinds.setdefault(kind, len(self._kinds) + 1)
        stack = len(field.shape) == 3
        with zipfile.ZipFile(self._folder / f"{field.name}_RoiSet.zip", "w") as archive:
            for z, plane in enumerate(planes_of(field), 1):
                for cell, roi in _rois(plane, field.place):
                    roi.props, roi.group = _properties(cell), self._kinds.get(cell.kind, 0)
                    roi.name = f"{cell.id}-z{z:03d}" if stack else str(cell.id)
                    roi.position = roi.z_position = z if stack else 0
                    archive.writestr(zipfile.ZipInfo(f"{roi.name}.roi", STAMP), roi.tobytes())

    def finish(self) -> None:
        """Do nothing: all is written."""


def _rois(plane: ExportField, place: PlaceInImage) -> Iterator[tuple[Cell, ImagejRoi]]:
    rings = plane.cells.rings
    for cell in plane.cells.cells:
        yield cell, roi_of([_on_pixels(place, ring) for ring in rings[cell.id]]) if rings else _rectangle(cell, place)


def _on_pixels(place: PlaceInImage, ring: NDArray[np.number]) -> Ring:
    """Return a ring where it lies in the whole image, whose corners are those of pixels."""
    moved: Ring = np.rint(place.to_image(ring)).astype(np.int32)
    return moved


def _rectangle(cell: Cell, place: PlaceInImage) -> ImagejRoi:
    corners = _on_pixels(place, np.array([cell.box[1::-1], cell.box[3:1:-1]]))
    (left, top), (right, bottom) = corners.tolist()
    return ImagejRoi(roitype=ROI_TYPE.RECT, top=top, left=left, bottom=bottom, right=right)


def roi_of(rings: Sequence[Ring]) -> ImagejRoi:
    """Return the rings of one object as a ROI."""
    points = np.concatenate(rings)
    (left, top), (right, bottom) = points.min(0).tolist(), points.max(0).tolist()
    roi = ImagejRoi(roitype=ROI_TYPE.TRACED, top=top, left=left, bottom=bottom, right=right)
    if len(rings) == 1:
        roi.n_coordinates = len(points)
        roi.integer_coordinates = points - np.array([left, top], np.int32)
        return roi
    roi.roitype = ROI_TYPE.RECT
    roi.multi_coordinates = np.concatenate([_path(ring) for ring in rings])
    roi.shape_roi_size = len(roi.multi_coordinates)
    return roi


def _path(ring: Ring) -> NDArray[np.float32]:
    steps = np.full((len(ring), 3), LINE, np.float32)
    steps[0, 0] = MOVE
    steps[:, 1:] = ring
    return np.append(steps.ravel(), np.float32(CLOSE))


def _properties(cell: Cell) -> str:
    properties = {"object": cell.id, "class": cell.kind, **cell.properties()}
    return "".join(f"{key}: {' '.join(str(value).split())}\n" for key, value in properties.items())


def read_rois(path: Path, shape: tuple[int, ...], wanted: ImageQuery | str = "") -> Cells:
    """Return the area ROIs of a ``.roi`` or ``.zip`` file in an image of ``shape``; lines and points are passed over.

    In a stack, ROIs that say they are one object are one; any other is an object of its own plane.

    Raises
    ------
    ImageReadError
        If the file holds no ROIs, or unpacks to more than any ROIs are.
    ImageValueError
        If they lie on other planes than the image has, or at several time points.
    """
    place = as_query(wanted).place
    rois = [_roi(path, named, content) for named, content in _contents(path)]
    left, ids = SkippedShapes(), set[int]()
    areas = [roi for roi in rois if roi.roitype in AREAS]
    left.add("line(s), point(s) or text(s) are no areas", len(rois) - len(areas))
    _check_times(path, areas)
    boxed = bool(areas) and all(_is_box(roi) for roi in areas)
    if boxed:
        check_flat(path, "a set of boxes", shape)
    with decoding(path, "ImageJ ROIs"):
        planes = planes_of_areas(path, [_plane(roi) for roi in areas], shape) if not boxed else [0] * len(areas)
        cells = [
            Area(_cell(roi, ids, place), () if boxed else tuple(rings), z, known="object:" in roi.props)
            for roi, z in zip(areas, planes, strict=True)
            if (rings := [place.to_part(np.asarray(ring, np.float64)) for ring in rings_of(roi)])
        ]
        left.add("ROI(s) have no points", len(areas) - len(cells))
        unknown = sum(not area.known for area in cells)
        drawn = cells_of_areas(path, cells, shape, left_out=left)
    return replace(drawn, notices=(*drawn.notices, *single_planes_notice(unknown, shape)))


def _contents(path: Path) -> Iterator[tuple[str, bytes]]:
    """Yield name and bytes of every ROI."""
    with decoding(path, "ImageJ ROIs"):
        if not zipfile.is_zipfile(path):
            if path.suffix.lower() == ".zip":
                raise ImageReadError(f"{path} cannot be read as ImageJ ROIs: it is no zip archive, or cut short")
            check_fits(path, path.stat().st_size)
            yield path.name, path.read_bytes()
            return
        with zipfile.ZipFile(path) as archive:
            members = visible_members(archive)
            rois = [member for member in members if member.filename.lower().endswith(".roi")]
            if members and not rois:
                held = ", ".join(member.filename for member in members[:5])
                raise ImageReadError(f"{path} holds no ROIs but {held}; unpack it and name the file that holds masks")
            yield from zip((member.filename for member in rois), read_members(path, archive, rois), strict=True)


def _roi(path: Path, named: str, content: bytes) -> ImagejRoi:
    with decoding(path, f"ImageJ ROIs ({named})"):
        return ImagejRoi.frombytes(content)


def _plane(roi: ImagejRoi) -> int | None:
    """Return the plane (from 0) that a ROI lies on; None where it shows on all of them."""
    number = roi.z_position or roi.position
    return number - 1 if number > 0 else None


def _check_times(path: Path, areas: Sequence[ImagejRoi]) -> None:
    times = sorted({roi.t_position for roi in areas if roi.t_position > 0})
    if len(times) > 1:
        raise ImageValueError(
            f"{path} holds ROIs of the time points {times[0]} to {times[-1]}; save those of each in a file of their own"
        )


def _is_box(roi: ImagejRoi) -> bool:
    return roi.roitype == ROI_TYPE.RECT and not roi.composite and "object:" in roi.props


def rings_of(roi: ImagejRoi) -> list[Points]:
    """Return the rings of an area; those of a composite are all there, closed; none where it has no points."""
    if not _has_points(roi) and roi.roitype == ROI_TYPE.OVAL:
        middle, half = _middle_and_half(roi)
        return [ellipse(*middle, *half)] if min(half) > 0 else []
    if not _has_points(roi) and roi.roitype == ROI_TYPE.RECT and roi.rounded_rect_arc_size > 0:
        return [_rounded(roi)]
    if not _has_points(roi) and roi.roitype == ROI_TYPE.FREEHAND:
        return _turned(roi)
    return [points_of(ring) for ring in roi.coordinates(multi=True) if len(ring) > 2]


def _has_points(roi: ImagejRoi) -> bool:
    held = (roi.subpixel_coordinates, roi.integer_coordinates, roi.multi_coordinates)
    return any(points is not None and len(points) for points in held)


def _middle_and_half(roi: ImagejRoi) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return the middle (x, y) of a ROI's box and half its width and height."""
    half = (roi.right - roi.left) / 2, (roi.bottom - roi.top) / 2
    return (roi.left + half[0], roi.top + half[1]), half


def _rounded(roi: ImagejRoi) -> Points:
    """Return the outline of a rectangle with round corners, whose arcs are as wide and high as its arc size."""
    (x, y), half = _middle_and_half(roi)
    radius = tuple(min(roi.rounded_rect_arc_size / 2, length) for length in half)
    corner = ellipse(0, 0, *radius)
    return points_of(np.array([x, y]) + corner + np.sign(corner) * (np.array(half) - radius))


def _ratio(roi: ImagejRoi) -> float:
    """Return the ratio of an ellipse's axes, or a turned rectangle's width: a float in the place of other fields."""
    fields = (roi.arrow_style_or_aspect_ratio, roi.arrow_head_size, roi.rounded_rect_arc_size)
    return float(struct.unpack(">f", struct.pack(">BBh", *fields))[0])


def _turned(roi: ImagejRoi) -> list[Points]:
    """Return the outline of a turned ellipse or rectangle that is given by its long axis alone."""
    (x0, y0), (x1, y1) = (float(roi.x1), float(roi.y1)), (float(roi.x2), float(roi.y2))
    length, ratio = float(np.hypot(x1 - x0, y1 - y0)), _ratio(roi)
    if length == 0 or ratio <= 0:
        return []
    turn, middle = float(np.arctan2(y1 - y0, x1 - x0)), ((x0 + x1) / 2, (y0 + y1) / 2)
    if roi.subtype == ROI_SUBTYPE.ELLIPSE:
        return [ellipse(*middle, length / 2, length / 2 * ratio, turn)]
    if roi.subtype == ROI_SUBTYPE.ROTATED_RECT:
        across = np.array([-(y1 - y0), x1 - x0]) / length * ratio / 2
        ends = np.array([[x0, y0], [x1, y1]])
        return [points_of(np.concatenate([ends - across, ends[::-1] + across]))]
    return []


def _cell(roi: ImagejRoi, ids: set[int], place: PlaceInImage) -> Cell:
    """Return what a ROI's properties say; one id for those that say they are one object, else the next free one."""
    said = dict(line.split(": ", 1) for line in roi.props.splitlines() if ": " in line)
    known = said.get("object", "").isdecimal()
    id_ = int(said["object"]) if known else max(ids, default=0) + 1
    ids.add(id_)
    corners = place.to_part(np.array([[roi.left, roi.top], [roi.right, roi.bottom]], np.float64))
    (x0, y0), (x1, y1) = corners.tolist()
    box = (y0, x0, y1, x1)
    return cell_from(id_, said.get("class", "cell") if known else "cell", said if known else {}, box)
