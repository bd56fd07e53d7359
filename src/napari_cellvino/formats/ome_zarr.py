"""OME-Zarr with labels beside the image: ``<field>.ome.zarr`` with the group ``labels/cells``.

NGFF 0.5 on Zarr 3 (``ome-zarr``) or 0.4 on Zarr 2 (``ome-zarr-0.4``). The image has all channels, raw; images above
1024 px a side get smaller copies, means for pixels and the middle value for labels. ``image-label`` holds class, score,
origin and review state of every object. Nothing is lost; boxes alone cannot be exported.

References
----------
https://ngff.openmicroscopy.org/0.5/ and /0.4/
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.core.errors import ImageReadError
from napari_cellvino.core.image import Spacing
from napari_cellvino.figures.composite import downsampled
from napari_cellvino.formats.decoding import check_fits, decoding
from napari_cellvino.formats.field import Cell, Cells, ExportField, cell_from
from napari_cellvino.formats.label_canvas import fitting_labels, labelled
from napari_cellvino.formats.label_pixels import check_shape
from napari_cellvino.formats.label_values import cells_in_values, whole_numbers
from napari_cellvino.formats.writer import SplitAssignment
from napari_cellvino.io.checks import parse_errors

if TYPE_CHECKING:
    import zarr

ALIKE = 0.02  # of a size of a pixel, that the same are rounded by
LARGE = 1024  # px: images longer than that get a smaller copy
COLOURS = ("FFFFFF", "00FF00", "FF00FF", "00FFFF")
RGB = ("FF0000", "00FF00", "0000FF")
Json = dict[str, Any]


class OmeZarr:
    """Writes ``ome-zarr`` (``version`` 0.5) or ``ome-zarr-0.4``."""

    def __init__(self, folder: Path, book: SplitAssignment, *, version: str = "0.5") -> None:
        self._folder, self._version = folder, version

    def add(self, field: ExportField) -> None:
        """Write the image and the labels of a field.

        Raises
        ------
        ImageValueError
            If only boxes are known.
        """
        labels = field.cells.outlines(field.name, "ome-zarr")
        group = self._group(self._folder / f"{field.name}.ome.zarr")
        axes = "CZYX" if field.pixels.ndim == 4 else "CYX"
        pyramid = _pyramid(field.pixels, _mean)
        self._put(group, pyramid, axes, field.spacing, {"omero": _omero(field), "name": field.name})
        self._describe(group.create_group("labels"), {"labels": ["cells"]})
        cells = group.create_group("labels/cells")
        extra = {"image-label": _image_label(field.cells.cells, self._version), "name": "cells"}
        self._put(cells, _pyramid(labels, _middle), axes[1:], field.spacing, extra)

    def finish(self) -> None:
        """Do nothing: all is written."""

    def _group(self, path: Path) -> zarr.Group:
        return _open_group(path, mode="w", zarr_format=3 if self._version == "0.5" else 2)

    def _put(self, group: zarr.Group, levels: list[NDArray[Any]], axes: str, spacing: Spacing, extra: Json) -> None:
        for number, level in enumerate(levels):
            chunks = (1,) * (level.ndim - 2) + tuple(min(n, LARGE) for n in level.shape[-2:])
            keys: Json = {"name": "v2", "separator": "/"} if self._version == "0.4" else {"name": "default"}
            array = group.create_array(
                str(number), shape=level.shape, dtype=level.dtype, chunks=chunks, chunk_key_encoding=keys
            )
            array[...] = level
        multiscale: Json = {"name": extra.pop("name"), **_multiscale(axes, spacing, len(levels))}
        version = {"version": "0.4"} if self._version == "0.4" else {}
        self._describe(group, {"multiscales": [version | multiscale], **extra})

    def _describe(self, group: zarr.Group, metadata: Json) -> None:
        if self._version == "0.5":
            metadata = {"ome": {"version": "0.5", **metadata}}
        group.attrs.update(metadata)


def _pyramid(pixels: NDArray[Any], smaller: Callable[[NDArray[Any], int], NDArray[Any]]) -> list[NDArray[Any]]:
    levels, step = [pixels], 2
    while max(levels[-1].shape[-2:]) > LARGE:
        levels.append(smaller(pixels, step))
        step *= 2
    return levels


def _mean(pixels: NDArray[Any], step: int) -> NDArray[Any]:
    flat = downsampled(pixels.reshape(-1, *pixels.shape[-2:]), step)
    rounded = np.rint(flat) if pixels.dtype.kind in "ui" else flat
    return rounded.reshape(*pixels.shape[:-2], *flat.shape[-2:]).astype(pixels.dtype)


def _middle(labels: NDArray[Any], step: int) -> NDArray[Any]:
    y, x = (np.minimum(np.arange(0, n, step) + step // 2, n - 1) for n in labels.shape[-2:])
    return labels[..., y[:, None], x]


def _multiscale(axes: str, spacing: Spacing, levels: int) -> Json:
    size = {"Z": spacing.z, "Y": spacing.y, "X": spacing.x}
    described: list[Json] = []
    for axis in axes:
        kind = {"C": "channel"}.get(axis, "space")
        unit = {"unit": "micrometer"} if size.get(axis) else {}
        described.append({"name": axis.lower(), "type": kind, **unit})
    datasets = []
    for level in range(levels):
        step = {axis: 2**level if axis in "YX" else 1 for axis in axes}
        scale = [(size.get(axis) or 1.0) * step[axis] for axis in axes]
        shift = [(size.get(axis) or 1.0) * (step[axis] - 1) / 2 for axis in axes]
        moves: list[Json] = [{"type": "scale", "scale": scale}]
        moves += [{"type": "translation", "translation": shift}] if level else []
        datasets.append({"path": str(level), "coordinateTransformations": moves})
    return {"axes": described, "datasets": datasets, "type": "mean"}


def _omero(field: ExportField) -> Json:
    colours = RGB if field.rgb else COLOURS
    pixels = field.pixels if field.pixels.dtype.kind in "bui" else np.nan_to_num(field.pixels, posinf=0, neginf=0)
    channels = []
    for number, (name, channel) in enumerate(zip(field.channels, pixels, strict=True)):
        low, high = float(channel.min()), float(channel.max())
        window = {"min": low, "max": high, "start": low, "end": high}
        channels.append({"label": name, "color": colours[number % len(colours)], "window": window, "active": True})
    return {"channels": channels, "name": field.name}


def _image_label(cells: tuple[Cell, ...], version: str) -> Json:
    properties = [{"label-value": cell.id, "class": cell.kind, **cell.properties()} for cell in cells]
    said: Json = {"properties": properties} if properties else {}
    return {"version": version, **said, "source": {"image": "../../"}}


def read_ome_zarr(path: Path, shape: tuple[int, ...], name: str = "") -> Cells:
    """Return the first label image of an OME-Zarr image (or of a label group itself), NGFF 0.4 or 0.5.

    Where there are others, a notice names them.

    Raises
    ------
    ImageReadError
        If the folder is no OME-Zarr, or has no labels.
    ImageValueError
        If the labels are not of ``shape``.
    """
    names: list[str] = []
    with decoding(path, "OME-Zarr with labels"):
        group = _open_group(path, mode="r")
        image = path.parent.parent
        if "image-label" not in _attributes(group) and path.parent.name != "labels":
            names, image = _label_names(path), path
            group = _open_group(path / "labels" / names[0], mode="r")
        said = _attributes(group)
        multiscale = said["multiscales"][0]
        array = max((group[one["path"]] for one in multiscale["datasets"]), key=lambda level: math.prod(level.shape))
        order = _order(multiscale.get("axes") or (), len(array.shape))
        check_shape(path, tuple(array.shape[axis] for axis in order), shape)
        check_fits(path, math.prod(array.chunks) * array.dtype.itemsize)
        labels = np.ascontiguousarray(np.asarray(array).transpose(order))
        cells = [_cell(entry) for entry in said.get("image-label", {}).get("properties") or []]  # others leave it out
        apart = _lies_elsewhere(multiscale, image) if is_zarr(image) else ()
    notices = (*_passed_over(names), *apart)
    if cells:
        return labelled(fitting_labels(path, whole_numbers(path, labels, shape), shape), cells, notices=notices)
    found = cells_in_values(path, labels, shape)
    return replace(found, notices=(*notices, *found.notices))


def _lies_elsewhere(labels: Json, image: Path) -> tuple[str, ...]:
    """Return what to say where labels are said to lie elsewhere than the image that they belong to, or are larger."""
    found = _attributes(_open_group(image, mode="r")).get("multiscales")
    if not found:
        return ()
    (size, place), (own_size, own_place) = (_placed(one) for one in (found[0], labels))
    same = [axis for axis in "zyx" if axis in size and axis in own_size]
    if any(abs(own_size[axis] / size[axis] - 1) > ALIKE for axis in same):
        return ("the labels are said to have other sizes of a pixel than their image: they are taken pixel for pixel",)
    moved = [round((own_place[axis] - place[axis]) / size[axis], 1) for axis in same]
    if all(abs(px) < 1 for px in moved):
        return ()
    by = ", ".join(f"{axis} {px:g}" for axis, px in zip(same, moved, strict=True) if px)
    return (
        f"the labels are said to lie {by} px from where their image does (translation): they are taken pixel for "
        "pixel; look whether the cells lie where they belong",
    )


def _placed(multiscale: Json) -> tuple[dict[str, float], dict[str, float]]:
    """Return the size of a pixel and the place of the first one, along each axis, of the first level."""
    names = [str(axis.get("name") if isinstance(axis, Mapping) else axis) for axis in multiscale.get("axes") or ()]
    size, place = dict.fromkeys(names, 1.0), dict.fromkeys(names, 0.0)
    levels = multiscale["datasets"][0].get("coordinateTransformations") or ()
    for move in (*levels, *(multiscale.get("coordinateTransformations") or ())):
        for name, value in zip(names, move.get(move["type"]) or (), strict=False):
            if move["type"] == "scale":
                size[name], place[name] = size[name] * value, place[name] * value
            elif move["type"] == "translation":
                place[name] += value
    return size, place


def _order(axes: Sequence[Any], count: int) -> list[int]:
    """Return the axes of an array in the order of t, c, z, y, x: the format leaves that of y and x to the writer."""
    names = [str(axis.get("name") if isinstance(axis, Mapping) else axis).casefold() for axis in axes]
    known = len(names) == count and set(names) <= set("tczyx") and len(set(names)) == count
    return sorted(range(count), key=lambda axis: "tczyx".index(names[axis])) if known else list(range(count))


def _label_names(path: Path) -> list[str]:
    """Return the names of the label images of an image.

    Raises
    ------
    ImageReadError
        If there is none, or one leads out of the folder.
    """
    if not any((path / "labels" / name).is_file() for name in ("zarr.json", ".zgroup")):
        raise ImageReadError(f"{path} has no labels, it is an image alone; name the OME-Zarr that holds the masks")
    names = list(_attributes(_open_group(path / "labels", mode="r"))["labels"])
    if not names or any(Path(name).is_absolute() or ".." in Path(name).parts for name in names):
        raise ImageReadError(f"{path}/labels names no label images that lie in it ({names})")
    return names


def _passed_over(names: list[str]) -> tuple[str, ...]:
    if len(names) < 2:
        return ()
    return (f"{names[0]} was taken of its labels, not {', '.join(names[1:])}; name labels/{names[1]} to take that",)


def is_zarr(path: Path) -> bool:
    """Return whether a folder is a Zarr group, or is called like one.

    Raises
    ------
    ImageReadError
        If it may not be entered.
    """
    with parse_errors(path):
        return path.suffix.lower() == ".zarr" or any((path / name).is_file() for name in ("zarr.json", ".zgroup"))


def _open_group(path: Path, **how: Any) -> zarr.Group:  # noqa: ANN401 (options of zarr's own)
    import zarr  # only where one is written or read: it takes as long to import as a small run

    return zarr.open_group(path, **how)


def _attributes(group: zarr.Group) -> Mapping[str, Any]:
    held = dict(group.attrs)
    ome = held.get("ome")
    return ome if isinstance(ome, dict) else held


def _cell(entry: Mapping[str, Any]) -> Cell:
    return cell_from(entry["label-value"], entry.get("class", "cell"), entry)
