"""Small images, plates and models that golden work runs on: cut from the samples, or drawn here."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image
from plate_images import write_plate
from small_models import field, write_finder, write_outliner
from zarr_plates import write_zarr_plate

LIVING = [(20.0, 30.0), (60.0, 64.0), (60.0, 90.0), (3.0, 120.0)]
DEAD = [(100.0, 40.0), (75.0, 180.0)]
LAYOUT = "well,compound,dose,control\nA01,DMSO,,negative\nA02,taxol,0.1,\n"
SIDE = 160  # px


def write_inputs(folder: Path, samples: Path) -> Path:
    """Write everything that `golden_work` names into a new folder, from the folder of samples, and return it."""
    wells = [tifffile.imread(path)[0] for path in sorted((samples / "plate").glob("*.ome.tif"))]
    stack = tifffile.imread(samples / "nuclei_stack.ome.tif")
    folder.mkdir(parents=True)
    _write_images(folder / "images", wells)
    _write_truth(folder / "truth", samples)
    _write_stack(folder / "stack.tif", stack[3:9, 120 : 120 + SIDE, 120 : 120 + SIDE])
    film = np.stack([np.roll(wells[0][:128, :128], 4 * n, axis=1) for n in range(3)])
    tifffile.imwrite(folder / "film.tif", film, imagej=True, metadata={"axes": "TYX"})
    tifffile.imwrite(folder / "chamber.tif", field((150, 211), LIVING, DEAD))
    tifffile.imwrite(folder / "bright_field.tif", bright_field())
    write_plate(folder / "plate", wells, ("A01", "A02"))
    (folder / "layout.csv").write_text(LAYOUT, encoding="utf-8")
    write_zarr_plate(
        folder / "made.zarr", {("B", "2", "0"): np.stack([w[:96, :96] for w in wells[:2]])[:, None]}, "0.5"
    )
    write_finder(folder / "models" / "finder")
    write_outliner(folder / "models" / "outliner")
    return folder


def _write_images(folder: Path, wells: list[NDArray[np.uint16]]) -> None:
    folder.mkdir()
    tifffile.imwrite(folder / "A01.tif", wells[0][:SIDE, :SIDE])
    tifffile.imwrite(
        folder / "two channels.tif", np.stack([wells[1], wells[2]])[:, :SIDE, :SIDE], photometric="minisblack"
    )
    eight_bits = (wells[3][:SIDE, :SIDE] // 16).clip(0, 255).astype(np.uint8)
    Image.fromarray(eight_bits).save(folder / "grey.png")


def _write_truth(folder: Path, samples: Path) -> None:
    folder.mkdir()
    labels = tifffile.imread(samples / "plate" / "labels" / "A01_s1.tif")
    tifffile.imwrite(folder / "A01.tif", labels[:SIDE, :SIDE])


def _write_stack(path: Path, planes: NDArray[np.uint16]) -> None:
    metadata = {"axes": "ZYX", "spacing": 1.0, "unit": "um"}
    tifffile.imwrite(path, planes, imagej=True, resolution=(1 / 0.325, 1 / 0.325), metadata=metadata)


def bright_field() -> NDArray[np.uint8]:
    """Return a grey field (224, 224) with cells as a counting chamber shows them: a dark rim, a bright middle."""
    y, x = np.mgrid[:224, :224]
    pixels = 150 + np.random.default_rng(7).normal(0, 4, (224, 224))
    for n, (cy, cx) in enumerate([(40, 50), (60, 150), (120, 90), (170, 170), (180, 60), (110, 180)]):
        r = np.hypot(y - cy, x - cx)
        pixels += -70 * np.exp(-(((r - 12) / 2.5) ** 2)) + (60 if n % 2 else -60) * np.exp(-((r / 8) ** 2))
    return pixels.clip(0, 255).astype(np.uint8)
