"""Plots of saved results: the right values in the right groups, with what is left out said."""

import csv
import json
import tracemalloc

import numpy as np
import pytest
from PIL import Image

from napari_cellvino.core.errors import ImageReadError, OptionError, OutputError
from napari_cellvino.workflows.group_plots import plot_offer, write_plot

CELLS = (  # class, area, review, excluded
    ("living", 10, "unseen", False),
    ("living", 20, "edited", False),
    ("dead", 30, "accepted", False),
    ("dead", 99, "rejected", False),
    ("living", 88, "unseen", True),
)


def write(path, rows):
    with path.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.DictWriter(handle, list(dict.fromkeys(name for row in rows for name in row)))
        writer.writeheader()
        writer.writerows(rows)


def cells_of(cells, **more):
    return [
        {"id": n, "class": kind, "area_px": area, "area_um2": area / 4, "review": review, "excluded": gone} | more
        for n, (kind, area, review, gone) in enumerate(cells, 1)
    ]


def add_field(root, name, rows, header=("id", "class", "area_px", "area_um2", "review", "excluded")):
    (root / name).mkdir(parents=True)
    content = {"result_key": {}, "counts": {"count": len(rows)}, "provenance": {"origin": {"path": f"/x/{name}.tif"}}}
    (root / name / "annotation.json").write_text(json.dumps(content))
    write(root / name / "objects.csv", rows)
    if not rows:
        (root / name / "objects.csv").write_text(",".join(header) + "\n")


def count_line(name, living, dead, **more):
    first = {"file": f"/x/{name}.tif", "plate": "p", "well": name[:3], "folder": name, "status": "done"}
    return first | {"count": living + dead, "count_living": living, "count_dead": dead} | more


@pytest.fixture
def results(tmp_path):
    root = tmp_path / "results"
    add_field(root, "A01_f1", cells_of(CELLS))
    add_field(root, "A01_f2", cells_of(CELLS[:1]))
    add_field(root, "B02_f1", [])
    left_out = {"rejected": 1, "excluded": 1, "compound": "taxol", "dose": 0.5}
    rows = [
        count_line("A01_f1", 2, 1, **left_out, control="positive"),
        count_line("A01_f2", 1, 0, rejected=0, excluded=0, compound="taxol", dose=0.5),
        count_line("B02_f1", 0, 0, compound="DMSO"),
        {"file": "/x/z.tif", "status": "failed", "error": "broken"},
    ]
    write(root / "counts.csv", rows)
    return root


def values(plotted):
    return {name: sorted(found.tolist()) for name, found in plotted.groups.items()}


def names(choices):
    return [choice.name for choice in choices]


def test_what_results_offer(results):
    offer = plot_offer(results)
    assert names(offer.measures) == ["count", "area"]
    assert names(offer.groups) == ["well", "field", "class", "plate", "compound", "compound-dose", "dose", "control"]
    alone = plot_offer(results / "A01_f1")
    assert names(alone.measures) == ["area", "count"]
    assert alone.group("").name == "well"


def test_cells_per_field_with_real_zeros(results):
    done = write_plot(results, "count", "well")
    assert values(done) == {"A01": [1, 3], "B02": [0]}
    assert done.path == results / "plot-count-by-well.png"
    assert done.labels.lines == (
        "4 cells in 3 fields, 2 wells",
        "1 rejected and 1 excluded cells are not counted",
        "1 field failed and is left out",
    )
    with Image.open(done.path) as picture:
        assert (picture.format, picture.width) == ("PNG", 960)
    assert values(write_plot(results, "count", "class")) == {"living": [0, 1, 2], "dead": [0, 0, 1]}
    assert values(write_plot(results, "count", "compound-dose")) == {"DMSO": [0], "taxol 0.5": [1, 3]}
    controls = write_plot(results, "count", "control")
    assert values(controls) == {"positive": [3], "sample": [0, 1]}
    assert controls.labels.lines[0] == "4 cells in 3 fields, 1 control"


def test_sizes_of_the_cells_that_count(results):
    done = write_plot(results, "area", "well")
    assert values(done) == {"A01": [2.5, 2.5, 5, 7.5], "B02": []}
    assert done.labels.lines[:2] == ("4 cells in 3 fields, 2 wells", "1 rejected and 1 excluded cells are not counted")
    assert done.labels.axis == "Area, µm²"
    assert values(write_plot(results, "area", "class")) == {"dead": [7.5], "living": [2.5, 2.5, 5]}
    assert values(write_plot(results / "A01_f2", "area", "dose")) == {"0.5": [2.5]}


def test_fields_and_cells_that_do_not_know_a_measure_are_told(results):
    add_field(results, "C01_f1", [{**row, "mean_dna": ""} for row in cells_of(CELLS)[:2]])
    add_field(results, "C01_f2", [{**row, "mean_dna": 5.5} for row in cells_of(CELLS)])
    done = write_plot(results, "mean_dna", "field")
    assert values(done) == {"C01_f1": [], "C01_f2": [5.5] * 3}
    assert done.labels.lines[3:] == (
        "3 fields have no mean intensity of dna",
        "2 cells have no mean intensity of dna",
    )


def test_results_of_earlier_versions_are_read(tmp_path):
    rows = [{"id": 1, "class": "cell", "area_px": 7}, {"id": 2, "class": "cell", "area_px": 9}]
    add_field(tmp_path / "old", "a", rows)  # no counts.csv, nothing of reviews
    add_field(tmp_path / "old", "b", rows)
    assert names(plot_offer(tmp_path / "old").groups) == ["field"]
    assert values(write_plot(tmp_path / "old", "area")) == {"a": [7, 9], "b": [7, 9]}
    done = write_plot(tmp_path / "old", "count")
    assert (values(done), len(done.labels.lines)) == ({"a": [2], "b": [2]}, 1)


def test_only_what_was_drawn_here_is_replaced(results, tmp_path):
    first = write_plot(results, "count", "well", tmp_path / "mine.png").path
    write_plot(results, "area", "well", first)
    Image.new("RGB", (9, 9)).save(tmp_path / "theirs.png")
    (tmp_path / "broken.png").write_bytes(b"no picture")
    for name in ("theirs.png", "broken.png"):
        before = (tmp_path / name).read_bytes()
        with pytest.raises(OutputError, match=name):
            write_plot(results, "area", "well", tmp_path / name)
        assert (tmp_path / name).read_bytes() == before
    with pytest.raises(OptionError, match=r"mine.jpg .* end it with .png"):
        write_plot(results, out=tmp_path / "mine.jpg")


def test_what_cannot_be_drawn_is_said(results, tmp_path):
    with pytest.raises(ImageReadError, match="holds no results"):
        write_plot(tmp_path)
    add_field(results, "D01_f1", [count_line("D01_f1", 1, 1, viability=0.5)])
    write(results / "counts.csv", [count_line("D01_f1", 1, 1, viability=0.5)])
    with pytest.raises(OptionError, match="viability is of whole fields"):
        write_plot(results, "viability", "class")
    (results / "counts.csv").write_text("a,b\n1,2\n")
    with pytest.raises(ImageReadError, match=r"counts.csv .* no columns folder and status"):
        plot_offer(results)
    (results / "counts.csv").unlink()
    for name in ("A01_f1", "A01_f2", "B02_f1", "D01_f1"):
        (results / name / "objects.csv").unlink()
    with pytest.raises(ImageReadError, match="A01_f1"):
        write_plot(results)


def test_damaged_fields_are_left_out_and_said(results):
    (results / "A01_f2" / "objects.csv").unlink()
    (results / "broken").mkdir()
    (results / "broken" / "annotation.json").write_text("{}")
    add_field(results, "C01_f1", cells_of(CELLS))
    table = results / "C01_f1" / "objects.csv"
    table.write_text(table.read_text() + "6,living\n")  # cut short
    assert names(plot_offer(results).measures) == ["count", "area"]
    done = write_plot(results, "area", "field")
    assert values(done) == {"A01_f1": [2.5, 5, 7.5], "B02_f1": []}
    assert [lost.folder.name for lost in done.unreadable] == ["A01_f2", "broken", "C01_f1"]
    assert done.labels.lines[0] == "3 cells in 2 fields"
    assert done.labels.lines[-1] == "3 fields cannot be read and are left out"


def test_memory_holds_one_column_of_the_cells(tmp_path):
    rows = [{f"column_{n}": 12345.678 + n for n in range(40)} | row for row in cells_of(CELLS[:1] * 400)]

    def peak(fields):
        root = tmp_path / f"{fields}"
        add_field(root, "f0", rows)
        text = (root / "f0" / "objects.csv").read_text()
        for number in range(1, fields):
            add_field(root, f"f{number}", [])
            (root / f"f{number}" / "objects.csv").write_text(text)
        tracemalloc.start()
        write_plot(root, "area", "field")
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    peak(2)  # imports and fonts
    more = (peak(14) - peak(6)) / 8
    assert more < 40 * 400 * 8  # bytes of a field's table as numbers; as text and objects it takes ten times that


def test_groups_are_drawn_in_the_order_of_people(results):
    assert list(write_plot(results, "count", "field").groups) == ["A01_f1", "A01_f2", "B02_f1"]
    np.testing.assert_array_equal(write_plot(results, "count", "plate").groups["p"], [3, 1, 0])
