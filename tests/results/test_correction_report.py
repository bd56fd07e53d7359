"""The correction report of outlines, of stacks and of boxes: figures, JSON, and a page with pictures."""

import base64
import io
import json
import re
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from napari_cellvino.core.errors import ImageValueError
from napari_cellvino.formats.field import Cell, Cells, ExportField, cells_of
from napari_cellvino.results.correction_report import WORST, CorrectionReport
from napari_cellvino.results.crop_pictures import AFTER, BEFORE, box_mask

CLASSES = ("living", "dead")


def boxes(*found, score=0.9):
    """Cells of boxes: class and corners."""
    return Cells(None, tuple(Cell(n, kind, box, score) for n, (kind, box) in enumerate(found, 1)), CLASSES)


def outlines(labels):
    return Cells(labels, cells_of(labels), ("cell",))


def field(cells, name="field", shape=(60, 80)):
    shape = shape if cells.labels is None else cells.labels.shape
    return ExportField(name, np.full((1, *shape), 9, np.uint16), cells, provenance={"model": "finder 1"})


MODEL = boxes(("living", (2, 3, 12, 13)), ("living", (20, 20, 30, 30)), ("dead", (40, 50, 50, 60)))
RIGHT = boxes(("living", (2, 3, 12, 13)), ("dead", (20, 20, 30, 30)), ("living", (45, 2, 58, 15)))


def colours_in(url):
    picture = np.asarray(Image.open(io.BytesIO(base64.b64decode(url.split(",")[1]))))
    return {tuple(colour) for colour in picture.reshape(-1, 3).tolist()}


def test_a_report_of_boxes(tmp_path):
    report = CorrectionReport()
    report.add(MODEL, field(RIGHT))
    totals = report.totals()
    assert {kind: totals[kind] for kind in ("added", "deleted", "reclassified", "reshaped", "split", "merged")} == {
        "added": 1, "deleted": 1, "reclassified": 1, "reshaped": 0, "split": 0, "merged": 0,
    }  # fmt: skip
    assert (totals["model"], totals["corrected"], totals["untouched"]) == (3, 3, 1)
    assert report.accuracy.f1_50 == pytest.approx(1 / 3)
    assert [miss.correction.kind for miss in report.worst] == ["added", "deleted", "reclassified"]
    for miss, expected in zip(report.worst, ({AFTER}, {BEFORE}, {AFTER, BEFORE}), strict=True):
        assert colours_in(miss.picture) & {AFTER, BEFORE} == expected
    report.write(tmp_path / "c.html")
    content = json.loads((tmp_path / "c.json").read_text(encoding="utf-8"))
    assert content["boxes"] is True
    assert content["classes"] == {"living": {"model": 2, "corrected": 2}, "dead": {"model": 1, "corrected": 1}}
    assert content["scores"]["recall"] == pytest.approx(1 / 3)
    assert content["fields"][0]["corrections"][2]["classes"] == ["living", "dead"]
    page = (tmp_path / "c.html").read_text(encoding="utf-8")
    assert page.count("<figure>") == 3
    assert "given another class: #2 (living → dead), IoU 1.00" in page
    assert "1 added, 1 deleted, 0 moved or resized, 1 given another class" in page
    assert "<br>deleted: #3</figure>" in page
    assert "against the corrected boxes" in page
    assert "<th>Split</th>" not in page
    assert "None" not in re.sub(r"<pre>.*?</pre>", "", page, flags=re.DOTALL)


@pytest.mark.parametrize("side", [MODEL, outlines(np.eye(6, dtype=np.int32))])
def test_classes_of_other_names_are_not_compared(side):
    cells = tuple(replace(cell, kind="imported cell") for cell in side.cells)
    report = CorrectionReport()
    report.add(side, field(replace(side, cells=cells, classes=("imported cell",))))
    assert (report.totals()["reclassified"], report.totals()["untouched"]) == (0, len(cells))
    assert (report.accuracy.f1_50, report.as_dict()["classes"]) == (1, {})


def test_the_worst_of_many_fields_of_boxes_are_kept():
    report = CorrectionReport()
    for number in range(WORST):
        moved = boxes(("living", (2, 3, 12, 13 - number % 4)), ("living", (20, 20, 30, 30)))
        report.add(MODEL, field(moved, f"f{number}"))
    assert len(report.worst) == WORST
    assert {miss.correction.kind for miss in report.worst} == {"deleted"}  # one in each field
    assert report.accuracy.fields == WORST
    perfect = CorrectionReport()
    perfect.add(MODEL, field(MODEL))
    assert (perfect.accuracy.f1_50, perfect.accuracy.average_precision, perfect.worst) == (1, 1, [])


def test_rejected_boxes_are_gone_and_excluded_ones_not_counted():
    cells = (replace(MODEL.cells[0], review="rejected"), replace(MODEL.cells[1], excluded=True, review="accepted"))
    report = CorrectionReport()
    report.add(MODEL, field(replace(MODEL, cells=(*cells, MODEL.cells[2]))))
    totals = report.totals()
    assert (totals["corrected"], totals["deleted"], totals["counted"], totals["reviewed"]) == (2, 1, 1, 2)


def test_stacks_are_seen_through():
    model = np.zeros((3, 40, 50), np.int32)
    model[0, 5:15, 5:15], model[1:, 5:15, 5:15] = 9, 1  # the one that goes lies under another
    after = np.where(model == 1, 0, model)
    report = CorrectionReport()
    report.add(outlines(model), field(outlines(after)))
    (miss,) = report.worst
    assert (miss.correction.kind, miss.correction.model) == ("deleted", (1,))
    assert BEFORE in colours_in(miss.picture)
    assert report.as_dict()["boxes"] is False


def test_what_cannot_be_compared():
    labels = np.zeros((60, 80), np.int32)
    labels[4:9, 4:9] = 1
    report = CorrectionReport()
    with pytest.raises(ImageValueError, match="boxes.*outlines"):
        report.add(MODEL, field(outlines(labels)))
    with pytest.raises(ImageValueError, match="outlines.*boxes"):
        report.add(outlines(labels), field(RIGHT))
    with pytest.raises(ImageValueError, match=r"\(59, 80\).*\(60, 80\)"):
        report.add(outlines(labels[1:]), field(outlines(labels)))
    report.add(MODEL, field(RIGHT))
    with pytest.raises(ImageValueError, match="outlines"):
        report.add(outlines(labels), field(outlines(labels)))
    assert len(report.fields) == 1


def test_boxes_in_a_window():
    window = (slice(10, 20), slice(5, 15))
    mask = box_mask([(8, 3, 13, 9), (18, 12, 40, 40), (0, 0, 5, 5)], window)
    assert mask.shape == (10, 10)
    assert (mask[:3, :4] == 1).all()
    assert (mask[8:, 7:] == 2).all()
    assert (mask > 0).sum() == 12 + 6


def test_names_cannot_bring_code_into_the_page(tmp_path):
    report = CorrectionReport()
    report.add(MODEL, field(RIGHT, name="<script>alert('x')</script> & \"y\""))
    report.write(tmp_path / "c.html")
    page = (tmp_path / "c.html").read_text(encoding="utf-8")
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    assert '& "y"' not in page
