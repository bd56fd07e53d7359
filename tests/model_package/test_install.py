"""Models of the user's own: versions are kept, one call goes back."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from napari_cellvino.core.errors import ModelPackageError, OptionError
from napari_cellvino.core.resources import shipped_folder
from napari_cellvino.model_package import ModelPackage, find_package, list_packages, open_package
from napari_cellvino.model_package.install import go_back, install_package, installed_versions


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("CELLVINO_MODELS", str(tmp_path / "models"))
    return tmp_path / "models"


def package(folder: Path, name: str, version: str, note: str = "") -> ModelPackage:
    shutil.copytree(shipped_folder("models") / "live-dead", folder)
    rdf = yaml.safe_load((folder / "rdf.yaml").read_text())
    rdf |= {"version": version, "description": note or "made for a test"}
    rdf["config"]["cellvino"]["name"] = name
    (folder / "rdf.yaml").write_text(yaml.safe_dump(rdf))
    return open_package(folder)


def test_versions_are_kept_and_one_call_goes_back(models: Path, tmp_path: Path) -> None:
    first = install_package(package(tmp_path / "a", "mine", "0.2.0", "first"), before="live-dead")
    assert first.label == "mine 0.2.0"
    assert first.folder == models / "mine"
    second = install_package(package(tmp_path / "b", "mine", "0.3.0", "second"), before="mine")
    assert find_package("mine").label == second.label == "mine 0.3.0"
    assert installed_versions("mine") == ("0.2.0", "0.3.0")
    assert [p.name for p in list_packages()].count("mine") == 1
    assert go_back("mine") == "mine"
    assert find_package("mine").spec.description == "first"
    assert go_back("mine") == "live-dead"
    assert "mine" not in [p.name for p in list_packages()]
    assert installed_versions("mine") == ("0.2.0", "0.3.0")
    with pytest.raises(ModelPackageError, match="'mine'"):
        go_back("mine")


def test_a_version_that_was_there_before_is_not_written_over(models: Path, tmp_path: Path) -> None:
    install_package(package(tmp_path / "a", "mine", "0.2.0", "first"), before="live-dead")
    again = install_package(package(tmp_path / "b", "mine", "0.2.0", "second"), before="live-dead")
    assert again.label == "mine 0.3.0"
    assert again.spec.description == "second"
    go_back("mine")
    assert find_package("mine").spec.description == "first"


def test_a_package_that_someone_put_there_is_kept_too(models: Path, tmp_path: Path) -> None:
    package(models / "mine", "mine", "0.1.0", "put there by hand")
    install_package(package(tmp_path / "b", "mine", "0.2.0", "second"), before="mine")
    assert go_back("mine") == "mine"
    assert find_package("mine").spec.description == "put there by hand"


def test_a_shipped_name_is_refused(models: Path, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="nuclei"):
        install_package(package(tmp_path / "a", "nuclei", "9.0.0"), before="nuclei")
    assert not models.exists()


@pytest.mark.parametrize(
    ("present", "new", "installed"),
    [
        ("0.9.0", "0.10.0", "0.10.0"),
        ("1.0.0", "1.0.0rc1", "1.1.0"),
        ("1.0.0rc1", "1.0.0", "1.0.0"),
        ("2", "1.9.9", "2.1.0"),
        ("version one", "0.1.0", "0.1.0"),
    ],
)
def test_versions_are_in_the_order_of_pep_440(
    models: Path, tmp_path: Path, present: str, new: str, installed: str
) -> None:
    install_package(package(tmp_path / "a", "mine", present), before="live-dead")
    assert install_package(package(tmp_path / "b", "mine", new), before="mine").spec.version == installed
    assert installed_versions("mine") == (present, installed)
    assert go_back("mine") == "mine"
    assert find_package("mine").spec.version == present
