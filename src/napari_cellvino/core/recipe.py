"""Every choice of a run in one file: the window writes it, the command line repeats it to the same bytes."""

from __future__ import annotations

import hashlib
import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator

from napari_cellvino.core.cell_classifier import CellClassifier
from napari_cellvino.core.errors import ImageValueError, OptionError
from napari_cellvino.core.faults import describe_faults
from napari_cellvino.core.gates import Gate
from napari_cellvino.core.image import KeepDoubles, MetadataOverrides, Spacing, Stack, ZChoice, channel_index
from napari_cellvino.core.link_options import LinkOptions
from napari_cellvino.core.region import ImageRegion
from napari_cellvino.core.yaml_text import load_yaml

# Choices on how folders and files are taken.
OF_INPUTS = ("pattern", "acquisition", "keep_doubles", "level", "region")


def _as_text(value: object) -> object:
    """Return the number of a channel as the text that it is in a recipe: YAML takes 2 for a number."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def no_yes(value: object) -> object:
    """Return a value that is to be a number; ``ValueError`` for yes and no, which would be 1 and 0."""
    if isinstance(value, bool):
        raise ValueError("a number is wanted, and yes, no, on and off are none")
    return value


_Channel = Annotated[str, BeforeValidator(_as_text)]


class Precision(StrEnum):
    """How exactly the network calculates; ``AUTO`` is INT8 where the model's card shows that it costs nothing."""

    AUTO = "auto"
    FAST = "fast"
    EXACT = "exact"
    INT8 = "int8"


class WholeCellWay(StrEnum):
    """How whole cells are made of nuclei: by a distance, or grown over a channel that shows the cells."""

    EXPAND = "expand"
    PROPAGATE = "propagate"


class SpotPlanes(StrEnum):
    """Where spots are sought: in every plane of a stack, in 3D, or in the projection that cells are found in."""

    STACK = "stack"
    PROJECTION = "projection"


class Recipe(BaseModel):
    """Choices of one run. ``channel`` is a name or a number from 1, ``frame`` a time point from 1.

    With ``frame`` 0 each time point is a field of its own; only runs over files know that.

    ``diameter_px`` is the typical object diameter in the image, where the user gives it: the image is then resized
    to the diameter the model knows best. ``parameters`` override the defaults of the model's head. ``axes``,
    ``spacing_um`` and ``channels`` are metadata that the user gave where those of the file are missing or wrong;
    ``pattern``, ``acquisition`` and ``keep_doubles`` say how the files of a folder are taken, ``level`` which one of a
    pyramid is read, ``region`` which part of it (`MetadataOverrides`).
    ``outline`` is a second model, which outlines the cells that the first one found; empty where there is none.
    ``whole_cells`` makes whole cells of the nuclei that were found, grown over ``cell_channel`` or expanded.
    ``spots`` are found in ``spot_channel``; then an empty ``model`` finds no cells. They are compared with those of
    ``spot_partner``, another channel, where one is named.
    ``linking`` is how the cells of a film are linked.
    ``classifier`` gives cells classes by what was measured of them, and ``gates`` leave out or classify them after it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())

    model: str = "nuclei"
    model_sha256: str = ""
    outline: str = ""
    outline_sha256: str = ""
    device: str = "AUTO"
    precision: Precision = Precision.AUTO
    channel: _Channel = ""
    z: str = "mip"
    frame: int = Field(default=1, ge=0)
    diameter_px: float | None = Field(default=None, gt=0, le=2000)
    parameters: dict[str, float] = Field(default_factory=dict)
    axes: str | None = None
    spacing_um: Spacing | None = None
    channels: tuple[str, ...] | None = None
    pattern: str = ""
    acquisition: str = ""
    keep_doubles: KeepDoubles | None = None
    level: int = Field(default=0, ge=0)
    region: str = ""
    whole_cells: WholeCellWay | None = None
    cell_channel: _Channel = ""
    spots: SpotPlanes | None = None
    spot_channel: _Channel = ""
    spot_partner: _Channel = ""
    gates: tuple[Gate, ...] = ()
    classifier: CellClassifier | None = None
    linking: LinkOptions = Field(default_factory=LinkOptions)

    @field_validator("frame", "diameter_px", "level", mode="before")
    @classmethod
    def _is_a_number(cls, value: object) -> object:
        return no_yes(value)

    @field_validator("parameters", mode="before")
    @classmethod
    def _are_numbers(cls, values: object) -> object:
        return {name: no_yes(value) for name, value in values.items()} if isinstance(values, dict) else values

    @field_validator("z")
    @classmethod
    def _z_is_known(cls, text: str) -> str:
        return str(ZChoice.parse(text))

    @field_validator("region")
    @classmethod
    def _region_is_one(cls, text: str) -> str:
        return str(ImageRegion.parse(text)) if text else ""

    @property
    def z_choice(self) -> ZChoice:
        """The way along z."""
        return ZChoice.parse(self.z)

    @property
    def overrides(self) -> MetadataOverrides:
        """Metadata that the user gave for the image."""
        inputs = {name: getattr(self, name) for name in OF_INPUTS}
        return MetadataOverrides(self.axes, self.spacing_um, self.channels, **inputs)

    def with_overrides(self, overrides: MetadataOverrides) -> Recipe:
        """Return the recipe with metadata that the user gave for the image."""
        changes = {"axes": overrides.axes, "spacing_um": overrides.spacing, "channels": overrides.channels}
        inputs = {name: getattr(overrides, name) for name in OF_INPUTS}
        return self.model_copy(update=changes | inputs)

    @property
    def has_rules(self) -> bool:
        """Whether cells are left out or classified by what is measured of them."""
        return bool(self.gates) or self.classifier is not None

    @property
    def new_classes(self) -> tuple[str, ...]:
        """The classes that the classifier and the gates give and the model does not."""
        taught = self.classifier.new_classes if self.classifier else ()
        return tuple(dict.fromkeys((*taught, *(gate.class_name for gate in self.gates if gate.class_name))))

    def with_new_classes(self, classes: tuple[str, ...]) -> tuple[str, ...]:
        """Return the classes of a model and, after them, those that the classifier and the gates give."""
        taught = self.classifier.classes if self.classifier else ()
        return tuple(dict.fromkeys((*classes, *taught, *self.new_classes)))

    def without_new_classes(self, classes: tuple[str, ...]) -> tuple[str, ...]:
        """Return the classes of the model alone."""
        return tuple(name for name in classes if name not in self.new_classes)

    def fingerprint(self) -> str:
        """Return a sha256 over all choices: equal fingerprints on equal pixels give equal results.

        Choices that came later count only where they are made, so that results of before are known again. How cells
        are linked changes nothing in a field, and does not count.
        """
        unmade = set() if self.whole_cells else {"whole_cells", "cell_channel"}
        unmade |= set() if self.spots else {"spots", "spot_channel"}
        unmade |= {name for name in (*OF_INPUTS, "spot_partner", "gates", "classifier") if not getattr(self, name)}
        text = json.dumps(self.model_dump(mode="json", exclude={"linking", *unmade}), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    def dumps(self) -> str:
        """Return the recipe as YAML."""
        return str(yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False))


def load_recipe(path: Path) -> Recipe:
    """Return the recipe in a YAML file.

    Raises
    ------
    OptionError
        If the file cannot be read, or has an unknown or impossible option.
    """
    try:
        content = load_yaml(path.read_text(encoding="utf-8-sig"), by_hand=True)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise OptionError(f"recipe {path} cannot be read: {error}") from error
    if not isinstance(content, dict):
        raise OptionError(f"recipe {path} has no options; expected lines like 'model: nuclei'")
    return make_recipe(content, source=f"recipe {path}")


def make_recipe(choices: dict[str, object], *, source: str = "the choices") -> Recipe:
    """Return a recipe from plain values, with every fault named.

    Raises
    ------
    OptionError
        If a choice is unknown or out of range.
    """
    try:
        return Recipe.model_validate(choices)
    except ValidationError as error:
        raise OptionError(f"{source} cannot be used: {describe_faults(error, Recipe.model_fields)}") from error


def fitted(recipe: Recipe, stack: Stack) -> Recipe:
    """Return the recipe with what does not fit a stack (channel, plane, time point) at its default."""
    fitting: dict[str, object] = {}
    try:
        channel_index(stack, recipe.channel)
    except ImageValueError:
        fitting["channel"] = ""
    if (recipe.z_choice.plane or 1) > stack.shape.z:
        fitting["z"] = "mip"
    if recipe.z_choice.joined and stack.shape.z == 1:
        fitting["z"] = "mip"
    if not 1 <= recipe.frame <= stack.shape.t:
        fitting["frame"] = 1
    return recipe.model_copy(update=fitting | _fitted_cells(recipe, stack) | _fitted_spots(recipe, stack))


def _fitted_cells(recipe: Recipe, stack: Stack) -> dict[str, object]:
    """Return no whole cells for a stack without their channel."""
    if recipe.whole_cells is not WholeCellWay.PROPAGATE:
        return {}
    try:
        channel_index(stack, recipe.cell_channel)
    except ImageValueError:
        return {"whole_cells": None, "cell_channel": ""}
    return {}


def _fitted_spots(recipe: Recipe, stack: Stack) -> dict[str, object]:
    """Return channels of spots that are chosen anew, for a stack without those of the recipe."""
    fitting: dict[str, object] = {}
    for name in ("spot_channel", "spot_partner"):
        try:
            channel_index(stack, getattr(recipe, name))
        except ImageValueError:
            fitting[name] = ""
    return fitting


def renamed(recipe: Recipe, before: Stack, after: Stack) -> Recipe:
    """Return the recipe with its channels by the names that they have after the user renamed them."""
    changed = {
        field: after.channels[index] if (index := before.channels.index(name)) < after.shape.c else ""
        for field in ("channel", "cell_channel", "spot_channel", "spot_partner")
        if (name := getattr(recipe, field)) in before.channels
    }
    return recipe.model_copy(update=changed) if changed else recipe
