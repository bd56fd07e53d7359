"""``cellvino quantize``: INT8 weights for a model, where they find the cells as well."""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict
from pathlib import Path

from napari_cellvino.core.errors import OptionError, TrainingDataError
from napari_cellvino.model_package import find_package
from napari_cellvino.storage.json_text import json_text
from napari_cellvino.training.quantize.image_sets import (
    CalibrationSplit,
    has_truth,
    read_pictures,
    split_for_calibration,
)
from napari_cellvino.training.quantize.quantize import QuantizationResult, quantize_package


def run(options: argparse.Namespace) -> int:
    """Quantize a model and print the loss of accuracy; nothing is written where it is too large."""
    if not 0 <= options.max_drop < 1:
        raise OptionError(f"--max-drop {options.max_drop:g} is no loss of accuracy; use 0 to 1, such as 0.005")
    if options.tiles < 1:
        raise OptionError(f"--tiles {options.tiles} are none to calibrate on; use 1 or more")
    package = find_package(options.name)
    fields = _fields(options)
    found = quantize_package(
        package,
        fields.calibration,
        fields.validation,
        max_drop=options.max_drop,
        out=options.out,
        tiles=options.tiles,
        report=_report,
    )
    print(json_text(_record(found)).rstrip() if options.json else f"{found}\nwritten to {found.package.folder}")
    return 0


def _fields(options: argparse.Namespace) -> CalibrationSplit:
    folder: Path = options.calibration
    if options.unchecked:
        return read_pictures(folder)
    if not has_truth(folder):
        raise TrainingDataError(
            f"{folder} has no labels, so the accuracy of INT8 cannot be measured: put label images of "
            "the same names into labels/ beside images/, or accept that with --unchecked"
        )
    parted = split_for_calibration(folder, diameter_px=options.diameter)
    if parted.shared:
        _report(f"{folder} has too few fields to split: the model is scored on those it is calibrated on")
    return parted


def _report(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


def _record(found: QuantizationResult) -> dict[str, object]:
    return {
        "folder": found.package.folder,
        "judgement": asdict(found.comparison) if found.comparison else None,
        "carefully": found.carefully,
    }
