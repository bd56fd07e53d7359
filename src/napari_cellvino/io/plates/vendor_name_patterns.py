"""Instruments and programs that keep everything in names: ImageXpress, Incucyte, CellProfiler and BBBC.

References
----------
MetaXpress: ``<plate>_<well>_s<site>_w<wavelength><GUID>.tif`` in ``TimePoint_<n>/ZStep_<n>``
Incucyte: ``<name>_<well>_<image>_<time>.tif``; in archives ``YYMM/DD/HHMM/<plate>/<well>-<image>-<channel>.tif``
BBBC013, https://bbbc.broadinstitute.org/BBBC013: ``Channel<n>-<number>-<row>-<column>.tif``
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from napari_cellvino.io.plates.name_pattern import match_names
from napari_cellvino.io.plates.plate_image import PlateImage, PlateListing
from napari_cellvino.io.plates.z_step import median_step, stage_height
from napari_cellvino.io.registry import image_suffixes

_PICTURE = rf"(?:{'|'.join(map(re.escape, image_suffixes()))})"
_GUID = r"[0-9A-F]{8}(?:-[0-9A-F]{4}){3}-[0-9A-F]{12}"
_STEPS = r"(?:.*?/)??(?:TimePoint_(?P<t>\d+)/)?(?:ZStep_(?P<z>\d+)/)?"
_PLACE = r"(?P<plate>[^/]+?)_(?P<well>[A-Z]{1,2}\d{2})"
_PARTS = rf"(?:_s(?P<field>\d+))?(?:_w(?P<channel>\d+?))?(?:{_GUID})?\.tiff?"
_MOMENT = r"(?:\d{4}y\d{2}m\d{2}d_|\d+d)\d{2}h\d{2}m"
IMAGEXPRESS = re.compile(_STEPS + _PLACE + _PARTS, re.IGNORECASE)
_PATTERNS = {
    "ImageXpress names": _STEPS + _PLACE + r"(?=_[sw]\d)" + _PARTS,
    "CellProfiler names": r"(?:.*/)?(?P<channel>Channel\d+)-\d+-(?P<row>[A-Z]{1,2})-(?P<column>\d{2})" + _PICTURE,
    "Incucyte names": rf"(?:.*/)?(?P<channel>[^/]+)_(?P<well>[A-P]\d{{1,2}})_(?P<field>\d+)_(?P<t>{_MOMENT}){_PICTURE}",
    "Incucyte archive": r"(?:.*?/)??(?P<t>\d{4}/\d{2}/\d{4})/(?P<plate>\d+)/"
    rf"(?P<well>[A-P]\d{{1,2}})-(?P<field>\d+)-(?P<channel>[^/-]+){_PICTURE}",
}
_ENOUGH = 0.5  # share of the images in a folder that must match


def read_names(folder: Path, names: Sequence[str]) -> PlateListing | None:
    """Return the plate in a folder whose images (``names``, below it) are named as a vendor does, or None.

    Raises
    ------
    ImageReadError
        If they are images of several plates.
    """
    for kind, text in _PATTERNS.items():
        pattern = re.compile(text, re.IGNORECASE)
        if sum(pattern.fullmatch(name) is not None for name in names) > _ENOUGH * len(names):
            found = match_names(folder, names, pattern, kind=kind)
            return clean_imagexpress(found) if "z" in pattern.groupindex else found
    return None


def clean_imagexpress(found: PlateListing) -> PlateListing:
    """Return an ImageXpress plate without projections, with the distance between planes that its headers tell."""
    planes = _without_projections(found)
    return replace(planes, spacing=replace(planes.spacing, z=_step(planes.images)))


def _step(images: Sequence[PlateImage]) -> float | None:
    """Return the distance in µm between the planes of the first stack, of which three are looked at."""
    stacks: defaultdict[tuple[object, ...], list[PlateImage]] = defaultdict(list)
    for image in images:
        stacks[_stack(image)].append(image)
    first = next((stack for stack in stacks.values() if len(stack) > 1), [])
    lowest = sorted(first, key=lambda image: image.z)[:3]
    heights = [height for image in lowest if (height := stage_height(image.path)) is not None]
    return median_step([heights])


def _without_projections(found: PlateListing) -> PlateListing:
    """Return a plate without the projections that ImageXpress keeps beside the planes of a stack.

    They lie in ``ZStep_0``, or above the folders of the steps; where there are no planes, they are the image.
    """
    heights: defaultdict[tuple[object, ...], set[int]] = defaultdict(set)
    for image in found.images:
        heights[_stack(image)].add(image.z)
    kept = tuple(image for image in found.images if image.z > 0 or max(heights[_stack(image)]) == 0)
    left_out = len(found.images) - len(kept)
    if not left_out:
        return found
    said = f"{left_out:,} projections left out: the planes that they were made from are there"
    return replace(found, images=kept, problems=(*found.problems, said))


def _stack(image: PlateImage) -> tuple[object, ...]:
    return image.well, image.field, image.channel, image.t
