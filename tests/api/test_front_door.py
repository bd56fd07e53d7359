"""From Python: the same labels as from the command line, whatever kind of image comes in."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from pathlib import Path

import dask.array as da
import numpy as np
import pytest
import tifffile
import xarray as xr
from plate_images import write_plate

import napari_cellvino as nc
from napari_cellvino.annotation.tools.delete import delete
from napari_cellvino.cli import main
from napari_cellvino.core.errors import (
    ImageReadError,
    ImageValueError,
    ModelPackageError,
    OptionError,
    ReplaceError,
)

NAMES = "{well}_s{field}.ome.tif"
HEAVY = {
    "numpy",
    "scipy",
    "pandas",
    "skimage",
    "openvino",
    "pydantic",
    "torch",
    "napari",
    "dask",
    "xarray",
    "importlib.metadata",
}


@pytest.fixture(scope="module")
def sample(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A corner of the stack that ships, with its scale."""
    path = tmp_path_factory.mktemp("sample") / "nuclei_stack.ome.tif"
    pixels = tifffile.imread(root / "sample_data" / path.name)[:, :224, :256]
    units = {f"PhysicalSize{axis}Unit": "µm" for axis in "XYZ"}
    sizes = {"PhysicalSizeX": 0.325, "PhysicalSizeY": 0.325, "PhysicalSizeZ": 1.0}
    tifffile.imwrite(path, pixels, metadata={"axes": "ZYX", **sizes, **units})
    return path


@pytest.fixture(scope="module")
def plate(root: Path) -> Path:
    return root / "sample_data" / "plate"


@pytest.fixture(scope="module")
def found(sample: Path) -> nc.Segmentation:
    return nc.segment(sample)


def tree(folder: Path, *, but: tuple[str, ...] = ()) -> dict[str, bytes]:
    """Return every file of a folder of results but those that tell of times."""
    without = ("run.json", "ledger.sqlite", *but)
    files = (path for path in sorted(folder.rglob("*")) if path.is_file() and path.name not in without)
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_importing_the_package_loads_nothing_heavy(imported_by: Callable[..., set[str]]) -> None:
    modules = imported_by(sys.executable, "-c", "import napari_cellvino; dir(napari_cellvino)")
    assert "napari_cellvino" in modules
    assert sorted(modules & HEAVY) == []


def test_the_front_door_loads_no_library_that_holds_images_elsewhere(imported_by: Callable[..., set[str]]) -> None:
    modules = imported_by(sys.executable, "-c", "from napari_cellvino import segment")
    assert "napari_cellvino.api.segmentation" in modules
    assert sorted(modules & {"dask", "xarray", "pandas", "openvino", "torch", "napari", "matplotlib"}) == []


def test_names_are_all_there() -> None:
    assert all(getattr(nc, name).__doc__ for name in nc.__all__)
    assert set(nc.__all__) <= set(dir(nc))
    with pytest.raises(AttributeError, match="segmentt"):
        nc.segmentt  # noqa: B018


@pytest.mark.parametrize(
    ("typed", "options"),
    [
        ([], {}),
        (["--z", "plane:8", "--precision", "exact"], {"z": "plane:8", "precision": "exact"}),
        (["--set", "confidence=0.9", "--diameter", "20"], {"parameters": {"confidence": 0.9}, "diameter_px": 20}),
        (["--z", "3d", "--pixel-size", "0.5"], {"z": "3d", "spacing_um": 0.5}),
    ],
)
def test_segment_saves_what_the_command_line_saves(
    typed: list[str], options: nc.api.RunOptions, sample: Path, tmp_path: Path
) -> None:
    assert main(["run", str(sample), "--out", str(tmp_path / "typed"), *typed]) == 0
    folder = nc.segment(sample, **options).save(tmp_path / "called")
    assert folder == tmp_path / "called" / "nuclei_stack"
    assert tree(tmp_path / "called") == tree(tmp_path / "typed", but=("summary.html",))  # of a run


def test_run_folder_writes_what_the_command_line_writes(plate: Path, sample: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.tif"
    broken.write_bytes(b"II*\0 and then nothing")
    inputs = [str(plate / "A01_s1.ome.tif"), str(sample), str(broken)]
    assert main(["run", *inputs, "--out", str(tmp_path / "typed"), "--channel", "1"]) == 1
    results = nc.run_folder(inputs, tmp_path / "called", channel=1)
    assert tree(tmp_path / "called") == tree(tmp_path / "typed")
    assert len(results) == 2
    assert [Path(file).name for file in results.failed["file"]] == ["broken.tif"]
    assert results.failed["error"].str.len().gt(0).all()
    assert results.recipe.channel == "1"


def test_run_plate_writes_what_the_command_line_writes(plate: Path, tmp_path: Path) -> None:
    layout = tmp_path / "layout.csv"
    layout.write_text("well,compound,dose,control\nA01,DMSO,,negative\n")
    typed = ["--pattern", NAMES, "--wells", "A01:A02", "--ring", "3", "--layout", str(layout), "--channel", "DNA"]
    assert main(["run", str(plate), "--out", str(tmp_path / "typed"), *typed]) == 0
    results = nc.run_plate(
        plate, tmp_path / "called", pattern=NAMES, wells="A01:A02", ring_px=3, layout=layout, channel="DNA"
    )
    assert tree(tmp_path / "called") == tree(tmp_path / "typed")
    assert results.wells["compound"].tolist() == ["DMSO", ""]


def test_a_plate_is_no_folder_of_images(tmp_path: Path) -> None:
    plate = write_plate(tmp_path / "p", [np.zeros((512, 512), np.uint16)] * 3)
    with pytest.raises(OptionError, match="run_plate"):
        nc.run_folder(plate, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("choice", "named"),
    [({"ring_px": 0}, "0 px"), ({"labels_back": True}, "OME-Zarr"), ({"axes": "YX"}, "axes"), ({"frame": 0}, "frame")],
)
def test_what_is_impossible_on_a_plate_is_said(
    choice: dict[str, object], named: str, plate: Path, tmp_path: Path
) -> None:
    with pytest.raises(OptionError, match=named):
        nc.run_plate(plate, tmp_path, pattern=NAMES, **choice)


def test_arrays_of_every_library_give_the_labels_of_the_file(sample: Path, found: nc.Segmentation) -> None:
    pixels = tifffile.imread(sample)
    lazy = da.from_array(pixels, chunks=(1, 100, 256))
    named = xr.DataArray(lazy, dims=("depth", "row", "column"))
    kinds = [
        nc.segment(pixels, axes="ZYX", spacing_um=(1, 0.325, 0.325)),
        nc.segment(lazy, axes="ZYX"),
        nc.segment(named),
        nc.segment(pixels[None, None], axes="TCZYX"),
        nc.segment(pixels[None, :, None]),  # five dimensions are T, C, Z, Y, X
        nc.segment(np.moveaxis(pixels, 0, -1), axes="yxz"),
        nc.segment(nc.Stack.from_array(pixels, axes="ZYX")),
    ]
    for number, kind in enumerate(kinds):
        if number != 4:
            np.testing.assert_array_equal(kind.labels, found.labels)
    assert kinds[4].image.shape.c == 13
    pd_area = kinds[0].table["area_um2"] / kinds[0].table["area_px"]
    np.testing.assert_allclose(pd_area, 0.325**2)
    assert "area_um2" not in kinds[1].table or kinds[1].table["area_um2"].isna().all()


def test_channels_of_xarray_are_chosen_by_name(plate: Path) -> None:
    pixels = tifffile.imread(plate / "A01_s1.ome.tif")
    named = xr.DataArray(pixels, dims=("c", "y", "x"), coords={"c": ["DNA", "GFP"]})
    assert nc.segment(named, channel="GFP").image.channels == ("DNA", "GFP")
    np.testing.assert_array_equal(
        nc.segment(named, channel="DNA").labels, nc.segment(pixels, axes="CYX", channel=1).labels
    )


def test_the_channel_that_nobody_named_is_that_of_the_command_line(plate: Path, tmp_path: Path) -> None:
    pixels = tifffile.imread(plate / "A01_s1.ome.tif")[::-1]
    image = tmp_path / "turned.ome.tif"
    tifffile.imwrite(image, pixels, metadata={"axes": "CYX", "Channel": {"Name": ["GFP", "DAPI"]}})
    assert main(["run", str(image), "--out", str(tmp_path / "typed")]) == 0
    found = nc.segment(image)
    assert found.save(tmp_path / "called").is_dir()
    but = ("summary.html", "recipe.yaml")  # of a run: the choices of all its images
    assert tree(tmp_path / "called", but=but) == tree(tmp_path / "typed", but=but)
    assert found.pipeline.recipe.channel == "DAPI"
    assert "channel DAPI is taken for nuclei, by its name; channel= takes another" in found.notices
    np.testing.assert_array_equal(found.labels, nc.segment(pixels, axes="CYX", channel=2).labels)
    guessed = nc.segment(pixels, axes="CYX")
    assert any("no name of" in notice for notice in guessed.notices)


@pytest.mark.parametrize(
    ("shape", "said"),
    [
        ((8, 64, 64), {}),
        ((2, 8, 64, 64), {}),
        ((64,), {}),
        ((1, 1, 1, 1, 64, 64), {}),
        ((64, 64), {"axes": "ZYX"}),
        ((64, 64), {"axes": "YY"}),
        ((8, 64, 64), {"axes": "QYX"}),
        ((64, 64, 5), {"axes": "YXS"}),
        ((2, 64, 64, 3), {"axes": "CYXS"}),
        ((64, 64), {"spacing_um": 0}),
        ((64, 64), {"spacing_um": (1, 1, 1, 1)}),
        ((2, 64, 64), {"axes": "CYX", "channels": ["DNA"]}),
    ],
)
def test_an_array_that_may_be_misunderstood_is_refused(shape: tuple[int, ...], said: dict[str, object]) -> None:
    with pytest.raises(ImageValueError):
        nc.Stack.from_array(np.zeros(shape, np.uint8), **said)


def test_options_that_do_nothing_here_are_refused(sample: Path) -> None:
    plane = np.zeros((64, 64), np.uint8)
    for call in (
        lambda: nc.segment(sample, name="other"),
        lambda: nc.segment(plane, position="s1"),
        lambda: nc.segment(nc.read_image(sample), axes="ZYX"),
        lambda: nc.segment(sample, frame=0),
        lambda: nc.segment(sample, parameters={"confidencce": 0.5}),
    ):
        with pytest.raises(OptionError):
            call()
    with pytest.raises(ModelPackageError):
        nc.segment(sample, "nuclei-of-nobody")


def test_a_file_of_several_fields_is_not_read_in_part(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "two.ome.tif") as writer:
        for name in ("left", "right"):
            writer.write(np.full((64, 64), len(name), np.uint8), metadata={"axes": "YX", "Name": name})
    with pytest.raises(ImageValueError, match="right"):
        nc.read_image(tmp_path / "two.ome.tif")
    with pytest.raises(ImageValueError, match="middle"):
        nc.read_image(tmp_path / "two.ome.tif", position="middle")
    assert nc.read_image(tmp_path / "two.ome.tif", position="right").plane().max() == len("right")


def test_labels_are_read_only_and_tables_are_copies(found: nc.Segmentation) -> None:
    assert found.labels is not None
    with pytest.raises(ValueError, match="read-only"):
        found.labels[0, 0] = 1
    table = found.table
    table["score"] = 0.0
    assert found.table["score"].gt(0).all()
    assert found.count == found.counts["count"] == found.labels.max()
    assert found.maps["foreground"].shape == found.labels.shape
    assert found.foreground_probability is not None


def test_results_are_short_in_a_notebook(found: nc.Segmentation) -> None:
    assert repr(found) == f"<Segmentation: {found.count} objects, {found.pipeline.label}>"
    assert "array" not in repr(nc.suggest_models(np.zeros((64, 64), np.uint8), models=["nuclei"]))


def test_parameters_decode_again_to_what_a_run_gives(sample: Path, found: nc.Segmentation) -> None:
    again = found.with_parameters({"confidence": 0.9})
    np.testing.assert_array_equal(again.labels, nc.segment(sample, parameters={"confidence": 0.9}).labels)
    np.testing.assert_array_equal(
        again.with_parameters({"confidence": found.pipeline.values["confidence"]}).labels, found.labels
    )


def test_a_pipeline_is_taken_for_the_next_image(sample: Path, tmp_path: Path) -> None:
    first = nc.segment(sample, z="plane:8", parameters={"confidence": 0.8})
    first.save(tmp_path)
    for pipeline in (first.pipeline, nc.load_pipeline(tmp_path / "recipe.yaml")):
        np.testing.assert_array_equal(nc.segment(sample, pipeline).labels, first.labels)
        assert nc.segment(sample, pipeline, z="plane:7").pipeline.recipe.z == "plane:7"


def test_a_model_is_the_same_by_name_folder_and_package(root: Path, sample: Path, found: nc.Segmentation) -> None:
    for model in (root / "models" / "nuclei", nc.load_model("nuclei"), nc.load_model(root / "models" / "nuclei")):
        np.testing.assert_array_equal(nc.segment(sample, model).labels, found.labels)
    assert nc.segment(sample, nc.load_model("nuclei")).pipeline.recipe.model == "nuclei"


def test_boxes_are_refined_by_a_second_model(plate: Path) -> None:
    pixels = tifffile.imread(plate / "A01_s1.ome.tif")
    boxes = nc.segment(pixels, "cell-grid", axes="CYX")
    assert boxes.labels is None
    outlined = nc.segment(pixels, "cell-grid", outline=nc.load_model("cell-contour"), axes="CYX")
    assert outlined.labels is not None
    assert outlined.pipeline.label.count("cell-") == 2


def test_two_arrays_of_one_name_do_not_replace_each_other(sample: Path, tmp_path: Path) -> None:
    stack = nc.read_image(sample)
    first, second = (nc.segment(np.asarray(stack.plane(z=z))) for z in (7, 8))
    folder = first.save(tmp_path)
    with pytest.raises(ReplaceError, match="image"):
        second.save(tmp_path)
    np.testing.assert_array_equal(nc.open_results(tmp_path)["image"].labels, first.labels)
    first.save(tmp_path)
    assert second.save(tmp_path, overwrite=True) == folder
    assert nc.segment(np.asarray(stack.plane(z=8)), name="eight").save(tmp_path) == tmp_path / "eight"


def test_corrections_are_saved_and_told(sample: Path, found: nc.Segmentation, tmp_path: Path) -> None:
    found.save(tmp_path)
    assert nc.open_results(tmp_path)["nuclei_stack"].corrections is None
    session = found.edit(author="me")
    session.commit(delete(session.annotation, [1, 2]))
    assert found.labels is not None
    assert found.labels.max() == found.count, "what was found is not changed by correcting a copy"
    found.save(tmp_path, session)
    assert session.unsaved == 0

    field = nc.open_results(tmp_path)["nuclei_stack"]
    assert field.corrections is not None
    assert field.corrections.count("deleted") == 2
    assert field.corrections.corrected_count == found.count - 2 == len(field.table)
    assert not np.isin([1, 2], field.labels).any()
    assert nc.open_results(tmp_path).counts["count"].tolist() == [found.count - 2]
    assert field.pixels.shape == (1, *found.labels.shape)
    with pytest.raises(KeyError, match="nuclei_stack"):
        nc.open_results(tmp_path)["other"]


def test_no_results_are_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(ImageReadError):
        nc.open_results(tmp_path)


def test_evaluate_compares_arrays_and_folders_alike(root: Path, found: nc.Segmentation, tmp_path: Path) -> None:
    truth = tmp_path / "truth"
    truth.mkdir()
    labels = tifffile.imread(root / "sample_data" / "nuclei_stack_labels.tif")[..., :224, :256]
    tifffile.imwrite(truth / "nuclei_stack.tif", labels)
    found.save(tmp_path / "results")
    one, many = nc.evaluate(found.labels, labels), nc.evaluate(tmp_path / "results", truth)
    assert one.f1_50 == many.score.f1_50 > 0.8
    assert nc.evaluate(labels, labels).f1_50 == 1
    with pytest.raises(ImageValueError):
        nc.evaluate(tmp_path / "results", labels)


def test_engines_of_the_caller_stay_open(sample: Path, found: nc.Segmentation) -> None:
    news: list[object] = []
    with nc.EngineProvider() as engines:
        engine = engines.engine(found.pipeline.package)
        nc.segment(sample, engines=engines, progress=news.append)
        assert engines.engine(found.pipeline.package) is engine
    assert news


def test_failures_are_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "napari_cellvino"):
        nc.run_folder(tmp_path / "nothing.tif", tmp_path / "out")
    assert "nothing.tif" in caplog.text


@pytest.mark.parametrize(
    ("call", "wrong", "near"),
    [
        (lambda **o: nc.segment(np.zeros((64, 64), np.uint16), **o), "diameter", "diameter_px"),
        (lambda **o: nc.run_folder("images", "out", **o), "channels_", "channels"),
        (lambda **o: nc.run_plate("plate", "out", **o), "well", "wells"),
        (lambda **o: nc.suggest_models(np.zeros((64, 64), np.uint16), **o), "spacing", "spacing_um"),
        (lambda **o: nc.track("film.tif", **o), "chanel", "channel"),
    ],
)
def test_an_option_that_there_is_not_is_refused_with_the_nearest(call, wrong, near):
    with pytest.raises(OptionError, match=f"{wrong}: there is no such choice; is {near} meant"):
        call(**{wrong: 6})
