"""Give a model package INT8 weights, if they find the cells as well as the float weights do.

All layers are quantized first and the result is validated on every field, by the steps of a run. Only where that loses
too much accuracy are layers set back to float one by one, which takes many times as long.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import openvino as ov
import yaml

from napari_cellvino.core.errors import AccuracyError
from napari_cellvino.core.recipe import Precision
from napari_cellvino.model_package import ModelPackage, open_package
from napari_cellvino.model_package.spec import SPEC_NAME
from napari_cellvino.storage.atomic import atomic_folder
from napari_cellvino.training.convert.describe import attachments, file_sums, write_rdf
from napari_cellvino.training.convert.graph import read_network
from napari_cellvino.training.convert.network_files import save_network, tolerances
from napari_cellvino.training.data.datasets import LabelledImage
from napari_cellvino.training.metrics.evaluate import LabelledSet
from napari_cellvino.training.quantize.calibration import calibration_tiles
from napari_cellvino.training.quantize.int8 import quantize_network, quantize_with_accuracy_control
from napari_cellvino.training.quantize.int8_metrics import (
    PrecisionComparison,
    compare_int8,
    partial_comparison,
    score_sets,
)

IR_INT8 = "model_int8.xml"
TILES = 96  # calibrated on
Report = Callable[[str], object]


@dataclass(frozen=True, slots=True)
class QuantizationResult:
    """The package with INT8 weights, its comparison with Exact (None: no validation), and whether layers stay float."""

    package: ModelPackage
    comparison: PrecisionComparison | None
    carefully: bool

    def __str__(self) -> str:
        if self.comparison is None:
            return "INT8 weights were added without a check of their accuracy"
        kept = "; the layers that lose most stay in float" if self.carefully else ""
        return f"INT8: {self.comparison}{kept}"


def quantize_package(
    package: ModelPackage,
    calibration: Sequence[LabelledImage],
    validation: Sequence[LabelledSet],
    *,
    max_drop: float = 0.005,
    out: Path | None = None,
    tiles: int = TILES,
    report: Report = lambda stage: None,
) -> QuantizationResult:
    """Add INT8 weights to a package and return it, with the accuracy of both.

    Parameters
    ----------
    package
        The model to quantize; its INT8 weights are replaced.
    calibration
        Fields like those to be segmented; labels are used only for models of masks, to crop round each cell.
    validation
        Fields with their truth, other ones; empty to add the weights unchecked.
    max_drop
        Largest accepted loss against Exact, of the mean over the sets of AP mean (outlines), AP@0.5 (boxes), F1 of
        centres or Dice (masks).
    out
        Folder for the new package (default: replaces the package).
    tiles
        Largest number of tiles to calibrate on.
    report
        Called with a description of each stage.

    Raises
    ------
    AccuracyError
        If INT8 loses more, even with the worst layers in float. Nothing is written then.
    TrainingDataError
        If there is no field to calibrate on, or no validation field has a truth for this model.
    ModelPackageError
        If the network cannot be quantized.
    OutputError
        If the package cannot be written.
    """
    package.refuse_encrypted("quantized")
    calibrated = calibration_tiles(package.spec, calibration, most=tiles, diameter_px=_diameter(validation))
    report(f"calibrating on {len(calibrated)} tile(s)")
    network = read_network(package.weights(Precision.EXACT))
    with tempfile.TemporaryDirectory(prefix="cellvino-int8-") as scratch:
        draft = _quantized_copy(package, quantize_network(network, calibrated), Path(scratch) / "all")
        if not validation:
            return _published(draft, out or package.folder, None, carefully=False)
        report("scoring Exact and INT8")
        exact = score_sets(package, validation, Precision.EXACT)
        comparison = compare_int8(package, exact, draft, validation)
        if carefully := comparison.drop > max_drop:
            report(f"{comparison}: it loses too much; looking for the layers that lose most")
            fields, scoring = partial_comparison(package, validation)
            careful = quantize_with_accuracy_control(network, calibrated, scoring, fields, max_drop=max_drop)
            draft = _quantized_copy(package, careful, Path(scratch) / "most")
            comparison = compare_int8(package, exact, draft, validation)
        _check_drop(package, comparison, max_drop)
        return _published(draft, out or package.folder, comparison, carefully=carefully)


def _diameter(validation: Sequence[LabelledSet]) -> float | None:
    return validation[0].diameter_px if validation else None


def _check_drop(package: ModelPackage, comparison: PrecisionComparison, max_drop: float) -> None:
    if not comparison.drop <= max_drop:
        raise AccuracyError(
            f"{package.label} is not quantized: {comparison}, a loss of {comparison.drop:.4f}, and {max_drop:g} is "
            "allowed; calibrate on more images like yours, or allow more with --max-drop"
        )


def _quantized_copy(package: ModelPackage, network: ov.Model, folder: Path) -> ModelPackage:
    """Return a copy of a package with INT8 weights, in a folder of its own."""
    shutil.copytree(package.folder, folder)
    save_network(network, folder / IR_INT8)
    rdf = _rdf(folder)
    rdf["config"]["cellvino"]["weights"]["int8"] = IR_INT8
    _rewrite(folder, rdf)
    return open_package(folder)


def _describe(draft: ModelPackage, comparison: PrecisionComparison | None) -> None:
    """Write what was measured into a draft's description; older INT8 scores were another network's."""
    rdf = _rdf(draft.folder)
    ours = rdf["config"]["cellvino"]
    kept = [score for score in ours.get("scores", []) if score["precision"] != Precision.INT8]
    new = [score.model_dump(mode="json") for score in (comparison.scores if comparison else ())]
    ours["scores"] = [*kept, *new]
    ours["tolerance"] = ours["tolerance"] | {"int8": tolerances(draft)["int8"]}
    _rewrite(draft.folder, rdf)


def _rdf(folder: Path) -> dict[str, Any]:
    rdf: dict[str, Any] = yaml.safe_load((folder / SPEC_NAME).read_text(encoding="utf-8"))
    return rdf


def _rewrite(folder: Path, rdf: dict[str, Any]) -> None:
    sums = file_sums(folder)
    listed = [entry["source"] for entry in rdf.get("weights", {}).values()]
    rdf["attachments"] = attachments(sums, *listed)
    rdf["config"]["cellvino"]["sha256"] = sums
    write_rdf(folder, rdf)


def _published(
    draft: ModelPackage, out: Path, comparison: PrecisionComparison | None, *, carefully: bool
) -> QuantizationResult:
    _describe(draft, comparison)
    with atomic_folder(out) as folder:
        shutil.copytree(draft.folder, folder, dirs_exist_ok=True)
    return QuantizationResult(open_package(out), comparison, carefully)
