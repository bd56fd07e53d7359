"""ROIs for ImageJ and Fiji: ``<field>_RoiSet.zip``, which the ROI Manager opens and saves.

An object in one piece is a traced ROI, one with holes or parts a composite; both run along the edges of pixels and
fill to exactly its pixels. In a z-stack an object has one ROI per plane, at that plane. A ROI's name is the object's
id, its properties hold class, score, origin and review state; its group number tells classes apart by colour. Lost:
nothing of the outlines (one-pixel objects and those at the edge included) in images of up to 60,535 px a side.
Boxes become rectangles. Scores keep six digits.

References
----------
ImageJ's ``ij.io.RoiDecoder``; the package ``roifile`` writes and reads the bytes.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from roifile import ROI_TYPE, ImagejRoi, roiread

from napari_cellvino.core.errors import ImageReadError, ImageValueError
from napari_cellvino.formats.contours import Points, Ring
from napari_cellvino.formats.field import Cell, Cells, ExportField, cell_from, planes_of
from napari_cellvino.formats.label_canvas import Canvas, check_flat, planes_of_areas, single_planes_notice
from napari_cellvino.formats.writer import SplitBook

MOVE, LINE, CLOSE = 0.0, 1.0, 4.0  # how java.awt.geom.PathIterator numbers them
AREAS = (ROI_TYPE.POLYGON, ROI_TYPE.FREEHAND, ROI_TYPE.TRACED, ROI_TYPE.RECT, ROI_TYPE.OVAL)
STAMP = (1980, 1, 1, 0, 0, 0)  # the same ROIs are the same bytes


class RoiZips:
    """Writes ``imagej``."""

    def __init__(self, folder: Path, book: SplitBook) -> None:
        self._folder = folder
        self._kinds: dict[str, int] = {}

    def add(self, field: ExportField) -> None:
        """Write the ROIs of a field."""
        for kind in field.cells.classes:
            self._kinds.setdefault(kind, len(self._kinds) + 1)
        stack = len(field.shape) == 3
        with zipfile.ZipFile(self._folder / f"{field.name}_RoiSet.zip", "w") as archive:
            for z, plane in enumerate(planes_of(field), 1):
                for cell, roi in _rois(plane):
                    roi.props, roi.group = _properties(cell), self._kinds.get(cell.kind, 0)
                    roi.name = f"{cell.id}-z{z:03d}" if stack else str(cell.id)
                    roi.position = roi.z_position = z if stack else 0
                    archive.writestr(zipfile.ZipInfo(f"{roi.name}.roi", STAMP), roi.tobytes())

    def finish(self) -> None:
        """Do nothing: all is written."""


def _rois(plane: ExportField) -> Iterator[tuple[Cell, ImagejRoi]]:
    rings = plane.cells.rings
    for cell in plane.cells.cells:
        yield cell, roi_of(rings[cell.id]) if rings else _rectangle(cell)


def _rectangle(cell: Cell) -> ImagejRoi:
    top, left, bottom, right = (round(edge) for edge in cell.box)
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
    words = {"object": cell.id, "class": cell.kind, **cell.words()}
    return "".join(f"{key}: {' '.join(str(value).split())}\n" for key, value in words.items())


def read_rois(path: Path, shape: tuple[int, ...], name: str = "") -> Cells:
    """Return the area ROIs of a ``.roi`` or ``.zip`` file in an image of ``shape``; lines and points are passed over.

    In a stack, ROIs that say they are one object are one; any other is an object of its own plane.

    Raises
    ------
    ImageReadError
        If the file holds no ROIs.
    ImageValueError
        If they lie on other planes than the image has, or at several time points.
    """
    try:
        found = roiread(path)
    except Exception as error:  # roifile raises whatever the broken bytes lead to
        raise ImageReadError(f"{path} cannot be read as ImageJ ROIs: {error}") from error
    rois = found if isinstance(found, list) else [found]
    canvas, ids = Canvas(shape), set[int]()
    areas = [roi for roi in rois if roi.roitype in AREAS]
    boxes = [_cell(roi, ids) for roi in areas] if areas and all(_is_box(roi) for roi in areas) else []
    _check_times(path, areas)
    if boxes:
        check_flat(path, "a set of boxes", shape)
        return Cells(None, tuple(boxes), tuple(dict.fromkeys(cell.kind for cell in boxes)))
    for roi, z in zip(areas, planes_of_areas(path, [_plane(roi) for roi in areas], shape), strict=True):
        canvas.rings(_cell(roi, ids), _rings(roi), z)
    skipped, unknown = len(rois) - len(areas), sum("object:" not in roi.props for roi in areas)
    notices = (f"{skipped} line(s), point(s) or text(s) are no areas: left out",) if skipped else ()
    return canvas.cells(notices=(*notices, *single_planes_notice(unknown, shape)))


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


def _rings(roi: ImagejRoi) -> list[Points]:
    """Return the rings of an area; those of a composite are all there, closed."""
    return [np.asarray(ring, np.float64) for ring in roi.coordinates(multi=True) if len(ring) > 2]


def _cell(roi: ImagejRoi, ids: set[int]) -> Cell:
    """Return what a ROI's properties say; one id for those that say they are one object, else the next free one."""
    said = dict(line.split(": ", 1) for line in roi.props.splitlines() if ": " in line)
    known = said.get("object", "").isdecimal()
    id_ = int(said["object"]) if known else max(ids, default=0) + 1
    ids.add(id_)
    box = (float(roi.top), float(roi.left), float(roi.bottom), float(roi.right))
    return cell_from(id_, said.get("class", "cell") if known else "cell", said if known else {}, box)
