"""The comparison of trees sees every byte but times."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import golden_work
from golden_trees import differences, read_tree, without_doubts

from napari_cellvino.formats.registry import FORMATS

RUN = {"started": "2026-01-01T00:00:00+0000", "seconds": 1.5, "fields": [{"folder": "A", "seconds": 2e-05}]}


def tree(folder: Path, *, run=RUN, count: int = 3, year: int = 2026, more: tuple[str, ...] = ()):
    (folder / "A").mkdir(parents=True)
    (folder / "run.json").write_text(json.dumps(run))
    (folder / "A" / "counts.csv").write_text(f"file,count\n{folder}/a.tif,{count}\n")
    with zipfile.ZipFile(folder / "rois.zip", "w") as archive:
        archive.writestr(zipfile.ZipInfo("1.roi", (year, 1, 1, 0, 0, 0)), b"\xff\x00")
    for name in more:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(b"\xff\xd8")
    return read_tree(folder, {folder: "ROOT"})


def test_times_and_places_are_passed_over(tmp_path):
    later = {"started": "2027-01-01T00:00:00+0000", "seconds": 3, "fields": [{"folder": "A", "seconds": 4.0}]}
    assert differences(tree(tmp_path / "a"), tree(tmp_path / "b", run=later, year=2027)) == []


def test_what_differs_is_shown(tmp_path):
    found = differences(tree(tmp_path / "a"), tree(tmp_path / "b", count=4, run=RUN | {"complete": True}))
    assert [line.splitlines()[0] for line in found] == ["differs: A/counts.csv", "differs: run.json"]
    assert found[0].splitlines()[-2:] == ["  -ROOT/a.tif,3", "  +ROOT/a.tif,4"]


def test_a_folder_that_is_not_there_is_one_line(tmp_path):
    found = differences(tree(tmp_path / "a", more=("B/x.png", "B/y.png", "A/z.png")), tree(tmp_path / "b"))
    assert found == ["only before: A/z.png", "only before: B/"]


def test_doubts_alone_may_be_passed_over():
    trees = [
        {
            "A/objects.csv": f'id,doubts,note\n{id_},{doubts},"a\n"\n'.encode(),
            "A/annotation.json": f'{{"id": {id_}, "doubts": [\n "{doubts}"\n]}}'.encode(),
        }
        for id_, doubts in ((1, "odd_size"), (1, ""), (2, "odd_size"))
    ]
    assert without_doubts(trees[0]) == without_doubts(trees[1])
    assert len(differences(without_doubts(trees[0]), without_doubts(trees[2]))) == 2


def test_every_format_is_compared():
    assert set(golden_work.FORMATS) == set(FORMATS)
