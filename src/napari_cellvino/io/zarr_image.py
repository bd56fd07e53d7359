"""Open OME-Zarr images that belong to no plate, 0.4 and 0.5, such as our own exports: a folder is one image."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from napari_cellvino.core.errors import ImageReadError
from napari_cellvino.core.image import MetadataOverrides
from napari_cellvino.io.checks import list_names
from napari_cellvino.io.scenes import Scene, SceneSource


def open_zarr_image(path: Path, head: bytes, overrides: MetadataOverrides) -> SceneSource | None:
    """Return an OME-Zarr image, or the images of a collection, at the level that is asked for; None for other folders.

    Raises
    ------
    ImageValueError
        If there is no such level.
    ImageReadError
        If it is an OME-Zarr plate, or damaged, or of a version that is not read.
    """
    from napari_cellvino.io.plates.ome_zarr_metadata import attributes  # plates are made of images: a circle else

    found = attributes(path)
    ome = found.get("ome", found)
    if not isinstance(ome, dict):
        return None
    if "plate" in ome:
        raise ImageReadError(f"{path.name} is an OME-Zarr plate; give it by itself, and its wells are counted")
    if "multiscales" in ome:
        return SceneSource(path, (_scene(path, "", overrides.level),), overrides)
    inner = [p for p in path.iterdir() if p.is_dir() and p.name.isdecimal()] if _collection(ome) else []
    inner.sort(key=lambda one: int(one.name))
    scenes = tuple(_scene(one, one.name, overrides.level) for one in inner)
    return SceneSource(path, scenes, overrides) if scenes else None


def _collection(ome: dict[str, object]) -> bool:
    return "bioformats2raw.layout" in ome


def _scene(group: Path, name: str, level: int) -> Scene:
    from napari_cellvino.io.plates.ome_zarr import open_level

    facts, planes, pyramid, spacing, doubts = open_level(group, level)
    shape, dtype = planes.shape, np.dtype(planes.array.dtype)
    more = f"{group.name} holds {len(facts.others) + 1} images: {list_names(facts.others)} left out, the first is read"
    return Scene(
        shape,
        dtype.newbyteorder("="),
        pyramid.guarded(group, planes, dtype.itemsize * shape.c),
        name,
        spacing,
        facts.channels if len(facts.channels) == shape.c else (),
        remarks=pyramid.remarks,
        warnings=pyramid.warnings + planes.warnings + doubts + ((more,) if facts.others else ()),
        levels=pyramid.levels,
        interval_s=facts.interval_s if shape.t > 1 else None,
    )
