"""A lesson as a model package: one network, its card, and the strokes that it was taught with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from napari_cellvino.model_package import ModelPackage, open_package
from napari_cellvino.model_package.spec import Normalisation, Taught
from napari_cellvino.training.convert.describe import PackageText, write_description
from napari_cellvino.training.convert.graph import infer_float32
from napari_cellvino.training.convert.network_files import IR, save_network, save_test_tensors, tolerances
from napari_cellvino.training.convert.selftest import normalised, sample_image
from napari_cellvino.training.teach.feature_graph import FeatureGraph
from napari_cellvino.training.teach.features import HALO, TILE
from napari_cellvino.training.teach.lesson import Lesson
from napari_cellvino.training.teach.taught_graph import map_names, taught_graph

NORMALISATION = Normalisation(version=2)
BYTES_FIXED, BYTES_PER_PIXEL = 90_000_000, 400  # of one channel
TEST_SIZE = 128  # px
REACH = 4.0  # cells of a quarter to four times the size are thought possible
STROKES_FOLDER = "strokes"
UNTESTED = "not told apart from others by the test for noise, which takes fields that were painted on for noise"


@dataclass(frozen=True, slots=True)
class CellSize:
    """The typical diameter of cells in px of the image, and the zoom at which the networks look at it."""

    diameter_px: float
    zoom: float

    @property
    def reference(self) -> float:
        """The diameter in px of the network's input."""
        return self.diameter_px * self.zoom


@dataclass(frozen=True, slots=True)
class PackageNames:
    """Name and title of a package, and those of the classes of cells."""

    name: str
    title: str
    classes: tuple[str, ...]


def write_package(
    folder: Path,
    graph: FeatureGraph,
    lesson: Lesson,
    taught: Taught,
    names: PackageNames,
    size: CellSize,
    parameters: Mapping[str, float],
    *,
    signal_test: bool,
) -> ModelPackage:
    """Write the network and its description to an existing folder, and return the package; it has no tolerances yet."""
    network = taught_graph(graph, lesson.kinds, lesson.depth, lesson.classes)
    channels = int(network.input(0).get_partial_shape()[1].get_length())
    given = normalised(sample_image(channels, TEST_SIZE), NORMALISATION)
    save_network(network, folder / IR)
    save_test_tensors(folder, given, infer_float32(network, given))
    describe(folder, lesson, taught, names, size, parameters, signal_test=signal_test)
    return open_package(folder)


def describe(
    folder: Path,
    lesson: Lesson,
    taught: Taught,
    names: PackageNames,
    size: CellSize,
    parameters: Mapping[str, float],
    *,
    signal_test: bool,
    tolerance: Mapping[str, float] | None = None,
) -> None:
    """Write the description and the card of a package anew."""
    config = {
        "name": names.name,
        "task": "instances",
        "head": {"name": "taught", "parameters": dict(parameters)},
        "input_channels": len(taught.channels),
        "signal_test": signal_test,
        "stride": 1,
        "maps": list(map_names(lesson.kinds, lesson.depth, lesson.classes)),
        "classes": list(names.classes),
        "normalise": NORMALISATION.model_dump(),
        "diameter_px": {
            "reference": round(size.reference, 2),
            "smallest": round(size.reference / REACH, 2),
            "largest": round(size.reference * REACH, 2),
            "assumed": round(size.diameter_px, 2),
        },
        "tile": TILE,
        "halo": HALO,
        "bytes_fixed": BYTES_FIXED,
        "bytes_per_pixel": BYTES_PER_PIXEL * len(taught.channels),
        "tolerance": dict(tolerance or {}),
        "weights": {"float": IR},
        "scores": [],
        "taught": taught.model_dump(mode="json"),
    }
    described = f"Taught by strokes on {_fields(taught.fields)}"
    card = _card(taught, names, size, signal_test=signal_test)
    text = PackageText(names.name, names.title, "0.1.0", described, card, licence="", tags=("taught",), config=config)
    write_description(folder, text, None)


def finish_package(
    folder: Path,
    lesson: Lesson,
    taught: Taught,
    names: PackageNames,
    size: CellSize,
    parameters: Mapping[str, float],
    *,
    signal_test: bool,
) -> ModelPackage:
    """Measure how far this computer's number types may differ, write it down, and return the finished package."""
    describe(folder, lesson, taught, names, size, parameters, signal_test=signal_test)
    tolerance = tolerances(open_package(folder))
    describe(folder, lesson, taught, names, size, parameters, signal_test=signal_test, tolerance=tolerance)
    return open_package(folder)


def with_agreement(taught: Taught, lesson: Lesson) -> Taught:
    """Return what was taught, with what held-out strokes say."""
    return taught.model_copy(update={"agreement": None if lesson.agreement is None else round(lesson.agreement, 3)})


def _fields(fields: Sequence[str]) -> str:
    shown = ", ".join(fields[:3])
    return shown if len(fields) <= 3 else f"{shown} and {len(fields) - 3} more"


def _card(taught: Taught, names: PackageNames, size: CellSize, *, signal_test: bool) -> str:
    strokes = ", ".join(f"{count} {kind}" for kind, count in taught.strokes.items())
    outlined = f", {taught.outlined} outlined cells" if taught.outlined else ""
    bases = "\n".join(f"  - {name} ({sha256})" for name, sha256 in taught.bases.items())
    agreement = (
        "too few strokes to say"
        if taught.agreement is None
        else f"{taught.agreement:.0%} of the pixels of strokes that were held out are right, kinds counting alike"
    )
    by = f"\n- By: {taught.by}" if taught.by else ""
    untested = "" if signal_test else f"\n- Empty fields: {UNTESTED}"
    return (
        f"# {names.title}\n\n"
        f"Taught by strokes with CellVINO.\n\n"
        f"- Fields: {', '.join(taught.fields)}\n"
        f"- Strokes: {strokes}{outlined}; they are in `{STROKES_FOLDER}/` and can be taught with again{by}\n"
        f"- Channels: {', '.join(taught.channels)}\n"
        f"- Cells are about {size.diameter_px:.0f} px across, and looked at {size.zoom:.2g} times as large\n"
        f"- Quality: {agreement}{untested}\n"
        f"- What the networks of these models see is part of this one:\n{bases}\n\n"
        "How well it finds cells in other images is not known: look at them, or label a few and ask "
        "`cellvino evaluate`.\n"
    )
