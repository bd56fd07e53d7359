"""How much a count changes where it should not: the same fields brighter, noisier, of another type, larger."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import tifffile

from benchmarks.asked import Asked
from benchmarks.disturb import INTENSITY, INVERSION, Disturbance, emptied, out_of_focus
from benchmarks.figure import Figure, NotMeasuredError
from napari_cellvino.core.errors import ModelPackageError
from napari_cellvino.core.resources import shipped_folder
from napari_cellvino.engines.openvino import OpenVinoEngine
from napari_cellvino.model_package import ModelPackage, find_package
from napari_cellvino.segmentation.heads import check_parameters
from napari_cellvino.segmentation.predict import decode
from napari_cellvino.training.data.datasets import LabelledImage, read_packed_set
from napari_cellvino.training.metrics.evaluate import infer_field

FIELDS = 12  # of a set, evenly spread
STAINED = ("histology_colour", "brightfield_grey")
NEARLY_NONE = 1.0  # cells in a field where there is none


@dataclass(frozen=True, slots=True)
class Subject:
    """A model with the fields it is for, and what must not disturb it."""

    package: ModelPackage
    fields: Sequence[LabelledImage]
    disturbances: Sequence[Disturbance]


def measure_robustness(asked: Asked) -> list[Figure]:
    """Return the change of counts in per cent (of the undisturbed count, field by field) of the models of nuclei.

    The fields are those of the visible ``val`` splits where they are, else the simulated plate.

    Raises
    ------
    NotMeasuredError
        If there is no model or no field.
    """
    figures = [figure for subject in _subjects(asked.data) for figure in _figures(subject)]
    if not figures:
        raise NotMeasuredError("there is no model of nuclei")
    return figures


def _subjects(data: Path) -> Iterator[Subject]:
    fluorescence = [*_some_of(data / "dsb2018", ("fluorescence",)), *_some_of(data / "bbbc039", ())] or _samples()
    for name, fields, more in (("nuclei", fluorescence, ()), ("nuclei-stained", _stained(data), INVERSION)):
        try:
            package = find_package(name)
        except ModelPackageError:
            continue
        if fields:
            yield Subject(package, fields, (*INTENSITY, *more))


def _stained(data: Path) -> list[LabelledImage]:
    return [field for kind in STAINED for field in _some_of(data / "dsb2018", (kind,))]


def _some_of(folder: Path, types: Sequence[str]) -> list[LabelledImage]:
    """Return up to `FIELDS` fields of the split ``val``, of some types where they are named."""
    if not folder.is_dir():
        return []
    fields = list(read_packed_set(folder, "val", keep=lambda row: not types or row["type"] in types))
    return [fields[i] for i in np.unique(np.linspace(0, len(fields) - 1, FIELDS).astype(int))] if fields else []


def _samples() -> list[LabelledImage]:
    files = sorted((shipped_folder("sample_data") / "plate").glob("*.ome.tif"))
    return [LabelledImage(path.name, "plate", tifffile.imread(path)[0]) for path in files]


def _figures(subject: Subject) -> list[Figure]:
    spec = subject.package.spec
    engine, values = OpenVinoEngine(subject.package), check_parameters(spec, {})
    usual = spec.diameter_px.assumed or spec.diameter_px.reference

    def count(how: Disturbance) -> np.ndarray:
        changed = [replace(field, image=how.change(field.image), labels=None) for field in subject.fields]
        diameter = usual * how.scale if how.scale != 1 else None
        maps = (infer_field(field, spec, engine, diameter_px=diameter) for field in changed)
        return np.array([len(decode(raw, spec, values).objects) for raw in maps])

    plain = count(Disturbance("as it is", lambda pixels: pixels))
    name = spec.name
    shifts = [
        Figure(f"{name}: {how.name}", 100 * np.abs(count(how) - plain).sum() / plain.sum(), "%", how.goal)
        for how in subject.disturbances
    ]
    return [
        Figure(f"{name}: cells in {len(plain)} fields", float(plain.sum())),
        *shifts,
        Figure(f"{name}: cells in an empty field", count(Disturbance("", emptied)).mean(), goal=NEARLY_NONE),
        Figure(
            f"{name}: out of focus, of the cells",
            100 * count(Disturbance("", out_of_focus(usual))).sum() / plain.sum(),
            "%",
            10.0,
        ),
    ]
