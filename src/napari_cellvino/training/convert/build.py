"""From fitted weights to a model package: files, defaults chosen on validation fields, measured scores, card."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tifffile
from numpy.typing import NDArray

from napari_cellvino.core.progress import finish
from napari_cellvino.core.resources import shipped_folder
from napari_cellvino.model_package import ModelPackage, open_package
from napari_cellvino.model_package.spec import SPEC_NAME, Normalisation, Score
from napari_cellvino.quality.score_table import markdown_table
from napari_cellvino.training.convert.describe import CARD, PackageText, write_description
from napari_cellvino.training.convert.network_files import export_network, tolerances
from napari_cellvino.training.convert.selftest import normalised
from napari_cellvino.training.fit.config import config_for
from napari_cellvino.training.fit.networks import UNet
from napari_cellvino.training.fit.plan import PLAN_NAME, TrainingPlan
from napari_cellvino.training.fit.weights import exported_network
from napari_cellvino.training.metrics.choose_parameters import choose_parameters
from napari_cellvino.training.metrics.evaluate import LabelledSet, score_package

TEST_SIZE = 128  # px
LEGEND = (
    "AP = TP / (TP + FP + FN) with one-to-one matches at IoU of at least 0.5 (AP@0.5), and its mean over IoU 0.50 to "
    "0.90 (AP mean); F1 and PQ at IoU 0.5; r is Pearson's correlation of the counts, the count error |found - true| "
    "per field. Fast computes with bf16 where the processor can, Exact with f32."
)
Quantize = Callable[[ModelPackage], str]


@dataclass(frozen=True, slots=True)
class CardTexts:
    """The texts of a model's description and card.

    ``card`` has the places ``{legend}``, ``{scores}``, ``{defaults}`` and ``{int8}``.
    """

    name: str
    title: str
    version: str
    description: str
    card: str
    cite: tuple[dict[str, str], ...] = ()
    tags: tuple[str, ...] = ()


def build_package(
    net: UNet,
    plan: TrainingPlan,
    texts: CardTexts,
    out: Path,
    *,
    val: Sequence[LabelledSet],
    shown: Sequence[LabelledSet],
    parameters: Mapping[str, float] | None = None,
    quantize: Quantize | None = None,
) -> Iterator[str]:
    """Write a package to ``out`` and yield a description of each stage.

    Parameters
    ----------
    net, plan
        The fitted network and its plan.
    texts
        For the description and the card.
    out
        Folder of the package; its content is replaced.
    val
        Fields on which the head's defaults are chosen.
    shown
        Fields whose scores the card shows.
    parameters
        The head's defaults, where they are not to be chosen.
    quantize
        Adds INT8 weights to the package and returns a sentence on them, or on why there are none.
    """
    shutil.rmtree(out, ignore_errors=True)
    yield "writing the network"
    export_network(exported_network(net, plan), out, test_input(plan))
    (out / PLAN_NAME).write_text(plan.dumps(), encoding="utf-8")
    package = _describe(out, plan, texts, {}, ())
    if parameters is None:
        yield "choosing defaults on the validation fields"
        parameters = choose_parameters(val, package)
    package = _describe(out, plan, texts, parameters, ())
    int8 = ""
    if quantize is not None:
        yield "quantizing to INT8"
        int8 = quantize(package)
        package = open_package(out)
    yield "scoring"
    scores = [row for part in shown for row in finish(score_package(package, part))]
    _describe(out, plan, texts, parameters, scores, int8)


def rescore_package(folder: Path, plan: TrainingPlan, texts: CardTexts, shown: Sequence[LabelledSet]) -> Iterator[str]:
    """Score a package anew and write its description and card.

    Network, defaults, tolerances and what the card says of INT8 stay. For what changes beside the network: the search
    for the diameter, normalisation, decoding. Yields a description of each stage.
    """
    spec, int8 = open_package(folder).spec, _said_of_int8(folder, texts)
    (folder / PLAN_NAME).write_text(plan.dumps(), encoding="utf-8")
    parameters, tolerance = spec.head.parameters, {str(p): value for p, value in spec.tolerance.items()}
    package = _describe(folder, plan, texts, parameters, (), int8, tolerance)
    yield "scoring"
    scores = [row for part in shown for row in finish(score_package(package, part))]
    _describe(folder, plan, texts, parameters, scores, int8, tolerance)


def _said_of_int8(folder: Path, texts: CardTexts) -> str:
    """Return the line of a package's card on INT8 that stands in no text of the model; empty without one."""
    lines = (folder / CARD).read_text(encoding="utf-8").splitlines()
    return next((line for line in lines if "INT8" in line and line[0] != "|" and line not in texts.card), "")


def _describe(
    out: Path,
    plan: TrainingPlan,
    texts: CardTexts,
    parameters: Mapping[str, float],
    scores: Sequence[Score],
    int8: str = "",
    tolerance: Mapping[str, float] | None = None,
) -> ModelPackage:
    """Write the description anew and return the package; tolerances are measured once it can be opened, or given."""
    if tolerance is None:
        tolerance = tolerances(open_package(out)) if (out / SPEC_NAME).is_file() else {}
    config = config_for(plan, texts.name, parameters=parameters, tolerance=tolerance)
    if (out / "model_int8.xml").is_file():
        config["weights"]["int8"] = "model_int8.xml"
    config["scores"] = [score.model_dump(mode="json") for score in scores]
    defaults = ", ".join(f"{name} {value:g}" for name, value in parameters.items())
    card = texts.card.replace("{scores}", markdown_table(scores)).replace("{defaults}", defaults)
    card = card.replace("{legend}", LEGEND).replace("{int8}", int8)
    text = PackageText(
        texts.name, texts.title, texts.version, texts.description, card, cite=texts.cite,
        tags=texts.tags, config=config, multiple=plan.network.multiple,
    )  # fmt: skip
    write_description(out, text)
    return open_package(out)


def test_input(plan: TrainingPlan) -> NDArray[np.float32]:
    """Return a crop of a simulated sample, normalised, (1, C, Y, X): no user's image goes into a package."""
    if plan.style in ("phase", "chamber"):
        image = tifffile.imread(shipped_folder("sample_data") / "phase_field.tif")
    else:
        image = tifffile.imread(shipped_folder("sample_data") / "plate" / "A01_s1.ome.tif")[0]
    size = plan.tile if plan.head == "mask" else TEST_SIZE
    crop = image[None, None, :size, :size].astype(np.float32)
    return normalised(np.repeat(crop, plan.network.in_channels, axis=1), Normalisation())
