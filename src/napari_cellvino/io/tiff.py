"""Open TIFF files of every program: plain, BigTIFF, OME-TIFF, ImageJ hyperstacks, MetaMorph, LSM and Micro-Manager.

tifffile parses the directory once, everything that is needed is taken from it while the file is open, and the file is
closed again; `tiff_blocks` says how pixels are read later, `tiff_pixels` what their values are. Files whose directory
breaks off are refused: to project the planes that happen to be left would give a number that looks right. Where it is
whole and pixels are missing, it is said how many planes are there, and one that is not fails where it is read.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock

from tifffile import TiffFile, TiffPage, TiffPageSeries

from napari_cellvino.core.errors import ImageReadError, ImageValueError
from napari_cellvino.core.image import MetadataOverrides, Origin, Stack
from napari_cellvino.core.some_channels import select_stack_channels
from napari_cellvino.io.axes import AxisLayout, AxisSizes, resolve_layout
from napari_cellvino.io.block_planes import BlockPlanes, PixelTransform
from napari_cellvino.io.checks import check_pages, first_bytes, list_names, parse_errors
from napari_cellvino.io.ndtiff import check_micromanager, grid_overlap, ndtiff_files
from napari_cellvino.io.ome import companion_name, images_only_in, ome_siblings, own_uuid, with_pages
from napari_cellvino.io.ome_part import set_part
from napari_cellvino.io.page_channels import told_by_pages
from napari_cellvino.io.pyramid import Pyramid
from napari_cellvino.io.source import (
    Position,
    channel_names,
    merge_spacing,
    position_index,
    tile_warning,
    unique_names,
    unsaid_size_question,
)
from napari_cellvino.io.tiff_blocks import TiffBlocks, cut_warning, plan_blocks, present_channels
from napari_cellvino.io.tiff_chain import TIFF_MAGIC, check_chain
from napari_cellvino.io.tiff_doubts import description_doubts
from napari_cellvino.io.tiff_metadata import TiffMetadata, read_metadata, reject_entities
from napari_cellvino.io.tiff_pixels import (
    COLOURS,
    colour_samples,
    palette_warning,
    pixel_transform,
    says_transparency,
    sparse_warning,
)
from napari_cellvino.io.tiff_series import choose_images, imagej_size, levels_question

COMPANION_SUFFIX = ".companion.ome"


@dataclass(frozen=True, slots=True)
class TiffImage:
    """One image of a file and how to read it; it may hold several positions."""

    name: str
    layout: AxisLayout
    blocks: TiffBlocks
    transform: PixelTransform
    rgb: bool
    facts: TiffMetadata
    assumed: tuple[str, ...]
    guesses: tuple[str, ...]
    remarks: tuple[str, ...]
    pyramid: Pyramid


@dataclass(frozen=True, slots=True)
class TiffSource:
    """A TIFF file; ``places`` has the picture and the index in it of each position."""

    path: Path
    positions: tuple[Position, ...]
    places: tuple[tuple[TiffImage, int], ...]
    overrides: MetadataOverrides
    remarks: tuple[str, ...] = ()
    parts: tuple[Path, ...] = ()
    warnings: tuple[str, ...] = ()

    def read(self, position: Position | None = None) -> Stack:
        """Return the stack of ``position``, by default the first, without reading pixels.

        Where the file does not say what its pages are, some are looked at: they may be of several channels.

        Raises
        ------
        ImageValueError
            If there is no such position, or the user's spacing or channel names do not fit.
        """
        chosen = position_index(self.path, self.positions, position)
        picture, index = self.places[chosen]
        picture = _told_by_pages(picture, self.overrides)
        shape = picture.transform.shown(picture.layout.shape)
        spacing = merge_spacing(
            self.path,
            picture.transform.shown_spacing(picture.pyramid.spacing(picture.facts.spacing)),
            self.overrides.spacing,
        )
        there = present_channels(picture.layout, picture.blocks, index)
        found = ("Red", "Green", "Blue") if picture.rgb else picture.facts.channels
        planes = BlockPlanes(self.path.name, picture.layout, picture.blocks, picture.transform, index)
        stack = Stack(
            picture.pyramid.guarded(self.path, planes, shape.c * picture.transform.dtype.itemsize),
            shape,
            picture.transform.dtype,
            spacing=spacing,
            channels=channel_names(self.overrides.channels, found, count=shape.c),
            rgb=picture.rgb,
            origin=Origin(path=str(self.path), position=self.positions[chosen].name, files=self._files()),
            remarks=picture.remarks + picture.facts.remarks + picture.pyramid.remarks + self.remarks,
            warnings=(
                *self.warnings,
                *picture.assumed,
                *picture.guesses,
                *picture.facts.warnings,
                *picture.pyramid.warnings,
                *_asked(picture, self.overrides),
            ),
            hints=picture.facts.hints if len(picture.facts.hints) == shape.c else (),
            overrides=self.overrides,
            interval_s=picture.facts.interval_s,
            levels=picture.pyramid.levels,
        )
        return stack if len(there) == shape.c else self._without_missing(stack, there)

    def _files(self) -> tuple[str, ...]:
        """Return the names of the image files of a set, those that are there; none where the file is all."""
        there = [p.name for p in self.parts if p.is_file() and not p.name.endswith(COMPANION_SUFFIX)]
        return () if there == [self.path.name] else tuple(sorted(there))

    def _without_missing(self, stack: Stack, there: tuple[int, ...]) -> Stack:
        """Return a stack of the channels that are there whole, where files of a set are missing."""
        lost = [part.name for part in self.parts if not part.is_file()]
        if not there or not lost:
            return stack  # the plane that is missing is told when it is read
        gone = [name for c, name in enumerate(stack.channels) if c not in there]
        return select_stack_channels(
            stack, there, f"{list_names(lost)} is missing: channel {list_names(gone)} is left out"
        )


def open_tiff(path: Path, head: bytes, overrides: MetadataOverrides) -> TiffSource | None:
    """Return the opened TIFF file, or None where the first bytes are not TIFF's.

    Raises
    ------
    ImageReadError
        If the file is cut short, damaged, or of a kind that is not read.
    ImageValueError
        If its pixels cannot be used, or the user's axes do not fit.
    """
    return _open(path, overrides) if head.startswith(TIFF_MAGIC) else None


def _open(path: Path, overrides: MetadataOverrides) -> TiffSource:
    if not path.name.lower().endswith(".ndpi"):  # its offsets have 64 bits in a classic TIFF
        check_chain(path)
    with parse_errors(path), TiffFile(path) as tif:
        said = str(tif.pages.first.description) if tif.pages else ""
        reject_entities(path, said)
        companion = companion_name(said)
        _check_siblings(path, said)
        described, whole = with_pages(said), imagej_size(tif)
        if not companion and described == said and (whole is None or whole <= tif.filehandle.size):
            return _source(path, tif, overrides)
    if described != said:
        with parse_errors(path), TiffFile(path, omexml=described) as tif:
            return _source(path, tif, overrides)
    if whole is not None and not companion:
        with parse_errors(path), TiffFile(path, size=whole) as tif:
            return _source(path, tif, overrides)
    if (path.parent / companion).is_file():
        return _open_described(path, path.parent / companion, overrides)
    with parse_errors(path), TiffFile(path, is_ome=False) as tif:
        lost = f"what this image is stands in {companion}, which is missing: copy it beside the image"
        alone = _source(path, tif, overrides, (lost,))
        return replace(alone, parts=(*alone.parts, path.parent / companion))


def _open_described(path: Path, companion: Path, overrides: MetadataOverrides) -> TiffSource:
    """Return the set that a file belongs to, by the companion file or the OME-TIFF of the set that describes it."""
    if not first_bytes(companion, 4).startswith(TIFF_MAGIC):
        return open_companion(companion, b"", overrides)
    if companion_name(_set_text(companion)):
        raise ImageReadError(
            f"{path.name} says that {companion.name} describes it, which says the same of another file; copy the set "
            "again"
        )
    return _open(companion, overrides)


def open_companion(path: Path, head: bytes, overrides: MetadataOverrides) -> TiffSource:
    """Return the set of OME-TIFF files that a ``.companion.ome`` describes.

    Raises
    ------
    ImageReadError
        If it is no OME-XML, or none of its files is there.
    ImageValueError
        If the pixels cannot be used, or the user's axes do not fit.
    """
    text = _set_text(path)
    names = sorted(ome_siblings(text))
    first = next((path.parent / name for name in names if (path.parent / name).is_file()), None)
    if first is None:
        lost = f": {list_names(names)}" if names else ""
        raise ImageReadError(
            f"{path.name} describes a set of OME-TIFF files of which none is there{lost}; copy them beside it"
        )
    _check_siblings(path, text)
    with parse_errors(first), TiffFile(first, omexml=text) as tif:
        source = _source(first, tif, overrides)
    return replace(source, path=path, parts=(path, *source.parts))


def open_set_part(path: Path) -> TiffSource | None:
    """Return what one file of a set of OME-TIFF files holds itself, or None where it belongs to no set.

    Raises
    ------
    ImageReadError
        If it holds no image of the set, or some planes of some channels of one; else as `open_tiff`.
    ImageValueError
        If its pixels cannot be used.
    """
    if not first_bytes(path, 4).startswith(TIFF_MAGIC):
        return None
    check_chain(path)
    with parse_errors(path), TiffFile(path, is_ome=False) as tif:
        said, pages = str(tif.pages.first.description) if tif.pages else "", len(tif.pages)
        reject_entities(path, said)
        companion = path.parent / name if (name := companion_name(said)) else None
        text = _set_text(companion) if companion and companion.is_file() else said
        if "FileName" not in text or not ome_siblings(text):
            return None
        part = set_part(text, path.name, own_uuid(said), pages)
    with parse_errors(path), TiffFile(path, omexml=part) as tif:
        return _source(path, tif, MetadataOverrides())


def _set_text(path: Path) -> str:
    """Return the OME-XML of a companion file, or of an OME-TIFF."""
    if first_bytes(path, 4).startswith(TIFF_MAGIC):
        check_chain(path)
        with parse_errors(path), TiffFile(path, is_ome=False) as tif:
            text = str(tif.pages.first.description)
            reject_entities(path, text)
            return text
    with parse_errors(path):
        text = path.read_bytes().decode("utf-8", errors="replace").lstrip("\ufeff")
    reject_entities(path, text)
    return text


def _check_siblings(path: Path, ome: str) -> None:
    """Raise ImageReadError where the pages of a file that belongs to the set run in a circle."""
    for name in ome_siblings(ome) if "FileName" in ome else ():
        if (path.parent / name).is_file():
            check_chain(path.parent / name)


def _source(path: Path, tif: TiffFile, overrides: MetadataOverrides, warnings: tuple[str, ...] = ()) -> TiffSource:
    """Return what an open file, and those that belong to it, hold."""
    check_micromanager(path, tif)
    series, left_out, guessed = choose_images(path, tif)
    warnings += guessed
    lock = Lock()
    siblings = sorted(ome_siblings(tif.ome_metadata or "") | ndtiff_files(tif) | _stack_files(series))
    missing = tuple(name for name in siblings if not (path.parent / name).is_file())
    if missing and any(one.kind == "mmstack" for one in series):  # whose positions are fewer then, without a word
        warnings += (f"{list_names(missing)} is missing: what it holds of this Micro-Manager set is not counted",)
    elif missing and (gone := images_only_in(tif.ome_metadata or "", frozenset(missing))):
        warnings += (f"{list_names(missing)} is missing: {list_names(gone)} of this set of files is not counted",)
    pictures = [_image(path, tif, s, overrides, lock, missing) for s in series]
    places = tuple((picture, n) for picture in pictures for n in range(picture.layout.count("P")))
    parts = tuple(path.parent / name for name in siblings if path.parent / name != path)
    return TiffSource(path, _positions(places), places, overrides, left_out, (path, *parts), warnings)


def _stack_files(series: list[TiffPageSeries]) -> frozenset[str]:
    """Return the names of the files of a Micro-Manager stack, each of which opens as the whole; none of other files."""
    stacks = [one for one in series if one.kind == "mmstack"]
    return frozenset(page.parent.filehandle.name for one in stacks for page in one.pages if page is not None)


def _asked(picture: TiffImage, overrides: MetadataOverrides) -> tuple[str, ...]:
    return (
        *frames_question(picture.facts.interval_s, picture.layout, overrides),
        *unsaid_size_question(picture.facts.spacing, overrides),
    )


def frames_question(interval_s: float | None, layout: AxisLayout, overrides: MetadataOverrides) -> tuple[str, ...]:
    """Return the question whether slices are frames, where a file has times between them and no step in z."""
    if interval_s is None or overrides.axes is not None or layout.shape.z == 1 or layout.shape.t > 1:
        return ()
    letters = layout.letters.replace("Z", "T")
    return (
        f"are the {layout.shape.z} slices time points? The file has a frame every {interval_s:g} s and no step in z; "
        f"if they are, give axes {letters}, else they are taken as planes",
    )


def _image(
    path: Path,
    tif: TiffFile,
    full: TiffPageSeries,
    overrides: MetadataOverrides,
    lock: Lock,
    missing: tuple[str, ...],
) -> TiffImage:
    sizes = tuple((int(level.keyframe.imagewidth), int(level.keyframe.imagelength)) for level in full.levels)
    pyramid = Pyramid.choose(path, sizes, overrides.level)
    series = full.levels[pyramid.level]
    page = series.keyframe
    transform, said = pixel_transform(path, page)
    if overrides.as_numbers:
        transform, said = replace(transform, white=None), ()
    held = tuple(_held(path, series, squeeze=squeeze) for squeeze in (True, False))
    layout, assumed = resolve_layout((held[0], held[1]), overrides.axes)
    rgb = page.photometric in COLOURS and "S" in layout.letters and layout.shape.c == 3
    blocks = plan_blocks(path, series, layout, lock, missing)
    return TiffImage(
        full.name,
        layout,
        blocks,
        transform,
        rgb,
        read_metadata(tif, full),
        assumed,
        _fourth(page, layout)
        + palette_warning(page)
        + sparse_warning(page)
        + levels_question(full)
        + description_doubts(tif, full)
        + _tiles(tif, layout)
        + cut_warning(blocks, math.prod(layout.stored[: blocks.start])),
        said,
        pyramid,
    )


def _told_by_pages(picture: TiffImage, overrides: MetadataOverrides) -> TiffImage:
    """Return an image whose pages, of which the file says nothing, are of several channels where they look so."""
    said = overrides.axes is not None or overrides.as_numbers  # labels may be others on every page
    if said or not picture.assumed or picture.rgb or picture.pyramid.level:
        return picture
    told = told_by_pages(picture.layout, picture.blocks)
    return picture if told is None else replace(picture, layout=told[0], blocks=told[1], assumed=(told[2],))


def _tiles(tif: TiffFile, layout: AxisLayout) -> tuple[str, ...]:
    """Return what to say of positions that the file calls a grid or a mosaic."""
    count, overlap = layout.count("P"), grid_overlap(tif)
    return (tile_warning(count, overlap),) if count > 1 and (overlap or {"M", "J", "K"} & set(layout.letters)) else ()


def _fourth(page: TiffPage, layout: AxisLayout) -> tuple[str, ...]:
    """Return what to say of a fourth value in more than 8 bits, or of no named kind: scripts save four channels so."""
    left_out = any(have > shown for have, shown in zip(layout.stored, layout.shown, strict=True))
    if not left_out or page.photometric not in COLOURS or (page.bitspersample == 8 and says_transparency(page)):
        return ()
    letters = layout.letters.replace("S", "C")
    return (f"a fourth value of each pixel is taken for transparency; if it is a channel, give axes {letters}",)


def _held(path: Path, series: TiffPageSeries, *, squeeze: bool) -> AxisSizes:
    axes, sizes = series.get_axes(squeeze), series.get_shape(squeeze)
    if min(sizes) < 1:
        raise ImageValueError(f"{path.name} has no pixels: its size is {sizes}; export it again from where it was made")
    if series.kind == "lsm":
        axes = axes.replace("P", "R")  # places of the stage, where P is a phase elsewhere
    check_pages(path, math.prod(size for axis, size in zip(axes, sizes, strict=True) if axis not in "YXS"))
    values = sizes[axes.index("S")] if "S" in axes else 1
    return AxisSizes(path.name, axes, sizes, colour_samples(series.keyframe, values))


def _positions(places: tuple[tuple[TiffImage, int], ...]) -> tuple[Position, ...]:
    """Return a position with a name of its own for each place; the name is empty where there is only one."""
    if len(places) == 1:
        return (Position(),)
    names = tuple(
        _place_name(picture, index) or f"Position {number}" for number, (picture, index) in enumerate(places, 1)
    )
    return tuple(Position(name, index=n) for n, name in enumerate(unique_names(names)))


def _place_name(picture: TiffImage, index: int) -> str:
    if len(picture.facts.positions) == picture.layout.count("P"):
        return picture.facts.positions[index]
    if picture.layout.count("P") == 1 or not picture.name:
        return picture.name
    return f"{picture.name} {index + 1}"
