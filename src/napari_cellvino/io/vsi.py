"""Olympus VSI: a TIFF that holds an overview, while the image lies in ``.ets`` files in a folder beside it.

The overview is a picture like any other; to count it in place of the image would give a number that looks right. Only
plugins of bioio that read the image itself are asked.
"""

from __future__ import annotations

from pathlib import Path

from napari_cellvino.core.errors import ImageReadError
from napari_cellvino.core.image import MetadataOverrides
from napari_cellvino.io.bioio_reader import open_with_bioio
from napari_cellvino.io.source import Source

_READ_ETS = frozenset({"bioio-vsi", "bioio-bioformats"})


def open_vsi(path: Path, head: bytes, overrides: MetadataOverrides) -> Source | None:
    """Return the image of a VSI file as bioio reads it; its overview is never read. None for other TIFF files.

    Raises
    ------
    ImageReadError
        Where no such plugin is installed; it names the file that holds the image.
    """
    if not path.name.lower().endswith(".vsi"):
        return None
    found = open_with_bioio(path, overrides, plugins=_READ_ETS)
    if found is not None:
        return found
    folder = path.parent / f"_{path.stem}_"
    images = sorted(folder.glob("*/*.ets")) if folder.is_dir() else []
    where = images[0].relative_to(path.parent).as_posix() if images else f"{folder.name}, which is missing"
    raise ImageReadError(
        f"{path.name} is an Olympus VSI file: it holds no more than an overview, and the image lies in {where} (ETS), "
        "which is not read here: pip install bioio bioio-vsi, or export it as OME-TIFF in cellSens or OlyVIA"
    )
