"""A description is understood, or refused with the file and the fault in the message."""

import pytest
import yaml

from napari_cellvino.core.errors import ModelPackageError, OptionError
from napari_cellvino.core.recipe import Precision
from napari_cellvino.core.resources import shipped_folder
from napari_cellvino.model_package import check_model_name, read_spec
from napari_cellvino.segmentation.heads import check_parameters


@pytest.mark.parametrize("folder", sorted(p.parent for p in shipped_folder("models").glob("*/rdf.yaml")), ids=str)
def test_shipped_descriptions_are_understood(folder):
    spec = read_spec(folder)
    assert spec.name == folder.name
    assert spec.title
    assert spec.licence
    assert {Precision.FAST, Precision.EXACT} <= spec.tolerance.keys()
    assert check_parameters(spec, {})


def test_fields_come_from_both_parts(make_package):
    spec = read_spec(make_package("small", tile=128))
    assert (spec.name, spec.title, spec.version, spec.licence) == ("small", "Tiny", "0.3.0", "CC0-1.0")
    assert (spec.tile, spec.input_channels, spec.normalise.high) == (128, 1, 99.8)


@pytest.mark.parametrize(
    ("name", "like"),
    [("My cells", "my-cells"), ("Zellen für A", "zellen-f-r-a"), ("a/b", "a-b"), (".x", "x"), ("細胞", "")],
)
def test_a_name_that_no_model_can_have_is_refused_in_words(name, like):
    with pytest.raises(OptionError, match="small letters") as caught:
        check_model_name(name)
    assert str(caught.value).endswith(f"; {like!r} is possible" if like else "digit")
    check_model_name(like or "cells-2.1_b")


def test_folder_without_description(tmp_path):
    with pytest.raises(ModelPackageError, match=r"rdf\.yaml"):
        read_spec(tmp_path)


@pytest.mark.parametrize(
    ("content", "fact"),
    [
        (b"a: [1", "rdf.yaml"),
        (b"\xff\xfe\x00binary", "rdf.yaml"),
        (b"", "rdf.yaml"),
        (b"- 1\n- 2\n", "rdf.yaml"),
        (b"type: dataset\n", "rdf.yaml"),
        (b"type: model\n", "config.cellvino"),
        (b"type: model\nconfig: [1]\n", "config.cellvino"),
        (b"type: model\nconfig: {cellvino: 7}\n", "config.cellvino"),
        (b"!!python/object/apply:os.getcwd []\n", "rdf.yaml"),
    ],
)
def test_what_is_no_description_is_refused_with_its_name(tmp_path, content, fact):
    (tmp_path / "rdf.yaml").write_bytes(content)
    with pytest.raises(ModelPackageError, match=fact) as caught:
        read_spec(tmp_path)
    assert str(tmp_path / "rdf.yaml") in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"tile": 500}, "tile"),
        ({"tile": 8192}, "tile"),
        ({"halo": -1}, "halo"),
        ({"name": "../up"}, "name"),
        ({"task": "poetry"}, "task"),
        ({"weights": {"float": "model.xml", "f4": "x.xml"}}, "weights"),
        ({"diameter_px": {"reference": 0, "smallest": 1, "largest": 2}}, "diameter_px.reference"),
        ({"tolerance": {"sloppy": 1.0}}, "tolerance"),
        ({"surprise": 1}, "surprise"),
        ({"stride": 3}, "stride"),
        ({"stride": 16, "halo": 40}, "halo 40.*stride 16"),
        ({"task": "mask", "stride": 2}, "stride 1.*2"),
        ({"input_channels": 0}, "input_channels"),
        ({"diameter_px": {"reference": 9, "smallest": 1, "largest": 20, "assumed": 0}}, "diameter_px.assumed"),
        ({"classes": None}, "classes"),
    ],
)
def test_impossible_values_are_named(make_package, changes, fault):
    folder = make_package(**changes)
    with pytest.raises(ModelPackageError, match=rf"rdf\.yaml.*{fault}"):
        read_spec(folder)


def test_every_fault_is_named_at_once(make_package):
    with pytest.raises(ModelPackageError, match="tile.*halo"):
        read_spec(make_package(tile=1, halo=-1))


def test_version_written_as_a_number_is_text(make_package):
    folder = make_package()
    rdf = yaml.safe_load((folder / "rdf.yaml").read_text())
    (folder / "rdf.yaml").write_text(yaml.safe_dump(rdf | {"version": 2}))
    assert read_spec(folder).version == "2"


def test_unknown_head_is_refused_with_those_known(make_package):
    spec = read_spec(make_package(head={"name": "crystal_ball"}))
    with pytest.raises(ModelPackageError, match=r"'crystal_ball'.*centre_offset"):
        check_parameters(spec, {})


def test_defaults_of_the_model_go_before_those_of_the_head(make_package):
    spec = read_spec(make_package(head={"name": "centre_offset", "parameters": {"confidence": 0.3}}))
    assert check_parameters(spec, {})["confidence"] == 0.3
    assert check_parameters(spec, {"confidence": 0.9})["confidence"] == 0.9
    with pytest.raises(OptionError, match="confidence = 1.5"):
        check_parameters(spec, {"confidence": 1.5})


def test_a_version_that_is_a_path_is_refused(make_package):
    folder = make_package("small")
    path = folder / "rdf.yaml"
    path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | {"version": "../../up"}))
    with pytest.raises(ModelPackageError, match="version"):
        read_spec(folder)
