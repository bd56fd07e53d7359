"""What a window has chosen for an image, fitted to a plate; and the run that follows from it."""

from __future__ import annotations

import pandas as pd
import pytest
from plate_images import write_plate

from napari_cellvino.core.errors import DeviceError
from napari_cellvino.core.plate import FieldOfView, Plate, Well
from napari_cellvino.core.progress import finish
from napari_cellvino.core.recipe import Recipe
from napari_cellvino.io.plates import open_plate
from napari_cellvino.results.plate_field import PlateChoices
from napari_cellvino.segmentation.engine_cache import Engines
from napari_cellvino.segmentation.pipeline import Pipeline
from napari_cellvino.workflows.planned_plate import for_plate, run_planned

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
    recipe = for_plate(Pipeline(Recipe.model_validate(chosen), package), plate).recipe
    assert {name: getattr(recipe, name) for name in fitted} == fitted


def test_run_and_the_same_again_with_replacing(tmp_path, wells, package):
    source, engines = open_plate(write_plate(tmp_path / "p", wells, ("A01",))), Engines()
    root, fields = tmp_path / "out", source.plate.fields

    def ran(choices: PlateChoices, **chosen: object):
        plan = Pipeline(Recipe.model_validate({"device": "CPU", "channel": "2", **chosen}), package)
        return finish(run_planned(source, fields, plan, engines, root, choices)).fields

    assert [d.failed for d in ran(PlateChoices())] == [False, False]
    other = {"parameters": {"confidence": 0.9}}
    assert all("made with other choices" in str(d.row["error"]) for d in ran(PlateChoices(), **other))
    assert [(d.failed, d.kept) for d in ran(PlateChoices(replace=True), **other)] == [(False, False)] * 2
    assert [d.kept for d in ran(PlateChoices(replace=True), **other)] == [True, True]
    assert pd.read_csv(root / "wells.csv")["fields"].tolist() == [2]


def test_device_that_is_not_there_is_told_before_anything_is_written(tmp_path, wells, package):
    source = open_plate(write_plate(tmp_path / "p", wells, ("A01",)))
    plan = Pipeline(Recipe(device="TPU"), package)
    with pytest.raises(DeviceError, match="TPU"):
        finish(run_planned(source, source.plate.fields, plan, Engines(), tmp_path / "out", PlateChoices()))
    assert not (tmp_path / "out").exists()
