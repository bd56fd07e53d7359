"""An opened file of an instrument: its scenes, each with all that its metadata say and a way to read its planes.

What vendors call scene, series, position or image is one here. The readers of CZI, ND2, LIF and the like find these
facts in other places each; what is made of them is the same.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from napari_cellvino.core.errors import ImageValueError
from napari_cellvino.core.image import MetadataOverrides, Origin, PlaneReader, Shape, Spacing, Stack
from napari_cellvino.io.source import (
    Position,
    channel_names,
    merge_spacing,
    position_index,
    unique_names,
    unsaid_size_question,
)


@dataclass(frozen=True, slots=True)
class Scene:
    """One image of a file: sizes, type of its pixels, what reads its planes, and what is known of it.

    ``channels`` are empty where the file names none; ``hints`` is what else it says of each: fluorophore, wavelengths.
    ``well`` and ``field`` are empty where the file is of no plate; ``interval_s`` is the time between frames.
    """

    shape: Shape
    dtype: np.dtype[np.generic]
    planes: PlaneReader
    name: str = ""
    spacing: Spacing = field(default_factory=Spacing)
    channels: tuple[str, ...] = ()
    rgb: bool = False
    well: str = ""
    field: str = ""
    remarks: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    hints: tuple[str, ...] = ()
    levels: tuple[tuple[int, int], ...] = ()
    interval_s: float | None = None


@dataclass(frozen=True, slots=True)
class SceneSource:
    """An opened file whose images are scenes; ``plate`` is the name of a plate where they lie in wells.

    ``others`` are files beside ``path`` that pixels come from.
    """

    path: Path
    scenes: tuple[Scene, ...]
    overrides: MetadataOverrides
    plate: str = ""
    others: tuple[Path, ...] = ()

    def __post_init__(self) -> None:
        if not self.scenes:
            raise ImageValueError(f"{self.path.name} holds no image; look at it in the program that made it")
        if self.overrides.axes is not None:
            raise ImageValueError(
                f"axes {self.overrides.axes!r} are not needed for {self.path.name}: it says itself what its dimensions "
                "are; leave them out"
            )

    @property
    def parts(self) -> tuple[Path, ...]:
        """Every file that pixels come from."""
        return (self.path, *self.others)

    @property
    def positions(self) -> tuple[Position, ...]:
        """A position with a name of its own for each scene; the name is empty where there is only one."""
        if len(self.scenes) == 1:
            return (self._position("", 0),)
        names = unique_names(tuple(scene.name.strip() or f"Scene {n}" for n, scene in enumerate(self.scenes, 1)))
        return tuple(self._position(name, index) for index, name in enumerate(names))

    def _position(self, name: str, index: int) -> Position:
        scene = self.scenes[index]
        return Position(name, self.plate if scene.well else "", scene.well, scene.field, index)

    def read(self, position: Position | None = None) -> Stack:
        """Return the stack of ``position``, by default the first, without reading pixels.

        Raises
        ------
        ImageValueError
            If there is no such position, or the user's spacing or channel names do not fit.
        """
        positions = self.positions
        place = positions[position_index(self.path, positions, position)]
        scene = self.scenes[place.index]
        found = ("Red", "Green", "Blue") if scene.rgb and not scene.channels else scene.channels
        return Stack(
            scene.planes,
            scene.shape,
            scene.dtype,
            spacing=merge_spacing(self.path, scene.spacing, self.overrides.spacing),
            channels=channel_names(self.overrides.channels, found, count=scene.shape.c),
            hints=scene.hints,
            rgb=scene.rgb,
            origin=Origin(str(self.path), place.name, place.plate, place.well, place.field),
            remarks=scene.remarks,
            warnings=(*scene.warnings, *unsaid_size_question(scene.spacing, self.overrides)),
            overrides=self.overrides,
            levels=scene.levels,
            interval_s=scene.interval_s,
        )
