"""The metadata of OME-Zarr groups, checked against the specification's models of yaozarrs, either version."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from yaozarrs import v04, v05

from napari_cellvino.core.errors import ImageReadError
from napari_cellvino.core.image import Spacing
from napari_cellvino.io.checks import parse_errors
from napari_cellvino.io.units import micrometres

PlateDef = v04.PlateDef | v05.PlateDef
PlateWell = v04.PlateWell | v05.PlateWell
_SECONDS = {"millisecond": 1e-3, "second": 1.0, "minute": 60.0, "hour": 3600.0, "day": 86400.0}
Scaled = v04.Dataset | v05.Dataset | v04.Multiscale | v05.Multiscale


@dataclass(frozen=True, slots=True)
class ImageMetadata:
    """What one image says: its axes (letters), the folders of its levels as listed, their spacing in µm, channel names.

    ``interval_s`` is the time between frames; ``others`` are the names of more images in the group, of which the first
    is taken.
    """

    axes: str
    arrays: tuple[str, ...]
    spacings: tuple[Spacing, ...]
    channels: tuple[str, ...] = ()
    interval_s: float | None = None
    others: tuple[str, ...] = ()


def attributes(group: Path) -> dict[str, Any]:
    """Return the attributes of a zarr group of version 2 or 3; none where the folder is no group.

    Raises
    ------
    ImageReadError
        If they are there and cannot be read.
    """
    with parse_errors(group):
        for name in ("zarr.json", ".zattrs"):
            if (group / name).is_file():
                content = json.loads((group / name).read_text(encoding="utf-8"))
                found = content.get("attributes", {}) if name == "zarr.json" else content
                return dict(found)
    return {}


def read_plate(path: Path) -> tuple[PlateDef, str] | None:
    """Return the plate that a folder says it is and the version it is written in, or None where it is no plate.

    Raises
    ------
    ImageReadError
        If it is a plate of another version, or a damaged one.
    """
    found = attributes(path)
    ome = found.get("ome", found)
    if not isinstance(ome, dict) or "plate" not in ome:
        return None
    try:
        if "ome" in found:
            return v05.Plate.model_validate(ome).plate, "0.5"
        return v04.Plate.model_validate(ome).plate, "0.4"
    except ValidationError as error:
        raise _unlike(path, "plate", error) from error


def read_well(path: Path) -> tuple[tuple[str, int | None], ...]:
    """Return the folders of the images of a well, each with the number of its acquisition where it says one.

    Raises
    ------
    ImageReadError
        If the group is missing or damaged.
    """
    found = attributes(path)
    if not found:
        raise ImageReadError(f"{path} is missing or no OME-Zarr well; copy it again")
    try:
        well = v05.Well.model_validate(found["ome"]).well if "ome" in found else v04.Well.model_validate(found).well
    except ValidationError as error:
        raise _unlike(path, "well", error) from error
    return tuple((image.path, image.acquisition) for image in well.images)


def image_metadata(path: Path) -> ImageMetadata:
    """Return what an image group says.

    Raises
    ------
    ImageReadError
        If the group is missing or damaged.
    """
    found = attributes(path)
    said = dict(found["ome"] if isinstance(found.get("ome"), dict) else found)
    names = _labels(said.pop("omero", None))  # for viewers: many writers leave out what the models ask for
    try:
        image: v04.Image | v05.Image = (
            v05.Image.model_validate(said) if "ome" in found else v04.Image.model_validate(said)
        )
    except ValidationError as error:
        raise _unlike(path, "image", error) from error
    multiscale = image.multiscales[0]
    others: list[v04.Multiscale | v05.Multiscale] = [*image.multiscales[1:]]
    axes = [(axis.name, getattr(axis, "unit", None) or "") for axis in multiscale.axes]
    datasets: list[v04.Dataset | v05.Dataset] = [*multiscale.datasets]
    whole = _scale(multiscale, len(axes))
    scales = [[a * b for a, b in zip(_scale(one, len(axes)), whole, strict=True)] for one in datasets]
    return ImageMetadata(
        "".join(name for name, _ in axes),
        tuple(dataset.path for dataset in datasets),
        tuple(_spacing(axes, scale) for scale in scales),
        names if any(names) else (),
        next(
            (s * _SECONDS[u] for (name, u), s in zip(axes, scales[0], strict=True) if name == "t" and u in _SECONDS),
            None,
        ),
        tuple(str(other.name or f"image {n}") for n, other in enumerate(others, 2)),
    )


def _spacing(axes: list[tuple[str, str]], scale: list[float]) -> Spacing:
    """Return the spacing in µm, unknown along axes without a unit."""
    um = {name: micrometres(size, unit) for (name, unit), size in zip(axes, scale, strict=True) if unit}
    return Spacing(um.get("z"), um.get("y"), um.get("x"))


def _labels(omero: object) -> tuple[str, ...]:
    """Return the names of channels in what OMERO keeps for its viewer."""
    channels = omero.get("channels") if isinstance(omero, dict) else None
    return tuple(str(c.get("label") or "") if isinstance(c, dict) else "" for c in channels or ())


def _scale(held: Scaled, count: int) -> list[float]:
    """Return the scale among the transformations of a dataset or a multiscale; 1 without one."""
    steps = held.coordinateTransformations or ()
    return next((list(step.scale) for step in steps if step.type == "scale"), [1.0] * count)


def _unlike(path: Path, what: str, error: ValidationError) -> ImageReadError:
    first = error.errors()[0]
    place = ".".join(map(str, first["loc"]))
    return ImageReadError(
        f"{path} is no OME-Zarr {what} of version 0.4 or 0.5 ({place}: {first['msg']}); convert it again"
    )
