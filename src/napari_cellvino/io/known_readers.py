"""The readers that come with the product, in the order in which they are asked."""

from __future__ import annotations

from napari_cellvino.io.raster import open_raster
from napari_cellvino.io.raster_header import JPEG_MAGIC, PNG_MAGIC
from napari_cellvino.io.reader import ImageReader, signatures
from napari_cellvino.io.tiff import COMPANION_SUFFIX, TIFF_MAGIC, open_companion, open_tiff

_TIFF = signatures(*TIFF_MAGIC)

KNOWN_READERS: tuple[ImageReader, ...] = (
    ImageReader("TIFF", (".tif", ".tiff", ".btf", ".tf2", ".tf8"), open_tiff, _TIFF),
    ImageReader("Zeiss LSM", (".lsm",), open_tiff, _TIFF, needs_suffix=True),
    ImageReader("MetaMorph STK", (".stk",), open_tiff, _TIFF, needs_suffix=True),
    ImageReader("Aperio SVS", (".svs",), open_tiff, _TIFF, needs_suffix=True),
    ImageReader("Hamamatsu NDPI", (".ndpi",), open_tiff, _TIFF, needs_suffix=True),
    ImageReader("Leica SCN", (".scn",), open_tiff, _TIFF, needs_suffix=True),
    ImageReader("OME companion file", (COMPANION_SUFFIX,), open_companion),
    ImageReader("PNG", (".png",), open_raster, signatures(PNG_MAGIC)),
    ImageReader("JPEG", (".jpg", ".jpeg"), open_raster, signatures(JPEG_MAGIC)),
)
