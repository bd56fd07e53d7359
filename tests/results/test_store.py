"""Each field has one folder of its own, which knows what made it."""

import json
import os
from dataclasses import replace

import pandas as pd
import pytest

from napari_cellvino.core.errors import OutputError
from napari_cellvino.core.image import Origin
from napari_cellvino.core.recipe import Recipe
from napari_cellvino.results.schema import ResultKey, field_row
from napari_cellvino.results.store import ResultStore


def origin_of(path, position=""):
    return Origin(path=str(path), position=position)


def finish(folder, result_key, count=3, **counts):
    """Write what makes a folder a finished result."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("labels.tif", "objects.csv", "qc.png"):
        (folder / name).touch()
    content = {
        "result_key": result_key.as_dict(),
        "counts": {"count": count, **counts},
        "provenance": {"origin": {"path": result_key.path, "position": result_key.position}},
    }
    (folder / "annotation.json").write_text(json.dumps(content))


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "a.tif"
    path.write_bytes(b"pixels")
    return path


def test_equal_things_have_equal_keys(file):
    result_key = ResultKey.of(origin_of(file), Recipe())
    assert result_key == ResultKey.of(origin_of(file.parent / "." / "a.tif"), Recipe())
    assert ResultKey(**json.loads(json.dumps(result_key.as_dict()))) == result_key


def test_an_image_without_a_name_is_no_folder():
    found = ResultKey.of(Origin(path=""), Recipe())
    assert (found.path, found.size) == ("", 0)


def test_everything_that_changes_a_result_changes_its_key(file):
    result_key = ResultKey.of(origin_of(file), Recipe())
    others = [
        ResultKey.of(origin_of(file, "series 2"), Recipe()),
        ResultKey.of(origin_of(file), Recipe(channel="2")),
        ResultKey.of(origin_of(file), Recipe(parameters={"confidence": 0.6})),
        ResultKey.of(origin_of(file), Recipe(model_sha256="0" * 64)),
    ]
    file.write_bytes(b"more pixels")
    others.append(ResultKey.of(origin_of(file), Recipe()))
    os.utime(file, ns=(1, 1))
    others.append(ResultKey.of(origin_of(file), Recipe()))
    assert len({result_key, *others}) == len(others) + 1


def test_pixels_of_no_file_have_a_key():
    assert ResultKey.of(origin_of("Image [1]"), Recipe()).size == 0


def test_two_inputs_with_one_stem_get_two_folders(tmp_path):
    root = tmp_path / "out"
    files = [tmp_path / day / "a.tif" for day in ("monday", "tuesday")]
    taken = frozenset()
    for file, expected in zip(files, ("a", "a-2"), strict=True):
        file.parent.mkdir()
        file.write_bytes(file.parent.name.encode())
        folder = ResultStore(root).choose_folder(origin_of(file), taken)
        assert folder == root / expected
        taken |= {folder.name}
        finish(folder, ResultKey.of(origin_of(file), Recipe()))
    assert [ResultStore(root).choose_folder(origin_of(file)).name for file in reversed(files)] == ["a-2", "a"]


@pytest.mark.parametrize("name", ["counts.csv", "Summary.HTML", "ledger.sqlite", "run.json"])
def test_no_folder_takes_the_name_of_a_file_of_the_run(tmp_path, name):
    store = ResultStore(tmp_path / "out")
    assert store.choose_folder(Origin(path=str(tmp_path / f"{name}.tif"))).name == f"{name}-2"


def test_names_that_differ_in_case_get_folders_that_stay_two_on_every_disk(tmp_path):
    assert ResultStore(tmp_path).choose_folder(origin_of("x/A.tif"), {"a"}).name == "A-2"


def test_positions_of_a_file_get_folders_of_their_own(tmp_path):
    assert ResultStore(tmp_path).choose_folder(origin_of("x/a.tif", "series 2")).name == "a series 2"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ('well <A:01> "x"|y?*.tif', "well _A_01_ _x__y__"),
        ("dots....tif", "dots"),
        (" blank .tif", "blank"),
        ("CON.tif", "CON_"),
        ("com7.raw.tif", "com7_.raw"),
        ("console.tif", "console"),
        ("...tif", "image"),
        ("Zählung №5 細胞.ome.tif", "Zählung №5 細胞"),
        ("tab\there.tif", "tab_here"),
    ],
)
def test_folder_names_suit_every_system(tmp_path, name, expected):
    assert ResultStore(tmp_path).choose_folder(origin_of(f"/data/{name}")).name == expected


def test_long_and_undecodable_names_make_folders(tmp_path):
    for name in ("ü" * 125 + ".tif", "x" * 250 + ".tif", "bad\udcff.tif"):
        folder = ResultStore(tmp_path).choose_folder(origin_of(f"/data/{name}"))
        assert 0 < len(folder.name.encode()) <= 120
        folder.mkdir()


def test_foreign_folder_is_left_alone(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "thesis.docx").touch()
    (tmp_path / "a-2").touch()
    assert ResultStore(tmp_path).choose_folder(origin_of("/data/a.tif")).name == "a-3"


def test_result_of_something_else_is_not_replaced_unasked(tmp_path, file):
    result_key = ResultKey.of(origin_of(file), Recipe())
    folder = tmp_path / "out" / "a"
    ResultStore(folder.parent).check_replaceable(folder, result_key, overwrite=False)
    finish(folder, result_key)
    ResultStore(folder.parent).check_replaceable(folder, result_key, overwrite=False)
    other = replace(result_key, recipe="another")
    with pytest.raises(OutputError, match="made with other choices.*--overwrite"):
        ResultStore(folder.parent).check_replaceable(folder, other, overwrite=False)
    ResultStore(folder.parent).check_replaceable(folder, other, overwrite=True)


def test_a_result_of_smaller_tiles_is_made_again_by_the_next_run(tmp_path, file):
    store, key = ResultStore(tmp_path / "out"), ResultKey.of(origin_of(file), Recipe())
    folder = tmp_path / "out" / "a"
    assert key.with_smaller_tile(0) == key
    finish(folder, key.with_smaller_tile(256))
    assert not store.is_finished(folder, key)
    store.check_replaceable(folder, key, overwrite=False)
    store.check_replaceable(folder, key.with_smaller_tile(128), overwrite=False)
    with pytest.raises(OutputError, match="made with other choices"):
        store.check_replaceable(folder, ResultKey.of(origin_of(file), Recipe(channel="2")), overwrite=False)


@pytest.mark.parametrize("gone", ["labels.tif", "objects.csv", "qc.png", "annotation.json"])
def test_result_that_lacks_a_file_is_not_finished(tmp_path, file, gone):
    result_key = ResultKey.of(origin_of(file), Recipe())
    finish(tmp_path / "a", result_key)
    assert ResultStore(tmp_path).is_finished(tmp_path / "a", result_key)
    (tmp_path / "a" / gone).unlink()
    assert not ResultStore(tmp_path).is_finished(tmp_path / "a", result_key)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"result_key": 7}', '{"result_key": {"path": "x"}}', "\x00"])
def test_unreadable_annotation_has_no_key(tmp_path, content):
    (tmp_path / "annotation.json").write_text(content)
    assert ResultStore(tmp_path.parent).key(tmp_path) is None
    assert ResultStore(tmp_path.parent).rows() == []


def test_counts_keep_the_rows_of_earlier_runs(tmp_path):
    for name in ("a", "b", "c"):
        finish(tmp_path / name, ResultKey.of(origin_of(f"/gone/{name}.tif"), Recipe()), count=ord(name))
    new = field_row(origin_of("/data/b.tif"), "b", "done") | {"count": 5, "median_area_px": None}
    failed = field_row(origin_of("/data/z.tif"), "", "failed", "broken, as it were")
    ResultStore(tmp_path).write_counts([new, failed])
    table = pd.read_csv(tmp_path / "counts.csv", keep_default_na=False)
    assert table["folder"].tolist() == ["b", "", "a", "c"]
    assert table["count"].tolist() == ["5", "", "97", "99"]
    assert table["status"].tolist() == ["done", "failed", "done", "done"]
    assert table["error"][1] == "broken, as it were"
    assert list(table)[:10] == [
        "file",
        "position",
        "frame",
        "plate",
        "well",
        "field",
        "folder",
        "status",
        "error",
        "count",
    ]


def test_half_written_folders_are_no_results(tmp_path):
    finish(tmp_path / ".part-host-1-01234567-a", ResultKey.of(origin_of("/x/a.tif"), Recipe()))
    assert ResultStore(tmp_path).rows() == []
    assert ResultStore(tmp_path / "absent").rows() == []


def test_counts_take_names_that_are_no_text(tmp_path):
    ResultStore(tmp_path).write_counts([field_row(origin_of("/x/bad\udcff.tif"), "bad_", "done") | {"count": 1}])
    assert "bad\\udcff.tif" in (tmp_path / "counts.csv").read_text(encoding="utf-8")


def test_one_row_is_brought_up_to_date_and_no_other_field_looked_at(tmp_path, monkeypatch):
    keys = [ResultKey(f"{name}.tif", "", 1, 2, "r") for name in "abc"]
    for result_key in keys:
        finish(tmp_path / result_key.path[0], result_key, mean_score=0.123456789, viability=float("nan"))
    failed = field_row(Origin("d.tif"), "", "failed", "no such file")
    ResultStore(tmp_path).write_counts([ResultStore(tmp_path).row(tmp_path / "c"), failed])
    before = (tmp_path / "counts.csv").read_text()
    monkeypatch.setattr(ResultStore, "_standing", pytest.fail)
    ResultStore(tmp_path).counts.update(ResultStore(tmp_path).row(tmp_path / "b"))
    assert (tmp_path / "counts.csv").read_text() == before
    finish(tmp_path / "b", keys[1], count=17, count_dead=2)
    ResultStore(tmp_path).counts.update(ResultStore(tmp_path).row(tmp_path / "b"))
    table = pd.read_csv(tmp_path / "counts.csv", dtype=str, keep_default_na=False)
    assert table["folder"].tolist() == ["c", "", "a", "b"]
    assert table["count"].tolist() == ["3", "", "3", "17"]
    assert table["count_dead"].tolist() == ["", "", "", "2"]
    assert set(table["mean_score"]) == {"0.123457", ""}
    finish(tmp_path / "d", ResultKey("d.tif", "", 1, 2, "r"), count=5)
    ResultStore(tmp_path).counts.update(ResultStore(tmp_path).row(tmp_path / "d"))  # in the place of its failure
    table = pd.read_csv(tmp_path / "counts.csv", dtype=str, keep_default_na=False)
    assert table["folder"].tolist() == ["c", "d", "a", "b"]


def test_every_count_of_a_corrected_field_is_that_of_now_and_none_is_taken_for_a_persons_own(tmp_path):
    spots = {"spots": 40, "spots_in_cells": 13, "spots_per_cell": 1.444444, "partner_spots": 7, "spots_paired_p": 0.01}
    finish(tmp_path / "a", ResultKey("a.tif", "", 1, 2, "r"), of_a_later_version=5, **spots)
    ResultStore(tmp_path).write_counts([])
    table = pd.read_csv(tmp_path / "counts.csv", dtype=str, keep_default_na=False).assign(note="mine")
    table.to_csv(tmp_path / "counts.csv", index=False)
    now = {"spots": 39, "spots_in_cells": 8, "spots_per_cell": 1.0, "of_a_later_version": 4}
    finish(tmp_path / "a", ResultKey("a.tif", "", 1, 2, "r"), **now)
    ResultStore(tmp_path).counts.update(ResultStore(tmp_path).row(tmp_path / "a"))
    (row,) = pd.read_csv(tmp_path / "counts.csv", dtype=str, keep_default_na=False).to_dict("records")
    assert {name: float(row[name]) for name in now} == now
    assert row["note"] == "mine"
    assert "partner_spots" not in row
    assert "spots_paired_p" not in row


@pytest.mark.parametrize("content", [None, "a,b\n1,2\n", "", "\xff\xfe"])
def test_without_a_table_of_ours_all_fields_are_listed(tmp_path, content):
    for name in "ab":
        finish(tmp_path / name, ResultKey(f"{name}.tif", "", 1, 2, "r"))
    if content is not None:
        (tmp_path / "counts.csv").write_bytes(content.encode("latin-1"))
    ResultStore(tmp_path).counts.update(ResultStore(tmp_path).row(tmp_path / "b"))
    assert pd.read_csv(tmp_path / "counts.csv")["folder"].tolist() == ["b", "a"]


def test_what_a_person_wrote_into_the_table_stays(tmp_path):
    for name in "ab":
        finish(tmp_path / name, ResultKey(f"{name}.tif", "", 1, 2, "r"), count_dead=1, median_area_px=9.0)
    ResultStore(tmp_path).write_counts([])
    table = pd.read_csv(tmp_path / "counts.csv", dtype=str, keep_default_na=False).assign(note=["odd, \n but real", ""])
    pd.concat([table, table[:1]]).to_csv(tmp_path / "counts.csv", index=False)  # a row twice, as a person copies one
    finish(tmp_path / "a", ResultKey("a.tif", "", 1, 2, "r"), count=17)
    ResultStore(tmp_path).counts.update(ResultStore(tmp_path).row(tmp_path / "a"))
    table = pd.read_csv(tmp_path / "counts.csv", dtype=str, keep_default_na=False)
    assert table["count"].tolist() == ["17", "3"]
    assert table["note"].tolist() == ["odd, \n but real", ""]
    assert table["count_dead"].tolist() == ["", "1"]


def test_a_table_of_another_program_is_set_aside(tmp_path):
    finish(tmp_path / "a", ResultKey("a.tif", "", 1, 2, "r"))
    (tmp_path / "counts.csv").write_text("file;folder;status\na.tif;a;done\n")
    for number in (1, 2):
        ResultStore(tmp_path).counts.update(ResultStore(tmp_path).row(tmp_path / "a"))
        assert pd.read_csv(tmp_path / "counts.csv")["folder"].tolist() == ["a"]
        kept = tmp_path / f"counts.old-{number}.csv"
        assert kept.read_text().startswith("file;folder")
        (tmp_path / "counts.csv").write_text(kept.read_text())


def test_a_neighbour_without_counts_is_passed_over(tmp_path):
    for name in "ab":
        finish(tmp_path / name, ResultKey(f"{name}.tif", "", 1, 2, "r"))
    content = json.loads((tmp_path / "b" / "annotation.json").read_text())
    del content["counts"]
    (tmp_path / "b" / "annotation.json").write_text(json.dumps(content))
    ResultStore(tmp_path).counts.update(ResultStore(tmp_path).row(tmp_path / "a"))
    assert pd.read_csv(tmp_path / "counts.csv")["folder"].tolist() == ["a"]
