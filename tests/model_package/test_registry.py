"""Models are found where they are looked for, in order, and a broken one spoils no other."""

import json
import os
import shutil

import pytest

from napari_cellvino.core.errors import ModelPackageError, OptionError
from napari_cellvino.core.resources import shipped_folder
from napari_cellvino.core.settings import Settings, load_settings, save_settings
from napari_cellvino.model_package import find_package, list_packages, registry
from napari_cellvino.model_package.registry import model_folders
from napari_cellvino.model_package.spec import read_spec


@pytest.fixture
def places(tmp_path, monkeypatch):
    """The user's model folder, and one that the settings name; both empty."""
    monkeypatch.setenv("CELLVINO_MODELS", str(tmp_path / "user"))
    monkeypatch.setenv("CELLVINO_SETTINGS", str(tmp_path / "settings.json"))
    save_settings(Settings(model_folders=(tmp_path / "extra", tmp_path / "absent")))
    return tmp_path / "user", tmp_path / "extra"


def test_folders_are_shipped_then_user_then_settings(places):
    user, extra = places
    assert model_folders()[:3] == (shipped_folder("models"), user, extra)
    assert [p.name for p in list_packages()] == [
        p.name for p in (p.parent for p in sorted(shipped_folder("models").glob("*/rdf.yaml")))
    ]


def test_first_of_one_name_is_meant(places, make_package):
    user, extra = places
    for within in places:
        make_package("mine", within=within)
        make_package("nuclei", within=within)
    make_package("only", within=extra)
    assert find_package("nuclei").folder.parent == shipped_folder("models")
    assert find_package("mine").folder.parent == user
    assert find_package("only").folder.parent == extra
    names = [p.name for p in list_packages() if p.folder.parent != shipped_folder("models")]
    assert names == ["mine", "nuclei", "mine", "nuclei", "only"]


def test_a_package_in_the_folder_of_its_name_is_found_without_reading_others(places, make_package, monkeypatch):
    user, _ = places
    make_package("mine", within=user)
    make_package("mine", within=user / "another").rename(user / "a-copy")
    shutil.rmtree(user / "another")
    assert find_package("mine").folder == user / "mine", "and not the copy, whose folder comes first"
    read: list[str] = []
    monkeypatch.setattr(registry, "read_spec", lambda folder: read.append(folder.name) or read_spec(folder))
    assert find_package("nuclei").spec.name == "nuclei"
    assert read == ["nuclei"]


def test_broken_package_is_listed_with_its_problem(places, make_package):
    user, _ = places
    make_package("fine", within=user)
    make_package("strange", within=user, tile=7)
    listed = {p.name: p for p in list_packages()}
    assert listed["fine"].problem == ""
    assert listed["strange"].spec is None
    assert "tile" in listed["strange"].problem
    assert find_package("fine").label == "fine 0.3.0"
    with pytest.raises(ModelPackageError, match="tile"):
        find_package("strange")


def test_a_folder_that_may_not_be_entered_is_listed_with_its_problem(places, make_package, monkeypatch):
    user, extra = places
    make_package("mine", within=user)
    listdir = os.listdir

    def refuse(path):
        if path == extra:
            raise PermissionError(13, "Permission denied", str(path))
        return listdir(path)

    monkeypatch.setattr("os.listdir", refuse)
    listed = {p.name: p.problem for p in list_packages()}
    assert listed["mine"] == ""
    assert listed["extra"] == f"{extra} cannot be looked into: Permission denied; ask its owner for access"


def test_unknown_name_gets_those_installed(places):
    with pytest.raises(ModelPackageError, match="'cytoplasm'.*nuclei"):
        find_package("cytoplasm")


def test_folder_is_as_good_as_a_name(places, make_package, tmp_path):
    assert find_package(str(make_package("loose", within=tmp_path / "anywhere"))).label == "loose 0.3.0"


def test_settings_that_cannot_be_used_are_named(places, tmp_path):
    for content in ("{", '{"model_folders": 7}', "[]"):
        (tmp_path / "settings.json").write_text(content)
        with pytest.raises(OptionError, match=r"settings\.json"):
            load_settings()


def test_settings_survive_the_file_and_newer_versions(places, tmp_path):
    path = tmp_path / "settings.json"
    save_settings(Settings(model_folders=(tmp_path / "ä b",), device="CPU"))
    path.write_text(json.dumps(json.loads(path.read_text()) | {"from_a_newer_version": 1}))
    assert load_settings() == Settings(model_folders=(tmp_path / "ä b",), device="CPU")


def test_without_a_file_settings_are_the_defaults(tmp_path, monkeypatch):
    monkeypatch.setenv("CELLVINO_SETTINGS", str(tmp_path / "none.json"))
    assert load_settings() == Settings()
