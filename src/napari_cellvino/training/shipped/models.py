"""The models that ship: what each is made from, and how it is made again.

``python -m napari_cellvino.training.shipped.models fit NAME --data DATA --run RUN [--start PACKAGE]`` fits one (and
goes on where it stopped), with ``--teacher PACKAGE`` also to the maps of that one's network; ``… package NAME --data
DATA --run RUN --out models/NAME`` chooses its defaults on the validation fields, quantizes it, measures it and writes
the package. Plans and the texts of the cards lie in ``plans``.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path

import torch

from napari_cellvino.core.errors import AccuracyError
from napari_cellvino.model_package import ModelPackage, open_package
from napari_cellvino.training.convert.build import CardTexts, build_package
from napari_cellvino.training.data.datasets import LabelledImage
from napari_cellvino.training.fit.fit import fit
from napari_cellvino.training.fit.networks import UNet
from napari_cellvino.training.fit.plan import TrainingPlan, load_plan
from napari_cellvino.training.fit.weights import fitted_network, package_network, package_plan, pretrained_network
from napari_cellvino.training.metrics.evaluate import LabelledSet
from napari_cellvino.training.quantize.quantize import quantize_package
from napari_cellvino.training.shipped.sets import CALIBRATION, sets_of

MAX_DROP = 0.005  # of the mean AP (or what the task has instead) that INT8 may lose
BBBC038 = {
    "text": "Caicedo et al. 2019, Nucleus segmentation across imaging experiments (BBBC038)",
    "doi": "10.1038/s41592-019-0612-7",
}
BBBC039 = {
    "text": "Caicedo et al. 2019, Evaluation of deep learning strategies (BBBC039)",
    "doi": "10.1002/cyto.a.23863",
}
USIIGACI = {"text": "Tsai et al. 2019, Usiigaci: instance-aware cell tracking", "doi": "10.1016/j.softx.2019.02.007"}
GONZALEZ = {
    "text": "González and Evans 2019, Biomedical image processing with containers and deep learning",
    "doi": "10.1002/bies.201900004",
}
JUMP = {"text": "Chandrasekaran et al. 2023, JUMP Cell Painting dataset", "doi": "10.1101/2023.03.23.534023"}
OMNIPOSE = {"text": "Cutler et al. 2022, Omnipose", "doi": "10.1038/s41592-022-01639-4"}
MAIZE = {"text": "David Legland, maize_clsm (CC BY 4.0)", "url": "https://imagej.net/plugins/morpholibj"}
CHAMBER = {"text": "maxKudi, Cell-Dataset (MIT)", "url": "https://github.com/maxKudi/Cell-Dataset"}

BCCD = {"text": "Shenggan, BCCD_Dataset (MIT)", "url": "https://github.com/Shenggan/BCCD_Dataset"}


@dataclass(frozen=True, slots=True)
class ShippedModel:
    """A shipped model: version, what to cite, tags, and its INT8 weights.

    These are calibrated on every so many fields from the ``calibrated_from``-th on (with others they may lose more), or
    there are none, for a reason.
    """

    version: str
    cite: tuple[dict[str, str], ...]
    tags: tuple[str, ...]
    without_int8: str = ""
    calibrated_from: int = 0


ENTRIES: Mapping[str, ShippedModel] = {
    "nuclei": ShippedModel("0.4.0", (BBBC038, BBBC039), ("nuclei", "fluorescence"), calibrated_from=1),
    "nuclei-stained": ShippedModel(
        "0.3.0",
        (BBBC038,),
        ("nuclei", "histology", "bright-field"),
        "on `val` their F1 was 0.679 where that of Fast is 0.705, and at twice the size 0.556 where it is 0.603",
    ),
    "cells": ShippedModel("0.7.0", (USIIGACI, BBBC038, BBBC039, JUMP, OMNIPOSE, MAIZE), ("cells", "generalist")),
    "cells-phase": ShippedModel("0.5.0", (USIIGACI, JUMP), ("cells", "phase-contrast")),
    "live-dead": ShippedModel("0.2.0", (CHAMBER,), ("cells", "viability", "bright-field")),
    "blood-smear": ShippedModel("0.2.0", (BCCD,), ("cells", "blood", "bright-field")),
    "cell-grid": ShippedModel("0.1.2", (GONZALEZ,), ("cells", "dark-field")),
    "cell-contour": ShippedModel("0.2.0", (GONZALEZ, BBBC038, USIIGACI), ("cells",)),
}


def shipped_plan(name: str) -> TrainingPlan:
    """Return the plan of a shipped model."""
    with as_file(files("napari_cellvino.training.shipped") / "plans" / f"{name}.yaml") as path:
        return load_plan(path)


def shipped_card_texts(name: str) -> CardTexts:
    """Return what is said of a shipped model: title and description are the first two paragraphs of its card."""
    card = (files("napari_cellvino.training.shipped") / "plans" / f"{name}.md").read_text(encoding="utf-8")
    title, description = (part.strip("# \n") for part in card.split("\n\n")[:2])
    entry = ENTRIES[name]
    return CardTexts(name, title, entry.version, " ".join(description.split()), card, entry.cite, entry.tags)


def package_model(name: str, data: Path, run: Path, out: Path) -> None:
    """Write the package of the weights in ``run`` to ``out``, telling what is being done."""
    plan, val, shown = shipped_plan(name), sets_of(name, data, "val"), sets_of(name, data, "shown")
    calibration = [field for part in sets_of(name, data, "train") for field in part.fields]
    first, step = ENTRIES[name].calibrated_from, max(1, len(calibration) // CALIBRATION)
    chosen = calibration[first::step][:CALIBRATION]

    def quantize(package: ModelPackage) -> str:
        if why := ENTRIES[name].without_int8:
            return f"There are no INT8 weights: {why}."
        return _quantized(package, chosen, val)

    for progress in build_package(
        fitted_network(run, plan), plan, shipped_card_texts(name), out, val=val, shown=shown, quantize=quantize
    ):
        print(f"{name}: {progress}", flush=True)


def _network_of(package: Path) -> UNet:
    teacher = open_package(package)
    return package_network(teacher, package_plan(teacher))


def _quantized(package: ModelPackage, calibration: Sequence[LabelledImage], val: Sequence[LabelledSet]) -> str:
    """Return the sentence of the card on INT8."""
    try:
        return f"{quantize_package(package, calibration, val, max_drop=MAX_DROP, report=print)} (of `val`)."
    except AccuracyError as error:
        return f"There are no INT8 weights: {error}"


def main() -> None:
    """Run one step from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("step", choices=["fit", "package"])
    parser.add_argument("name", choices=sorted(ENTRIES))
    parser.add_argument("--data", type=Path, required=True, help="folder of the packed sets")
    parser.add_argument("--run", type=Path, required=True, help="folder of checkpoints")
    parser.add_argument("--start", type=Path, help="package or run to start from")
    parser.add_argument("--teacher", type=Path, help="package whose maps are learned beside the truth")
    parser.add_argument("--out", type=Path, help="folder of the package")
    parser.add_argument("--threads", type=int, default=1, help="on a busy machine one is faster than several that wait")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    if args.step == "package":
        package_model(args.name, args.data, args.run, args.out or Path("models") / args.name)
        return
    plan = shipped_plan(args.name)
    start = pretrained_network(args.start, plan) if args.start else None
    teacher = _network_of(args.teacher) if args.teacher else None
    images = [field for part in sets_of(args.name, args.data, "train") for field in part.fields]
    for progress in fit(images, args.run, plan, start_from=start, teacher=teacher):
        if progress.saved:
            print(progress.describe(), flush=True)


if __name__ == "__main__":
    main()
