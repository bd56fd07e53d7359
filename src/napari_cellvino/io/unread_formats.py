"""Formats that are known and not read, so that a file is named for what it is; the more special ones stand first."""

from __future__ import annotations

from napari_cellvino.io.reader import Signature, UnreadFormat, signatures

_VIDEO = "save its frames as a TIFF stack, in Fiji for example; a video is compressed for the eye, not for measuring"
_PICTURE = "save it as TIFF or PNG"
_CAMERA = "develop it to a TIFF of 16 bits without changes of brightness; what lies before the raw data is a preview"
_PACKED = signatures(b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"7z\xbc\xaf", b"Rar!")
_OLE = signatures(b"\xd0\xcf\x11\xe0")

UNREAD_FORMATS: tuple[UnreadFormat, ...] = (
    UnreadFormat("an Olympus ETS file, the pixels of a .vsi", (".ets",), signatures(b"SIS\0")),
    UnreadFormat("an Olympus OIR file", (".oir", ".poir"), signatures(b"OLYMPUSRAWFORMAT")),
    UnreadFormat("an Imspector file", (".obf", ".msr"), signatures(b"OMAS_BF")),
    UnreadFormat("a file of an Andor camera", (".sif",), signatures(b"Andor Technology")),
    UnreadFormat("a Photoshop picture", (".psd",), signatures(b"8BPS"), _PICTURE),
    UnreadFormat("a JPEG 2000 picture", (".jp2", ".j2k"), signatures(b"\0\0\0\x0cjP  ", b"\xff\x4f\xff\x51"), _PICTURE),
    UnreadFormat("a DICOM file", (".dcm", ".dicom"), (Signature(b"DICM", 128),)),
    UnreadFormat("an MRC file of electron microscopy", (".mrc", ".map", ".rec"), (Signature(b"MAP ", 208),)),
    UnreadFormat("a NumPy array", (".npy",), signatures(b"\x93NUMPY"), "save it as TIFF with its pixel size"),
    UnreadFormat("an HDF5 file (such as .h5, .nwb)", (".h5", ".hdf5", ".nwb"), signatures(b"\x89HDF")),
    UnreadFormat("a WebP picture", (".webp",), (Signature(b"WEBP", 8),), _PICTURE),
    UnreadFormat("an AVI video", (".avi",), (Signature(b"AVI ", 8),), _VIDEO),
    UnreadFormat(
        "a HEIC picture", (".heic", ".heif"), (Signature(b"ftypheic", 4), Signature(b"ftypmif1", 4)), _PICTURE
    ),
    UnreadFormat("an MP4 or QuickTime video", (".mp4", ".mov", ".m4v"), (Signature(b"ftyp", 4),), _VIDEO),
    UnreadFormat("a GIF picture", (".gif",), signatures(b"GIF8"), _PICTURE),
    UnreadFormat("a PDF", (".pdf",), signatures(b"%PDF"), "export its figure as PNG; better, use the original image"),
    UnreadFormat("a zip archive or an office document", (".zip",), signatures(b"PK\x03\x04"), "unpack it first"),
    UnreadFormat("an archive", (".gz", ".bz2", ".xz", ".7z", ".rar", ".tar"), _PACKED, "unpack it first"),
    UnreadFormat("a raw picture of a camera", (".dng", ".nef", ".cr2", ".cr3", ".arw", ".orf", ".rw2"), (), _CAMERA),
    UnreadFormat("an Opera file of several fields and channels", (".flex",)),
    UnreadFormat("a FITS file of astronomy", (".fits", ".fit", ".fts"), signatures(b"SIMPLE  ="), _PICTURE),
    UnreadFormat("a Zeiss ZVI file or an old office document", (".zvi",), _OLE),
    UnreadFormat("a Volocity library", (".mvd2",)),
    UnreadFormat("a Princeton Instruments file", (".spe",)),
    UnreadFormat("an Image Cytometry Standard file", (".ics", ".ids")),
    UnreadFormat("a Gatan DigitalMicrograph file", (".dm3", ".dm4")),
    UnreadFormat("a Cellomics file", (".c01",)),
    UnreadFormat("a Philips slide", (".isyntax",)),
    UnreadFormat("a SlideBook file", (".sld", ".sldy")),
    UnreadFormat("a Bio-Rad PIC file", (".pic",)),
    UnreadFormat("a Hamamatsu VMS file", (".vms", ".vmu")),
    UnreadFormat("a 3DHISTECH slide", (".mrxs",)),
    UnreadFormat("an Andor or Oxford IPL file", (".ipl", ".ipm")),
    UnreadFormat("an Analyze or NIfTI volume", (".nii", ".nii.gz", ".hdr")),
    UnreadFormat("an NRRD volume", (".nrrd", ".nhdr"), signatures(b"NRRD")),
)
