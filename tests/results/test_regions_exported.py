"""Cells of a region, or of a smaller level, lie in formats without pixels where they lie in the whole image."""

import json

import numpy as np
import pytest
import tifffile
from roifile import roiread

from napari_cellvino.core.recipe import make_recipe
from napari_cellvino.formats.export import ExportChoices, export_fields
from napari_cellvino.results.exported_fields import read_field
from napari_cellvino.workflows.import_masks import import_masks


def whole():
    """An image of 80 x 100 px with one cell at rows 40 to 56 and columns 60 to 72."""
    pixels = np.random.default_rng(0).integers(0, 99, (80, 100)).astype(np.uint16)
    pixels[40:56, 60:72] += 900
    return pixels


@pytest.fixture
def image(tmp_path):
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path) as tif:
        more = {"metadata": None, "resolution": (20000, 20000), "resolutionunit": "CENTIMETER"}
        tif.write(whole(), subifds=1, **more)
        tif.write(whole()[::2, ::2], subfiletype=1, **more)
    return path


@pytest.mark.parametrize(
    ("said", "corner", "size"),
    [
        ({"region": "30:80,50:100"}, (10, 10), (16, 12)),
        ({"level": 1}, (20, 30), (8, 6)),
        ({"level": 1, "region": "15:40,25:50"}, (5, 5), (8, 6)),
    ],
)
def test_outlines_lie_in_the_whole_image(tmp_path, image, said, corner, size):
    recipe = make_recipe(said, source="the test")
    shape = {"level": (40, 50), "region": (50, 50)}[next(iter(said))] if len(said) == 1 else (25, 25)
    labels = np.zeros(shape, np.uint16)
    labels[corner[0] : corner[0] + size[0], corner[1] : corner[1] + size[1]] = 1
    tifffile.imwrite(tmp_path / "a_masks.tif", labels)
    (done,) = import_masks(tmp_path / "a_masks.tif", [image], tmp_path / "out", recipe)
    assert done.notices == ()
    formats = ("qupath", "imagej", "coco")
    export_fields([read_field(tmp_path / "out" / "a")], ExportChoices(formats, tmp_path / "export"))
    (feature,) = json.loads((tmp_path / "export/qupath/a.geojson").read_text())["features"]
    ring = np.array(feature["geometry"]["coordinates"][0])
    assert (ring.min(0).tolist(), ring.max(0).tolist()) == ([60, 40], [72, 56])
    (roi,) = [*roiread(tmp_path / "export/imagej/a_RoiSet.zip")]
    assert (roi.top, roi.left, roi.bottom, roi.right) == (40, 60, 56, 72)
    (note,) = json.loads((tmp_path / "export/coco/annotations.json").read_text())["annotations"]
    assert note["bbox"] == [corner[1], corner[0], size[1], size[0]]  # its picture is the region
    for name in ("qupath/a.geojson", "imagej/a_RoiSet.zip"):
        (back,) = import_masks(tmp_path / "export" / name, [image], tmp_path / name.replace("/", "_"), recipe)
        assert (back.row["count"], back.notices) == (1, ())
        again = read_field(tmp_path / name.replace("/", "_") / "a").cells.labels
        assert np.array_equal(again > 0, labels > 0)


def test_outlines_in_um_are_those_of_the_whole_image(tmp_path, image):
    ring = [[30, 20], [36, 20], [36, 28], [30, 28], [30, 20]]  # µm, of 0.5 µm a pixel at full resolution
    feature = {"type": "Feature", "geometry": {"type": "Polygon", "coordinates": [ring]}, "properties": {}}
    (tmp_path / "a.geojson").write_text(json.dumps(feature))
    recipe = make_recipe({"level": 1, "region": "15:40,25:50"}, source="the test")
    (done,) = import_masks(tmp_path / "a.geojson", [image], tmp_path / "out", recipe, in_um=True)
    assert done.row["count"] == 1
    (cell,) = read_field(tmp_path / "out" / "a").cells.cells
    assert cell.box == (5, 5, 13, 11)
