"""What the wells of a plate hold stays in its tables, whoever goes on with the results: the window or another run."""

from __future__ import annotations

import pandas as pd
import pytest
from plate_images import write_plate

from napari_cellvino.annotation import EditSession
from napari_cellvino.annotation.tools.delete import delete
from napari_cellvino.cli import main
from napari_cellvino.core.image import channel_index
from napari_cellvino.core.progress import finish
from napari_cellvino.core.recipe import Recipe
from napari_cellvino.io.plates import open_plate
from napari_cellvino.results.plate_place import PlatePlace
from napari_cellvino.results.plate_store import PlateStore
from napari_cellvino.results.store import ResultStore
from napari_cellvino.workflows.workspace import Workspace

LAYOUT = "well,compound,dose,control\nA01,DMSO,,negative\nA02,taxol,0.1,\n"
COLUMNS = ["well", "compound", "dose", "control"]
TABLES = ("wells.csv", "counts.csv", "wells_tidy.csv", "A01_f1/objects.csv", "A02_f2/objects.csv")


@pytest.fixture
def ran(tmp_path, wells):
    """A plate of two wells that was run with a layout by the command line; its source and folder of results."""
    (tmp_path / "layout.csv").write_text(LAYOUT)
    folder = write_plate(tmp_path / "p", wells, ("A01", "A02"))
    assert main([*typed(tmp_path), "--layout", str(tmp_path / "layout.csv")]) == 0
    return open_plate(folder), tmp_path / "out"


def typed(folder):
    return [str(w) for w in ("run", folder / "p", "--channel", "2", "--device", "CPU", "--out", folder / "out")]


def contents(root):
    """The contents of the wells as each table tells them."""
    tables = {name: pd.read_csv(root / name, keep_default_na=False, dtype=str) for name in TABLES}
    return {name: sorted(table[COLUMNS].drop_duplicates().to_numpy().tolist()) for name, table in tables.items()}


def correct_in_the_window(source, root):
    """Open the results, run a field, delete its first cell and save, as the window does; return the cells left."""
    field, workspace = source.plate.fields[0], Workspace(Recipe(device="CPU"))
    layout = PlateStore(ResultStore(root), source).results().layout
    workspace.use_stack(source.open_field(field))
    workspace.choose(channel="2")
    plan = workspace.pipeline()
    workspace.accept(finish(workspace.run()), plan)
    session = EditSession(workspace.annotation())
    session.commit(delete(session.annotation, [1]))
    place = PlatePlace(source, field, layout, channel_index(workspace.stack, "2"))
    workspace.save_request(root, place).save(session.snapshot())
    return len(session.annotation.records)


def test_a_field_corrected_in_the_window_leaves_the_wells_as_they_were(ran):
    source, root = ran
    before = contents(root)
    assert (root / "layout.csv").read_text() == LAYOUT
    assert before["wells.csv"] == [["A01", "DMSO", "", "negative"], ["A02", "taxol", "0.1", ""]]
    left = correct_in_the_window(source, root)
    assert contents(root) == before
    counts = pd.read_csv(root / "counts.csv", index_col="folder")
    assert counts.loc["A01_f1", "count"] == left, "the correction was saved"


def test_results_of_before_layouts_were_kept_leave_them_too(ran):
    source, root = ran
    before = contents(root)
    (root / "layout.csv").unlink()
    correct_in_the_window(source, root)
    assert contents(root) == before


def test_another_run_without_a_layout_keeps_that_of_the_results(ran, tmp_path):
    _, root = ran
    before = contents(root)
    assert main([*typed(tmp_path), "--wells", "A02"]) == 0
    assert contents(root) == before


def test_no_layout_is_made_of_a_table_of_wells_without_contents(ran, tmp_path):
    source, root = ran
    (root / "layout.csv").unlink()
    table = pd.read_csv(root / "wells.csv")
    table.drop(columns=COLUMNS[1:]).to_csv(root / "wells.csv")
    assert not PlateStore(ResultStore(root), source).layout()
    (root / "wells.csv").write_text("well,compound\nno well,x\n")
    assert not PlateStore(ResultStore(root), source).layout()
    assert not PlateStore(ResultStore(tmp_path / "nowhere"), source).layout()
