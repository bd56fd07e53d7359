"""GEFF, the graph exchange file format: nodes and edges of tracks as a zarr group, read by funtracks and others.

References
----------
https://live-image-tracking-tools.github.io/geff/latest/specification
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.core.errors import ImageReadError
from napari_cellvino.core.image import Spacing
from napari_cellvino.formats.track_points import TrackPoints, points_of_graph

if TYPE_CHECKING:
    import zarr

VERSION = "1.1.0"


def write_geff(path: Path, points: TrackPoints) -> None:
    """Write tracks as a GEFF into a new folder: places in µm where the size of a pixel is known, else in px.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    axes = "zyx"[-points.dimensions :]
    sizes = {axis: getattr(points.spacing, axis) or 1.0 for axis in axes}
    values: dict[str, NDArray[Any]] = {"t": points.frame}
    values |= {axis: points.places[:, n] * sizes[axis] for n, axis in enumerate(axes)}
    values |= {"track": points.track, "size_px": points.sizes}
    import zarr  # only where one is written or read: it takes as long to import as a small run

    group = zarr.create_group(path, zarr_format=2)
    _put(group, "nodes/ids", np.arange(len(points), dtype=np.uint64))
    for name, held in values.items():
        _put(group, f"nodes/props/{name}/values", held)
    _put(group, "edges/ids", np.array(points.edges(), np.uint64).reshape(-1, 2))
    group.require_group("edges/props")
    unit = "micrometer" if points.spacing.known else "pixel"
    time: dict[str, object] = {"name": "t", "type": "time", "unit": "frame"}
    if points.interval_s is not None:
        time |= {"scale": points.interval_s, "scaled_unit": "second"}
    group.attrs["geff"] = {
        "geff_version": VERSION,
        "directed": True,
        "axes": [time, *({"name": axis, "type": "space", "unit": unit} for axis in axes)],
        "node_props_metadata": {
            name: {"identifier": name, "dtype": str(held.dtype), "varlength": False} for name, held in values.items()
        },
        "edge_props_metadata": {},
        "extra": {"spacing_um": [points.spacing.z, points.spacing.y, points.spacing.x]},
    }


def _put(group: zarr.Group, name: str, values: NDArray[Any]) -> None:
    group.create_array(name, data=values, chunks=(max(len(values), 1), *values.shape[1:]))


def read_geff(path: Path) -> TrackPoints:
    """Return the tracks in a GEFF.

    Raises
    ------
    ImageReadError
        If it is none, it has no axes of time and space, or cells merge in it.
    """
    import zarr

    try:
        group = zarr.open_group(path, mode="r")
        said: Any = group.attrs["geff"]
        ids = np.asarray(group["nodes/ids"][:])
        edges = np.asarray(group["edges/ids"][:]).reshape(-1, 2)
        axes = {axis["name"]: axis for axis in said["axes"] or ()}
        held = {name: np.asarray(group[f"nodes/props/{name}/values"][:]) for name in said["node_props_metadata"]}
    except (KeyError, TypeError, ValueError, OSError) as error:
        raise ImageReadError(f"{path.name} is no GEFF, or damaged: {error}") from error
    time = next((name for name, axis in axes.items() if axis.get("type") == "time"), None)
    space = [name for name, axis in axes.items() if axis.get("type") == "space"]
    if time is None or len(space) not in (2, 3):
        raise ImageReadError(
            f"{path.name} has the axes {', '.join(axes) or 'none'}; a film has one of time, two or three of space"
        )
    known: Any = said.get("extra", {}).get("spacing_um", [None, None, None])
    spacing = Spacing(*known)
    pixel = [getattr(spacing, axis) or 1.0 for axis in "zyx"[-len(space) :]]
    places = np.stack([held[name].astype(np.float64) for name in space], 1) / pixel
    order = np.argsort(ids)
    index = order[np.searchsorted(ids[order], edges)]
    sizes = held.get("size_px", np.zeros(len(ids))).astype(np.float64)
    pairs = [(int(one), int(two)) for one, two in index]
    return points_of_graph(
        held[time].astype(np.int64), places, sizes, pairs, spacing, axes[time].get("scale"), path.name
    )
