"""The workspace without a window: what the panels rely on."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

from napari_cellvino.core.errors import ImageReadError, ImageValueError, ModelPackageError, OptionError, OutputError
from napari_cellvino.core.image import Spacing
from napari_cellvino.core.label_edges import outline_pixels
from napari_cellvino.core.progress import finish
from napari_cellvino.core.resources import shipped_folder
from napari_cellvino.engines.openvino import OpenVinoEngine
from napari_cellvino.io import open_source
from napari_cellvino.io.label_tiff import read_labels
from napari_cellvino.quality.changes import compare_cells
from napari_cellvino.results.field_result import finish_field
from napari_cellvino.segmentation.predict import decode
from napari_cellvino.workflows.outcome import Outcome
from napari_cellvino.workflows.workspace import Workspace

WELL = shipped_folder("sample_data") / "plate" / "A01_s1.ome.tif"


@pytest.fixture
def workspace() -> Workspace:
    made = Workspace()
    made.use_stack(open_source(WELL).read())
    return made


def run(workspace: Workspace) -> Outcome:
    outcome = finish(workspace.run())
    workspace.accept(outcome, workspace.pipeline())
    return outcome


def test_news_travel_by_signals(workspace: Workspace) -> None:
    heard: list[object] = []
    workspace.outcome_changed.connect(heard.append)
    outcome = run(workspace)
    assert heard == [outcome]
    workspace.use_stack(open_source(shipped_folder("sample_data") / "nuclei_stack.ome.tif").read())
    assert heard[1:] == [None]
    assert workspace.outcome is None


def test_sliders_touch_no_network_and_count_what_changes(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    native = run(workspace).count
    monkeypatch.setattr(OpenVinoEngine, "infer_all", lambda *args: pytest.fail("a slider ran the network"))
    fewer = workspace.redecode({"smallest": 130})
    assert 0 < fewer.count < native
    assert (fewer.changes.added, fewer.changes.removed) == (0, native - fewer.count)
    workspace.show(fewer)
    assert workspace.values["smallest"] == 130
    workspace.keep_preview()
    assert workspace.outcome is not None
    assert workspace.outcome.changes.removed == 0
    workspace.outcome = replace(workspace.outcome, seconds=3.0)
    back = workspace.redecode({})
    assert (back.changes.added, back.seconds) == (native - fewer.count, 3.0)


def test_a_part_of_what_the_model_saw_is_that_of_the_whole(workspace: Workspace) -> None:
    run(workspace)
    part = (slice(7, 30), slice(11, 19))
    whole, piece = workspace.intensity(), workspace.intensity(part=part)
    assert whole.dtype == piece.dtype == np.float32
    np.testing.assert_array_equal(piece, whole[part])


def test_limits_leave_out_what_a_run_leaves_out(workspace: Workspace) -> None:
    outcome = run(workspace)
    for values in ({"smallest": 130.0}, {"confidence": 0.3, "smallest": 0.0}, {"confidence": 0.9}):
        changed = workspace.redecode(values)
        quick = changed.prediction.decoded
        assert changed.changes == compare_cells(outcome.prediction.decoded, quick)
        package = workspace.load_package()
        fresh = decode(outcome.prediction.raw, package.spec, outcome.prediction.values | values)
        np.testing.assert_array_equal(quick.labels, fresh.labels)
        for name in ("id", "score", "box", "centroid", "area_px"):
            np.testing.assert_array_equal(getattr(quick.objects, name), getattr(fresh.objects, name))


@pytest.mark.parametrize("values", [{"smallest": 130.0}, {"confidence": 0.9}, {"confidence": 0.3, "smallest": 0.0}])
def test_what_is_known_of_cells_is_what_a_new_look_at_the_image_finds(
    workspace: Workspace, values: dict[str, float]
) -> None:
    run(workspace)
    again = workspace.redecode(values)
    selected, stack, pipeline = workspace.redecoder.selected(again.prediction), workspace.stack, workspace.done
    assert selected is not None
    assert stack is not None
    assert pipeline is not None
    quick, fresh = again.annotation(pipeline, stack, selected=selected), again.annotation(pipeline, stack)
    assert fresh.records
    assert quick.records == fresh.records  # with their doubts
    assert any(record.doubts for record in fresh.records.values())
    np.testing.assert_array_equal(quick.pixels, fresh.pixels)
    assert quick.index.ids() == fresh.index.ids()
    for id_ in fresh.records:
        assert quick.geometry(id_) == fresh.geometry(id_)
    for px in (1, 2, 3):
        outline = selected.known.outline(px)
        seen = outline[quick.pixels.reshape(-1)[outline] > 0]
        np.testing.assert_array_equal(seen, outline_pixels(fresh.pixels, px))
    quick.pixels[quick.pixels == 1] = 0  # an edit: what is known stays as it was
    np.testing.assert_array_equal(selected.known.found.label_image() > 0, _all_found(workspace, values) > 0)


def _all_found(workspace: Workspace, values: dict[str, float]) -> NDArray[np.int32]:
    outcome = workspace.outcome
    assert outcome is not None
    everything = outcome.prediction.values | values | {"confidence": 0.0, "smallest": 0.0}
    return decode(outcome.prediction.raw, workspace.load_package().spec, everything).label_image()


def test_a_slider_of_spots_seeks_them_again(workspace: Workspace) -> None:
    workspace.choose(spots="projection", spot_channel="GFP")
    found = run(workspace).prediction.spots
    again = workspace.redecode({"spot_score": 20.0}).prediction.spots
    assert found is not None
    assert again is not None
    assert (again.score >= 20).all()
    assert 0 < len(again) != len(found)
    workspace.choose(parameters=workspace.values | {"spot_score": 20.0})
    np.testing.assert_array_equal(finish(workspace.run()).prediction.spots.position, again.position)


def test_choices_that_do_not_fit_a_new_image_go_back(workspace: Workspace) -> None:
    workspace.choose(channel="GFP")
    workspace.use_stack(open_source(shipped_folder("sample_data") / "nuclei_stack.ome.tif").read())
    assert workspace.recipe.channel == ""
    workspace.choose(z="plane:9")
    workspace.use_stack(open_source(WELL).read())
    assert workspace.recipe.z == "mip"


def test_impossible_choices_change_nothing(workspace: Workspace) -> None:
    before = workspace.recipe
    for wrong in ({"z": "plane:0"}, {"diameter_px": -1}, {"parameters": {"confidence": 7}}, {"nonsense": 1}):
        with pytest.raises(OptionError):
            workspace.choose(**wrong)
    with pytest.raises(ModelPackageError, match="there is no model 'x'"):
        workspace.choose(model="x")
    assert workspace.recipe == before


def test_a_wrong_file_leaves_what_was_open(workspace: Workspace, tmp_path: Path) -> None:
    stack = workspace.stack
    (tmp_path / "notes.tif").write_text("no image")
    with pytest.raises(ImageReadError, match=r"notes\.tif"):
        workspace.use_stack(open_source(tmp_path / "notes.tif").read())
    assert workspace.stack is stack


def test_nothing_to_do_is_said_in_words(tmp_path: Path) -> None:
    with pytest.raises(ImageValueError, match="open one first"):
        finish(Workspace().run())
    with pytest.raises(OptionError, match="run the model first"):
        Workspace().save_request(tmp_path)
    with pytest.raises(OptionError, match="run the model first"):
        Workspace().redecode({})


def test_saved_results_are_those_shown(workspace: Workspace, tmp_path: Path) -> None:
    run(workspace)
    workspace.show(workspace.redecode({"smallest": 130}))
    folder = workspace.save_request(tmp_path).save()
    assert folder == tmp_path / "A01_s1"
    assert workspace.outcome is not None
    labels, spacing = read_labels(folder / "labels.tif")
    np.testing.assert_array_equal(labels, workspace.outcome.prediction.decoded.labels)
    assert spacing.x == pytest.approx(0.65)
    assert (tmp_path / "counts.csv").read_text().count("\n") == 2
    assert {p.name for p in folder.iterdir()} == {"labels.tif", "objects.csv", "qc.png", "annotation.json"}
    workspace.show(workspace.redecode({"smallest": 20}))
    with pytest.raises(OutputError, match="made with other choices"):
        workspace.save_request(tmp_path).save()
    assert workspace.save_request(tmp_path).save(overwrite=True) == folder


def test_the_saved_recipe_repeats_the_window_to_the_byte(workspace: Workspace, tmp_path: Path) -> None:
    from napari_cellvino.cli import main

    workspace.choose(channel="DNA", precision="exact", device="CPU")
    run(workspace)
    workspace.show(workspace.redecode({"confidence": 0.8}))
    folder = workspace.save_request(tmp_path / "window").save()
    code = main(
        ["run", str(WELL), "--out", str(tmp_path / "line"), "--recipe", str(tmp_path / "window" / "recipe.yaml")]
    )
    assert code == 0
    for file in folder.iterdir():
        assert file.read_bytes() == (tmp_path / "line" / "A01_s1" / file.name).read_bytes(), file.name


def test_a_corrected_pixel_size_reaches_the_results(workspace: Workspace, tmp_path: Path) -> None:
    run(workspace)
    assert workspace.stack is not None
    workspace.use_stack(workspace.stack.with_spacing(Spacing(None, 2.0, 2.0)))
    assert workspace.outcome is not None, "the same pixels need no new run"
    table = finish_field(workspace.outcome.prediction, workspace.done).table
    np.testing.assert_allclose(table["area_um2"], 4 * table["area_px"])


def test_a_layer_without_a_file_is_saved_under_its_name(tmp_path: Path) -> None:
    from napari_cellvino.core.image import ArrayPlanes, Origin, Shape, Stack

    pixels = tifffile.imread(WELL)[None, :1, None]
    workspace = Workspace()
    workspace.use_stack(Stack(ArrayPlanes(pixels), Shape(*pixels.shape), pixels.dtype, origin=Origin("my: layer?")))
    run(workspace)
    assert workspace.save_request(tmp_path).save().name == "my_ layer_"


def test_estimates_come_before_a_run(workspace: Workspace) -> None:
    assert workspace.estimate().tiles == 1
    assert finish(workspace.expected()).cost.seconds > 0


def test_a_broken_model_is_named(tmp_path: Path) -> None:
    copy = tmp_path / "nuclei"
    shutil.copytree(shipped_folder("models") / "nuclei", copy)
    (copy / "model.bin").write_bytes(b"altered")
    with pytest.raises(ModelPackageError, match=r"model\.bin was altered"):
        Workspace().choose(model=str(copy))


def test_corrections_of_the_window_are_in_its_recipe(tmp_path: Path) -> None:
    from napari_cellvino.cli import main

    file = tmp_path / "plain.tif"
    tifffile.imwrite(file, tifffile.imread(WELL), photometric="minisblack")
    workspace = Workspace()
    stack = open_source(file, axes="CYX").read()
    workspace.use_stack(stack)
    assert stack.shape.c == 2
    workspace.choose(channel="Channel 2", precision="exact", device="CPU")
    run(workspace)
    workspace.use_stack(stack.with_spacing(Spacing(None, 0.65, 0.65)).with_channels(["DNA", "GFP"]))
    assert workspace.recipe.channel == "GFP"
    folder = workspace.save_request(tmp_path / "window").save()
    line = ["run", str(file), "--out", str(tmp_path / "line"), "--recipe", str(tmp_path / "window" / "recipe.yaml")]
    assert main(line) == 0
    for path in folder.iterdir():
        assert path.read_bytes() == (tmp_path / "line" / "plain" / path.name).read_bytes(), path.name
    assert "mean_gfp" in (folder / "objects.csv").read_text()
    assert "area_um2" in (folder / "objects.csv").read_text()
