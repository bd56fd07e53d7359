"""Make the sample images and their truth: ``python sample_data/make_samples.py [--out DIR] [--only NAME ...]``.

Every picture is simulated from a fixed seed of its own, so it can be made alone and comes out the same each time. What
each file is, and the models behind them, stands in README.md beside this script.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Callable, Iterable, Sequence
from dataclasses import astuple, dataclass, fields
from functools import partial
from itertools import chain
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

import numpy as np
import tifffile
from numpy.typing import NDArray
from scenes import FIELD_PIXEL_UM, WELL_PIXEL_UM, StackScene, Well, nuclei_stack, phase_field, plate_well

Pixels = NDArray[np.uint8] | NDArray[np.uint16]

STACK_SEED, PLATE_SEED, PHASE_SEED = 1007, 2011, 3001
COMPOUND = "simulated export activator"
WELLS = (
    Well("A01", "DMSO", 0.0, "negative", 52),
    Well("A02", COMPOUND, 1.0, "", 41),
    Well("A03", COMPOUND, 10.0, "positive", 25),
    Well("B01", "DMSO", 0.0, "negative", 47),
    Well("B02", COMPOUND, 1.0, "", 36),
    Well("B03", COMPOUND, 10.0, "positive", 20),
)


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the manifest: an image, one truth for it, and what a reader can check; the spacing is in um."""

    file: str
    truth: str
    what: str
    axes: str
    shape: str
    dtype: str
    spacing_um: str
    n_objects: int
    seed: int


def describe(file: str, truth: tuple[str, Pixels], what: str, axes: str, image: Pixels, spacing: str, seed: int) -> Row:
    """Return the manifest's line for an image and one of its truths, (name, labels)."""
    shape = "x".join(map(str, image.shape))
    return Row(file, truth[0], what, axes, shape, str(image.dtype), spacing, int(truth[1].max()), seed)


def make_stack(out: Path) -> list[Row]:
    """Write the z-stack with its 2D and 3D truth; return their lines."""
    name, pixel_um = "nuclei_stack.ome.tif", StackScene().pixel_um
    stack, seen, labels_zyx = nuclei_stack(STACK_SEED)
    write_ome(out / name, stack, axes="ZYX", pixel_um=pixel_um, channels=["DNA"], step_um=1.0)
    truths = [
        ("nuclei_stack_labels.tif", seen, "fluorescent nuclei in 13 planes; truth of the maximum projection"),
        ("nuclei_stack_labels_zyx.tif", labels_zyx, "fluorescent nuclei in 13 planes; truth plane by plane"),
    ]
    for truth, labels, _ in truths:
        write_labels(out / truth, labels, pixel_um=pixel_um, step_um=1.0)
    spacing = f"1.0x{pixel_um}x{pixel_um}"
    return [describe(name, (truth, labels), what, "ZYX", stack, spacing, STACK_SEED) for truth, labels, what in truths]


def make_well(well: Well, seed: int, out: Path) -> list[Row]:
    """Write one well's picture and truth; return its line."""
    name, truth = f"plate/{well.name}_s1.ome.tif", f"plate/labels/{well.name}_s1.tif"
    picture, labels = plate_well(well, seed)
    write_ome(out / name, picture, axes="CYX", pixel_um=WELL_PIXEL_UM, channels=["DNA", "GFP"])
    write_labels(out / truth, labels, pixel_um=WELL_PIXEL_UM)
    what = f"well {well.name}, {well.dose_um:g} uM: nuclei and a shuttling reporter; truth of the nuclei"
    return [describe(name, (truth, labels), what, "CYX", picture, f"{WELL_PIXEL_UM}x{WELL_PIXEL_UM}", seed)]


def make_phase(out: Path) -> list[Row]:
    """Write the phase-contrast field and its truth; return its line."""
    name, truth, what = "phase_field.tif", "phase_field_labels.tif", "adherent cells in phase contrast"
    picture, labels = phase_field(PHASE_SEED)
    write_imagej(out / name, picture, pixel_um=FIELD_PIXEL_UM)
    write_labels(out / truth, labels, pixel_um=FIELD_PIXEL_UM)
    return [describe(name, (truth, labels), what, "YX", picture, f"{FIELD_PIXEL_UM}x{FIELD_PIXEL_UM}", PHASE_SEED)]


def write_ome(
    path: Path, image: Pixels, *, axes: str, pixel_um: float, channels: Sequence[str], step_um: float | None = None
) -> None:
    """Write an OME-TIFF, deflated, without date, random identifier or the library's version, so the bytes repeat."""
    metadata: dict[str, object] = {
        "axes": axes,
        "Name": path.name.removesuffix(".ome.tif"),
        "UUID": str(uuid5(NAMESPACE_URL, f"napari-cellvino/sample_data/{path.name}")),
        "Creator": "napari-cellvino sample_data/make_samples.py",
        "PhysicalSizeX": pixel_um,
        "PhysicalSizeXUnit": "µm",
        "PhysicalSizeY": pixel_um,
        "PhysicalSizeYUnit": "µm",
        "SignificantBits": 12,
        "Channel": {"Name": list(channels)},
    }
    if step_um is not None:
        metadata |= {"PhysicalSizeZ": step_um, "PhysicalSizeZUnit": "µm"}
    _write(path, image, metadata, ome=True)


def write_imagej(path: Path, image: Pixels, *, pixel_um: float, step_um: float | None = None) -> None:
    """Write a deflated TIFF whose spacing ImageJ understands: resolution tags in pixels per um."""
    metadata: dict[str, object] = {"axes": "ZYX"[-image.ndim :], "unit": "um"}
    if step_um is not None and image.ndim == 3:
        metadata["spacing"] = step_um
    _write(path, image, metadata, ome=False, pixels_per_um=1 / pixel_um)


def write_labels(path: Path, labels: Pixels, *, pixel_um: float, step_um: float | None = None) -> None:
    """Write a label image (uint16, 0 where empty) with its spacing."""
    write_imagej(path, labels, pixel_um=pixel_um, step_um=step_um)


def _write(
    path: Path, image: Pixels, metadata: dict[str, object], *, ome: bool, pixels_per_um: float | None = None
) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    tifffile.imwrite(
        path,
        image,
        ome=ome,
        imagej=not ome,
        photometric="minisblack",
        metadata=metadata,
        resolution=None if pixels_per_um is None else (pixels_per_um, pixels_per_um),
        software=False,
        compression="zlib",
        compressionargs={"level": 9},
        predictor=True,
    )


def write_table(path: Path, header: Iterable[str], lines: Iterable[Sequence[object]]) -> None:
    """Write a CSV file with Unix line ends."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(lines)


def write_plate_table(path: Path, rows: dict[str, list[Row]]) -> None:
    """Write plate.csv: what each well holds, with the number of nuclei its truth shows."""
    header = ("well", "compound", "dose_um", "control", "true_count")
    counts = {well.name: rows[f"plate/{well.name}_s1"][0].n_objects for well in WELLS}
    write_table(path, header, [(w.name, w.compound, w.dose_um, w.control, counts[w.name]) for w in WELLS])


def products() -> dict[str, Callable[[Path], list[Row]]]:
    """Return what can be made: the name ``--only`` takes, and the function that writes it below a folder."""
    wells = {
        f"plate/{well.name}_s1": partial(make_well, well, PLATE_SEED + number) for number, well in enumerate(WELLS)
    }
    return {"nuclei_stack": make_stack, **wells, "phase_field": make_phase}


def main() -> None:
    """Write the samples asked for; the tables, which count the objects, only when everything is made."""
    parser = argparse.ArgumentParser(description="Make the sample images and their truth.")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent, help="folder to write to (default: here)")
    parser.add_argument("--only", nargs="+", choices=list(products()), help="make only these, and no tables")
    options = parser.parse_args()
    chosen = {name: make for name, make in products().items() if options.only is None or name in options.only}
    rows = {name: make(options.out) for name, make in chosen.items()}
    if options.only is None:
        write_plate_table(options.out / "plate" / "plate.csv", rows)
        lines = map(astuple, chain.from_iterable(rows.values()))
        write_table(options.out / "manifest.csv", [field.name for field in fields(Row)], lines)


if __name__ == "__main__":
    main()
