"""Every importer, on damaged files: the product's own errors about that file, no hang, no memory beyond bounds."""

from __future__ import annotations

import gzip
import json
import shutil
import zipfile

import numpy as np
import pytest
import tifffile
from PIL import Image
from roifile import ROI_TYPE, ImagejRoi

from napari_cellvino.core.errors import CellvinoError
from napari_cellvino.formats.export import ExportChoices, export_fields
from napari_cellvino.formats.reading import find_annotations, holds_one_image, read_cells
from tests.formats.cases import field_of

from .mutants import MOST_MEMORY, check_only_own_errors, highest_memory, mutant, seeds

SHAPE = (24, 32)
PER_KIND = 60
RING = [[1, 1], [9, 1], [9, 9], [1, 9]]


def labels():
    found = np.zeros(SHAPE, np.uint16)
    found[2:9, 3:9], found[12:20, 4:11], found[5:15, 20:29] = 1, 2, 7
    return found


def put(path, content):
    path.write_text(content if isinstance(content, str) else json.dumps(content))


def tiff(path):
    tifffile.imwrite(path, labels(), compression="zlib", tile=(16, 16))


def big_tiff(path):
    tifffile.imwrite(path, labels(), bigtiff=True, photometric="minisblack", metadata={"axes": "YX"}, ome=True)


def seg(path):
    np.save(path, {"masks": labels(), "outlines": labels(), "filename": "a.tif", "flows": [np.zeros((2, 3)), [None]]})


def coco(path):
    note = {"image_id": 1, "category_id": 1, "iscrowd": 0, "bbox": [1, 1, 8, 8]}
    run = {"size": list(SHAPE), "counts": [30, 6, 18, 6, 708]}
    forms = [[[1, 1, 9, 1, 9, 9, 1, 9]], run, {**run, "counts": [30, 4, 20, 4]}, []]
    notes = [{"id": n, **note, "segmentation": form} for n, form in enumerate(forms, 1)]
    images = [{"id": 1, "file_name": "b/a.tif", "height": SHAPE[0], "width": SHAPE[1]}]
    put(path, {"images": images, "annotations": notes, "categories": [{"id": 1, "name": "cell"}]})


def geojson(path):
    ring = [[*RING, RING[0]]]
    shown = {"objectType": "cell", "classification": {"name": "x"}, "measurements": {"score": 1}}
    geometries = [{"type": "Polygon", "coordinates": ring}, {"type": "MultiPolygon", "coordinates": [ring]}, None]
    features = [{"type": "Feature", "geometry": one, "properties": shown} for one in geometries]
    put(path, {"type": "FeatureCollection", "features": features})


def labelme(path):
    shapes = [
        {"label": "a", "points": RING, "shape_type": "polygon", "group_id": 1},
        {"label": "b", "points": [[10, 2], [20, 9]], "shape_type": "rectangle"},
        {"label": "b", "points": [[20, 15], [24, 15]], "shape_type": "circle"},
    ]
    put(path, {"version": "5", "shapes": shapes, "imagePath": "a.tif", "imageHeight": SHAPE[0], "imageWidth": SHAPE[1]})


def via(path):
    forms = [
        {"name": "polygon", "all_points_x": [1, 9, 9], "all_points_y": [1, 1, 9]},
        {"name": "rect", "x": 10, "y": 2, "width": 5, "height": 6},
        {"name": "ellipse", "cx": 20, "cy": 15, "rx": 4, "ry": 3, "theta": 0.3},
    ]
    regions = [{"shape_attributes": form, "region_attributes": {"type": "cell"}} for form in forms]
    put(path, {"_via_img_metadata": {"a.tif9": {"filename": "a.tif", "size": 9, "regions": regions}}})


def via_csv(path):
    form = '"{""name"":""circle"",""cx"":12,""cy"":9,""r"":4}"'
    put(path, f"filename,region_shape_attributes,region_attributes\na.tif,{form},{{}}\n")


def label_studio(path):
    whole = {"original_width": SHAPE[1], "original_height": SHAPE[0]}
    values = [
        {"points": [[5, 5], [30, 5], [30, 40]], "polygonlabels": ["x"]},
        {"x": 40, "y": 10, "width": 20, "height": 30, "rotation": 10, "rectanglelabels": ["y"]},
        {"x": 70, "y": 60, "radiusX": 10, "radiusY": 8, "ellipselabels": ["y"]},
    ]
    task = {
        "data": {"image": "/data/1a2b3c4d-a.tif"},
        "annotations": [{"result": [{"value": v, **whole} for v in values]}],
    }
    put(path, [task])


def yolo(path):
    put(path, "0 0.2 0.2 0.1 0.1 0.9\n1 0.5 0.5 0.6 0.5 0.6 0.6 0.87\n0 0.7 0.7 0.1 0.1\n")


def outlines(path):
    put(path, "1,1,9,1,9,9,1,9\n12,3,20,3,20,10\n")


def roi(path):
    path.write_bytes(ImagejRoi.frompoints(RING).tobytes())


def roi_zip(path):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/1.roi", ImagejRoi.frompoints(RING).tobytes())
        archive.writestr("a/2.roi", ImagejRoi(roitype=ROI_TYPE.OVAL, left=12, top=3, right=20, bottom=9).tobytes())
        archive.writestr("__MACOSX/a/._1.roi", b"\0\5\x16\7")


def packed(path):
    tiff(path.with_name("x.tif"))
    path.write_bytes(gzip.compress(path.with_name("x.tif").read_bytes()))


SAMPLES = {
    "a.tif": tiff, "a.ome.tif": big_tiff, "a.png": lambda path: Image.fromarray(labels()).save(path), "a_seg.npy": seg,
    "a.npy": lambda path: np.save(path, labels()), "a.npz": lambda path: np.savez_compressed(path, labels()),
    "coco.json": coco, "a.geojson": geojson, "labelme.json": labelme, "via.json": via, "via.csv": via_csv,
    "studio.json": label_studio, "a.txt": yolo, "a_cp_outlines.txt": outlines, "a.roi": roi, "a_RoiSet.zip": roi_zip,
    "a.tif.gz": packed,
}  # fmt: skip


@pytest.mark.parametrize("name", SAMPLES)
def test_mutants_of_files(tmp_path, name):
    sample, damaged = tmp_path / name, tmp_path / "mutants" / name
    SAMPLES[name](sample)
    assert read_cells(sample, SHAPE, "a").cells
    content, before = sample.read_bytes(), highest_memory()
    damaged.parent.mkdir()
    for seed in seeds(name, PER_KIND):
        damaged.write_bytes(mutant(content, seed))
        check_only_own_errors(lambda: holds_one_image(damaged), f"{name}, seed {seed}")
        check_only_own_errors(lambda: read_cells(damaged, SHAPE, "a"), f"{name}, seed {seed}")
    assert highest_memory() - before < MOST_MEMORY


@pytest.mark.parametrize("version", ["ome-zarr", "ome-zarr-0.4"])
def test_mutants_of_zarr(tmp_path, version):
    field = field_of(labels(), "a")
    export_fields([field], ExportChoices((version,), tmp_path, reviewed_only=frozenset()))
    sample = tmp_path / version / "a.ome.zarr"
    files = sorted(path.relative_to(sample) for path in sample.rglob("*") if path.is_file())
    assert read_cells(sample, SHAPE, "a").cells
    for seed in seeds(version, PER_KIND // 2):
        damaged = tmp_path / "a.zarr"
        shutil.copytree(sample, damaged)
        hit = damaged / files[seed % len(files)]
        hit.write_bytes(mutant(hit.read_bytes(), seed))
        check_only_own_errors(lambda path=damaged: read_cells(path, SHAPE, "a"), f"{version}, seed {seed}")
        shutil.rmtree(damaged)


def test_mutants_of_class_names(tmp_path):
    yolo(tmp_path / "a.txt")
    for seed in seeds("data.yaml", 2 * PER_KIND):
        (tmp_path / "data.yaml").write_bytes(mutant(b"names:\n  0: living\n  1: dead\nnc: 2\n", seed))
        check_only_own_errors(lambda: read_cells(tmp_path / "a.txt", SHAPE, "a"), f"data.yaml, seed {seed}")


@pytest.mark.parametrize("name", ["\udcff", "a" * 200, "..", "a\nb", "%s", "*"])
def test_odd_names(tmp_path, name):
    tiff(tmp_path / "a.tif")
    check_only_own_errors(lambda: find_annotations(tmp_path, name), ascii(name))


def claims_a_tebibyte(path):
    tifffile.imwrite(path, labels())
    content = bytearray(path.read_bytes())
    with tifffile.TiffFile(path) as tif:
        tags = tif.pages.first.tags
        for tag in ("ImageWidth", "ImageLength"):
            at = tags[tag].offset + 2
            content[at : at + 10] = b"\x04\0" + (1).to_bytes(4, "little") + (2**20).to_bytes(4, "little")
    path.write_bytes(content)


def run_of_a_trillion(path):
    coco(path)
    content = json.loads(path.read_text())
    content["annotations"][1]["segmentation"]["counts"] = [0, 10**12]
    put(path, content)


def box_of_three(path):
    coco(path)
    content = json.loads(path.read_text())
    content["annotations"][3]["bbox"] = [1, 2, 3]
    put(path, content)


def bomb(path):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("1.roi", bytes(2**26))


def encrypted(path):
    roi_zip(path)
    content = bytearray(path.read_bytes())
    for mark, flags in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        at = content.find(mark)
        while at >= 0:
            content[at + flags] |= 1
            at = content.find(mark, at + 4)
    path.write_bytes(content)


def unknown_method(path):
    roi_zip(path)
    content = bytearray(path.read_bytes())
    for mark, method in ((b"PK\3\4", 8), (b"PK\1\2", 10)):
        at = content.find(mark)
        while at >= 0:
            content[at + method : at + method + 2] = (77).to_bytes(2, "little")
            at = content.find(mark, at + 4)
    path.write_bytes(content)


HOSTILE = {
    "tebibyte.tif": claims_a_tebibyte,
    "run.json": run_of_a_trillion,
    "three.json": box_of_three,
    "deep.json": lambda path: put(path, "[" * 100_000 + "]" * 100_000),
    "deep.geojson": lambda path: put(path, '{"a":' * 100_000),
    "empty.json": lambda path: put(path, ""),
    "number.json": lambda path: put(path, "7"),
    "no masks_seg.npy": lambda path: np.save(path, {"outlines": labels()}),
    "no ids_seg.npy": lambda path: np.save(path, {"masks": labels(), "cellvino": [{}] * 7}),
    "bomb.zip": bomb,
    "bomb.tif.gz": lambda path: path.write_bytes(gzip.compress(bytes(2**27 + 2**14), 1)),
    "encrypted.zip": encrypted,
    "method.zip": unknown_method,
    "pixels.txt": lambda path: put(path, "0 100 100 20 20\n"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_are_refused_by_name(tmp_path, name):
    HOSTILE[name](tmp_path / name)
    before = highest_memory()
    with pytest.raises(CellvinoError, match=name.replace(".", r"\.")):
        read_cells(tmp_path / name, SHAPE, "a")
    assert highest_memory() - before < MOST_MEMORY
