"""Open MetaMorph ``.nd`` lists: a file of a few lines, beside it a TIFF or STK for each wavelength, stage and time.

The files are told by their names, since ``.nd`` lists none: ``<base>_w1DAPI_s2_t3.TIF``, without the parts of what was
not varied. What was announced and is not there is named.

References
----------
https://docs.openmicroscopy.org/bio-formats/latest/formats/metamorph.html
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from napari_cellvino.core.errors import ImageReadError
from napari_cellvino.core.image import MetadataOverrides, Spacing
from napari_cellvino.core.plate import NO_WELL, FieldOfView
from napari_cellvino.io.checks import parse_errors
from napari_cellvino.io.source import Source
from napari_cellvino.io.units import micrometres

if TYPE_CHECKING:
    from napari_cellvino.io.plates.plate_image import PlateImage

ND_MAGIC = b'"NDInfoFile"'
_PARTS = r"(?:_w(?P<channel>\d+).*?)?(?:_s(?P<field>\d+))?(?:_t(?P<t>\d+))?\.(?:stk|tiff?)"


def open_metamorph_nd(path: Path, head: bytes, overrides: MetadataOverrides) -> Source:
    """Return the images of an ``.nd`` list, one for each stage position.

    Raises
    ------
    ImageReadError
        If the list cannot be read, or none of its files is there.
    """
    from napari_cellvino.io.plates.file_set import open_listing  # plates are made of images: a circle else
    from napari_cellvino.io.plates.plate_image import PlateImage, PlateListing

    with parse_errors(path):
        values = _values(path)
        names = sorted(file.name for file in path.parent.iterdir())
    stages = {n: values.get(f"Stage{n}", "") or f"{n}" for n in range(1, _count(path, values, "NStagePositions") + 1)}
    waves = {f"{n}": values.get(f"WaveName{n}", "") for n in range(1, _count(path, values, "NWavelengths") + 1)}
    pattern = re.compile(re.escape(path.stem) + _PARTS, re.IGNORECASE)
    found = [(path.parent / name, match) for name in names if (match := pattern.fullmatch(name))]
    if not found:
        raise ImageReadError(f"{path.name} lists images of which none is beside it; copy them there")
    images = tuple(
        PlateImage(
            NO_WELL, stages.get(int(match["field"] or 1), match["field"] or "1"), match["channel"] or "1", 0,
            int(match["t"] or 1), file,
        )
        for file, match in found
    )  # fmt: skip
    listing = PlateListing(
        "MetaMorph ND",
        path.stem,
        images,
        channels=waves,
        fields=tuple(FieldOfView(NO_WELL, name) for name in stages.values()),
        spacing=Spacing(micrometres(values.get("ZStepSize", ""))),
        problems=_shortfalls(path, values, waves, images),
    )
    return open_listing(path, listing, overrides)


def _values(path: Path) -> Mapping[str, str]:
    lines = csv.reader(path.read_text(encoding="utf-8", errors="replace").splitlines(), skipinitialspace=True)
    return {line[0]: line[1].strip() for line in lines if len(line) > 1}


def _count(path: Path, values: Mapping[str, str], key: str) -> int:
    """Return a number of the list; 1 where it says none.

    Raises
    ------
    ImageReadError
        If it is a word.
    """
    said = values.get(key, "1")
    if not said.isdecimal():
        raise ImageReadError(f"{path.name} says {said!r} for {key}, which should be a number; mend the line")
    return max(int(said), 1)


def _shortfalls(
    path: Path, values: Mapping[str, str], waves: Mapping[str, str], images: tuple[PlateImage, ...]
) -> tuple[str, ...]:
    """Return what was announced and is nowhere, and which channels were taken in one plane only."""
    flat = [name for n, name in waves.items() if values.get(f"WaveDoZ{n}", "TRUE").upper() == "FALSE"]
    deep = values.get("DoZSeries", "").upper() == "TRUE" and 0 < len(flat) < len(waves)
    lost = [name for n, name in waves.items() if n not in {image.channel for image in images}]
    times, there = _count(path, values, "NTimePoints"), len({image.t for image in images})
    said = [
        f"one plane only of {', '.join(flat)}: shown at every plane" if deep else "",
        f"{path.name} announces {', '.join(lost)}, of which there is no image" if lost else "",
        f"{path.name} announces {times} time points, and {there} are there" if there < times else "",
    ]
    return tuple(filter(None, said))
