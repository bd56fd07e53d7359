"""Write ``docs/formats.md`` from the readers and the tests that prove them; a test checks that the page is current."""

from __future__ import annotations

from pathlib import Path

from napari_cellvino.io.known_readers import KNOWN_READERS
from napari_cellvino.io.reader import ImageReader
from napari_cellvino.io.unread_formats import UNREAD_FORMATS

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "formats.md"
WRITTEN, REAL = "a file that the test writes", "real files"
PROOFS = {  # of each reader: the test, and the file it reads
    "TIFF": (
        "tests/io/test_tiff.py",
        "every encoding; real files of plates and volumes, NDTiff; sets of Micro-Manager 2 "
        "(`tests/io/test_instruments.py`)",
    ),
    "Olympus VSI": ("tests/io/test_instruments.py", "a real .vsi with its .ets"),
    "Zeiss LSM": ("tests/io/test_instruments.py", "files that the test writes: planes, positions"),
    "MetaMorph STK": ("tests/io/test_instruments.py", WRITTEN),
    "Aperio SVS": ("tests/io/test_instruments.py", "a real slide, CMU-1-Small-Region"),
    "Hamamatsu NDPI": ("tests/io/test_slides.py", WRITTEN),
    "Leica SCN": ("tests/io/test_slides.py", "files that the test writes: colour, and channels"),
    "Akoya QPTIFF": ("tests/io/test_slides.py", "a file of two channels that the test writes"),
    "MetaMorph ND": ("tests/io/plates/test_name_patterns.py", WRITTEN),
    "OME companion file": ("tests/io/test_tiff_positions.py", WRITTEN),
    "PNG": ("tests/io/test_raster.py", WRITTEN),
    "JPEG": ("tests/io/test_raster.py", WRITTEN),
    "BMP": ("tests/io/test_raster.py", WRITTEN),
    "Zeiss CZI": ("tests/io/test_instruments.py", "real files: scenes, mosaics, wells, zstd"),
    "Nikon ND2": ("tests/io/test_instruments.py", "real files: channels, z, time"),
    "old Nikon ND2": ("tests/io/test_leica_and_old_nikon.py", WRITTEN),
    "Leica LIF": (
        "tests/io/test_instruments.py",
        "a file that the test writes; a .lof in `test_leica_and_old_nikon.py`",
    ),
    "Leica XLEF": ("tests/io/test_leica_and_old_nikon.py", WRITTEN),
    "Olympus OIB": ("tests/io/test_instruments.py", "a real file of three channels"),
    "Olympus OIF": ("tests/io/test_instruments.py", "made of the real .oib; over time, stopped"),
    "Imaris": ("tests/io/test_instruments.py", WRITTEN),
    "DeltaVision": ("tests/io/test_instruments.py", WRITTEN),
    "OME-Zarr image": (
        "tests/io/test_instruments.py",
        "files that the test writes: both versions, chunks left out",
    ),
}
PLATES = (
    ("OME-Zarr 0.4, 0.5", "tests/io/plates/test_ome_zarr.py", WRITTEN),
    ("ImageXpress (`.HTD`, or names)", "tests/io/plates/test_vendor_plates.py", REAL),
    ("Operetta, Opera Phenix (Harmony index, or names)", "tests/io/plates/test_vendor_plates.py", REAL),
    ("Yokogawa CV7000, CV8000 (`.mlf`, or names)", "tests/io/plates/test_vendor_plates.py", REAL),
    ("IN Cell (`.xdce`), ScanR (`experiment_descriptor.xml`)", "tests/io/plates/test_indexed_plates.py", WRITTEN),
    (
        "IN Cell, Cytation, ScanR, CQ1, CellInsight, Nikon JOBS, Incucyte, Columbus, Leica Matrix Screener and "
        "Navigator, Squid, BD Pathway, Micro-Manager, ZEN scenes (names)",
        "tests/io/plates/test_name_patterns.py",
        WRITTEN,
    ),
    ("any other, by a pattern of the names", "tests/io/plates/test_name_patterns.py", WRITTEN),
)

NOT_STORED = (
    "Chunks that an OME-Zarr does not hold are counted and told, since they read as one value: writers leave",
    "those out, and a copy that broke off lacks others. An image or a time point without any fails, as do",
    "planes that a CZI, ND2, OIB or OIF says that it has and does not hold, and a channel that was skipped at",
    "a time point.",
)


def page() -> str:
    """Return the page as Markdown."""
    read = [_row(reader) for reader in KNOWN_READERS]
    refused = [f"| {unread.name} | {_suffixes(unread.suffixes)} | {unread.remedy} |" for unread in UNREAD_FORMATS]
    plates = [f"| {name} | {proof} (`{test}`) |" for name, test, proof in PLATES]
    return "\n".join(
        (
            "# Formats",
            "",
            "<!-- written by scripts/formats_page.py -->",
            "",
            "What stands under *extra* needs `pip install 'napari-cellvino[formats]'`; without it, a file is named",
            "with that line. Files are told by their first bytes, not by their names.",
            "",
            "## Images that are read",
            "",
            "| format | endings | read | proved by |",
            "| --- | --- | --- | --- |",
            *read,
            "",
            "## Plates",
            "",
            "| plate | proved by |",
            "| --- | --- |",
            *plates,
            "",
            "## Pyramids",
            "",
            "Slides (SVS, NDPI, SCN), TIFF with smaller levels below its pages, OME-Zarr (plates, too) and Imaris are",
            "read at full resolution, level 0. `--level N`, *Level* in the window, or `level` in a recipe read a",
            "smaller one: the size of a pixel follows, and the result says which level it is of.",
            "`--region Y0:Y1,X0:X1`, *Correct* in the window, or `region` in a recipe read rows and columns of that",
            "level: of TIFF, slides and OME-Zarr only the tiles or chunks that they touch, of other formats a plane",
            "at a time, which is cut. Positions in tables and exports are then counted from the corner of the region;",
            "ROIs of ImageJ and GeoJSON of QuPath, which are opened on the whole image, lie in that, at level 0.",
            "",
            "Pixels, maps and labels of more than 256 MB, or large for the free memory, lie in temporary files where",
            "there is room. 20,000 x 20,000 px (8 bits, one channel, 68,000 cells) took 6.9 GB with everything in",
            "memory; of 10,000 x 10,000 px, 1 GB lay in files and 0.9 GB in memory. A level that has no room in memory",
            "and on the disk is refused, with the one to choose.",
            "",
            *NOT_STORED,
            "",
            "## Read through other packages",
            "",
            "What none of these reads, or would read with a package that is not installed, is given to",
            "[bioio](https://bioio-devs.github.io/bioio/), where it is installed with a plugin for the format, and",
            "then to the napari plugins that read it, on the command line as in the window. The result says through",
            "which of them it was read. napari's own reader is not asked: the pictures and videos that it takes have",
            "neither axes nor a scale. Of an Olympus VSI only bioio-vsi and bioio-bioformats are asked: others read",
            "its overview.",
            "",
            "## Refused by name",
            "",
            "| a file that is | endings | what to do |",
            "| --- | --- | --- |",
            *refused,
            "",
        )
    )


def _row(reader: ImageReader) -> str:
    test, proof = PROOFS[reader.name]
    shown = f"{proof} (`{test}`)"
    how = "by bioio-vsi, else refused" if reader.name == "Olympus VSI" else "extra" if reader.libraries else "yes"
    return f"| {reader.name} | {_suffixes(reader.suffixes)} | {how} | {shown} |"


def _suffixes(suffixes: tuple[str, ...]) -> str:
    return " ".join(f"`{suffix}`" for suffix in suffixes)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
