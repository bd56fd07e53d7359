"""Choose the reader of a path by the file's first bytes: suffixes lie, and ``.stk`` and ``.lsm`` are TIFF too."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from napari_cellvino.core.image import MetadataOverrides, Spacing
from napari_cellvino.io.checks import first_bytes, not_an_image
from napari_cellvino.io.raster import open_raster
from napari_cellvino.io.source import Reader, Source
from napari_cellvino.io.tiff import open_tiff

_logger = logging.getLogger(__name__)

_OPENERS: tuple[Reader, ...] = (open_tiff, open_raster)


def open_source(
    path: Path | str,
    *,
    axes: str | None = None,
    spacing: Spacing | None = None,
    channels: Sequence[str] | None = None,
) -> Source:
    """Return the opened file; no pixel is read and no file stays open.

    Parameters
    ----------
    path
        An image file.
    axes
        What the file's dimensions are, where it says nothing or something wrong: one letter of T, C, Z, Y, X
        (S for red, green, blue) per dimension, as ``CYX``.
    spacing
        Distance between pixels in µm; what is None in it is taken from the file.
    channels
        Names of the channels, in the file's order.

    Raises
    ------
    ImageReadError
        If there is no such file, or it is damaged or no image.
    ImageValueError
        If the image cannot be used as it is, or ``axes`` do not fit it.
    """
    path = Path(path).expanduser().absolute()
    overrides = MetadataOverrides(axes, spacing, None if channels is None else tuple(channels))
    head = first_bytes(path)
    for opener in _OPENERS:
        source = opener(path, head, overrides)
        if source is not None:
            _logger.debug("opened %s: %s, %d position(s)", path, type(source).__name__, len(source.positions))
            return source
    raise not_an_image(path, head)
