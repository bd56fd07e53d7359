"""Annotations that would be read with a wrong number in silence: tracks, poses, corners, shapes that stand twice."""

import json

import numpy as np
import pytest

from napari_cellvino.core.errors import ImageReadError, ImageValueError
from napari_cellvino.formats.reading import read_cells

SHAPE = (60, 80)


def read(path, content):
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return read_cells(path, SHAPE, "a")


def areas(found):
    return np.bincount(found.labels.ravel())[1:].tolist()


@pytest.mark.parametrize("confidence", [" 0.9", ""])
def test_ids_of_yolo_tracks_make_no_triangles(tmp_path, confidence):
    lines = [f"0 {x} 0.5 0.1 0.2{confidence} {track}" for track, x in enumerate((0.2, 0.5, 0.8), 1)]
    found = read(tmp_path / "a.txt", "\n".join(lines))
    assert [cell.box for cell in found.cells] == [(24, 12, 36, 20), (24, 36, 36, 44), (24, 60, 36, 68)]
    assert {cell.score for cell in found.cells} == {0.9 if confidence else 1.0}
    triangle = read(tmp_path / "a.txt", "0 0.1 0.5 0.3 0.5 0.1 0.8")
    assert areas(triangle) == pytest.approx([144], abs=8)


def test_the_only_track_of_yolo_is_a_box(tmp_path):
    (cell,) = read(tmp_path / "a.txt", "0 0.5 0.5 0.1 0.2 0.9 1").cells
    assert (cell.box, cell.score) == ((24, 36, 36, 44), 0.9)


@pytest.mark.parametrize("seen", ["1", "2"])
def test_key_points_of_yolo_are_refused(tmp_path, seen):
    with pytest.raises(ImageReadError, match="key points"):
        read(tmp_path / "a.txt", f"0 0.5 0.5 0.2 0.2 0.45 0.45 {seen} 0.55 0.55 0\n")


def poses(*, marks=3, stride=2, cells=5):
    chance = np.random.default_rng(0)
    for x, y in chance.uniform(0.2, 0.8, (cells, 2)):
        held = chance.uniform(0, 1, (marks, stride))
        held[:, :2] = (x, y) + (held[:, :2] - 0.5) * (0.1, 0.06)
        yield f"0 {x:.5f} {y:.5f} 0.1 0.06 " + " ".join(f"{value:.5f}" for value in held.ravel())


@pytest.mark.parametrize("stride", [2, 3])
@pytest.mark.parametrize("marks", [1, 2, 5])
def test_key_points_of_yolo_without_visibility_are_refused(tmp_path, marks, stride):
    with pytest.raises(ImageReadError, match="key points"):
        read(tmp_path / "a.txt", "\n".join(poses(marks=marks, stride=stride)))


def test_polygons_of_yolo_are_no_key_points(tmp_path):
    lines = []
    for x, y in np.random.default_rng(1).uniform(0.2, 0.8, (5, 2)):
        turn = np.linspace(0, 2 * np.pi, 7)[:-1]
        lines.append("0 " + " ".join(f"{x + 0.1 * np.cos(a):.5f} {y + 0.1 * np.sin(a):.5f}" for a in turn))
    assert len(read(tmp_path / "a.txt", "\n".join(lines)).cells) == 5


def test_images_that_roboflow_changed_are_named(tmp_path):
    name = "a_png.rf.0123456789abcdef.jpg"
    for image, words in ((name.removesuffix(".jpg"), ""), ("a", "Roboflow may have turned")):
        content = coco([10, 10, 20, 20]) | {"images": [{"id": n, "file_name": f} for n, f in enumerate((name, "b"), 1)]}
        path = tmp_path / "a.json"
        path.write_text(json.dumps(content))
        if words:
            with pytest.raises(ImageValueError, match=words):
                read_cells(path, SHAPE, image)
        else:
            assert len(read_cells(path, SHAPE, image).cells) == 1


def coco(*boxes):
    notes = [{"id": n, "image_id": 1, "category_id": 1, "bbox": box} for n, box in enumerate(boxes)]
    return {"images": [{"id": 1, "file_name": "a.png"}], "annotations": notes, "categories": [{"id": 1, "name": "c"}]}


def test_corners_in_place_of_width_and_height_are_questioned(tmp_path):
    found = read(tmp_path / "a.json", coco([10, 10, 20, 20], [30, 30, 45, 50], [60, 5, 30, 20]))
    assert "2 of 3 box(es) in a.json reach beyond the image" in found.notices[0]
    with pytest.raises(ImageValueError, match="boxes of two corners, as 30, 30, 45, 50"):
        read(tmp_path / "a.json", coco([10, 10, 20, 20], [30, 30, 45, 50], [60, 5, 75, 20]))
    assert read(tmp_path / "a.json", coco([10, 10, 20, 20], [70, 50, 11, 11])).notices == ()


def test_the_same_box_twice_is_one_cell(tmp_path):
    found = read(tmp_path / "a.json", coco([10, 10, 20, 20], [10, 10, 20, 20], [40, 10, 20, 20]))
    assert [cell.box for cell in found.cells] == [(10, 10, 30, 30), (10, 40, 30, 60)]
    assert found.notices == ("1 box(es) are the same as one before: left out",)


def task(*results, **more):
    held = [{"original_width": 80, "original_height": 60, **more, **result} for result in results]
    return [{"data": {"image": "a.png"}, "annotations": [{"result": held}]}]


def test_label_studio_repeats_a_shape_with_its_class_and_its_words(tmp_path):
    place = {"x": 10, "y": 10, "width": 10, "height": 20, "rotation": 0}
    results = [
        {"id": "r1", "type": "rectangle", "value": place},
        {"id": "r1", "type": "labels", "value": {**place, "labels": ["dead"]}},
        {"id": "r1", "type": "textarea", "value": {**place, "text": ["odd"]}},
        {"id": "r2", "type": "rectanglelabels", "value": {**place, "x": 50, "rectanglelabels": ["living"]}},
        {"type": "relation", "from_id": "r1", "to_id": "r2"},
    ]
    found = read(tmp_path / "a.json", task(*results))
    assert [(cell.kind, cell.box) for cell in found.cells] == [("dead", (6, 8, 18, 16)), ("living", (6, 40, 18, 48))]
    assert found.notices == ("1 result(s) of the type relation are no areas: left out",)


def test_shapes_on_an_image_that_was_turned_in_label_studio_are_refused(tmp_path):
    value = {"x": 10, "y": 10, "width": 10, "height": 20, "rectanglelabels": ["c"]}
    with pytest.raises(ImageValueError, match="image_rotation"):
        read(tmp_path / "a.json", task({"type": "rectanglelabels", "value": value}, image_rotation=90))


def test_polygons_of_one_geojson_object_that_overlap_are_added_up(tmp_path):
    def square(x, side=10):
        return [[x, 10], [x + side, 10], [x + side, 10 + side], [x, 10 + side], [x, 10]]

    hole = [[12, 12], [14, 12], [14, 14], [12, 14], [12, 12]]
    held = {"type": "MultiPolygon", "coordinates": [[square(10), hole], [square(15)]]}
    found = read(tmp_path / "a.geojson", {"type": "Feature", "geometry": held, "properties": {}})
    assert areas(found) == [146]


def test_points_of_label_studio_are_left_out(tmp_path):
    size = {"original_width": 80, "original_height": 60}
    point = {"type": "keypointlabels", "value": {"x": 10, "y": 80, "width": 0.5, "keypointlabels": ["cell"]}} | size
    box = {"x": 25, "y": 50, "width": 25, "height": 25, "rectanglelabels": ["cell"]}
    results = [point, {"type": "rectanglelabels", "value": box} | size]
    found = read(tmp_path / "a.json", [{"id": 1, "data": {"image": "a.png"}, "annotations": [{"result": results}]}])
    assert [cell.box for cell in found.cells] == [(30, 20, 45, 40)]
    assert any("keypointlabels" in said for said in found.notices)
