"""The readers that come with the product, in the order in which they are asked."""

from __future__ import annotations

from napari_cellvino.io.czi import open_czi
from napari_cellvino.io.deltavision import DELTAVISION_MAGIC, open_deltavision
from napari_cellvino.io.imaris import open_imaris
from napari_cellvino.io.lif import open_lif
from napari_cellvino.io.metamorph_nd import ND_MAGIC, open_metamorph_nd
from napari_cellvino.io.nd2 import open_nd2
from napari_cellvino.io.oif import open_oif
from napari_cellvino.io.raster import open_raster
from napari_cellvino.io.raster_header import BMP_MAGIC, JPEG_MAGIC, PNG_MAGIC
from napari_cellvino.io.reader import ImageReader, Signature, signatures
from napari_cellvino.io.tiff import COMPANION_SUFFIX, open_companion, open_tiff
from napari_cellvino.io.tiff_chain import TIFF_MAGIC
from napari_cellvino.io.vsi import open_vsi
from napari_cellvino.io.zarr_image import open_zarr_image

_TIFF = signatures(*TIFF_MAGIC)

KNOWN_READERS: tuple[ImageReader, ...] = (
    ImageReader("TIFF", (".tif", ".tiff", ".btf", ".tf2", ".tf8"), open_tiff, _TIFF),
    ImageReader("Olympus VSI", (".vsi",), open_vsi, _TIFF, needs_suffix=True),
    ImageReader("Zeiss LSM", (".lsm",), open_tiff, _TIFF, needs_suffix=True),
    ImageReader("MetaMorph STK", (".stk",), open_tiff, _TIFF, needs_suffix=True),
    ImageReader("Aperio SVS", (".svs",), open_tiff, _TIFF, needs_suffix=True),
    ImageReader("Hamamatsu NDPI", (".ndpi",), open_tiff, _TIFF, needs_suffix=True),
    ImageReader("Leica SCN", (".scn",), open_tiff, _TIFF, needs_suffix=True),
    ImageReader("Akoya QPTIFF", (".qptiff",), open_tiff, _TIFF, needs_suffix=True),
    ImageReader("MetaMorph ND", (".nd",), open_metamorph_nd, signatures(ND_MAGIC)),
    ImageReader("OME companion file", (COMPANION_SUFFIX,), open_companion),
    ImageReader("PNG", (".png",), open_raster, signatures(PNG_MAGIC)),
    ImageReader("JPEG", (".jpg", ".jpeg"), open_raster, signatures(JPEG_MAGIC)),
    ImageReader("BMP", (".bmp",), open_raster, signatures(BMP_MAGIC), needs_suffix=True),
    ImageReader("Zeiss CZI", (".czi",), open_czi, signatures(b"ZISRAWFILE"), libraries=("pylibCZIrw",)),
    ImageReader("Nikon ND2", (".nd2",), open_nd2, signatures(b"\xda\xce\xbe\x0a"), libraries=("nd2",)),
    ImageReader(
        "old Nikon ND2", (".nd2",), open_nd2, signatures(b"\0\0\0\x0cjP  "), needs_suffix=True, libraries=("nd2",)
    ),
    ImageReader("Leica LIF", (".lif", ".lof"), open_lif, signatures(b"\x70\0\0\0"), libraries=("liffile",)),
    ImageReader("Leica XLEF", (".xlef",), open_lif, libraries=("liffile",), names_parts=True),
    ImageReader(
        "Olympus OIB", (".oib",), open_oif, signatures(b"\xd0\xcf\x11\xe0"), needs_suffix=True, libraries=("oiffile",)
    ),
    ImageReader("Olympus OIF", (".oif",), open_oif, libraries=("oiffile",)),
    ImageReader("Imaris", (".ims",), open_imaris, signatures(b"\x89HDF"), needs_suffix=True, libraries=("h5py",)),
    ImageReader(
        "DeltaVision", (".dv", ".r3d"), open_deltavision, tuple(Signature(mark, 96) for mark in DELTAVISION_MAGIC)
    ),
    ImageReader("OME-Zarr image", (".zarr",), open_zarr_image, folder=True),
)
