"""One size of cells for all fields of a plate, where a model would seek it in each."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import tifffile
from plate_images import write_plate

from napari_cellvino.core.progress import finish
from napari_cellvino.core.recipe import Recipe
from napari_cellvino.engines.provider import EngineProvider
from napari_cellvino.io.plates import PlateSource, open_plate
from napari_cellvino.results.field_folder import read_annotation
from napari_cellvino.results.plate_place import PlateChoices
from napari_cellvino.results.store import ResultStore
from napari_cellvino.segmentation.pipeline import Pipeline, make_pipeline
from napari_cellvino.segmentation.seen_size import CommonSize, describe_common_size
from napari_cellvino.workflows import known_inputs
from napari_cellvino.workflows.common_size import plate_size, size_of_plate
from napari_cellvino.workflows.known_inputs import KnownInputs
from napari_cellvino.workflows.real_paths import RealPaths
from napari_cellvino.workflows.run_fields import RunResult
from napari_cellvino.workflows.run_folder import run_folder
from napari_cellvino.workflows.run_plate import run_plate


@pytest.fixture
def source(tmp_path: Path, wells: list[np.ndarray]) -> PlateSource:
    """A plate whose wells have cells of very different sizes."""
    small, large = wells[0][::2, ::2], np.kron(wells[1], np.ones((2, 2), wells[1].dtype))
    smaller = np.tile(small, (2, 2))
    return open_plate(write_plate(tmp_path / "p", [smaller, large, wells[2 % len(wells)]]))


@pytest.fixture
def pipeline() -> Pipeline:
    return make_pipeline(Recipe(model="cells", channel="2"))


def ran(source: PlateSource, pipeline: Pipeline, root: Path, fields: slice = slice(None), **choices: bool) -> RunResult:
    engines = EngineProvider()
    return finish(run_plate(source, source.plate.fields[fields], pipeline, root, engines, PlateChoices(**choices)))


def recorded(root: Path) -> set[float | None]:
    folders = [path.parent for path in root.glob("*/annotation.json")]
    assert folders
    return {read_annotation(folder).provenance.recipe.diameter_px for folder in folders}


def test_all_fields_of_a_plate_are_seen_at_one_size_which_is_said_and_recorded(source, pipeline, tmp_path):
    out = tmp_path / "out"
    result = ran(source, pipeline, out)
    (diameter,) = recorded(out)
    assert diameter is not None
    assert ResultStore(out).recipe().diameter_px == diameter
    assert any("in all fields of the plate" in said and f"about {diameter:.0f} px" in said for said in result.notices)


def test_a_run_of_one_well_sees_it_as_the_run_of_the_plate_does(source, pipeline, tmp_path):
    ran(source, pipeline, tmp_path / "all")
    ran(source, pipeline, tmp_path / "one", slice(2, 4))
    assert recorded(tmp_path / "one") == recorded(tmp_path / "all")


def test_a_plate_that_grows_keeps_the_size_that_its_first_results_were_made_with(source, pipeline, tmp_path):
    out = tmp_path / "out"
    ran(source, pipeline.with_choices(diameter_px=29.0), out, slice(0, 2))
    result = ran(source, pipeline, out)
    assert recorded(out) == {29.0}
    assert any("as in the results that lie there" in said for said in result.notices)
    other = make_pipeline(Recipe(model="cells", channel="1"))
    assert size_of_plate(source, other, EngineProvider(), ResultStore(out)) == plate_size(
        source, other, EngineProvider()
    )
    ran(source, pipeline, out, again=True, replace=True)
    assert recorded(out) != {29.0}


def test_a_diameter_that_is_given_is_not_sought(source, pipeline):
    assert plate_size(source, pipeline.with_choices(diameter_px=20.0), EngineProvider()) is None


def test_a_model_that_seeks_no_size_looks_at_no_field(source):
    assert plate_size(source, make_pipeline(Recipe(model="cell-grid", channel="2")), EngineProvider()) is None


def test_nuclei_of_a_plate_that_are_not_small_are_seen_as_they_are_and_nothing_is_said(wells, tmp_path):
    usual = [np.kron(well[:128, :128], np.ones((2, 2), well.dtype)) for well in wells]
    source = open_plate(write_plate(tmp_path / "usual", usual))
    nuclei = make_pipeline(Recipe(model="nuclei", channel="2"))
    assert plate_size(source, nuclei, EngineProvider()) is None
    assert not ran(source, nuclei, tmp_path / "out").notices
    assert recorded(tmp_path / "out") == {None}


def test_small_nuclei_of_a_plate_are_seen_enlarged_in_all_fields(wells, tmp_path):
    small = [np.tile(well[::2, ::2], (2, 2)) for well in wells]
    source = open_plate(write_plate(tmp_path / "small", [*small, np.full_like(small[0], small[0].min())]))
    nuclei = make_pipeline(Recipe(model="nuclei", channel="2"))
    size = plate_size(source, nuclei, EngineProvider())
    assert size is not None
    assert size.diameter_px in (8.0, 12.0)
    (said,) = describe_common_size(size, nuclei.package.spec, "all fields of the plate")
    assert said.startswith(f"Seen at {24 / size.diameter_px:g} times its size")


def test_fields_that_cannot_be_read_are_passed_over(source, pipeline):
    for field in source.plate.fields[::2]:
        for path in source.path.glob(f"p_{field.well.name}_s1_w2.tif"):
            path.write_bytes(b"")
    assert plate_size(source, pipeline, EngineProvider()) is not None


def test_sizes_far_apart_are_doubted_and_told(pipeline):
    size = CommonSize(32.0, (14.0, 32.0, 45.0))
    assert size.is_doubtful
    assert not CommonSize(32.0, (30.0, 34.0)).is_doubtful
    assert describe_common_size(size, pipeline.package.spec, "all fields of the plate") == (
        "Cells are sought as about 32 px across, in all fields of the plate; single ones say 14 to 45 px; "
        "--diameter sets another",
    )


def test_a_doubt_about_sizes_is_said_in_the_same_words_where_a_run_goes_on(source, pipeline, tmp_path):
    once, twice = tmp_path / "once", tmp_path / "twice"
    ran(source, pipeline, once)
    ran(source, pipeline, twice, slice(0, 2))
    ran(source, pipeline, twice)
    notices = [[s.notices for _, s in sorted(ResultStore(root).summaries())] for root in (once, twice)]
    assert "single ones say" in notices[0][0]
    assert notices[0] == notices[1]


def test_all_time_points_of_a_film_are_seen_at_one_size_also_where_a_run_goes_on(tmp_path, wells):
    small = np.tile(wells[0][::2, ::2], (2, 2))[:128, :128]
    large = np.kron(wells[1], np.ones((2, 2), wells[1].dtype))[:128, :128]
    film = tmp_path / "film.tif"
    tifffile.imwrite(film, np.stack([small, large, small]), metadata={"axes": "TYX"}, imagej=True)
    os.utime(film, (1_600_000_000, 1_600_000_000))
    out, pipeline = tmp_path / "out", make_pipeline(Recipe(model="cells", frame=0))
    first = finish(run_folder([film], pipeline, out, EngineProvider()))
    assert len(first.outcomes) == 3
    assert not any(outcome.failed for outcome in first.outcomes)
    (diameter,) = recorded(out)
    assert diameter is not None
    assert any("in all time points" in said and f"about {diameter:.0f} px" in said for said in first.notices)
    again = finish(run_folder([film], pipeline, out, EngineProvider()))
    assert all(outcome.kept for outcome in again.outcomes)
    assert again.notices == first.notices


def test_what_another_version_noted_of_inputs_is_not_read(tmp_path, wells, monkeypatch):
    image, out = tmp_path / "image.tif", tmp_path / "out"
    tifffile.imwrite(image, wells[0])
    os.utime(image, (1_600_000_000, 1_600_000_000))
    pipeline = make_pipeline(Recipe(model="nuclei"))
    finish(run_folder([image], pipeline, out, EngineProvider()))

    def noted() -> bool:
        return KnownInputs(ResultStore(out), pipeline.recipe, [image], RealPaths()).some

    assert noted()
    monkeypatch.setattr("napari_cellvino.workflows.known_inputs.RECORDS", known_inputs.RECORDS - 1)
    assert not noted()
