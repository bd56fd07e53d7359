"""Instruments and programs that keep everything in names, or whose index was not copied with the images.

References
----------
MetaXpress: ``<plate>_<well>_s<site>_w<wavelength><GUID>.tif`` in ``TimePoint_<n>/ZStep_<n>``
Incucyte: ``<name>_<well>_<image>_<time>.tif``; in archives ``YYMM/DD/HHMM/<plate>/<well>-<image>-<channel>.tif``
IN Cell Analyzer: ``B - 02(fld 1 wv UV - DAPI z 1).tif``; 6000: ``B_02_f1_c1_xUV_mDAPI_z1_t1.tif``
Cytation (Gen5): ``<well>_<step>_<channel>_<field>Z<plane>_<channel>_<time>.tif``; older:
``<well>_<step>_SP<field>Z<plane>_C<channel>_<channel>_T<time>.tif``
CellInsight: ``<plate>_<well>f<field>d<channel>.tif``, masks of objects with ``o`` for ``d``
ScanR: ``<plate, or well>--W<well>--P<position>--Z<plane>--T<time>--<channel>.tif``
CQ1: ``W<well>F<field>T<time>Z<plane>C<channel>.tif``
Operetta, Opera Phenix: ``r<row>c<column>f<field>p<plane>-ch<channel>sk<time>fk1fl1.tiff``; Harmony 5 and later:
``…-ch<channel>t<time>.tiff``; Columbus and Harmony 3: ``<row><column>-<field>-<plane><time><channel>.tif``
Leica Matrix Screener: ``image--L<loop>--S<slide>--U<column>--V<row>--J<job>--E00--O00--X<x>--Y<y>--T<time>--Z<plane>
--C<channel>.ome.tif``, wells and fields from 0
Leica Navigator: ``TileScan <number>_<well>-<field>_t<time>_z<plane>_ch<channel>.tif``
Micro-Manager HCS: ``<name>_MMStack_<well>-Site_<field>.ome.tif``
BD Pathway: ``Well <well>/<channel> - n<number>.tif``
ZEN, scenes in files of their own: ``<name>-Scene-<number>-P<field>-<well>.czi``
CellVoyager: ``<plate>_<well>_T<time>F<field>L<n>A<n>Z<plane>C<channel>.tif``
Nikon JOBS: ``<plate or date>_Well<well>_Point<name>_<field>_Channel<channel>_Seq<number>.tiff``, Seq over all
Squid: ``<time>/<well>_<field>_<plane>_<channel>.tiff``, of channels as ``Fluorescence_405_nm_Ex``; or
``<well>_s<field>_x<x>_y<y>_z<plane>_<channel>.tiff``
BBBC013, https://bbbc.broadinstitute.org/BBBC013: ``Channel<n>-<number>-<row>-<column>.tif``
"""

from __future__ import annotations

import os
import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

from napari_cellvino.io.mask_names import image_of_mask
from napari_cellvino.io.plates.name_pattern import NamePattern, match_names
from napari_cellvino.io.plates.plate_image import FolderNames, PlateImage, PlateListing
from napari_cellvino.io.plates.z_step import median_step, stage_height
from napari_cellvino.io.registry import image_suffixes

_PICTURE = rf"(?:\.ome)?(?:{'|'.join(map(re.escape, image_suffixes()))})"
_GUID = r"[0-9A-F]{8}(?:-[0-9A-F]{4}){3}-[0-9A-F]{12}"
_STEPS = r"(?:.*?/)??(?:TimePoint_(?P<t>\d+)/)?(?:ZStep_(?P<z>\d+)/)?"
_PLACE = r"(?P<plate>[^/]+?)_(?P<well>[A-Z]{1,2}\d{2})"
_PARTS = rf"(?:_s(?P<field>\d+))?(?:_w(?P<channel>\d+?))?(?:{_GUID})?\.tiff?"
_MOMENT = r"(?:\d{4}y\d{2}m\d{2}d_|\d+d)\d{2}h\d{2}m"
IMAGEXPRESS = NamePattern(re.compile(_STEPS + _PLACE + _PARTS, re.IGNORECASE))
_SCANR_REST = rf"--P(?P<field>\d{{5}})--Z(?P<z>\d{{5}})--T(?P<t>\d{{5}})--(?P<channel>[^/]+){_PICTURE}"
SCANR = NamePattern(
    re.compile(
        r"(?:.*/)?(?:(?:[A-P]\d{1,2})?--|(?P<plate>[^/]+)--)?W(?P<well>\d{5})" + _SCANR_REST,
        re.IGNORECASE,
    )
)
_ROW_COLUMN = r"(?P<row>[A-Z]{1,2}) ?[-_] ?(?P<column>\d{1,2})"
_IMAGEXPRESS_NAMES = "ImageXpress names"
_SCANR_WELLS = "ScanR names with wells"
_COLUMBUS, _PATHWAY, _LEICA = "Columbus names", "BD Pathway names", "Leica Matrix Screener names"
_WELL = r"(?P<well>[A-Z]{1,2}\d{1,2})"
_SITE_OF_WELL = r"(?P<well>[A-P]\d{2})_s(?P<field>\d+)_w(?P<channel>\d+)"
_PATTERNS = {
    "Squid names of sites": rf"(?:.*?/)??{_WELL}_s(?P<field>\d+)_x\d+_y\d+(?:_z(?P<z>\d+))?"
    rf"_(?P<channel>[^/]+?){_PICTURE}",
    _IMAGEXPRESS_NAMES: _STEPS + _PLACE + r"(?=_[sw]\d)" + _PARTS,
    "ImageXpress names of time points": r"(?:.*?/)??TimePoint_(?P<t>\d+)/(?:ZStep_(?P<z>\d+)/)?" + _PLACE + _PARTS,
    "ImageXpress names without a plate": _STEPS + _SITE_OF_WELL + r"\.tiff?",
    "ImageXpress names of planes": r"(?:.*?/)??(?:TimePoint_(?P<t>\d+)/)?" + _SITE_OF_WELL + r"_z(?P<z>\d+)\.tiff?",
    "CellProfiler names": r"(?:.*/)?(?P<channel>Channel\d+)-\d+-(?P<row>[A-Z]{1,2})-(?P<column>\d{2})" + _PICTURE,
    "Incucyte names": rf"(?:.*/)?(?P<channel>[^/]+)_(?P<well>[A-P]\d{{1,2}})_(?P<field>\d+)_(?P<t>{_MOMENT}){_PICTURE}",
    "Incucyte archive": r"(?:.*?/)??(?P<t>\d{4}/\d{2}/\d{4})/(?P<plate>\d+)/"
    rf"(?P<well>[A-P]\d{{1,2}})-(?P<field>\d+)-(?P<channel>[^/-]+){_PICTURE}",
    "IN Cell names": rf"(?:.*/)?{_ROW_COLUMN}\(fld (?P<field>\d+)(?: wv (?P<channel>.+?))?(?: wix \d+)?"
    rf"(?: z (?P<z>\d+))?(?: time (?P<t>\d+)[^)]*)?\){_PICTURE}",
    "IN Cell 6000 names": r"(?:.*/)?(?P<row>[A-Z]{1,2})_(?P<column>\d{1,2})_f(?P<field>\d+)_c\d+"
    rf"_x(?P<channel>[^/]+?)_z(?P<z>\d+)_t(?P<t>\d+){_PICTURE}",
    "Cytation names": r"(?:.*/)?(?P<well>[A-Z]{1,2}\d{1,2})_-?\d+_-?\d+_(?P<field>\d+)(?:Z(?P<z>\d+))?"
    rf"_(?P<channel>[^/]+)_(?P<t>\d{{3,}}){_PICTURE}",
    "Cytation names with SP": rf"(?:.*/)?{_WELL}_-?\d+_(?:SP(?P<field>\d+))?(?:Z(?P<z>\d+))?_C\d+"
    rf"_(?P<channel>[^/]+)_T(?P<t>\d+){_PICTURE}",
    _SCANR_WELLS: r"(?:.*/)?(?P<well>[A-P]\d{1,2})--W(?P<number>\d{5})" + _SCANR_REST,
    "ScanR names": SCANR.regex.pattern,
    "Harmony names": r"(?:.*/)?r(?P<row>\d{2})c(?P<column>\d{2})f(?P<field>\d{2,})p(?P<z>\d{2,})"
    rf"(?:rc\d+)?-ch(?P<channel>\d+)(?:(?:sk|t)(?P<t>\d+))?(?:f[kl]\d+)*{_PICTURE}",
    _COLUMBUS: r"(?:.*/)?(?P<row>\d{3})(?P<column>\d{3})-(?P<field>\d+)-(?P<z>\d{3})(?P<t>\d{3})(?P<channel>\d{3})"
    + _PICTURE,
    _LEICA: r"(?:.*/)?(?:image|I)--(?P<loop>L\d+)--(?P<plate>S\d+)--U(?P<column>\d+)--V(?P<row>\d+)--(?P<job>J\d+)"
    r"(?:--E\d+--O\d+)?--(?P<field>X\d+--Y\d+)--T(?P<t>\d+)(?:--Z(?P<z>\d+))?--C(?P<channel>\d+)" + _PICTURE,
    "Micro-Manager names": rf"(?:.*/)?(?:(?P<plate>[^/]+?)_)?MMStack_{_WELL}"
    rf"-Site_(?P<field>\d+)(?:_\d+)?{_PICTURE}",
    "Leica Navigator names": rf"(?:.*/)?TileScan \d+_{_WELL}(?:-(?P<field>\d+))?(?:_t(?P<t>\d+))?(?:_z(?P<z>\d+))?"
    rf"_ch(?P<channel>\d+){_PICTURE}",
    _PATHWAY: r"(?:.*?/)??Well (?P<well>[A-Z]{1,2}\d{1,3})[/ _-]+(?P<channel>[^/]+) - n(?P<field>\d+)" + _PICTURE,
    "ZEN names of scenes": rf"(?:.*/)?(?P<plate>[^/]+?)-Scene-\d+-(?:P(?P<field>\d+)-)?{_WELL}"
    rf"(?:-(?P=well))?{_PICTURE}",
    "CellVoyager names": r"(?:.*/)?(?P<plate>[^/]+)_(?P<well>[A-Z]{1,2}\d{2})_T(?P<t>\d{4})F(?P<field>\d{3,4})L\d{2}"
    rf"A\d{{2}}Z(?P<z>\d{{2,3}})C(?P<channel>\d{{1,2}}){_PICTURE}",
    "CQ1 names": r"(?:.*/)?W(?P<well>\d{4})F(?P<field>\d{4})T(?P<t>\d{4})Z(?P<z>\d{3,4})C(?P<channel>\d+)" + _PICTURE,
    "Squid names": r"(?:.*?/)??(?:(?P<t>\d+)/)?(?P<well>[A-Z]{1,2}\d{1,2})_(?P<field>\d+)_(?P<z>\d+)"
    rf"_(?P<channel>(?:Fluorescence|BF)_[^/]+?){_PICTURE}",
    "Nikon JOBS names": r"(?:.*/)?(?:(?P<plate>Plate[^/]*?)_|[^/]*_)?Well(?P<well>[A-Z]{1,2}\d{1,2})_"
    rf"(?:Point[^/]*?_(?P<field>\d+)_)?Channel[_ ]?(?P<channel>[^/]+)_Seq\d+{_PICTURE}",
    "CellInsight names": r"(?:.*/)?(?P<plate>[^/]+?)(?:_p\d+_z(?P<z>\d+)_\d+)?_(?P<well>[A-Z]{1,2}\d{2})"
    rf"f(?P<field>\d{{2,}})d(?P<channel>\d+){_PICTURE}",
}
_SAID = {  # of names that can be read in several ways
    _COLUMBUS: "the three numbers at the end of the names are taken as plane, time point and channel; another order is "
    r"said as --pattern '(?P<row>\d{3})(?P<column>\d{3})-(?P<field>\d+)-(?P<channel>\d{3})(?P<z>\d{3})(?P<t>\d{3}).*'",
    _LEICA: "U is taken as the column of a well and V as its row, both from 0, X and Y as the field",
    _PATHWAY: "the number after n is taken as the field; if it is a time point, say --pattern "
    "'Well {well}/{channel} - n{t}.tif'",
}
_ENOUGH = 0.5  # share of the images in a folder that must match
_ONE_DIGIT = str.maketrans("123456789", "0" * 9)
_OF_ANY_DIGITS = re.compile(r"\\d|\{\d*,?\d*\}|0-9")
_TELLS_DIGITS_APART = re.compile(r"\d|\(\?P=")


def read_names(inside: FolderNames) -> PlateListing | None:
    """Return the plate in a folder whose images are named as a vendor does, or None.

    Raises
    ------
    ImageReadError
        If they are images of several plates.
    """
    return _named_by(inside) or _named_by(_without_masks(inside))


def _without_masks(inside: FolderNames) -> FolderNames:
    """Return the images of a folder that no program calls masks of others; there are as many of these in some."""
    folders: defaultdict[str, list[str]] = defaultdict(list)
    for name in inside.names:
        place, _, own = name.rpartition("/")
        folders[place].append(own)
    held = {place: frozenset(names) for place, names in folders.items()}
    kept = tuple(n for n in inside.names if image_of_mask(n.rpartition("/")[2], held[n.rpartition("/")[0]]) is None)
    said = (f"{len(inside.names) - len(kept):,} masks of images are left out",) * (len(kept) < len(inside.names))
    return replace(inside, names=kept, said=said) if kept else inside


def _named_by(inside: FolderNames) -> PlateListing | None:
    names = inside.names
    shapes = Counter(stem.translate(_ONE_DIGIT) + suffix for stem, suffix in map(os.path.splitext, names))
    for kind, text in _PATTERNS.items():
        regex = re.compile(text, re.IGNORECASE)
        if kind == _SCANR_WELLS and not _numbered_once(regex, names):
            continue
        if _matching(regex, names, shapes) > _ENOUGH * len(names):
            found = match_names(inside, NamePattern(regex, from_zero=kind == _LEICA), kind=kind)
            said = (_SAID[kind],) if kind in _SAID else ()
            found = replace(found, problems=(*found.problems, *said))
            return clean_imagexpress(found) if kind.startswith(_IMAGEXPRESS_NAMES) else found
    return None


def _matching(regex: re.Pattern[str], names: Sequence[str], shapes: Mapping[str, int]) -> int:
    """Return how many names match; where no digit is another to a pattern, each shape of names is tried once."""
    if _TELLS_DIGITS_APART.search(_OF_ANY_DIGITS.sub("", regex.pattern.replace(_PICTURE, ""))):
        return sum(regex.fullmatch(name) is not None for name in names)
    return sum(count for shape, count in shapes.items() if regex.fullmatch(shape))


def _numbered_once(regex: re.Pattern[str], names: Sequence[str]) -> bool:
    """Return whether every well has one number, and every number one well; else the words are plates (``P1``)."""
    pairs = {(found["well"].upper(), found["number"]) for name in names if (found := regex.fullmatch(name))}
    return len({well for well, _ in pairs}) == len({number for _, number in pairs}) == len(pairs)


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
