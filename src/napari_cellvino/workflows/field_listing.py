"""The fields of image files: files with several positions, time series frame by frame, sets of files once."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace as changed
from pathlib import Path

from napari_cellvino.core.errors import CellvinoError, ImageReadError
from napari_cellvino.core.image import MetadataOverrides, Origin, Stack, ZChoice
from napari_cellvino.core.recipe import Recipe
from napari_cellvino.io import is_image_folder, scan_folder
from napari_cellvino.io.checks import list_names
from napari_cellvino.io.folder_listing import FolderListing
from napari_cellvino.io.registry import sets_first
from napari_cellvino.results.field_folder import journal_path
from napari_cellvino.results.schema import (
    ANNOTATION_NAME,
    COUNTS_NAME,
    PLATES_NAME,
    RECIPE_NAME,
    RUN_NAME,
    SUMMARY_NAME,
    TIDY_NAME,
    WELLS_NAME,
)
from napari_cellvino.storage.ledger_file import LEDGER_NAME
from napari_cellvino.workflows.known_inputs import KnownField, KnownInputs
from napari_cellvino.workflows.real_paths import RealPaths
from napari_cellvino.workflows.sources import OpenSources

_OF_RUNS = frozenset(
    {COUNTS_NAME, RECIPE_NAME, RUN_NAME, LEDGER_NAME, WELLS_NAME, TIDY_NAME, PLATES_NAME, SUMMARY_NAME}
)
_JOURNAL = journal_path(Path("a")).suffix


def known_or_listed(
    files: Iterable[Path], recipe: Recipe, sources: OpenSources, known: KnownInputs, paths: RealPaths
) -> Iterator[tuple[Origin, Stack | KnownField | CellvinoError, Recipe]]:
    """Yield every field as `list_fields`, those that are known to be done without opening their files."""
    seen = SeenFiles(paths)
    try:
        for path in sets_first(files):
            held = None if seen.covers(path) else known.fields(path)
            if held is not None:
                seen.take_alone(path)
                yield from ((field.origin, field, recipe) for field in held)
                continue
            known.open(path)
            for origin, stack in list_fields([path], recipe, sources, seen=seen):
                yield origin, stack, recipe
            known.close()
    finally:
        known.save()


def list_fields(
    files: Sequence[Path],
    recipe: Recipe,
    sources: OpenSources | None = None,
    overrides: Mapping[str, MetadataOverrides] | None = None,
    seen: SeenFiles | None = None,
) -> Iterator[tuple[Origin, Stack | CellvinoError]]:
    """Yield every position (and time point, if requested) of every file, or the error that prevents reading it.

    ``overrides`` is what the user said of single images, by their paths, beside what the recipe says of all; ``seen``
    are files before these.
    """
    sources, said, seen = sources or OpenSources(), overrides or {}, seen or SeenFiles()
    for path in sets_first(files):
        origin = Origin(path=str(path))
        if seen.covers(path):
            continue
        if os.path.isdir(path) and not is_image_folder(path) and not recipe.pattern:
            yield origin, _no_images(path)
            continue
        try:
            here = recipe.with_overrides(said[str(path)]) if str(path) in said else recipe
            source = sources.image(path, here.overrides)
        except CellvinoError as error:
            yield origin, error
            continue
        before = seen.take(path, source.parts)
        for position in source.positions:
            try:
                stack = source.read(position)
            except CellvinoError as error:
                yield Origin(path=str(path), position=position.name), error
            else:
                stack = _with_parts_before(stack, before)
                for frame in [recipe.frame] if recipe.frame else range(1, stack.shape.t + 1):
                    yield stack.origin_of(frame), stack


class SeenFiles:
    """The files of inputs so far: a multi-file OME-TIFF opens from any of its files, and once is enough."""

    def __init__(self, paths: RealPaths | None = None) -> None:
        self._paths = paths or RealPaths()
        self._alone: set[str] = set()
        self._covered: set[str] = set()

    def covers(self, path: Path) -> bool:
        """Return whether a file was an input, or a part of one."""
        return self._paths.of(path) in self._covered

    def take_alone(self, path: Path) -> None:
        """Note an input that is one file."""
        real = self._paths.of(path)
        self._covered.add(real)
        self._alone.add(real)

    def take(self, path: Path, parts: Iterable[Path]) -> list[str]:
        """Note an input and the files it consists of; return the names of those that were inputs of their own."""
        held = {self._paths.of(part) for part in parts}
        before = held & self._alone
        self._covered |= held
        self._alone.add(self._paths.of(path))
        return sorted(map(os.path.basename, before))


def _with_parts_before(stack: Stack, names: Sequence[str]) -> Stack:
    """Return a stack with the warning that files which are a part of it do not say so, and were taken by themselves."""
    if not names:
        return stack
    said = f"{list_names(names)} is a part of this image, does not say so, and was counted by itself before"
    return changed(stack, warnings=(*stack.warnings, said))


def listed_fields(
    origins: Sequence[Origin], recipe: Recipe, overrides: Mapping[str, MetadataOverrides], sources: OpenSources
) -> Iterator[tuple[Origin, Stack | CellvinoError, Recipe]]:
    """Yield each field with its stack, or the error that prevents reading it, and the recipe that fits it."""
    for origin in origins:
        here = recipe.with_overrides(overrides.get(origin.path, MetadataOverrides()))
        try:
            stack = sources.position(origin, here.overrides)
        except CellvinoError as error:
            yield origin, error, here
            continue
        yield origin, stack, here.model_copy(update=_fitting(here, stack))


def _fitting(recipe: Recipe, stack: Stack) -> dict[str, object]:
    """Return time and way along z as they hold in one image of a list of many kinds."""
    flat = stack.shape.z == 1 and recipe.z_choice.plane is None
    return {"frame": 0 if stack.shape.t > 1 else 1} | ({"z": str(ZChoice())} if flat else {})


def without_results(listing: FolderListing) -> FolderListing:
    """Return what a folder holds without the results of a run into it; the listing itself where there are none."""
    folder = listing.folder
    if not all(os.path.isfile(folder / name) for name in (COUNTS_NAME, RUN_NAME)):
        return listing
    folders = tuple(name for name in listing.folders if not os.path.isfile(folder / name / ANNOTATION_NAME))
    skipped = tuple(
        (path, why) for path, why in listing.skipped if path.name not in _OF_RUNS and _JOURNAL not in path.suffixes
    )
    return changed(listing, folders=folders, skipped=skipped)


def _no_images(folder: Path) -> ImageReadError:
    """Return the error for a folder without usable images."""
    try:
        listing = without_results(found := scan_folder(folder))
        inside = not listing.folders and any(path.is_dir() for path in folder.iterdir())
    except (ImageReadError, OSError) as error:
        return error if isinstance(error, ImageReadError) else ImageReadError(f"{folder} may not be read: {error}")
    if listing is not found:
        return ImageReadError(f"{folder} holds results of an earlier run and no images; name the folder of the images")
    advice = "; the folders in it are not searched: name them, or the images in them" if inside else ""
    others = "".join(f"; {said}" for said in listing.describe_skipped())
    return ImageReadError(f"{folder} holds no images that are read{advice}{others}")
