"""Gates and marks over many saved fields, without the network."""

from __future__ import annotations

import csv
import json
from pathlib import Path

from napari_cellvino.annotation.recovery import start_session
from napari_cellvino.annotation.tools.mark import accept, reject
from napari_cellvino.cli import main
from napari_cellvino.core.gates import Gate, GateAction, gate_over
from napari_cellvino.core.progress import finish
from napari_cellvino.io.plates import open_plate
from napari_cellvino.results.field_folder import FieldFolder, journal_path
from napari_cellvino.results.plate_place import PlateChoices
from napari_cellvino.results.store import ResultStore
from napari_cellvino.workflows.change_results import edit_results, gate_results, undo_edits
from napari_cellvino.workflows.run_folder import run_folder
from napari_cellvino.workflows.run_plate import run_plate
from tests.plate_images import write_plate

SMALL = Gate(x="area_px", high=150)
ROUND = gate_over("area_px", "eccentricity", [(0, 0), (1e4, 0), (1e4, 0.5), (0, 0.5)],
                  action=GateAction.CLASSIFY, class_name="round")  # fmt: skip
WRITTEN = ("annotation.json", "labels.tif", "objects.csv", "qc.png")


def counts(root: Path) -> dict[str, int]:
    """Return the cells that count, by field."""
    with (root / "counts.csv").open() as file:
        return {row["folder"]: int(row["count"]) for row in csv.DictReader(file)}


def test_gates_give_what_a_run_with_them_gives_and_nothing_else(images, job, tmp_path, capsys) -> None:
    gated, plain = tmp_path / "gated", job.root
    finish(run_folder(images, job.pipeline, plain, job.engines))
    before = {name: (plain / "field 1" / name).read_bytes() for name in WRITTEN}
    assert not [field.error for field in finish(gate_results(plain, [SMALL, ROUND])) if field.error]
    recipe = str(plain / "recipe.yaml")
    assert main(["run", *map(str, images), "--recipe", recipe, "--out", str(gated)]) == 0
    for path in ("counts.csv", "recipe.yaml", *(f"field {n}/{name}" for n in (1, 2, 3) for name in WRITTEN)):
        assert (plain / path).read_bytes() == (gated / path).read_bytes(), path
    with (plain / "field 1" / "objects.csv").open() as file:
        rows = list(csv.DictReader(file))
    left_out = [row for row in rows if row["excluded"] == "True"]
    assert 0 < len(left_out) < len(rows)
    assert all(float(row["area_px"]) <= 150 for row in left_out)
    assert {row["class"] for row in rows} == {"nucleus", "round"}
    assert counts(plain)["field 1"] == len(rows) - len(left_out)
    assert main(["run", *map(str, images), "--recipe", recipe, "--out", str(plain)]) == 0
    assert "kept" in capsys.readouterr().err  # the network need not run again
    finish(gate_results(plain, []))
    assert {name: (plain / "field 1" / name).read_bytes() for name in WRITTEN} == before


def cells_on_page(root: Path) -> int:
    """Return the number of cells that the page of a run shows."""
    page = (root / "summary.html").read_text(encoding="utf-8")
    return int(page.partition(" cells")[0].rpartition(">")[2].replace(",", ""))


def test_marks_over_fields_are_corrections_that_can_be_taken_back(images, job) -> None:
    finish(run_folder(images, job.pipeline, job.root, job.engines))
    before, folders = counts(job.root), ResultStore(job.root).folders()
    chosen = {folder: sorted(FieldFolder(folder).annotation().records)[:2] for folder in folders[:2]}
    assert cells_on_page(job.root) == sum(before.values())
    done = finish(edit_results(job.root, chosen, reject, author="ada"))
    assert cells_on_page(job.root) == sum(before.values()) - 4, "the page of the run follows corrections"
    assert counts(job.root) == {n: count - 2 * (n != "field 3") for n, count in before.items()}
    assert {r.by for r in FieldFolder(folders[0]).annotation().records.values() if r.reviewed} == {"ada"}
    again = finish(gate_results(job.root, [Gate(x="area_px", low=0)]))  # reviewed cells are not the gate's
    assert not [field.error for field in again if field.error]
    assert sum(r.excluded for r in FieldFolder(folders[0]).annotation().records.values()) == before["field 1"] - 2
    finish(gate_results(job.root, []))
    assert not [field.error for field in finish(undo_edits(job.root, done)) if field.error]
    assert counts(job.root) == before
    assert not FieldFolder(folders[0]).result.corrected


def test_a_field_that_is_corrected_elsewhere_is_told_and_the_others_go_on(images, job) -> None:
    finish(run_folder(images[:2], job.pipeline, job.root, job.engines))
    first, second = ResultStore(job.root).folders()
    session = start_session(journal_path(first), FieldFolder(first).annotation())
    session.commit(accept(session.annotation, [1]))
    done = finish(edit_results(job.root, {first: [1], second: [1]}, accept))
    session.close()
    assert [bool(field.error) for field in done] == [True, False]
    assert "correct" in done[0].error
    assert FieldFolder(second).result.corrected


def test_a_plate_is_gated_with_its_tables_of_wells(tmp_path, wells, job) -> None:
    source = open_plate(write_plate(tmp_path / "p", wells))
    gated, pipeline = tmp_path / "gated", job.pipeline.with_choices(channel="2")
    for root, chosen in ((job.root, pipeline), (gated, pipeline.with_choices(gates=(SMALL,)))):
        finish(run_plate(source, source.plate.fields, chosen, root, job.engines, PlateChoices()))
    assert (job.root / "wells.csv").read_bytes() != (gated / "wells.csv").read_bytes()
    assert not [field.error for field in finish(gate_results(job.root, [SMALL])) if field.error]
    written = ("wells.csv", "counts.csv", *(f"A01_f1/{name}" for name in WRITTEN))
    for path in written:
        assert (job.root / path).read_bytes() == (gated / path).read_bytes(), path


def test_what_was_found_in_a_layer_and_no_file_is_told_with_what_to_do(images, job) -> None:
    finish(run_folder(images[:1], job.pipeline, job.root, job.engines))
    path = job.root / "field 1" / "annotation.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    content["result_key"] |= {"path": "field 1", "size": 0, "modified_ns": 0}
    path.write_text(json.dumps(content), encoding="utf-8")
    (changed,) = finish(gate_results(job.root, [SMALL]))
    assert changed.error.startswith("field 1 was found in a layer of the viewer, and in no file: choose the layer")
