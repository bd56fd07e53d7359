"""``cellvino watch`` and ``cellvino jobs`` as they are typed."""

from __future__ import annotations

import pytest
import tifffile

from napari_cellvino.core.errors import OptionError


@pytest.fixture
def inbox(tmp_path, samples):
    folder = tmp_path / "inbox"
    folder.mkdir()
    for name in ("A01", "A02"):
        tifffile.imwrite(folder / f"{name}.tif", tifffile.imread(samples / "plate" / f"{name}_s1.ome.tif")[0][:96, :96])
    return folder


def test_a_day_of_the_watch(cellvino, inbox, tmp_path):
    out, rules = tmp_path / "out", tmp_path / "rules.yaml"
    rules.write_text("rules:\n- {name: nuclei, names: '{well}', out: 'wells/{well}'}\n", encoding="utf-8")
    watch = ("watch", inbox, "--out", out, "--rules", rules, "--device", "CPU", "--settle", "0", "--once")
    plan = cellvino(*watch, "--dry-run", "--json").json
    assert [(p["rule"], p["attributes"]) for p in plan] == [("nuclei", {"well": "A01"}), ("nuclei", {"well": "A02"})]
    assert not out.exists()
    assert cellvino(*watch).code == 0
    assert (out / "wells" / "A01" / "A01" / "objects.csv").is_file()

    def jobs(action, *more):
        return cellvino("jobs", action, out, *more, "--json")

    assert {job["state"] for job in jobs("list").json} == {"done"}
    assert cellvino("jobs", "reject", out, "A01.tif").code == 0
    assert [job["source"] for job in jobs("list", "--state", "rejected").json] == [str(inbox / "A01.tif")]
    recipe = tmp_path / "surer.yaml"
    recipe.write_text("model: nuclei\ndevice: CPU\nparameters: {confidence: 0.95}\n", encoding="utf-8")
    assert cellvino("jobs", "rerun", out, "A01.tif", "--recipe", recipe).code == 0
    assert cellvino(*watch).code == 0
    (job,) = jobs("show", "A01.tif").json
    assert (job["state"], job["recipe"]) == ("done", str(recipe))
    assert "0.95" in (out / "wells" / "A01" / "recipe.yaml").read_text(encoding="utf-8")


def test_what_a_watch_leaves_is_said_at_its_end(cellvino, inbox, tmp_path):
    watch = ("watch", inbox, "--out", tmp_path / "out", "--device", "CPU", "--settle", "0", "--once")
    (tmp_path / "rules.yaml").write_text("rules: [{name: night, match: zzz/*}]", encoding="utf-8")
    told = cellvino(*watch, "--rules", tmp_path / "rules.yaml")
    assert "2 input(s) not taken, as A01.tif: no rule fits it (night: its path is not like zzz/*)" in told.err
    (inbox / "A02.tif").write_bytes(b"II*\0")
    assert cellvino(*watch).code == 1
    assert "1 input(s) failed earlier" in cellvino(*watch).err
    (tmp_path / "empty").mkdir()
    empty = cellvino("watch", tmp_path / "empty", "--out", tmp_path / "out2", "--device", "CPU", "--once")
    assert f"no image lies in {tmp_path / 'empty'}: nothing was run" in empty.err


@pytest.mark.parametrize(
    "typed", [("retry",), ("accept", "nothing.tif"), ("rerun", "A01.tif"), ("cancel", "A01.tif"), ("show",)]
)
def test_impossible_decisions_are_refused(cellvino, inbox, tmp_path, typed):
    cellvino("watch", inbox, "--out", tmp_path / "out", "--device", "CPU", "--settle", "0", "--once")
    called = cellvino("jobs", typed[0], tmp_path / "out", *typed[1:])
    assert isinstance(called.error, OptionError) or called.code == 2


def test_folder_without_ledger_is_refused(cellvino, tmp_path):
    assert cellvino("jobs", "list", tmp_path).code == 2
