"""A run over a plate: what it writes, that it goes on where it was killed, and that one bad image costs one field."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile
from plate_images import write_plate
from yaozarrs import v04, v05
from zarr_plates import write_zarr_plate

from napari_cellvino.annotation import EditSession
from napari_cellvino.annotation.tools.delete import delete
from napari_cellvino.cli import main
from napari_cellvino.core.errors import DeviceError
from napari_cellvino.core.plate import FieldOfView, Plate, Well
from napari_cellvino.core.progress import finish
from napari_cellvino.core.recipe import Recipe
from napari_cellvino.engines.provider import EngineProvider
from napari_cellvino.io.label_tiff import read_labels
from napari_cellvino.io.plates import open_plate
from napari_cellvino.plates.layout import Content, Control, Layout
from napari_cellvino.results.field_folder import read_annotation
from napari_cellvino.results.field_writing import write_corrections
from napari_cellvino.results.plate_place import PlateChoices
from napari_cellvino.segmentation.pipeline import make_pipeline
from napari_cellvino.segmentation.prepare import project
from napari_cellvino.workflows.field_task import FieldOutcome
from napari_cellvino.workflows.run_plate import fit_to_plate, run_plate
from tests.processes import command, end, start


@pytest.fixture
def plate(tmp_path, wells) -> Path:
    return write_plate(tmp_path / "p", wells)


@pytest.fixture
def second_channel(job):
    """The run of the other tests, on the channel that has the nuclei."""
    return job.choosing(channel="2")


def running(source, job, choices=None):
    return run_plate(source, source.plate.fields, job.pipeline, job.root, job.engines, choices or PlateChoices())


def ran(folder, job, choices=None) -> tuple[FieldOutcome, ...]:
    return finish(running(open_plate(folder), job, choices)).outcomes


def tables(out: Path) -> dict[str, bytes]:
    files = (p for p in sorted(out.rglob("*")) if p.is_file() and p.name not in ("run.json", "ledger.sqlite"))
    return {p.relative_to(out).as_posix(): p.read_bytes() for p in files}


def test_tables_of_fields_and_wells(plate, second_channel):
    layout = Layout({Well(0, 0): Content(compound="DMSO", control=Control.NEGATIVE), Well(0, 1): Content(dose=2.5)})
    done = ran(plate, second_channel, PlateChoices(layout))
    assert [d.row["folder"] for d in done] == ["A01_f1", "A01_f2", "A02_f1", "A02_f2", "B01_f1", "B01_f2"]
    assert not any(d.failed for d in done)
    counts = pd.read_csv(second_channel.root / "counts.csv")
    assert counts["well"].tolist() == ["A01", "A01", "A02", "A02", "B01", "B01"]
    assert counts[["row", "column", "field"]].iloc[3].tolist() == ["A", 2, 2]
    assert counts["compound"].iloc[0] == "DMSO"
    objects = pd.read_csv(second_channel.root / "A02_f2" / "objects.csv")
    assert (objects["dose"] == 2.5).all()
    assert list(objects.columns[:4]) == ["well", "row", "column", "field"]
    wells = pd.read_csv(second_channel.root / "wells.csv")
    assert wells["well"].tolist() == ["A01", "A02", "B01"]
    assert wells["count"].tolist() == counts.groupby("well")["count"].sum().tolist()
    assert wells["fields"].tolist() == [2, 2, 2]
    ratio = counts["ring_ratio_channel_1"].iloc[3]
    assert ratio == pytest.approx(objects["ring_ratio_channel_1"].mean(), rel=1e-5)
    assert "ring_ratio_channel_2" not in objects
    assert (second_channel.root / "heatmap_ring_ratio_channel_1.png").is_file()
    assert (second_channel.root / "wells_tidy.csv").is_file()
    (of_plate,) = pd.read_csv(second_channel.root / "plates.csv").to_dict("records")
    assert [of_plate[name] for name in ("wells", "fields", "failed")] == [3, 6, 0]
    assert of_plate["count"] == counts["count"].sum()
    assert of_plate["count_well_mean"] == pytest.approx(wells["count"].mean(), rel=1e-5)


def test_ring_ratio_is_that_of_the_definition(plate, second_channel):
    from scipy import ndimage

    ran(plate, second_channel, PlateChoices(ring_px=4))
    labels = read_labels(second_channel.root / "A01_f1" / "labels.tif")[0]
    objects = pd.read_csv(second_channel.root / "A01_f1" / "objects.csv")
    pixels = tifffile.imread(plate / "p_A01_s1_w1.tif").astype(float)
    for number, found in zip(objects["id"], objects["ring_ratio_channel_1"], strict=True):
        own = labels == number
        ring = (ndimage.distance_transform_edt(~own) <= 4) & (labels == 0)
        assert found == pytest.approx(pixels[own].mean() / pixels[ring].mean(), rel=1e-4)


def test_bad_fields_are_marked_and_the_rest_goes_on(plate, second_channel):
    (plate / "p_A01_s2_w2.tif").write_bytes(b"II*\0 nothing")
    (plate / "p_B01_s1_w2.tif").unlink()  # the channel that is asked for
    (plate / "p_B01_s2_w1.tif").unlink()  # one that nobody asked for
    done = ran(plate, second_channel)
    failed = {str(d.row["position"]): str(d.row["error"]) for d in done if d.failed}
    assert failed.keys() == {"A01_f2", "B01_f1"}
    assert "p_A01_s2_w2.tif" in failed["A01_f2"]
    assert "Channel 2" in failed["B01_f1"]
    assert not any(d.traceback for d in done)
    wells = pd.read_csv(second_channel.root / "wells.csv")
    assert wells[["fields", "failed"]].to_numpy().tolist() == [[1, 1], [2, 0], [1, 1]]


def correct(root, field):
    """Delete the first cell of a finished field, as a window saves it."""
    folder = root / field
    session = EditSession(read_annotation(folder))
    session.commit(delete(session.annotation, [1]))
    source = open_plate(Path(session.annotation.provenance.origin.path))
    stack = source.open_field(next(f for f in source.plate.fields if f.label == field))
    write_corrections(folder, session.snapshot(), finish(project(stack, channel="2")))


def test_what_was_corrected_stays_with_its_place_when_the_plate_is_run_again(plate, second_channel):
    ran(plate, second_channel)
    root = second_channel.root
    correct(root, "A01_f1")
    left = len(read_annotation(root / "A01_f1").records)
    other = second_channel.choosing(parameters={"smallest": 16.0})
    done = ran(plate, other, PlateChoices(replace=True))
    assert not any(d.failed for d in done)
    objects = pd.read_csv(root / "A01_f1" / "objects.csv")
    assert len(objects) == left
    assert set(objects["well"]) == {"A01"}
    assert objects["ring_ratio_channel_1"].notna().any()
    assert read_annotation(root / "A01_f1" / "model").records.keys() >= {1}


def test_a_field_corrected_during_the_run_has_its_row(plate, second_channel):
    source = open_plate(plate)
    for news in running(source, second_channel):
        if isinstance(news, FieldOutcome) and news.row["folder"] == "A01_f1":
            before = news.row["count"]
            correct(second_channel.root, "A01_f1")
    counts = pd.read_csv(second_channel.root / "counts.csv", index_col="folder")
    assert counts.loc["A01_f1", "count"] == before - 1
    wells = pd.read_csv(second_channel.root / "wells.csv", index_col="well")
    assert wells.loc["A01", "count"] == before - 1 + counts.loc["A01_f2", "count"]


def test_what_is_finished_is_kept_and_gets_a_new_layout(plate, second_channel, engine):
    ran(plate, second_channel)
    first, tiles = tables(second_channel.root), engine.tiles
    assert all(d.kept for d in ran(plate, second_channel))
    assert (tables(second_channel.root), engine.tiles) == (first, tiles)
    layout = Layout({Well(0, 0): Content(compound="taxol", dose=0.1)})
    assert all(d.kept for d in ran(plate, second_channel, PlateChoices(layout)))
    assert pd.read_csv(second_channel.root / "A01_f1" / "objects.csv")["compound"].eq("taxol").all()
    ran(plate, second_channel)
    assert tables(second_channel.root) == first


def test_another_ring_or_image_is_not_taken_for_the_same(plate, second_channel):
    ran(plate, second_channel)
    done = ran(plate, second_channel, PlateChoices(ring_px=3))
    assert all("made with other choices" in str(d.row["error"]) for d in done)
    tifffile.imwrite(plate / "p_A01_s1_w1.tif", np.ones((96, 96), np.uint16))
    assert [d.failed for d in ran(plate, second_channel)] == [True, *[False] * 5]


def typed(folder, out) -> list[str]:
    return [str(w) for w in ("run", folder, "--channel", "2", "--device", "CPU", "--out", out)]


@pytest.mark.slow
def test_a_plate_killed_and_resumed_gives_the_same_bytes(tmp_path, wells, capsys):
    folder = write_plate(tmp_path / "plate", wells, ("A01", "A02", "B01", "B02"))
    assert main(typed(folder, tmp_path / "whole")) == 0
    out = tmp_path / "killed"
    process = start(command, typed(folder, out), tmp_path / "said.txt")
    first = [out / name / "annotation.json" for name in ("A01_f1", "A01_f2")]  # written side by side with others
    while process.is_alive() and not all(path.is_file() for path in first):
        time.sleep(0.001)
    process.kill()
    assert end(process) != 0, "the run had ended before it was killed"
    capsys.readouterr()
    assert main(typed(folder, out)) == 0
    assert "kept from an earlier run" in capsys.readouterr().err
    assert tables(out) == tables(tmp_path / "whole")


def test_a_run_that_is_stopped_keeps_its_tables_and_goes_on(plate, second_channel):
    source = open_plate(plate)
    run = running(source, second_channel)
    next(news for news in run if isinstance(news, FieldOutcome))
    run.close()
    finished = len(list(second_channel.root.glob("[!.]*/annotation.json")))
    assert 1 <= finished < 6
    assert len(pd.read_csv(second_channel.root / "counts.csv")) == finished
    assert pd.read_csv(second_channel.root / "wells.csv")["fields"].sum() == finished
    done = ran(plate, second_channel)
    assert sum(d.kept for d in done) == finished
    whole = tables(second_channel.root)
    ran(plate, second_channel, PlateChoices(again=True))
    assert tables(second_channel.root) == whole


def test_a_channel_that_its_name_tells_is_a_remark_and_no_warning(tmp_path, wells, job):
    data = {("A", "1", "0"): np.stack([wells[0][:96, :96], wells[0][:96, :96] // 2])[:, None]}
    result = finish(running(open_plate(write_zarr_plate(tmp_path / "named.zarr", data, "0.4")), job))
    (said,) = result.remarks
    assert said.startswith("channel DNA is taken for nuclei, by its name")
    assert said in result.notices
    unnamed = finish(running(open_plate(write_plate(tmp_path / "p", [wells[0][:96, :96]], ("A01",))), job))
    assert unnamed.remarks == ()
    assert any("tells which of them shows nuclei" in notice for notice in unnamed.notices)


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_labels_are_written_back_into_ome_zarr(tmp_path, wells, second_channel, version):
    import zarr

    data = {("A", "1", "0"): np.stack([wells[0][:96, :96] // 2, wells[0][:96, :96]])[:, None]}
    path = write_zarr_plate(tmp_path / "made.zarr", data, version)
    (done,) = ran(path, second_channel, PlateChoices(labels_back=True))
    assert (done.failed, done.notices) == (False, ())
    labels = zarr.open_group(path / "A" / "1" / "0" / "labels" / "cellvino", mode="r")
    assert (np.asarray(labels["0"]) == read_labels(second_channel.root / "A01_f0" / "labels.tif")[0]).all()
    attributes = dict(labels.attrs)
    known = (
        v05.LabelImage.model_validate(attributes["ome"])
        if version == "0.5"
        else v04.LabelImage.model_validate(attributes)
    )
    assert known.multiscales[0].datasets[0].coordinateTransformations[0].scale == [0.5, 0.5]
    listed = dict(zarr.open_group(path / "A" / "1" / "0" / "labels", mode="r").attrs)
    assert listed.get("ome", listed)["labels"] == ["cellvino"]
    (again,) = ran(path, second_channel, PlateChoices(labels_back=True))
    assert again.kept  # what was written back does not make the image another one


def test_the_same_again_with_replacing(plate, second_channel):
    assert not any(d.failed for d in ran(plate, second_channel))
    other = second_channel.choosing(parameters={"confidence": 0.9})
    assert all(isinstance(d.row["error"], str) and d.failed for d in ran(plate, other))
    assert {(d.failed, d.kept) for d in ran(plate, other, PlateChoices(replace=True))} == {(False, False)}
    assert {d.kept for d in ran(plate, other, PlateChoices(replace=True))} == {True}


def test_device_that_is_not_there_is_told_before_anything_is_written(plate, second_channel):
    elsewhere = replace(second_channel.choosing(device="TPU"), engines=EngineProvider())
    with pytest.raises(DeviceError, match="TPU"):
        ran(plate, elsewhere)
    assert not elsewhere.root.exists()


FIELDS = (FieldOfView(Well(0, 0), "1"),)
FLAT = Plate("p", "made", 8, 12, FIELDS, ("DNA", "GFP"))
DEEP = Plate("p", "made", 8, 12, FIELDS, ("DNA",), z=4, t=3)


@pytest.mark.parametrize(
    ("plate", "chosen", "fitted"),
    [
        (FLAT, {"channel": "gfp"}, {"channel": "gfp"}),
        (FLAT, {"channel": "2"}, {"channel": "2"}),
        (FLAT, {"channel": "3"}, {"channel": ""}),
        (FLAT, {"channel": "Cy5"}, {"channel": ""}),
        (FLAT, {"z": "3d", "frame": 2}, {"z": "mip", "frame": 1}),
        (DEEP, {"z": "3d", "frame": 3}, {"z": "3d", "frame": 3}),
        (DEEP, {"z": "plane:4"}, {"z": "plane:4"}),
        (DEEP, {"z": "plane:5"}, {"z": "mip"}),
    ],
)
def test_choices_that_do_not_fit_the_plate_are_at_their_defaults(package, plate, chosen, fitted):
    recipe = fit_to_plate(make_pipeline(Recipe.model_validate(chosen), [package]), plate).recipe
    assert {name: getattr(recipe, name) for name in fitted} == fitted


def test_fields_of_a_plate_can_be_exported(plate, second_channel):
    from napari_cellvino.results.exported_fields import read_field

    done = ran(plate, second_channel)
    field = read_field(second_channel.root / "A02_f2")
    assert len(field.cells.cells) == done[3].row["count"]
    np.testing.assert_array_equal(field.pixels[1], tifffile.imread(plate / "p_A02_s2_w2.tif"))


def test_a_field_without_one_of_its_channels_is_named_in_the_run_and_beside_its_count(tmp_path, wells, second_channel):
    (tmp_path / "p").mkdir()
    for name in ("A01_s1_w1", "A01_s1_w2", "A02_s1_w2"):
        tifffile.imwrite(tmp_path / "p" / f"p_{name}.tif", wells[0][:96, :96])
    result = finish(running(open_plate(tmp_path / "p"), second_channel))
    (said,) = [notice for notice in result.notices if "left out there" in notice]
    assert "A02" in said
    beside = pd.read_csv(second_channel.root / "counts.csv", keep_default_na=False).set_index("well")["notices"]
    assert "left out there" in beside["A02"]
    assert "left out there" not in beside["A01"]
