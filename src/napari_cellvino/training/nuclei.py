"""Train and package the shipped ``nuclei`` network.

``python -m napari_cellvino.training.nuclei fit --data DATA --run RUN`` fits (and goes on where it stopped);
``python -m napari_cellvino.training.nuclei package --data DATA --run RUN --out models/nuclei`` exports, chooses the
head's defaults on the ``val`` splits, scores the visible test and writes the model card.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import tifffile
import torch
from numpy.typing import NDArray

from napari_cellvino.inference.normalise import intensity_range
from napari_cellvino.package import open_package
from napari_cellvino.package.spec import SPEC_NAME
from napari_cellvino.recipe import Precision
from napari_cellvino.resources import shipped_folder
from napari_cellvino.training.convert import Config, PackageText, export_network, network_difference, write_description
from napari_cellvino.training.datasets import LabelledImage, read_packed_set
from napari_cellvino.training.fit import FitOptions, fit
from napari_cellvino.training.networks import CentreOffsetNet
from napari_cellvino.training.score import ScoredSet, choose_parameters, score_set

VERSION = "0.1.0"
SMALLEST_TRUE = {"bbbc039": 30}  # px; smaller true objects there are annotation crumbs


def nuclei_images(data: Path, split: str) -> list[LabelledImage]:
    """Return the fluorescence fields of dsb2018 and bbbc039 in ``split``, grey."""
    images = list(read_packed_set(data / "dsb2018", split, keep=lambda row: row["type"] == "fluorescence"))
    return images + list(read_packed_set(data / "bbbc039", split))


def package_nuclei(data: Path, run: Path, out: Path) -> None:
    """Write the model package of the weights in ``run`` to ``out``, with defaults chosen on val and measured scores."""
    net = CentreOffsetNet()
    net.load_state_dict(torch.load(run / "weights.pt", weights_only=True))
    (out / SPEC_NAME).unlink(missing_ok=True)
    export_network(net, out, _test_crop())
    text = PackageText("nuclei", "Nuclei, fluorescence", VERSION, _DESCRIPTION, "", cite=_CITE, config=_config())
    write_description(out, text)
    package = open_package(out)
    val = [ScoredSet.of(name, nuclei_images(data, "val"), SMALLEST_TRUE) for name in ("dsb2018", "bbbc039")]
    parameters = choose_parameters(val, package)
    text = replace(text, config=_config(parameters, {p: network_difference(package, p) for p in package.precisions}))
    write_description(out, text)
    package = open_package(out)
    shown = [ScoredSet.of("dsb2018", nuclei_images(data, "test"), SMALLEST_TRUE), val[1]]
    scores = [row for part in shown for precision in package.precisions for row in score_set(part, package, precision)]
    write_description(out, replace(text, config=text.config | {"scores": scores}, card=_card(parameters, scores)))


def _test_crop() -> NDArray[np.float32]:
    """Return 128 x 128 px of a simulated sample, normalised, (1, 1, Y, X)."""
    image = tifffile.imread(shipped_folder("sample_data") / "plate" / "A01_s1.ome.tif")[0]
    return intensity_range(image).apply(image)[None, None, :128, :128]


def _config(parameters: dict[str, float] | None = None, differences: dict[Precision, float] | None = None) -> Config:
    """Return ``config.cellvino``; a check allows three times the differences measured here, at least the floors."""
    floors = {Precision.EXACT: 0.005, Precision.FAST: 0.1}
    measured = differences or {}
    return {
        "name": "nuclei",
        "task": "instances",
        "head": {"name": "centre_offset", "parameters": parameters or {}},
        "input_channels": 1,
        "maps": ["foreground", "offset_y", "offset_x"],
        "classes": ["nucleus"],
        "normalise": {"low": 1.0, "high": 99.8},
        "diameter_px": {"reference": 24.0, "smallest": 7.0, "largest": 70.0},
        "tile": 640,
        "halo": 48,
        "bytes_fixed": 60_000_000,
        "bytes_per_pixel": 160,
        "tolerance": {str(p): round(max(floor, 3 * measured.get(p, 0.0)), 4) for p, floor in floors.items()},
        "weights": {"float": "model.xml"},
        "scores": [],
    }


def _card(parameters: dict[str, float], scores: Sequence[dict[str, object]]) -> str:
    columns = ("ap50", "ap_mean", "f1_50", "count_r", "count_error")
    table: dict[tuple[object, object], dict[object, object]] = {}
    for s in scores:
        table.setdefault((s["set"], s["precision"]), {})[s["metric"]] = s["value"]
    rows = [
        f"| {name} | {precision} | " + " | ".join(f"{values[c]:.3f}" for c in columns) + " |"
        for (name, precision), values in table.items()
    ]
    defaults = ", ".join(f"{name} {value:g}" for name, value in parameters.items())
    return _CARD.format(rows="\n".join(rows), defaults=defaults)


_DESCRIPTION = "Outlines and counts fluorescent nuclei in 2D, 7 to 70 px across"
_CITE = (
    {
        "text": "Caicedo et al. 2019, Nucleus segmentation across imaging experiments",
        "doi": "10.1038/s41592-019-0612-7",
    },
    {"text": "Caicedo et al. 2019, Evaluation of deep learning strategies (BBBC039)", "doi": "10.1002/cyto.a.23863"},
)
_CARD = """# Nuclei, fluorescence

Outlines and counts nuclei in fluorescence images (DAPI, Hoechst, H2B-FP and the like): one channel, 8 to 16 bit,
bright nuclei on a dark background, 7 to 70 px across. For other sizes give the cell diameter: the image is then
resized to the diameter this model knows best, 24 px.

## How it works
A U-Net of 1.9 million parameters (pixel-unshuffle stem, widths 32-64-128-256) gives a foreground probability and, for
each pixel, the way to the centre of its nucleus. Pixels vote for centres; votes that agree are one nucleus.

## What it saw
The `train` splits of the fluorescence images of the Data Science Bowl 2018 (BBBC038, CC0) and of BBBC039 (CC0), 485
fields, with random scale, rotation, brightness, blur, noise and uneven light; random crops of noise as empty fields.

## Scores
AP = TP / (TP + FP + FN) with one-to-one matches at IoU of at least 0.5 (AP@0.5), and its mean over IoU 0.50 to 0.90;
F1 at IoU 0.5; r = Pearson's correlation of the counts; error = |found - true| per field. `dsb2018` is its visible test
(48 fluorescence fields, used for nothing else). `bbbc039` is its `val` split (36 fields, objects of at least 30 px),
on which, with the `val` split of dsb2018, the head's defaults were chosen: {defaults}.

| set | precision | AP@0.5 | AP mean | F1@0.5 | r | error |
|---|---|---|---|---|---|---|
{rows}

## Where it fails
Nuclei of less than 7 px; long nuclei that it cuts in two; dense clumps of overlapping nuclei; clumps of bright debris;
stained tissue and phase contrast, for which it was not made.

## Licence and credits
Weights: CC-BY-4.0, the napari-cellvino developers. Images: Broad Bioimage Benchmark Collection BBBC038 and BBBC039
(Caicedo et al. 2019), CC0.
"""


def main() -> None:
    """Run one of the two steps from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("step", choices=["fit", "package"])
    parser.add_argument("--data", type=Path, required=True, help="folder of the packed sets dsb2018 and bbbc039")
    parser.add_argument("--run", type=Path, required=True, help="folder of checkpoints")
    parser.add_argument("--out", type=Path, help="folder of the model package")
    parser.add_argument("--steps", type=int, default=FitOptions().steps)
    args = parser.parse_args()
    if args.step == "package":
        package_nuclei(args.data, args.run, args.out)
        return
    for news in fit(nuclei_images(args.data, "train"), args.run, FitOptions(steps=args.steps)):
        losses = "  ".join(f"{name} {value:.4f}" for name, value in news.loss.items())
        print(f"{news.step}/{news.steps}  {losses}  {news.seconds_per_step:.3f} s/step", flush=True)


if __name__ == "__main__":
    main()
