"""Files of our own, damaged: recipes, models, settings, journals, results, layouts and training sets."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
import tifffile

from napari_cellvino.annotation.recovery import find_unsaved, resume_session, start_session
from napari_cellvino.annotation.tools.mark import set_note
from napari_cellvino.core.plate import FieldOfView, Plate, Well
from napari_cellvino.core.recipe import Recipe, load_recipe
from napari_cellvino.core.resources import shipped_folder
from napari_cellvino.core.settings import Settings, load_settings, save_settings
from napari_cellvino.model_package import read_spec
from napari_cellvino.plates.plate_maps import read_layout
from napari_cellvino.results.field_folder import FieldFolder
from napari_cellvino.results.store import ResultStore
from napari_cellvino.training.data.datasets import read_set
from tests.annotation.random_edits import scene

from .mutants import check_only_own_errors, mutant, seeds

PER_KIND = 60


def check_mutants(path, read, kind):
    """Read damaged copies of a file in its place."""
    read()
    content = path.read_bytes()
    for seed in seeds(kind, PER_KIND):
        path.write_bytes(mutant(content, seed))
        check_only_own_errors(read, f"{kind}, seed {seed}")


def test_recipes(tmp_path):
    path = tmp_path / "recipe.yaml"
    path.write_text(Recipe(parameters={"confidence": 0.5}, diameter_px=20, axes="ZYX").dumps())
    check_mutants(path, lambda: load_recipe(path), "recipe")


def test_models(tmp_path):
    shutil.copy(shipped_folder("models") / "nuclei" / "rdf.yaml", tmp_path)
    check_mutants(tmp_path / "rdf.yaml", lambda: read_spec(tmp_path), "rdf")


def test_settings(tmp_path, monkeypatch):
    monkeypatch.setenv("CELLVINO_SETTINGS", str(tmp_path / "settings.json"))
    save_settings(Settings(model_folders=(tmp_path,), device="CPU"))
    check_mutants(tmp_path / "settings.json", load_settings, "settings")


def test_journals(tmp_path):
    path = tmp_path / "a.corrections"
    annotation = scene(1)
    session = start_session(path, annotation)
    for id_ in list(annotation.records):
        session.commit(set_note(annotation, [id_], f"another note {id_}"))
    session.close()

    def read():
        find_unsaved(path, scene(1))
        resume_session(path, scene(1)).session.close()

    check_mutants(path, read, "journal")


@pytest.mark.parametrize("name", ["annotation.json", "labels.tif", "objects.csv"])
def test_results(finished_field, tmp_path, name):
    folder = tmp_path / "out" / "a"
    shutil.copytree(finished_field, folder)

    def read():
        store = ResultStore.open(folder.parent)
        list(store.summaries())
        FieldFolder(folder).cells()
        FieldFolder(folder).annotation()

    check_mutants(folder / name, read, name)


@pytest.fixture(scope="module")
def finished_field(tmp_path_factory):
    """The folder of one result, of masks that were imported."""
    from napari_cellvino.workflows.import_masks import import_masks

    folder = tmp_path_factory.mktemp("finished")
    labels = np.zeros((40, 50), np.uint16)
    labels[3:9, 3:9], labels[20:30, 20:33] = 1, 2
    tifffile.imwrite(folder / "a.tif", labels * 900 + 50)
    tifffile.imwrite(folder / "m.tif", labels)
    list(import_masks(folder / "m.tif", [folder / "a.tif"], folder / "out", Recipe()))
    return folder / "out" / "a"


def test_layouts(tmp_path):
    wells = [Well(0, column) for column in range(3)]
    plate = Plate("p", "made", 8, 12, tuple(FieldOfView(well, 1) for well in wells), ("DNA",))
    path = tmp_path / "layout.csv"
    path.write_text("well,compound,dose,control\nA01,DMSO,0,negative\nA02,x,1.5,\nA03,x,3e-2,positive\n")
    check_mutants(path, lambda: read_layout(path, plate), "layout")


@pytest.mark.parametrize("name", ["manifest.csv", "labels/a.tif", "images/a.tif", "boxes/b.csv"])
def test_training_sets(tmp_path, name):
    for part in ("images", "labels", "boxes"):
        (tmp_path / part).mkdir()
    labels = np.zeros((30, 40), np.uint16)
    labels[3:9, 3:9], labels[20:28, 20:33] = 1, 2
    for stem in "ab":
        tifffile.imwrite(tmp_path / "images" / f"{stem}.tif", labels * 900 + 50)
    tifffile.imwrite(tmp_path / "labels" / "a.tif", labels, compression="zlib")
    (tmp_path / "boxes" / "b.csv").write_text("class,y0,x0,y1,x1\ncell,3,3,9,9\ncell,20,20,28,33\n")
    (tmp_path / "manifest.csv").write_text("id,split,group\na,train,x\nb,val,y\n")
    check_mutants(tmp_path / name, lambda: read_set(tmp_path), name)
