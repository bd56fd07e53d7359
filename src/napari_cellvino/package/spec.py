"""What a model package says of itself, read from its ``rdf.yaml``.

The file is a bioimage.io model description 0.5; what OpenVINO and the heads need stands under ``config.cellvino``.
The YAML is read here and not by bioimageio.spec, which would be a heavy run-time dependency and has no entry for
OpenVINO weights.

References
----------
https://github.com/bioimage-io/spec-bioimage-io (model description 0.5)
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from napari_cellvino.errors import ModelPackageError
from napari_cellvino.recipe import Precision

SPEC_NAME = "rdf.yaml"


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Normalisation(_Frozen):
    """Percentiles (0 to 100) of the plane that become 0 and 1."""

    low: float = 1.0
    high: float = 99.8


class Diameter(_Frozen):
    """Object diameters in px: the one the model knows best, and the range it was trained on."""

    reference: float = Field(gt=0)
    smallest: float = Field(gt=0)
    largest: float = Field(gt=0)


class HeadSpec(_Frozen):
    """Which head decodes the maps, and its defaults for this model."""

    name: str
    parameters: dict[str, float] = Field(default_factory=dict)


class Score(_Frozen):
    """One measured figure: on which set, which metric, at which precision."""

    set: str
    metric: str
    precision: Precision
    value: float


class ModelSpec(_Frozen):
    """The ``config.cellvino`` part of a package, with the common fields of the description.

    Running takes ``bytes_fixed`` of memory and ``bytes_per_pixel`` for each pixel of a tile.
    """

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]*$")
    title: str
    version: str
    description: str
    licence: str
    task: Literal["instances"]
    head: HeadSpec
    input_channels: int = Field(default=1, ge=1, le=16)
    maps: tuple[str, ...]
    classes: tuple[str, ...]
    normalise: Normalisation = Normalisation()
    diameter_px: Diameter
    tile: int = Field(ge=64, le=4096, multiple_of=16)
    halo: int = Field(ge=0, le=1024)
    bytes_fixed: int = Field(default=0, ge=0)
    bytes_per_pixel: int = Field(ge=1)
    tolerance: dict[Precision, float]
    weights: dict[Literal["float", "int8"], str]
    scores: tuple[Score, ...] = ()
    sha256: dict[str, str]


def read_spec(folder: Path) -> ModelSpec:
    """Return what the package in ``folder`` says of itself.

    Raises
    ------
    ModelPackageError
        If there is no ``rdf.yaml``, or it is no model description that CellVINO can run.
    """
    path = folder / SPEC_NAME
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ModelPackageError(f"{folder} is no model package: it has no {SPEC_NAME}") from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ModelPackageError(f"{path} cannot be read: {error}") from error
    return _spec_from(content, path)


def _spec_from(content: object, path: Path) -> ModelSpec:
    if not isinstance(content, dict) or content.get("type") != "model":
        raise ModelPackageError(f"{path} describes no model")
    config = content.get("config") or {}
    ours = config.get("cellvino") if isinstance(config, dict) else None
    if not isinstance(ours, dict):
        raise ModelPackageError(f"{path} has no config.cellvino section, so CellVINO does not know how to run it")
    common = {"title": "name", "version": "version", "description": "description", "licence": "license"}
    values = {ours_key: str(content.get(key, "")) for ours_key, key in common.items()}
    try:
        return ModelSpec.model_validate(values | ours)
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise ModelPackageError(f"{path} cannot be used: {faults}") from error
