"""Teach a model by strokes: images and stroke files in, a model package out."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from napari_cellvino.core.errors import OptionError, OutputError, TrainingDataError
from napari_cellvino.core.image import Plane, Stack, ZChoice, ZMode
from napari_cellvino.core.progress import Progress, finish
from napari_cellvino.core.recipe import Recipe
from napari_cellvino.io import open_as
from napari_cellvino.model_package import ModelPackage, check_model_name, find_package, model_name_like
from napari_cellvino.model_package.spec import SPEC_NAME, Taught
from napari_cellvino.segmentation.contrast import contrast_of
from napari_cellvino.segmentation.prepare import channel_name, project
from napari_cellvino.training.teach.features import FeatureEngine
from napari_cellvino.training.teach.lesson import PaintedPlane, all_painted
from napari_cellvino.training.teach.package import NORMALISATION, STROKES_FOLDER, PackageNames
from napari_cellvino.training.teach.painted import check_painted, painted, typical_diameter
from napari_cellvino.training.teach.strokes import (
    StrokedImage,
    StrokeFiles,
    Strokes,
    channel_of,
    inputs_of,
    match_stroke_files,
    read_strokes,
    stem_of,
    write_strokes,
)
from napari_cellvino.training.teach.taught_graph import BACKGROUND, BETWEEN, CELL
from napari_cellvino.training.teach.teach import USUAL_DIAMETER, TeachResult, teach

BASES = ("cells",)
KIND_NAMES = {CELL: "cell", BACKGROUND: "background", BETWEEN: "between"}


@dataclass(frozen=True, slots=True)
class TeachChoices:
    """What a model is taught like.

    ``recipe`` says channel (empty: all channels), way along z, time point, device, and what is known of the files.
    ``classes`` names the classes of cells, ``parameters`` are those of the head ``taught`` that the model begins with;
    the smallest area follows the cells where it is not among them. ``zoom`` is the one to look at; where it is None, it
    follows the recipe's diameter or the cells that were outlined, and else is searched for.
    """

    out: Path
    recipe: Recipe
    name: str = ""
    classes: tuple[str, ...] = ()
    by: str = ""
    overwrite: bool = False
    parameters: Mapping[str, float] = field(default_factory=dict)
    zoom: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class _Painted:
    """One image with its strokes: the planes that were painted on, as a run sees them."""

    stem: str
    strokes: Strokes
    channels: tuple[str, ...]
    planes: tuple[tuple[Plane, Strokes], ...]


def teach_images(
    images: Sequence[Path], strokes: Path, choices: TeachChoices
) -> Generator[Progress, None, TeachResult]:
    """Yield progress and return the model taught by a folder of stroke files; images without one are not used.

    Raises
    ------
    CellvinoError
        As `teach_stacks`, or if an image or a stroke file cannot be read.
    """
    _check_target(choices)
    files, stroked = match_stroke_files(images, strokes), []
    for done, one in enumerate(files, 1):
        stroked.append(_read(one, choices.recipe))
        yield Progress("images", done, len(files))
    return (yield from teach_stacks(stroked, choices))


def teach_stacks(stroked: Sequence[StrokedImage], choices: TeachChoices) -> Generator[Progress, None, TeachResult]:
    """Yield progress and return the taught package with what it finds on the images that were painted on.

    Raises
    ------
    ImageReadError, ImageValueError
        If an image or a stroke file cannot be read, or images have different channels.
    TrainingDataError
        If strokes do not fit their images, or not enough was painted.
    OptionError
        If names do not fit.
    OutputError
        If the package cannot be written.
    """
    _check_target(choices)
    name = choices.name or _name_of(choices.out)
    check_model_name(name)
    images = [_painted_image(one, choices.recipe) for one in stroked]
    channels = _same_channels(images)
    planes = [one for image in images for one in _painted_planes(image)]
    known = all_painted(planes)
    check_painted(known)
    names = PackageNames(name, name, _class_names(images, choices.classes))
    bases = [find_package(base) for base in BASES]
    taught = _taught(images, planes, bases, channels, choices.by)
    engine = FeatureEngine(bases, len(channels), device=choices.recipe.device)
    diameter = choices.recipe.diameter_px or typical_diameter(_outlined(images))
    result = yield from teach(
        planes,
        [plane for image in images for plane, _ in image.planes],
        engine,
        choices.out,
        taught,
        names,
        zoom=choices.zoom or (USUAL_DIAMETER / diameter if diameter else None),
        device=choices.recipe.device,
        parameters=choices.parameters,
    )
    for image in images:
        write_strokes(choices.out / STROKES_FOLDER, image.stem, image.strokes)
    return result


def _check_target(choices: TeachChoices) -> None:
    out = choices.out
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return
    if not (out / SPEC_NAME).is_file():
        raise OutputError(
            f"{out} is there and is no model package",
            remedy="give the model another name",
            command="name another folder with --out",
        )
    if not choices.overwrite:
        raise OutputError(
            f"there is a model package in {out}",
            remedy="give the model another name",
            command="name another folder, or replace it with --overwrite",
        )


def _name_of(out: Path) -> str:
    name = model_name_like(out.name)
    if not name:
        raise OptionError(
            f"{out.name!r} gives no name for a model",
            remedy="give it another name, with letters or digits",
            command="give one with --name",
        )
    return name


def _read(files: StrokeFiles, recipe: Recipe) -> StrokedImage:
    source = open_as(files.image, recipe.overrides)
    stack = source.read(source.positions[0])
    strokes = read_strokes(files, (stack.shape.z, stack.shape.y, stack.shape.x))
    return StrokedImage(stem_of(files.image), stack, strokes)


def _painted_image(image: StrokedImage, recipe: Recipe) -> _Painted:
    """Return the planes of an image that were painted on, with their strokes."""
    planes = tuple(
        (plane_of(image.stack, recipe, way, image.frame), own) for way, own in painted_ways(image.strokes, recipe)
    )
    return _Painted(image.stem, image.strokes, seen_channels(image.stack, recipe), planes)


def painted_ways(strokes: Strokes, recipe: Recipe) -> list[tuple[ZChoice, Strokes]]:
    """Return the ways along z that were painted on, each with its strokes: the recipe's, or single planes."""
    if strokes.kinds.ndim == 2:
        return [(recipe.z_choice, strokes)]
    held = [z for z in range(len(strokes.kinds)) if _anything(strokes.plane(z))]
    return [(ZChoice(ZMode.PLANE, z + 1), strokes.plane(z)) for z in held]


def plane_of(stack: Stack, recipe: Recipe, way: ZChoice, frame: int = 0) -> Plane:
    """Return a plane of an image as the model will see it: one channel, those of an RGB image, or all."""
    channel = channel_of(stack, recipe)
    inputs = inputs_of(stack, recipe)
    return finish(project(stack, channel=channel, z=way, frame=frame or recipe.frame or 1, inputs=inputs))


def seen_channels(stack: Stack, recipe: Recipe) -> tuple[str, ...]:
    """Return the names of the channels that the model will see."""
    inputs = inputs_of(stack, recipe)
    return stack.channels if inputs > 1 else (channel_name(stack, channel_of(stack, recipe), inputs),)


def _anything(strokes: Strokes) -> bool:
    return bool(strokes.kinds.any()) or (strokes.cells is not None and bool(strokes.cells.any()))


def _same_channels(images: Sequence[_Painted]) -> tuple[str, ...]:
    first = images[0]
    for image in images[1:]:
        if len(image.channels) != len(first.channels):
            raise TrainingDataError(
                f"{image.stem} has {len(image.channels)} channel(s) and {first.stem} {len(first.channels)}; "
                "teach on images of one kind, or name one channel with --channel"
            )
    return first.channels


def _class_names(images: Sequence[_Painted], given: Sequence[str]) -> tuple[str, ...]:
    count = max(image.strokes.classes for image in images)
    if count < 2:
        if len(given) > 1:
            raise OptionError(
                f"{len(given)} classes are named ({', '.join(given)}), and none is painted (values 4, 5, …)"
            )
        return tuple(given) or ("cell",)
    if given and len(given) != count:
        raise OptionError(f"strokes are of {count} classes, and {len(given)} are named: {', '.join(given)}")
    return tuple(given) or tuple(f"class {n}" for n in range(1, count + 1))


def _outlined(images: Sequence[_Painted]) -> list[np.ndarray]:
    return [own.cells for image in images for _, own in image.planes if own.cells is not None]


def _taught(
    images: Sequence[_Painted],
    planes: Sequence[PaintedPlane],
    bases: Sequence[ModelPackage],
    channels: tuple[str, ...],
    by: str,
) -> Taught:
    strokes = {name: sum(plane.painted.count(kind) for plane in planes) for kind, name in KIND_NAMES.items()}
    outlined = sum(len(np.unique(labels[labels > 0])) for labels in _outlined(images))
    return Taught(
        bases={base.spec.name: base.sha256 for base in bases},
        channels=channels,
        fields=tuple(image.stem for image in images),
        strokes=strokes,
        outlined=outlined,
        by=by,
    )


def _painted_planes(image: _Painted) -> list[PaintedPlane]:
    several = len(image.planes) > 1
    names = [f"{image.stem} plane {n}" if several else image.stem for n in range(1, len(image.planes) + 1)]
    return [
        PaintedPlane(name, contrast_of(plane.inputs, NORMALISATION), painted(strokes))
        for name, (plane, strokes) in zip(names, image.planes, strict=True)
    ]
