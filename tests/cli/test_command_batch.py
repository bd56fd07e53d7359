"""``cellvino run`` over several plates and images at once, and what ``cellvino jobs --fields`` says of it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import tifffile
from plate_images import write_plate

from napari_cellvino.core.errors import OptionError
from napari_cellvino.core.recipe import load_recipe


@pytest.fixture(scope="module")
def inputs(samples, tmp_path_factory):
    """Two plates of one name in two folders, and an image."""
    folder = tmp_path_factory.mktemp("inputs")
    wells = [tifffile.imread(path)[0][:128, :128] for path in sorted((samples / "plate").glob("*.ome.tif"))]
    for day in ("monday", "tuesday"):
        (folder / day).mkdir()
        write_plate(folder / day / "p", wells, ("A01",))
    tifffile.imwrite(folder / "one.tif", wells[0])
    return folder


@pytest.fixture(scope="module")
def batch(cellvino, inputs, tmp_path_factory):
    out = tmp_path_factory.mktemp("batch") / "out"
    given = [inputs / "monday" / "p", inputs / "tuesday" / "p", inputs / "one.tif"]
    called = cellvino("run", *given, "--channel", "1", "--device", "CPU", "--out", out, "--json")
    assert called.code == 0, called.err
    assert len(called.json["fields"]) == 5
    assert len(called.json["runs"]) == 3
    return out


def test_each_plate_has_a_folder_of_its_own_and_images_have_one(batch):
    assert sorted(p.name for p in batch.iterdir()) == [
        "fields.csv", "images", "jobs.csv", "monday_p", "plates.csv", "summary.html", "tuesday_p",
    ]  # fmt: skip
    assert 'href="tuesday_p/summary.html"' in (batch / "summary.html").read_text(encoding="utf-8")
    assert pd.read_csv(batch / "plates.csv")["results"].tolist() == ["monday_p", "tuesday_p"]
    fields = pd.read_csv(batch / "fields.csv")
    assert fields["name"].tolist() == ["A01_f1", "A01_f2", "A01_f1", "A01_f2", "one"]
    assert (fields["median_area_px"] > 0).all(), "with what is in counts.csv"
    for name in ("monday_p", "tuesday_p"):
        assert pd.read_csv(batch / name / "wells.csv")["well"].tolist() == ["A01"]
    assert pd.read_csv(batch / "images" / "counts.csv")["folder"].tolist() == ["one"]


def test_a_plate_that_cannot_be_opened_does_not_hold_up_the_rest(inputs, cellvino, tmp_path):
    broken = tmp_path / "broken.zarr"
    broken.mkdir()
    (broken / ".zgroup").write_text('{"zarr_format": 2}')
    (broken / ".zattrs").write_text('{"plate": {"rows": "none", "columns": [], "wells": [{"path": "A/1"}]}}')
    typed = ("--device", "CPU", "--out", tmp_path / "out", "--json")
    called = cellvino("run", broken, inputs / "one.tif", *typed)
    assert called.code == 1
    assert [f["folder"] for f in called.json["fields"]] == ["one"]
    assert list(called.json["unread"]) == [str(broken)]
    jobs = pd.read_csv(tmp_path / "out" / "jobs.csv").set_index("source")
    assert jobs.loc[str(broken), "state"] == "failed"
    alone = cellvino("run", broken, "--device", "CPU", "--out", tmp_path / "alone")
    assert alone.code != 0
    assert not (tmp_path / "alone").exists(), alone


def test_fields_are_listed_judged_and_run_again(batch, inputs, cellvino, tmp_path):
    out = batch / "monday_p"
    listed = cellvino("jobs", "list", out, "--fields", "--json", "--csv", tmp_path / "fields.csv").json
    assert [(f["name"], f["state"], f["attempts"]) for f in listed] == [("A01_f1", "done", 1), ("A01_f2", "done", 1)]
    assert pd.read_csv(tmp_path / "fields.csv")["cells"].tolist() == [f["cells"] for f in listed]
    assert cellvino("jobs", "reject", out, "A01_f2", "--fields").code == 0
    assert "rejected" in cellvino("jobs", "show", out, "A01_f2").out, "there are no jobs of a watch"
    page = (out / "summary.html").read_text(encoding="utf-8")
    assert f"Rejected by a person: 1 field</h2>\n<p>A01_f2 ({listed[1]['cells']} cell): counted in all numbers" in page
    typed = ("--channel", "1", "--device", "CPU", "--set", "confidence=0.9", "--only", "rejected")
    again = cellvino("run", inputs / "monday" / "p", "--out", out, "--json", *typed)
    assert [f["folder"] for f in again.json["fields"]] == ["A01_f2"]
    states = cellvino("jobs", "list", out, "--fields", "--json").json
    assert [(f["name"], f["state"]) for f in states] == [("A01_f1", "done"), ("A01_f2", "done")]
    assert "Rejected" not in (out / "summary.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "typed",
    [
        ("list", "{out}", "--fields"),
        ("retry", "{batch}/monday_p", "--fields"),
        ("accept", "{batch}/monday_p", "nothing", "--fields"),
        ("accept", "{batch}/monday_p"),
        ("pause", "{batch}", "A01_f1"),
        ("pause", "{batch}/nowhere", "--fields"),
        ("pause", "{out}"),  # a folder of images, say: it would wait for nothing
        ("accept", "{batch}", "A01_f1"),  # of which plate?
        ("reject", "{batch}", "one", "A01_f2"),
    ],
)
def test_what_is_not_possible_with_fields_is_refused(typed, batch, cellvino, tmp_path):
    words = [word.format(out=tmp_path, batch=batch) for word in typed]
    assert isinstance(cellvino("jobs", *words).error, OptionError)


@pytest.mark.parametrize("typed", [("--workers", "0"), ("--workers", "many"), ("--only", "old")])
def test_choices_that_are_none_are_refused(typed, cellvino, inputs, tmp_path):
    assert cellvino("run", inputs / "one.tif", "--out", tmp_path, *typed).code == 2


@pytest.mark.parametrize(
    "typed", [("--retries", "-1"), ("--map", "/a=/b"), ("--wells", "A01"), ("--ring", "3"), ("--cluster", "here")]
)
def test_choices_that_do_not_fit_are_refused(typed, cellvino, inputs, tmp_path):
    given = ("run", inputs / "one.tif", "--device", "CPU", "--out", tmp_path / "out")
    assert isinstance(cellvino(*given, *typed).error, OptionError)


def test_fields_of_several_inputs_are_listed_and_judged_at_once(cellvino, batch):
    names = [f"{f['results']}/{f['name']}" for f in cellvino("jobs", "list", batch, "--json").json]
    assert names == ["images/one", "monday_p/A01_f1", "monday_p/A01_f2", "tuesday_p/A01_f1", "tuesday_p/A01_f2"]
    assert cellvino("jobs", "accept", batch, "tuesday_p/A01_f1", "one.tif").code == 0
    told = cellvino("jobs", "list", batch, "--state", "accepted").out.splitlines()
    assert [line.split()[3] for line in told] == ["images/one", "tuesday_p/A01_f1"]
    assert cellvino("jobs", "summary", batch).code == 0


def test_failed_and_rejected_fields_are_run_again_without_naming_inputs(cellvino, batch, inputs, tmp_path):
    plate = batch / "monday_p"
    recipe = tmp_path / "surer.yaml"
    recipe.write_text("model: nuclei\ndevice: CPU\nchannel: '1'\nparameters: {confidence: 0.95}\n", encoding="utf-8")
    assert cellvino("jobs", "retry", plate).code == 2  # nothing failed
    assert cellvino("jobs", "reject", plate, "A01_f1").code == 0
    assert cellvino("jobs", "rerun", plate).code == 2  # with what?
    assert cellvino("jobs", "rerun", plate, "--recipe", recipe).code == 0
    states = {field["name"]: field["state"] for field in cellvino("jobs", "list", plate, "--json").json}
    assert set(states.values()) == {"done"}
    assert "0.95" in (plate / "A01_f1" / "annotation.json").read_text(encoding="utf-8")
    assert len(pd.read_csv(plate / "counts.csv")) == len(states)


def test_each_kind_of_input_can_have_its_own_recipe(inputs, cellvino, tmp_path):
    pixels = tifffile.imread(inputs / "one.tif")
    film = np.stack([pixels] * 2)
    tifffile.imwrite(inputs / "film.tif", film, imagej=True, metadata={"axes": "TYX"})
    for name, choice in (("p", "parameters: {confidence: 0.9}"), ("f", "frame: 0"), ("i", "z: mip")):
        (tmp_path / f"{name}.yaml").write_text(f"{{model: nuclei, device: CPU, channel: '1', {choice}}}")
    given = (inputs / "monday" / "p", inputs / "film.tif", inputs / "one.tif")
    kinds = ("--recipe", f"plate={tmp_path / 'p.yaml'}", "--recipe", f"film={tmp_path / 'f.yaml'}")
    typed = (*kinds, "--recipe", tmp_path / "i.yaml", "--out", tmp_path / "out")
    plans = cellvino("run", *given, *typed, "--dry-run", "--json").json
    assert not (tmp_path / "out").exists()
    assert [(plan["rule"].split("/")[0] + plan["rule"][-7:], plan["results"].split("/")[-1]) for plan in plans] == [
        ("plate=/p.yaml", "p"), ("film=/f.yaml", "films"), ("/i.yaml", "images"),
    ]  # fmt: skip
    found = cellvino("run", *given, *typed, "--json")
    assert found.code == 0, found.err
    assert [(f["folder"], f["frame"]) for f in found.json["fields"]] == [
        ("A01_f1", ""), ("A01_f2", ""), ("film", 1), ("film t2", 2), ("one", ""),
    ]  # fmt: skip
    made = [load_recipe(tmp_path / "out" / name / "recipe.yaml") for name in ("p", "films", "images")]
    assert [recipe.parameters["confidence"] for recipe in made] == [0.9, *[made[1].parameters["confidence"]] * 2]
    assert [recipe.frame for recipe in made] == [1, 0, 1]


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (("film={r}",), "no input is of that kind"),
        (("plats={r}",), "there is no kind 'plats'"),
        (("images={r}", "images={r}"), "images has a recipe already"),
        (("images=nowhere.yaml",), "nowhere.yaml"),
    ],
)
def test_recipes_of_kinds_that_cannot_be_are_refused(typed, said, inputs, cellvino, tmp_path):
    (tmp_path / "r.yaml").write_text("model: nuclei\n")
    words = [word for text in typed for word in ("--recipe", text.format(r=tmp_path / "r.yaml"))]
    called = cellvino("run", inputs / "one.tif", "--out", tmp_path / "out", *words)
    assert called.code == 2 or isinstance(called.error, OptionError)
    assert said in f"{called.err} {called.error}"
