"""``cellvino run`` on real files: what it writes, and that it writes the same again."""

import csv
import json

import numpy as np
import pytest
import tifffile
import yaml
from skimage.io import imread, imsave

from napari_cellvino.io.label_tiff import read_labels

FIRST_COLUMNS = [
    "file", "position", "frame", "plate", "well", "field", "folder", "status", "error", "count",
    "model", "channel", "images",
]  # fmt: skip


def tree(root, *, but=("run.json", "ledger.sqlite")):
    files = (p for p in sorted(root.rglob("*")) if p.is_file() and p.name not in but)
    return {p.relative_to(root).as_posix(): p.read_bytes() for p in files}


def rows(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def well(samples):
    """Two channels of a sample well, (2, 128, 160) uint16."""
    return tifffile.imread(samples / "plate" / "B02_s1.ome.tif")[:, :128, :160]


def counted(cellvino, path, out, *more):
    """Return the count of one image and what was written for it."""
    called = cellvino("run", path, "--out", out, "--json", *more)
    assert called.code == 0, called.json["fields"]
    (field,) = called.json["fields"]
    return field["count"], out / field["folder"]


def test_run_writes_what_it_promises(sample_run):
    folders = ["A01_s1", "A02_s1", "A03_s1", "B01_s1", "B02_s1", "B03_s1", "nuclei_stack"]
    assert sorted(p.name for p in sample_run.iterdir()) == sorted(
        [*folders, "counts.csv", "ledger.sqlite", "recipe.yaml", "run.json", "summary.html"]
    )
    for folder in folders:
        names = {p.name for p in (sample_run / folder).iterdir()}
        assert names == {"labels.tif", "objects.csv", "qc.png", "annotation.json"}


def test_counts_table_has_a_row_per_field(sample_run, samples):
    table = rows(sample_run / "counts.csv")
    assert list(table[0])[: len(FIRST_COLUMNS)] == FIRST_COLUMNS
    assert {"count_nucleus", "density_per_mm2", "median_area_px", "median_area_um2"} <= set(table[0])
    assert [row["folder"] for row in table[:2]] == ["nuclei_stack", "A01_s1"]
    assert table[1]["file"] == str(samples / "plate" / "A01_s1.ome.tif")
    assert {row["status"] for row in table} == {"done"}
    assert all(int(row["count"]) == int(row["count_nucleus"]) > 0 for row in table)


def test_counts_are_near_the_truth(sample_run, samples):
    true = {row["well"]: int(row["true_count"]) for row in rows(samples / "plate" / "plate.csv")}
    found = {row["folder"][:3]: int(row["count"]) for row in rows(sample_run / "counts.csv") if "_s1" in row["folder"]}
    assert found.keys() == true.keys()
    for name, count in found.items():
        assert abs(count - true[name]) <= 0.15 * true[name], name


def test_labels_table_and_annotation_tell_the_same(sample_run):
    for row in rows(sample_run / "counts.csv"):
        folder = sample_run / row["folder"]
        labels, spacing = read_labels(folder / "labels.tif")
        objects = rows(folder / "objects.csv")
        annotation = json.loads((folder / "annotation.json").read_text(encoding="utf-8"))
        ids = [int(cell["id"]) for cell in objects]
        assert ids == list(range(1, int(row["count"]) + 1)) == np.unique(labels)[1:].tolist()
        assert [cell["id"] for cell in annotation["objects"]] == ids
        assert {cell["origin"] for cell in annotation["objects"]} == {"model"}
        assert np.bincount(labels.ravel())[1:].tolist() == [int(cell["area_px"]) for cell in objects]
        assert labels.shape == ((448, 512) if row["folder"] == "nuclei_stack" else (256, 256))
        assert spacing.x == pytest.approx(0.325 if row["folder"] == "nuclei_stack" else 0.65)
        assert annotation["provenance"]["model"].startswith("nuclei ")


def test_labels_take_the_smallest_type_that_holds_them(sample_run):
    with tifffile.TiffFile(sample_run / "nuclei_stack" / "labels.tif") as file:
        assert file.is_ome
        assert file.pages[0].dtype == np.uint16


def test_picture_is_one(sample_run):
    picture = imread(sample_run / "nuclei_stack" / "qc.png")
    assert picture.ndim == 3
    assert min(picture.shape[:2]) >= 448


def test_recipe_and_run_facts_are_complete(sample_run):
    recipe = yaml.safe_load((sample_run / "recipe.yaml").read_text(encoding="utf-8"))
    assert recipe["model"] == "nuclei"
    assert len(recipe["model_sha256"]) == 64
    assert {"confidence", "smallest", "outline", "split"} <= recipe["parameters"].keys()
    facts = json.loads((sample_run / "run.json").read_text(encoding="utf-8"))
    assert facts["complete"] is True
    assert facts["model"]["sha256"] == recipe["model_sha256"]
    assert {"openvino", "numpy", "tifffile"} <= facts["versions"].keys()
    assert len(facts["devices"]) == 1
    assert [field["kept"] for field in facts["fields"]] == [False] * 7


# -- the same again


def test_recipe_of_a_run_repeats_it_byte_for_byte(cellvino, sample_run, samples, tmp_path):
    recipe = sample_run / "recipe.yaml"
    called = cellvino(
        "run", samples / "nuclei_stack.ome.tif", samples / "plate", "--recipe", recipe, "--out", tmp_path / "out"
    )
    assert called.code == 0
    assert tree(tmp_path / "out") == tree(sample_run)


def test_typed_choice_goes_before_the_recipe(cellvino, sample_run, samples, tmp_path):
    image = samples / "plate" / "A01_s1.ome.tif"
    normal, _ = counted(cellvino, image, tmp_path / "a", "--recipe", sample_run / "recipe.yaml")
    strict, folder = counted(
        cellvino, image, tmp_path / "b", "--recipe", sample_run / "recipe.yaml", "--set", "smallest=150"
    )
    assert 0 < strict < normal
    areas = [int(cell["area_px"]) for cell in rows(folder / "objects.csv")]
    assert min(areas) >= 150


def test_finished_fields_are_kept(cellvino, sample_run, samples):
    before = tree(sample_run)
    called = cellvino("run", samples / "nuclei_stack.ome.tif", samples / "plate", "--out", sample_run)
    assert called.code == 0
    assert called.err.count("(kept") == 7
    assert tree(sample_run) == before


def test_other_choices_need_overwrite(cellvino, well, tmp_path):
    tifffile.imwrite(tmp_path / "x.tif", well[0])
    run = ("run", tmp_path / "x.tif", "--out", tmp_path / "out")
    assert cellvino(*run).code == 0
    recipe = (tmp_path / "out" / "recipe.yaml").read_bytes()
    refused = cellvino(*run, "--set", "smallest=100")
    assert refused.code == 1
    assert "--overwrite" in refused.err
    assert (tmp_path / "out" / "recipe.yaml").read_bytes() == recipe
    assert cellvino(*run, "--set", "smallest=100", "--overwrite").code == 0
    assert "smallest: 100" in (tmp_path / "out" / "recipe.yaml").read_text()


# -- channels, planes, kinds of files


def test_channel_by_name_and_by_number(cellvino, samples, tmp_path):
    image = samples / "plate" / "B01_s1.ome.tif"
    found = {c: counted(cellvino, image, tmp_path / c, "--channel", c) for c in ("DNA", "dna", "1", "GFP", "2")}
    same = {c: (folder / "labels.tif").read_bytes() for c, (_, folder) in found.items()}
    assert same["DNA"] == same["dna"] == same["1"] != same["GFP"] == same["2"]


def test_plane_and_projection(cellvino, tmp_path, samples):
    stack = tifffile.imread(samples / "nuclei_stack.ome.tif")[5:8, :128, :160]
    tifffile.imwrite(tmp_path / "stack.tif", stack, imagej=True, metadata={"axes": "ZYX"})
    tifffile.imwrite(tmp_path / "second.tif", stack[1])
    tifffile.imwrite(tmp_path / "projection.tif", stack.max(0))
    for choice, flat in (("plane:2", "second"), ("mip", "projection")):
        of_stack = counted(cellvino, tmp_path / "stack.tif", tmp_path / f"{flat}-stack", "--z", choice)
        of_flat = counted(cellvino, tmp_path / f"{flat}.tif", tmp_path / flat)
        assert of_stack[0] == of_flat[0] > 0
        assert (of_stack[1] / "objects.csv").read_bytes() == (of_flat[1] / "objects.csv").read_bytes()


def test_frame_of_a_time_series(cellvino, well, tmp_path):
    frames = np.stack([np.zeros_like(well[0]), well[0]])
    tifffile.imwrite(tmp_path / "film.tif", frames, imagej=True, metadata={"axes": "TYX"})
    counts = [counted(cellvino, tmp_path / "film.tif", tmp_path / f"{n}", "--frame", n)[0] for n in (1, 2)]
    assert counts[0] == 0
    assert counts[1] > 0


def test_every_time_point_is_a_field_of_its_own(cellvino, well, tmp_path):
    frames = np.stack([np.zeros_like(well[0]), well[0], well[0]])
    film, out = tmp_path / "film.tif", tmp_path / "all"
    tifffile.imwrite(film, frames, imagej=True, metadata={"axes": "TYX"})
    rows = cellvino("run", film, "--out", out, "--json", "--frame", "all").json["fields"]
    assert [(row["frame"], row["folder"]) for row in rows] == [(1, "film"), (2, "film t2"), (3, "film t3")]
    assert rows[0]["count"] == 0 < rows[1]["count"] == rows[2]["count"]
    second = cellvino("run", film, "--out", out, "--json", "--frame", 2).json
    assert second["fields"] == rows[1:2]
    assert second["run"]["fields"][0]["kept"]
    again = cellvino("run", film, "--out", tmp_path / "again", "--json", "--recipe", out / "recipe.yaml")
    assert again.json["fields"] == rows[1:2], "the last run's recipe: one time point"


def test_pictures_and_colours(cellvino, well, tmp_path):
    grey = (well[0] >> 4).astype(np.uint8)
    imsave(tmp_path / "grey.png", grey, check_contrast=False)
    imsave(tmp_path / "rgb.png", np.stack([grey] * 3, -1), check_contrast=False)
    imsave(tmp_path / "blue.png", np.stack([0 * grey, 0 * grey, grey], -1), check_contrast=False)
    tifffile.imwrite(tmp_path / "rgb.tif", np.stack([grey] * 3, -1), photometric="rgb")
    expected, _ = counted(cellvino, tmp_path / "grey.png", tmp_path / "1")
    assert expected > 0
    assert counted(cellvino, tmp_path / "rgb.png", tmp_path / "2")[0] == expected
    assert counted(cellvino, tmp_path / "rgb.tif", tmp_path / "3")[0] == expected
    assert counted(cellvino, tmp_path / "blue.png", tmp_path / "4", "--channel", "3")[0] == expected
    assert counted(cellvino, tmp_path / "rgb.png", tmp_path / "5", "--channel", "grey")[0] == expected


def test_diameter_brings_large_cells_to_the_model(cellvino, well, tmp_path):
    large = np.kron(well[0], np.ones((3, 3), np.uint16))
    tifffile.imwrite(tmp_path / "large.tif", large)
    tifffile.imwrite(tmp_path / "usual.tif", well[0])
    found = [
        counted(cellvino, tmp_path / f"{name}.tif", tmp_path / name, "--diameter", diameter)
        for name, diameter in (("usual", 13), ("large", 39))
    ]
    assert abs(found[1][0] - found[0][0]) <= 0.4 * found[0][0]
    assert read_labels(found[1][1] / "labels.tif")[0].shape == large.shape
    areas = [np.median([int(cell["area_px"]) for cell in rows(folder / "objects.csv")]) for _, folder in found]
    assert areas[1] == pytest.approx(9 * areas[0], rel=0.3)


# -- as a tired user types it


def test_inputs_twice_are_run_once(cellvino, well, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").mkdir()
    tifffile.imwrite("in/x.tif", well[0])
    called = cellvino("run", "in", "in/x.tif", tmp_path / "in" / ".." / "in" / "x.tif", "--out", "out")
    assert called.code == 0
    assert [row["file"] for row in rows(tmp_path / "out" / "counts.csv")] == [str(tmp_path / "in" / "x.tif")]


def test_results_inside_the_input_folder_are_no_inputs(cellvino, well, tmp_path):
    folder = tmp_path / "Ergebnisse für Jürgen"
    folder.mkdir()
    tifffile.imwrite(folder / "Zellen 1 größer.tif", well[0])
    for out in (folder / "out", folder):
        for _ in range(2):
            called = cellvino("run", folder, "--out", out, "--json")
            assert called.code == 0
            assert [field["folder"] for field in called.json["fields"]] == ["Zellen 1 größer"]


def test_one_stem_in_two_folders(cellvino, well, tmp_path):
    for day, channel in zip(("monday", "tuesday"), well, strict=True):
        (tmp_path / day).mkdir()
        tifffile.imwrite(tmp_path / day / "x.tif", channel)
    out = tmp_path / "out"
    first = cellvino("run", tmp_path / "monday", tmp_path / "tuesday", "--out", out, "--json").json["fields"]
    second = cellvino("run", tmp_path / "tuesday", tmp_path / "monday", "--out", out, "--json").json["fields"]
    assert [field["folder"] for field in first] == ["x", "x-2"]
    assert second == first[::-1]


def test_json_is_all_that_is_printed(cellvino, well, tmp_path):
    tifffile.imwrite(tmp_path / "dark.tif", np.zeros_like(well[0]))
    (tmp_path / "broken.tif").write_bytes(b"II*\0")
    called = cellvino("run", tmp_path, "--out", tmp_path / "out", "--json")
    assert called.code == 1
    assert called.err == ""
    broken, dark = called.json["fields"]
    assert (broken["status"], dark["status"]) == ("failed", "done")
    assert broken["error"]
    assert (dark["count"], dark["median_area_px"]) == (0, None)
    assert called.json["run"]["complete"] is True
