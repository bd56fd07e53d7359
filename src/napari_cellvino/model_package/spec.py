"""The description of a model package, read from its ``rdf.yaml``.

The file is a bioimage.io model description 0.5; what OpenVINO and the heads need is under ``config.cellvino``.
The YAML is read here and not by bioimageio.spec, which would be a heavy run-time dependency and has no entry for
OpenVINO weights.

References
----------
https://github.com/bioimage-io/spec-bioimage-io (model description 0.5)
"""

from __future__ import annotations

import re
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from napari_cellvino.core.errors import ModelPackageError, OptionError
from napari_cellvino.core.recipe import Precision
from napari_cellvino.core.yaml_text import load_yaml
from napari_cellvino.model_package.encryption import Encryption

SPEC_NAME = "rdf.yaml"
NAME = r"^[a-z0-9][a-z0-9._-]*$"  # of a model, and of its folder
MOST_KNOWN = 64  # descriptions, of a few KB each

Task = Literal["instances", "detection", "mask"]


def check_model_name(name: str) -> None:
    """Check what a model is to be called, before anything is made.

    Raises
    ------
    OptionError
        If no model can be called so; the message has a name like it that one can have.
    """
    if re.fullmatch(NAME, name):
        return
    like = model_name_like(name)
    other = f"; {like!r} is possible" if like else ""
    raise OptionError(
        f"a model cannot be called {name!r}: its name has small letters from a to z, digits, '-', '_' and '.' only, "
        f"and begins with a letter or digit{other}"
    )


def model_name_like(text: str) -> str:
    """Return a name for a model that is like a text; empty where there is no letter or digit in it."""
    return re.sub(r"[^a-z0-9._-]+", "-", text.lower()).strip("-._")


class ModelInput(StrEnum):
    """The input of a model: a whole field in tiles, or a crop round one cell."""

    FIELD = "field"
    CROP = "crop"


class ModelOutput(StrEnum):
    """What comes out of a model: a label image, boxes with classes, or the mask of the one cell in a crop."""

    OUTLINES = "outlines"
    BOXES = "boxes"
    MASK = "mask"


_GIVES = {"instances": ModelOutput.OUTLINES, "detection": ModelOutput.BOXES, "mask": ModelOutput.MASK}


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Normalisation(_Frozen):
    """How the pixels of a plane are normalised for the network, channel by channel.

    ``percentiles``: ``low`` and ``high`` (0 to 100) become 0 and 1; ``mean_std``: the mean becomes 0, mean plus
    standard deviation 1; ``none``: unchanged. The last two are for converted models that were trained that way.
    ``version`` 2 of the percentiles leaves areas without data and things that outshine the cells out of the range, and
    takes uneven light off; version 3 also covers what lies far outside the range of transmitted light.
    """

    method: Literal["percentiles", "mean_std", "none"] = "percentiles"
    low: float = 1.0
    high: float = 99.8
    version: Literal[1, 2, 3] = 1


class Diameter(_Frozen):
    """Object diameters in px: the one the model knows best, and the range it was trained on.

    ``assumed`` is the diameter used where the user gives none; with None, images are then not resized. With ``search``,
    the diameter is estimated instead, by trying these zooms (of boxes, the usual one stays unless another shows clearly
    more); ``weights``, by name, of what is seen at each zoom then choose one. ``sought_with`` are parameters of the
    head that cells are sought with there, where they are others than the defaults: those that the weights were fitted
    with. With ``sought_outside`` the diameter is only estimated where what is found at the image's own size is smaller
    or larger than that, as its median.
    """

    reference: float = Field(gt=0)
    smallest: float = Field(gt=0)
    largest: float = Field(gt=0)
    assumed: float | None = Field(default=None, gt=0)
    search: tuple[float, ...] | None = None
    weights: dict[str, float] | None = None
    sought_with: dict[str, float] = Field(default_factory=dict)
    sought_outside: tuple[float, float] | None = None

    @property
    def always_sought(self) -> bool:
        """Whether the diameter is estimated in every image, where none is given."""
        return bool(self.search) and self.sought_outside is None


class HeadSpec(_Frozen):
    """Which head decodes the maps, and its defaults for this model."""

    name: str
    parameters: dict[str, float] = Field(default_factory=dict)


class Taught(_Frozen):
    """What a model was taught on by strokes: shipped models by name and sha256, channels, strokes, and by whom.

    ``channels`` are the names of the channels that it looks at, ``strokes`` the number of each kind. ``agreement`` is
    the share of stroke pixels, kinds counting alike, that are right where their stroke was held out; None where there
    are too few strokes to say.
    """

    bases: dict[str, str]
    channels: tuple[str, ...]
    fields: tuple[str, ...]
    strokes: dict[str, int]
    outlined: int = 0
    agreement: float | None = None
    by: str = ""


class Score(_Frozen):
    """One measured figure: on which set, which metric, at which precision."""

    set: str
    metric: str
    precision: Precision
    value: float


class ModelSpec(_Frozen):
    """The ``config.cellvino`` part of a package, with the common fields of the description.

    What comes out depends on the task: ``instances`` are labels, a ``detection`` is boxes with classes and scores, a
    ``mask`` is that of the one cell in the middle of a crop of ``tile`` px. The network takes (1, ``input_channels``,
    tile, tile) and gives (1, maps, tile / stride, tile / stride). With 8 ``views`` it runs on each tile in all ways it
    can be flipped and transposed, with ``negatives`` half of them as negatives, and their maps are averaged. Running
    takes ``bytes_fixed`` of memory and ``bytes_per_pixel`` for each pixel of a tile. With ``signal_test`` no cells are
    counted in fields that look like noise, unless the user wants them. With ``encryption`` the files of ``weights``
    are encrypted, and ``sha256`` are of what is encrypted.
    """

    name: str = Field(pattern=NAME)
    title: str
    version: str = Field(pattern=r"^[0-9A-Za-z][^/\\:*?\"<>|\x00-\x1f]*$")
    description: str
    licence: str
    task: Task
    head: HeadSpec
    signal_test: bool = True
    input_channels: int = Field(default=1, ge=1, le=16)
    stride: Literal[1, 2, 4, 8, 16] = 1
    maps: tuple[str, ...]
    classes: tuple[str, ...]
    normalise: Normalisation = Normalisation()
    diameter_px: Diameter
    tile: int = Field(ge=64, le=4096, multiple_of=16)
    halo: int = Field(ge=0, le=1024)
    views: Literal[1, 8] = 1
    negatives: bool = False
    bytes_fixed: int = Field(default=0, ge=0)
    bytes_per_pixel: int = Field(ge=1)
    tolerance: dict[Precision, float]
    weights: dict[Literal["float", "int8"], str]
    scores: tuple[Score, ...] = ()
    taught: Taught | None = None
    tags: tuple[str, ...] = ()
    sha256: dict[str, str]
    encryption: Encryption | None = None

    @property
    def gives(self) -> ModelOutput:
        """What comes out."""
        return _GIVES[self.task]

    @property
    def takes(self) -> ModelInput:
        """What it takes as input."""
        return ModelInput.CROP if self.gives is ModelOutput.MASK else ModelInput.FIELD

    @property
    def stain(self) -> str:
        """What the channel that it looks at shows: ``nuclei`` in fluorescence, ``transmitted`` light; else empty."""
        if {"nuclei", "fluorescence"} <= set(self.tags):
            return "nuclei"
        return "transmitted" if {"phase-contrast", "bright-field", "dic"} & set(self.tags) else ""

    @property
    def sees_dyes(self) -> bool:
        """Whether it is made for stained tissue, whose dyes can be told apart in colour."""
        return "histology" in self.tags and self.input_channels == 1

    def describe_task(self) -> str:
        """Return the task as text: ``outlines cells``, ``boxes round cells: living, dead``."""
        if self.gives is ModelOutput.BOXES:
            return "boxes round cells" + (f": {', '.join(self.classes)}" if len(self.classes) > 1 else "")
        return "outlines cells" if self.gives is ModelOutput.OUTLINES else "outlines one cell in the middle of an image"

    @model_validator(mode="after")
    def _fits_the_stride(self) -> Self:
        for name, size in (("tile", self.tile), ("halo", self.halo)):
            if size % self.stride:
                raise ValueError(f"{name} {size} is no multiple of the stride {self.stride}")
        if self.takes is ModelInput.CROP and self.stride != 1:
            raise ValueError(f"a mask has the size of its crop: stride 1, not {self.stride}")
        return self


def read_spec(folder: Path) -> ModelSpec:
    """Return the description of the package in ``folder``.

    Raises
    ------
    ModelPackageError
        If there is no ``rdf.yaml``, or it is no model description that CellVINO can run.
    """
    path = folder / SPEC_NAME
    try:
        return _spec_from(path.read_text(encoding="utf-8"), path)
    except FileNotFoundError:
        raise ModelPackageError(f"{folder} is no model package: it has no {SPEC_NAME}") from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ModelPackageError(f"{path} cannot be read: {error}") from error


@lru_cache(maxsize=MOST_KNOWN)
def _spec_from(text: str, path: Path) -> ModelSpec:
    """Return the description in a text; models are listed and looked for again and again, and YAML is slow to read."""
    content = load_yaml(text)
    if not isinstance(content, dict) or content.get("type") != "model":
        raise ModelPackageError(f"{path} describes no model")
    config = content.get("config") or {}
    ours = config.get("cellvino") if isinstance(config, dict) else None
    if not isinstance(ours, dict):
        raise ModelPackageError(f"{path} has no config.cellvino section, so CellVINO does not know how to run it")
    common = {"title": "name", "version": "version", "description": "description", "licence": "license"}
    values: dict[str, object] = {ours_key: str(content.get(key, "")) for ours_key, key in common.items()}
    tags = content.get("tags")
    values["tags"] = tuple(map(str, tags)) if isinstance(tags, list) else ()
    try:
        return ModelSpec.model_validate(values | ours)
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise ModelPackageError(f"{path} cannot be used: {faults}") from error
