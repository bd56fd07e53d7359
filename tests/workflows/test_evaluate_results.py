"""Folders of results against folders of truth; the outlines' part is also tested through the command."""

import json

import numpy as np
import pytest
import tifffile
from skimage.segmentation import find_boundaries

from napari_cellvino.core.errors import ImageReadError, ImageValueError
from napari_cellvino.core.image import Spacing
from napari_cellvino.io.label_tiff import write_labels
from napari_cellvino.workflows.evaluate_results import BoxComparison, LabelComparison, compare_folders, read_boxes

HEAD = "class,y0,x0,y1,x1"


def write_boxes(path, *rows, head=HEAD):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([head, *rows, ""]))


@pytest.fixture
def truth(tmp_path):
    folder = tmp_path / "truth"
    write_boxes(folder / "boxes" / "a.csv", "living,0,0,10,10", "dead,20,20,30,30")
    write_boxes(folder / "boxes" / "b.csv", "living,0,0,10,10")
    write_boxes(folder / "boxes" / "c.csv")
    return folder


@pytest.fixture
def results(tmp_path):
    """Results as a run writes them: more columns, and one cell that a person rejected."""
    folder, head = tmp_path / "results", "id,class,score,y0,x0,y1,x1,centroid_y,review"
    write_boxes(
        folder / "a" / "objects.csv",
        "1,living,0.9,0,0,10,9,5,unseen", "2,living,0.8,20,20,30,30,25,unseen", "3,dead,0.7,50,50,60,60,5,rejected",
        head=head,
    )  # fmt: skip
    write_boxes(folder / "b" / "objects.csv", "1,living,0.6,0,0,10,10,5,unseen", head=head)
    write_boxes(folder / "c" / "objects.csv", head=head)
    return folder


def test_boxes_of_a_run_are_scored_by_class(results, truth):
    found = compare_folders(results, truth)
    assert isinstance(found, BoxComparison)
    assert found.problems == ()
    assert (found.score.fields, found.score.true, found.score.predicted) == (3, 3, 3)
    assert found.score.ap50 == pytest.approx(2 / 4)
    living, dead = found.of_class["living"], found.of_class["dead"]
    assert (living.true, living.predicted, living.ap50) == (2, 3, pytest.approx(2 / 3))
    assert living.count_error == pytest.approx(1 / 3)
    assert (dead.true, dead.predicted, dead.ap50, dead.fields) == (1, 0, 0, 3)


def test_truth_against_itself_is_perfect(truth):
    found = compare_folders(truth, truth)
    assert (found.score.ap50, found.score.average_precision, found.score.count_error) == (1, 1, 0)


def test_fields_that_cannot_be_scored_are_named(results, truth):
    write_boxes(results / "a" / "objects.csv", "1,living", head="id,class")
    (results / "b" / "objects.csv").unlink()
    found = compare_folders(results, truth)
    assert found.score.fields == 1
    assert [problem.split(":")[0] for problem in found.problems] == ["a", "b"]
    assert "y0" in found.problems[0]
    assert found.problems[1] == "b: no result"


def test_label_images_come_first(tmp_path):
    labels = np.zeros((9, 9), np.uint16)
    labels[2:5, 2:5] = 1
    for path in (tmp_path / "truth" / "a.tif", tmp_path / "results" / "a" / "labels.tif"):
        path.parent.mkdir(parents=True)
        write_labels(path, labels, Spacing())
    write_boxes(tmp_path / "results" / "a" / "objects.csv", "cell,0,0,1,1")
    found = compare_folders(tmp_path / "results", tmp_path / "truth")
    assert isinstance(found, LabelComparison)
    assert found.score.ap_mean == 1


SIDE = 96


def cells():
    y, x = np.mgrid[:SIDE, :SIDE]
    labels = np.zeros((SIDE, SIDE), np.uint16)
    for number, (cy, cx) in enumerate([(12, 14), (14, 50), (40, 22), (70, 18), (60, 60), (84, 40)], 1):
        labels[np.hypot(y - cy, x - cx) <= 7] = number
    return labels


def found_cells(folder, *names):
    for name in names:
        (folder / name).mkdir(parents=True)
        write_labels(folder / name / "labels.tif", cells(), Spacing())
    return folder


@pytest.mark.parametrize(
    ("change", "f1", "said"),
    [
        (lambda a: (a > 0) * 255, 1, "is a binary mask"),
        (lambda a: a + 1, 1, "the value 1, in"),
        (lambda a: a.astype(np.float32), 1, ""),
        (lambda a: a.T, 0, "with rows and columns exchanged"),
        (lambda a: a[::-1, ::-1], 0, "turned by 180°"),
        (lambda a: np.roll(a, 9, 1), 0, "moved by 9 px to the left"),
        (lambda a: a * 0, 0, ""),
    ],
)
def test_truth_of_another_program_is_read_as_masks_are(tmp_path, change, f1, said):
    (tmp_path / "truth").mkdir()
    true = np.asarray(change(cells()))
    tifffile.imwrite(
        tmp_path / "truth" / "a_masks.tif", true.astype(np.float32 if true.dtype.kind == "f" else np.uint16)
    )
    found = compare_folders(found_cells(tmp_path / "results", "a"), tmp_path / "truth")
    assert (found.score.f1_50 > 0.5) == f1
    assert len(found.notices) == bool(said)
    assert said in "".join(found.notices)


def test_pictures_and_outlines_in_place_of_a_truth_have_no_score(tmp_path):
    (tmp_path / "truth").mkdir()
    picture = np.random.default_rng(0).integers(200, 400, (SIDE, SIDE)).astype(np.uint16)
    rings = cells() * find_boundaries(cells(), mode="inner")
    for name, held in (("a", picture), ("b", rings), ("c", cells())):
        tifffile.imwrite(tmp_path / "truth" / f"{name}.tif", held)
    found = compare_folders(found_cells(tmp_path / "results", *"abcd"), tmp_path / "truth")
    assert [problem.split(":")[0] for problem in found.problems] == ["a", "b"]
    assert (found.score.fields, found.score.ap_mean) == (1, 1)
    assert found.notices == ("1 result has no truth, and is in no figure: d",)


def test_one_file_is_the_truth_of_its_own_image_or_of_all_that_it_names(tmp_path):
    results = found_cells(tmp_path / "results", "a", "b")
    tifffile.imwrite(tmp_path / "a.tif", cells())
    assert compare_folders(results, tmp_path / "a.tif").score.fields == 1
    images = [{"id": n, "file_name": f"{name}.png", "height": SIDE, "width": SIDE} for n, name in enumerate("ab")]
    boxes = [{"id": n, "image_id": n, "category_id": 1, "segmentation": [[5, 5, 19, 5, 19, 19, 5, 19]]} for n in (0, 1)]
    content = {"images": images, "annotations": boxes, "categories": [{"id": 1, "name": "cell"}]}
    (tmp_path / "truth.json").write_text(json.dumps(content))
    found = compare_folders(results, tmp_path / "truth.json")
    assert (found.score.fields, found.score.true, found.score.predicted, found.problems) == (2, 2, 12, ())


def test_nothing_in_common(tmp_path, truth):
    (tmp_path / "empty").mkdir()
    with pytest.raises(ImageValueError, match=r"no result in .*none against a, b, c"):
        compare_folders(tmp_path / "empty", truth)
    with pytest.raises(ImageReadError, match="is no folder"):
        compare_folders(tmp_path / "absent", truth)


def test_tables_without_scores_and_with_a_byte_order_mark(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes("\ufeffclass,y0,x0,y1,x1\ndead,1,2.5,3,4\n".encode())
    table = read_boxes(path)
    assert (table.classes.tolist(), table.box.tolist(), table.score.tolist()) == (["dead"], [[1, 2.5, 3, 4]], [1])
    for text in ("class,y0,x0,y1,x1\ndead,1,2,3\n", "class,y0,x0,y1,x1\ndead,1,2,3,x\n", "y0,x0,y1,x1\n1,2,3,4\n"):
        path.write_text(text)
        with pytest.raises(ImageReadError, match="is no table of boxes"):
            read_boxes(path)
