"""Strokes in, a package out that runs as any other: on other fields, on several channels, on stacks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from scipy import ndimage as ndi

from napari_cellvino.api import load_model, segment, teach
from napari_cellvino.cli import main
from napari_cellvino.core.errors import ImageValueError, OptionError, OutputError, TrainingDataError
from napari_cellvino.core.image import Stack, ZChoice
from napari_cellvino.core.progress import finish
from napari_cellvino.core.recipe import Recipe
from napari_cellvino.model_package import find_package
from napari_cellvino.training.teach.strokes import StrokedImage, Strokes
from napari_cellvino.training.teach.teach import TeachResult
from napari_cellvino.training.teach.viewed_part import ViewedPart
from napari_cellvino.workflows.live_teaching import LiveTeacher
from napari_cellvino.workflows.teach import TeachChoices, teach_images, teach_stacks

SIDE, DIAMETER = 160, 24.0


def discs(seed: int) -> np.ndarray:
    """Return labels (Y, X) of discs, none of which touch."""
    rng = np.random.default_rng(seed)
    labels = np.zeros((SIDE, SIDE), np.int32)
    y, x = np.mgrid[:SIDE, :SIDE]
    for row in range(4):
        for column in range(4):
            cy, cx = 20 + 40 * np.array([row, column]) + rng.integers(-4, 5, 2)
            labels[np.hypot(y - cy, x - cx) < DIAMETER / 2] = row * 4 + column + 1
    return labels


def picture(labels: np.ndarray, seed: int, *, bright: float = 600.0) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(0, 12, labels.shape)
    return (300 + ndi.gaussian_filter((labels > 0) * bright, 1) + noise).astype(np.uint16)


def strokes_on(labels: np.ndarray) -> np.ndarray:
    strokes = np.zeros(labels.shape, np.uint8)
    for number in (1, 4, 6, 11, 13, 16):
        y, x = np.argwhere(labels == number).mean(0).astype(int)
        strokes[y, x - 7 : x + 8] = 1
    for row in (0, 40, 80, 120, 156):
        strokes[row, 10:30] = strokes[row, 100:120] = 2
    return strokes


def save(folder: Path, name: str, pixels: np.ndarray, axes: str = "") -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / name
    tifffile.imwrite(path, pixels, metadata={"axes": axes} if axes else None, photometric="minisblack")
    return path


def teach_on(tmp_path: Path, *images: Path, classes: tuple[str, ...] = ()) -> TeachResult:
    choices = TeachChoices(tmp_path / "taught", Recipe(diameter_px=DIAMETER), classes=classes)
    return finish(teach_images(images, tmp_path / "strokes", choices))


@pytest.fixture(scope="module")
def taught(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a package that was taught on one field through the command line."""
    folder = tmp_path_factory.mktemp("teach")
    labels = discs(0)
    save(folder / "set", "one.tif", picture(labels, 0))
    save(folder / "set", "two.tif", picture(labels, 1))
    save(folder / "strokes", "one.tif", strokes_on(labels))
    command = ["teach", str(folder / "set"), "--strokes", str(folder / "strokes"), "--out", str(folder / "discs")]
    assert main([*command, "--diameter", "24"]) == 0
    return folder / "discs"


def test_a_taught_model_runs_as_any_other(taught: Path) -> None:
    labels = discs(5)
    found = segment(picture(labels, 5), str(taught))
    assert found.counts["count"] == 16
    overlap = (found.labels > 0) & (labels > 0)
    assert overlap.sum() / ((found.labels > 0) | (labels > 0)).sum() > 0.8


def test_python_teaches_what_the_command_line_does(taught: Path, tmp_path: Path) -> None:
    again = teach(taught.parent / "set", taught.parent / "strokes", tmp_path / "discs", diameter_px=24)
    assert (tmp_path / "discs" / "model.bin").read_bytes() == (taught / "model.bin").read_bytes()
    assert [field.name for field in again.fields] == ["one"]


def test_the_package_says_what_it_was_taught_on(taught: Path) -> None:
    package = load_model(taught)
    spec = package.spec
    assert spec.name == "discs"
    assert spec.taught is not None
    assert spec.taught.strokes == {"cell": 6, "background": 10, "between": 0}
    assert spec.taught.bases == {name: find_package(name).sha256 for name in ("cells",)}
    assert spec.taught.fields == ("one",)
    assert "one" in package.card()
    assert (taught / "strokes" / "one.tif").is_file()
    assert spec.diameter_px.assumed == pytest.approx(DIAMETER, rel=0.15)


def test_the_command_line_checks_it_with_its_own_tensors(taught: Path) -> None:
    assert main(["models", "check", str(taught)]) == 0


def test_a_model_is_not_replaced_unasked(taught: Path, tmp_path: Path) -> None:
    image = save(tmp_path, "one.tif", picture(discs(0), 0))
    with pytest.raises(OutputError, match="overwrite"):
        finish(teach_images([image], taught / "strokes", TeachChoices(taught, Recipe())))


def test_a_name_that_no_model_can_have_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="'my-cells' is possible"):
        finish(teach_stacks([], TeachChoices(tmp_path / "out", Recipe(), "My cells")))


def test_several_channels_classes_and_outlined_cells(tmp_path: Path) -> None:
    labels = discs(2)
    dim, bright = labels % 2 == 0, labels % 2 == 1
    image = np.stack([picture(labels, 3), picture(labels * bright, 4)])
    strokes = strokes_on(labels)
    strokes[(strokes == 1) & dim], strokes[(strokes == 1) & bright] = 4, 5
    outlined = np.where(np.isin(labels, (2, 3)), labels, 0)
    one = save(tmp_path / "set", "one.ome.tif", image, "CYX")
    save(tmp_path / "strokes", "one.tif", strokes)
    save(tmp_path / "strokes", "one_cells.tif", outlined.astype(np.uint16))
    result = teach_on(tmp_path, one, classes=("dim", "bright"))
    spec = result.package.spec
    assert (spec.input_channels, spec.classes, spec.maps[-2:]) == (2, ("dim", "bright"), ("class_1", "class_2"))
    assert spec.taught is not None
    assert spec.taught.outlined == 2
    found = segment(one, str(result.package.folder))
    assert len(found.table) == 16
    own = [
        labels[round(y), round(x)] for y, x in zip(found.table["centroid_y"], found.table["centroid_x"], strict=True)
    ]
    assert found.table["class"].tolist() == ["bright" if number % 2 else "dim" for number in own]
    with pytest.raises(ImageValueError, match="1 channel.* the model takes 2 at once"):
        segment(image[0], str(result.package.folder))


def test_strokes_on_planes_of_a_stack(tmp_path: Path) -> None:
    labels = discs(6)
    stack = np.stack([picture(labels, n, bright=bright) for n, bright in enumerate((400, 550, 600, 550, 400))])
    one = save(tmp_path / "set", "one.ome.tif", stack, "ZYX")
    painted = np.zeros(stack.shape, np.uint8)
    painted[2] = strokes_on(labels)
    save(tmp_path / "strokes", "one.tif", painted)
    result = teach_on(tmp_path, one)
    assert [field.name for field in result.fields] == ["one"]
    assert segment(one, str(result.package.folder), z="3d").counts["count"] == 16


@pytest.mark.parametrize("fault", ["size", "kind", "channels", "classes"])
def test_strokes_that_do_not_fit_are_said_in_words(tmp_path: Path, fault: str) -> None:
    labels = discs(0)
    strokes = strokes_on(labels)
    images = [save(tmp_path / "set", "one.tif", picture(labels, 0))]
    if fault == "channels":
        images.append(save(tmp_path / "set", "two.ome.tif", np.stack([picture(labels, 1)] * 2), "CYX"))
        save(tmp_path / "strokes", "two.tif", strokes)
    changed = {
        "size": strokes[:-1],
        "kind": np.where(strokes == 2, 0, strokes),
        "classes": np.where(strokes == 1, 6, strokes),
    }
    save(tmp_path / "strokes", "one.tif", changed.get(fault, strokes))
    with pytest.raises(TrainingDataError):
        teach_on(tmp_path, *images)
    assert not (tmp_path / "taught").exists()


def test_what_is_seen_while_painting_is_what_the_model_finds(taught: Path, tmp_path: Path) -> None:
    labels = discs(0)
    pixels = picture(labels, 0)
    stack, strokes = Stack.from_array(pixels, axes="YX"), Strokes(strokes_on(labels))
    teacher, where = LiveTeacher(), ViewedPart(0, ZChoice(), (0, 0, *labels.shape))
    recipe = Recipe(diameter_px=DIAMETER)
    answers = list(teacher.answer([StrokedImage("one", stack, strokes)], recipe, where, {}))
    seen = answers[-1]
    assert (len(seen.found.objects), seen.strokes) == (16, (6, 10, 0))
    assert seen.agreement is not None
    assert seen.agreement > 0.9
    choices = TeachChoices(tmp_path / "model", recipe)
    model = finish(teach_stacks([StrokedImage("one", stack, strokes)], choices))
    found, shown = (one.label_image() > 0 for one in (model.fields[0].found, seen.found))
    # where a pixel is cell as likely as not, rounding decides
    assert np.count_nonzero(found != shown) <= 0.002 * np.count_nonzero(found)
    part = ViewedPart(0, ZChoice(), (40, 30, 120, 130))
    in_part = next(iter(teacher.answer([StrokedImage("one", stack, strokes)], recipe, part, {"smallest": 20.0})))
    inside = seen.found.label_image()[40:120, 30:130] > 0
    assert np.mean(inside == (in_part.found.label_image() > 0)) > 0.98


def test_a_model_looks_at_the_zoom_that_its_cells_were_seen_at(taught: Path, tmp_path: Path) -> None:
    labels = discs(0)
    images = [StrokedImage("one", Stack.from_array(picture(labels, 0), axes="YX"), Strokes(strokes_on(labels)))]
    model = finish(teach_stacks(images, TeachChoices(tmp_path / "model", Recipe(), zoom=1.4)))
    assert model.size.zoom == 1.4  # not one that is searched for again, from all strokes at once
