"""The index saves reading and is never believed over the files."""

import json
import os
import sqlite3
from dataclasses import asdict

import pytest

from napari_cellvino.core.errors import ImageReadError
from napari_cellvino.results import schema
from napari_cellvino.results.index import FEWEST, INDEX_NAME
from napari_cellvino.results.schema import ResultKey
from napari_cellvino.results.store import ResultStore
from tests.processes import end, start

OLD = 1_700_000_000  # long enough ago to be settled


def write(root, name, count=3, review="unseen", at=OLD):
    """Write what an index needs of a result."""
    folder = root / name
    folder.mkdir(parents=True, exist_ok=True)
    content = {
        "format": 3,
        "result_key": asdict(ResultKey(f"/i/{name}.tif", "", 1, 2, "r")),
        "counts": {"count": count, "mean_score": None},
        "provenance": {"origin": {"path": f"/i/{name}.tif"}},
        "objects": [{"id": n + 1, "review": review} for n in range(count)],
    }
    (folder / "annotation.json").write_text(json.dumps(content))
    os.utime(folder / "annotation.json", (at, at))
    return folder


@pytest.fixture
def many(tmp_path):
    for number in range(FEWEST):
        write(tmp_path, f"f{number:03d}", count=number % 5)
    return tmp_path


@pytest.fixture
def parsed(monkeypatch):
    """The files that were parsed since."""
    seen, parse = [], schema.parse_content
    monkeypatch.setattr(
        "napari_cellvino.results.field_folder.parse_content", lambda path: (seen.append(path), parse(path))[1]
    )
    return seen


def test_a_pass_over_finished_fields_parses_none(many, parsed):
    first = ResultStore(many).rows()
    assert len(parsed) == FEWEST
    parsed.clear()
    assert ResultStore(many).rows() == first
    assert parsed == []
    assert [row["count"] for row in first[:5]] == [0, 1, 2, 3, 4]


def test_a_result_is_parsed_once_in_one_run(many, parsed):
    store = ResultStore(many)
    key = ResultKey("/i/f001.tif", "", 1, 2, "r")
    for _ in range(3):
        store.rows()
        assert store.key(many / "f001") == key
        assert store.summary(many / "f004").reviewed == 0
        assert store.row(many / "f002")["count"] == 2
    assert len(parsed) == FEWEST


def test_what_changed_since_is_read_again(many, parsed):
    ResultStore(many).rows()
    parsed.clear()
    write(many, "f007", count=4, review="accepted", at=OLD + 1)
    write(many, "f008", count=17)  # at the very same time
    (many / "f009" / "annotation.json").unlink()
    write(many, "other")
    store = ResultStore(many)
    counts = {row["folder"]: row["count"] for row in store.rows()}
    assert sorted(path.parent.name for path in parsed) == ["f007", "f008", "other"]
    assert (counts["f007"], counts["f008"], counts["other"]) == (4, 17, 3)
    assert "f009" not in counts
    assert store.summary(many / "f007").reviewed == 4
    parsed.clear()
    assert len(ResultStore(many).rows()) == FEWEST
    assert parsed == []


def test_a_file_changed_in_place_with_its_size_kept_is_read_again(tmp_path):
    """Within one tick of the clock, size and time may stay: what was changed a moment ago is not remembered."""
    folder = write(tmp_path, "a", count=3)
    store, path = ResultStore(tmp_path), folder / "annotation.json"
    os.utime(path)
    assert store.row(folder)["count"] == 3
    stat = path.stat()
    path.write_text(path.read_text().replace('"count": 3', '"count": 5'))
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert store.row(folder)["count"] == 5


@pytest.mark.parametrize("content", [b"", b"no database at all, but long enough to look like one" * 30, None])
def test_a_damaged_index_is_made_anew(many, parsed, content):
    expected = ResultStore(many).rows()
    file = many / INDEX_NAME
    if content is None:
        raw = bytearray(file.read_bytes())
        raw[4096:6000] = b"\xff" * (6000 - 4096)
        file.write_bytes(raw)
    else:
        file.write_bytes(content)
    assert ResultStore(many).rows() == expected
    parsed.clear()
    assert ResultStore(many).rows() == expected
    assert len(ResultStore(many).rows()) == FEWEST


def test_an_index_of_another_version_is_made_anew(many, parsed):
    ResultStore(many).rows()
    with sqlite3.connect(many / INDEX_NAME) as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    parsed.clear()
    ResultStore(many).rows()
    assert len(parsed) == FEWEST
    parsed.clear()
    ResultStore(many).rows()
    assert parsed == []


def test_it_can_be_thrown_away_while_it_is_in_use(many):
    store = ResultStore(many)
    expected = store.rows()
    (many / INDEX_NAME).unlink()
    assert store.rows() == expected
    assert ResultStore(many).rows() == expected


def test_a_busy_index_is_passed_over(many, monkeypatch):
    monkeypatch.setattr("napari_cellvino.results.index.PATIENCE_S", 0.01)
    expected = ResultStore(many).rows()
    write(many, "f000", count=9, at=OLD + 5)
    db = sqlite3.connect(many / INDEX_NAME, isolation_level=None)
    db.execute("BEGIN EXCLUSIVE")
    rows = ResultStore(many).rows()
    db.close()
    assert rows[0]["count"] == 9
    assert rows[1:] == expected[1:]


def test_few_results_have_no_index(tmp_path):
    write(tmp_path, "a")
    assert len(ResultStore(tmp_path).rows()) == 1
    assert not (tmp_path / INDEX_NAME).exists()


def write_sums(root, path):
    """Write the sum of all counts five times, each read anew."""
    sums = [sum(row["count"] for row in ResultStore(root).rows()) for _ in range(5)]
    path.write_text(json.dumps(sums))


@pytest.mark.slow
def test_two_processes_read_and_write_it_at_once(many, tmp_path_factory):
    files = [tmp_path_factory.mktemp("sums") / name for name in ("one.json", "other.json")]
    running = [start(write_sums, many, file) for file in files]
    assert [end(process) for process in running] == [0, 0]
    expected = sum(row["count"] for row in ResultStore(many).rows())
    assert [json.loads(file.read_text()) for file in files] == [[expected] * 5] * 2


@pytest.mark.parametrize(
    ("content", "fact"),
    [
        ("", "Expecting value"),
        ("[" * 100_000, "recursion"),
        ('{"format": 4}', "format 4"),
        ('{"format": "x"}', "'x'"),
        ('{"classes": 5}', "classes"),
    ],
)
def test_what_cannot_be_read_is_said_and_passed_over(tmp_path, content, fact):
    folder = write(tmp_path, "a")
    write(tmp_path, "b")
    (folder / "annotation.json").write_text(content)
    store = ResultStore(tmp_path)
    with pytest.raises(ImageReadError, match=fact):
        store.summary(folder)
    assert [row["folder"] for row in store.rows()] == ["b"]


def test_what_0_2_wrote_is_migrated(tmp_path):
    folder = write(tmp_path, "a")
    content = json.loads((folder / "annotation.json").read_text())
    del content["format"]
    (folder / "annotation.json").write_text(json.dumps(content))
    summary = ResultStore(tmp_path).summary(folder)
    assert (summary.outlines, summary.deleted, summary.cells, summary.finished) == (True, 0, 3, True)
