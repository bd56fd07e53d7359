"""What stands of a plate is read for its grid; another layout rewrites the tables without the network."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from plate_images import write_plate

from napari_cellvino.core.errors import OutputError
from napari_cellvino.core.plate import Well
from napari_cellvino.core.progress import finish
from napari_cellvino.io.plates import open_plate
from napari_cellvino.plates.layout import Content, Control, Layout
from napari_cellvino.results.plate_place import PlateChoices
from napari_cellvino.results.plate_store import PlateStore, usual_folder
from napari_cellvino.results.store import ResultStore
from napari_cellvino.workflows.run_plate import run_plate


@pytest.fixture
def ran(tmp_path, wells, job):
    """A plate of three wells whose nuclei, in the second channel, were counted; its source and folder of results."""
    source = open_plate(write_plate(tmp_path / "p", wells))
    pipeline = job.pipeline.with_choices(channel="2")
    finish(run_plate(source, source.plate.fields, pipeline, job.root, job.engines, PlateChoices()))
    return source, job.root


def stored(root, source):
    return PlateStore(ResultStore(root), source)


def test_lines_are_those_of_the_table_of_wells(ran):
    source, root = ran
    results = stored(root, source).results()
    table = pd.read_csv(root / "wells.csv").set_index("well")
    assert [well.name for well in results.lines] == table.index.tolist()
    for well, line in results.lines.items():
        for name in ("count", "ring_ratio_channel_1", "median_channel_2", "fields", "failed"):
            assert float(str(line[name])) == pytest.approx(table.loc[well.name, name], rel=1e-4)
        assert line["reviewed"] == 0.0


def test_median_is_that_of_the_cells_of_a_field(ran):
    source, root = ran
    fields = [pd.read_csv(root / f"A01_f{n}" / "objects.csv")["mean_channel_2"].median() for n in (1, 2)]
    line = stored(root, source).results().lines[Well(0, 0)]
    assert line["median_channel_2"] == pytest.approx(np.median(fields), rel=1e-4)


def test_reviewed_share_is_that_of_all_cells_of_a_well(ran):
    source, root = ran
    contents = []
    for n in (1, 2):
        path = root / f"B01_f{n}" / "annotation.json"
        content = json.loads(path.read_text())
        for cell in content["objects"][: 3 - n]:
            cell["review"] = "rejected"
        path.write_text(json.dumps(content))
        contents.append(len(content["objects"]))
    lines = stored(root, source).results().lines
    assert lines[Well(1, 0)]["reviewed"] == pytest.approx(3 / sum(contents))
    assert lines[Well(0, 0)]["reviewed"] == 0.0


def test_another_layout_rewrites_every_table_and_is_there_again(ran, engine):
    source, root = ran
    before, tiles = (root / "wells.csv").read_bytes(), engine.tiles
    layout = Layout({Well(0, 0): Content(compound="taxol", dose=0.1, control=Control.POSITIVE)})
    stored(root, source).tabulate(layout)
    assert engine.tiles == tiles
    assert pd.read_csv(root / "counts.csv")["compound"].tolist()[:2] == ["taxol"] * 2
    assert (pd.read_csv(root / "A01_f2" / "objects.csv")["dose"] == 0.1).all()
    assert stored(root, source).results().layout == layout
    stored(root, source).tabulate(Layout())
    assert (root / "wells.csv").read_bytes() == before
    assert not (root / "layout.csv").exists()


def test_a_field_that_failed_beside_an_older_result_counts_as_failed_only(ran, job):
    source, root = ran
    other = job.pipeline.with_choices(channel="1")
    fields = source.plate.fields[:2]
    done = finish(run_plate(source, fields, other, root, job.engines, PlateChoices())).outcomes
    failed = tuple(outcome.row for outcome in done)
    assert [row["status"] for row in failed] == ["failed", "failed"]
    table = pd.read_csv(root / "counts.csv")
    assert table["position"].is_unique
    assert table["status"].tolist() == ["failed"] * 2 + ["done"] * 4
    lines = stored(root, source).results(failed=failed).lines
    assert [(line["fields"], line["failed"]) for line in lines.values()] == [(0, 2), (2, 0), (2, 0)]
    before = (root / "wells.csv").read_bytes()
    stored(root, source).tabulate(Layout({Well(0, 0): Content(compound="taxol")}))
    table = pd.read_csv(root / "counts.csv")
    assert table["status"].tolist() == ["failed"] * 2 + ["done"] * 4
    assert table["compound"].tolist()[:2] == ["taxol"] * 2
    stored(root, source).tabulate(Layout())
    assert (root / "wells.csv").read_bytes() == before


def test_folder_without_results_holds_nothing(ran, tmp_path):
    source, _ = ran
    results = stored(tmp_path / "nowhere", source).results()
    assert (results.rows, dict(results.lines), bool(results.layout)) == ((), {}, False)


def test_layout_that_cannot_be_kept_is_told(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match="file"):
        stored(tmp_path / "file", None).keep_layout(Layout({Well(0, 0): Content(compound="x")}))


def test_results_go_beside_the_plate_and_never_among_its_images(ran, tmp_path, wells):
    source, _ = ran
    assert usual_folder(source) == tmp_path / "p-cellvino"
    assert usual_folder(replace(source, path=tmp_path / "scan.ome.zarr")) == tmp_path / "scan-cellvino"
    index = Path(tmp_path / "p" / "x.HTD")
    index.write_text("")
    assert usual_folder(replace(source, path=index)) == tmp_path / f"{source.plate.name}-cellvino"
