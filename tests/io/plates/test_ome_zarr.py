"""OME-Zarr plates of 0.4 and 0.5."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
import zarr
from zarr_plates import write_zarr_plate

from napari_cellvino.core.errors import ImageReadError, ImageValueError, OptionError
from napari_cellvino.core.image import MetadataOverrides
from napari_cellvino.io.plates import open_plate

PLACES = [("B", "3", "0"), ("B", "3", "1"), ("C", "12", "0"), ("C", "12", "1")]
VERSIONS = ("0.4", "0.5")


@pytest.fixture(params=VERSIONS)
def made(request, tmp_path):
    data = {place: np.full((2, 3, 20, 24), n, np.uint16) for n, place in enumerate(PLACES)}
    for pixels in data.values():
        pixels[1] += 100
        pixels[:, 2] += 10
    return write_zarr_plate(tmp_path / "made.ome.zarr", data, request.param), request.param


def test_plate_is_what_was_written(made):
    path, version = made
    plate = open_plate(path).plate
    assert (plate.name, plate.kind) == ("made", f"OME-Zarr {version}")
    assert [f.label for f in plate.fields] == ["B03_f0", "B03_f1", "C12_f0", "C12_f1"]
    assert (plate.rows, plate.columns) == (8, 12)
    assert (plate.channels, plate.z, plate.t) == (("DNA", "GFP"), 3, 1)
    assert (plate.spacing.z, plate.spacing.y, plate.spacing.x) == (2.0, 0.5, 0.5)
    assert (plate.missing, plate.problems) == ((), ())


def test_planes_are_those_of_the_field(made):
    source = open_plate(made[0])
    stack = source.read(source.positions[3])
    assert (stack.shape, stack.dtype) == ((1, 2, 3, 20, 24), np.uint16)
    assert (stack.plane(c=1, z=2) == 113).all()
    assert stack.origin.well == "C12"


def test_a_smaller_level_of_every_field(made):
    path, version = made
    meta, form = ("zarr.json", 3) if version == "0.5" else (".zattrs", 2)
    for group in path.glob("*/*/[01]"):
        full = zarr.open_array(group / "0", mode="r")[:]
        zarr.open_group(group, mode="a", zarr_format=form).create_array(
            "1", data=np.ascontiguousarray(full[..., ::2, ::2])
        )
        said = json.loads((group / meta).read_text())
        multiscale = (said["attributes"]["ome"] if form == 3 else said)["multiscales"][0]
        step = {"type": "scale", "scale": [1.0, 2.0, 1.0, 1.0]}
        multiscale["datasets"].append({"path": "1", "coordinateTransformations": [step]})
        (group / meta).write_text(json.dumps(said))
    source = open_plate(path, MetadataOverrides(level=1))
    stack = source.read(source.positions[3])
    assert (stack.shape, stack.levels) == ((1, 2, 3, 10, 12), ((24, 20), (12, 10)))
    assert (stack.spacing.y, source.plate.spacing.x, stack.plane(c=1, z=2).max()) == (1.0, 1.0, 113)
    assert stack.warnings == ("level 1 of a pyramid is read: 12 x 10 px of 24 x 20 px",)
    assert source.plate.problems == stack.warnings
    files = source.files(source.plate.fields[0])
    assert files
    assert all(file.is_relative_to(path / "B" / "3" / "0" / "1") for file in files)
    with pytest.raises(ImageValueError, match=r"made.ome.zarr has no level 2"):
        open_plate(path, MetadataOverrides(level=2))


def test_a_field_and_a_well_that_are_gone_are_named(made):
    path, _ = made
    shutil.rmtree(path / "B" / "3" / "1")
    shutil.rmtree(path / "C" / "12")
    source = open_plate(path)
    assert source.plate.missing == ("B03 field 1", "well C12")
    assert (source.read().plane() == 0).all()


def test_broken_metadata_and_chunks_are_errors_in_words(made):
    path, version = made
    meta = "zarr.json" if version == "0.5" else ".zattrs"
    (path / "C" / "12" / "0" / meta).write_text("{", encoding="utf-8")
    source = open_plate(path)
    with pytest.raises(ImageReadError):
        source.read(source.positions[2])
    stack = source.read(source.positions[3])
    for chunk in (path / "C" / "12" / "1" / "0").rglob("*"):
        if chunk.is_file() and not chunk.name.startswith((".z", "zarr")):
            chunk.write_bytes(b"damaged")
    with pytest.raises(ImageReadError):
        stack.plane()
    (path / meta).write_text("{", encoding="utf-8")
    with pytest.raises(ImageReadError):
        open_plate(path)


def test_another_version_is_said(made):
    path, version = made
    if version == "0.4":
        text = json.loads((path / ".zattrs").read_text(encoding="utf-8"))
        text["plate"]["version"] = "0.1"
        (path / ".zattrs").write_text(json.dumps(text), encoding="utf-8")
    else:
        text = json.loads((path / "zarr.json").read_text(encoding="utf-8"))
        text["attributes"]["ome"]["version"] = "0.9"
        (path / "zarr.json").write_text(json.dumps(text), encoding="utf-8")
    with pytest.raises(ImageReadError, match=r"of version 0\.4 or 0\.5"):
        open_plate(path)


def _said_twice(path, version, of_c12=(3, 7)):
    """Say that field 1 of each well is of a second acquisition; of C12, of which its two fields are."""
    for folder, key in ((path, "plate"), (path / "B" / "3", "well"), (path / "C" / "12", "well")):
        file = folder / ("zarr.json" if version == "0.5" else ".zattrs")
        content = json.loads(file.read_text(encoding="utf-8"))
        held = content["attributes"]["ome"] if version == "0.5" else content
        if key == "plate":
            held["plate"]["acquisitions"] = [{"id": 3, "name": "before"}, {"id": 7, "name": "after"}]
        else:
            numbers = of_c12 if folder.name == "12" else (3, 7)
            for image, number in zip(held["well"]["images"], numbers, strict=True):
                image["acquisition"] = number
        file.write_text(json.dumps(content), encoding="utf-8")


def test_one_of_two_acquisitions_is_taken_and_named(made):
    path, version = made
    _said_twice(path, version)
    plate = open_plate(path).plate
    assert [f.label for f in plate.fields] == ["B03_f0", "C12_f0"]
    assert "imaged 2 times (1 before, 2 after): acquisition before is taken" in plate.problems[0]
    for wanted in ("after", "2"):
        other = open_plate(path, MetadataOverrides(acquisition=wanted)).plate
        assert [f.label for f in other.fields] == ["B03_f1", "C12_f1"]
    with pytest.raises(OptionError, match="it holds 1 before, 2 after"):
        open_plate(path, MetadataOverrides(acquisition="third"))
    _said_twice(path, version, of_c12=(7, 7))
    assert open_plate(path).plate.problems[1] == "acquisition before has no field of C12"


def test_an_acquisition_of_a_plate_that_was_imaged_once_is_refused(made, written):
    with pytest.raises(OptionError, match="imaged once"):
        open_plate(made[0], MetadataOverrides(acquisition="2"))
    with pytest.raises(OptionError, match="of OME-Zarr plates"):
        open_plate(written("p_A01_s1_w1.tif"), MetadataOverrides(acquisition="2"))
