"""``cellvino run --pipeline spots``: spots with and without cells, in planes, stacks and plates."""

import csv

import numpy as np
import pytest
import tifffile

from napari_cellvino.core.errors import OptionError
from napari_cellvino.quality.point_accuracy import match_points
from napari_cellvino.results.store import ResultStore
from napari_cellvino.training.synthetic.spot_fields import SpotField, simulate_spots

FIELD = SpotField(spots=40, snr=12.0, shape=(96, 128))


def rows(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def spot_run(cellvino, tmp_path_factory):
    """A plane and a stack, run without cells: the folder, and where their spots are."""
    folder = tmp_path_factory.mktemp("spots")
    plane, in_plane = simulate_spots(FIELD, 1)
    stack, in_stack = simulate_spots(SpotField(spots=30, snr=12.0, shape=(10, 80, 80)), 2)
    tifffile.imwrite(folder / "plane.tif", plane)
    tifffile.imwrite(folder / "stack.ome.tif", stack, metadata={"axes": "ZYX"})
    called = cellvino(
        "run", folder / "plane.tif", folder / "stack.ome.tif", "--pipeline", "spots", "--out", folder / "out"
    )
    assert called.code == 0, called.err
    return folder, in_plane, in_stack, called


def test_spots_of_a_plane(spot_run):
    folder, true, _, called = spot_run
    table = rows(folder / "out" / "plane" / "spots.csv")
    assert list(table[0]) == ["z", "y", "x", "intensity", "score", "cell"]
    assert {row["z"] for row in table} == {row["cell"] for row in table} == {""}
    found = np.array([[float(row["y"]), float(row["x"])] for row in table])
    assert match_points(found, true[:, 1:], 1.0).f1 > 0.85
    assert f"plane.tif: {len(table)} spots" in called.err


def test_spots_of_a_stack_have_planes_from_1(spot_run):
    folder, _, true, _ = spot_run
    found = np.array([[float(row[axis]) for axis in "zyx"] for row in rows(folder / "out" / "stack" / "spots.csv")])
    assert match_points(found - (1, 0, 0), true, 2.0).f1 > 0.8


def test_without_a_model_there_is_no_count_of_cells(spot_run):
    out = spot_run[0] / "out"
    plane, _ = rows(out / "counts.csv")
    assert (plane["count"], plane["model"]) == ("", "")
    assert int(plane["spots"]) == len(rows(out / "plane" / "spots.csv"))
    assert "chosen by the field" in plane["notices"]
    assert ResultStore(out).summary(out / "plane").notices == "", "how spots were found makes no number doubtful"
    assert not (out / "plane" / "labels.tif").exists()
    curve = rows(out / "plane" / "spots_curve.csv")
    assert list(curve[0]) == ["brightness", "spots"]


def test_second_run_keeps_what_is_there(spot_run, cellvino):
    folder = spot_run[0]
    again = cellvino("run", folder / "plane.tif", "--pipeline", "spots", "--out", folder / "out")
    assert "kept from an earlier run" in again.err


def test_recipe_repeats_the_run(spot_run, cellvino):
    folder = spot_run[0]
    recipe = folder / "out" / "recipe.yaml"
    assert cellvino("run", folder / "plane.tif", "--recipe", recipe, "--out", folder / "same").code == 0
    same, first = (folder / out / "plane" / "spots.csv" for out in ("same", "out"))
    assert same.read_bytes() == first.read_bytes()


def test_spots_are_counted_in_cells_and_compared_with_those_of_another_channel(cellvino, samples, tmp_path):
    nuclei = tifffile.imread(samples / "plate" / "B02_s1.ome.tif")[0, :128, :160]
    spots, _ = simulate_spots(SpotField(spots=80, snr=15.0, shape=nuclei.shape, cells=0), 3)
    other, _ = simulate_spots(SpotField(spots=80, snr=15.0, shape=nuclei.shape, cells=0, spread=0.2), 3)
    stack = np.stack([nuclei, spots, other])
    tifffile.imwrite(tmp_path / "two.ome.tif", stack, metadata={"axes": "CYX", "Channel": {"Name": ["DNA", "A", "B"]}})
    out = tmp_path / "out"
    words = ("--pipeline", "spots", "--model", "nuclei", "--whole-cells", "expand", "--spot-partner", "B")
    called = cellvino("run", tmp_path / "two.ome.tif", *words, "--out", out)
    assert called.code == 0, called.err
    assert "spots are sought in channel" in called.err
    table, objects = rows(out / "two" / "spots.csv"), rows(out / "two" / "objects.csv")
    (field,) = rows(out / "counts.csv")
    inside = [row["cell"] for row in table if row["cell"]]
    pairs = rows(out / "two" / "spot_pairs.csv")
    for cell in objects:
        assert int(cell["spots"]) == inside.count(cell["id"])
        assert int(cell["spots"]) == int(cell["spots_in_nucleus"]) + int(cell["spots_in_cytoplasm"])
        assert int(cell["spots_paired"]) == [pair["cell"] for pair in pairs].count(cell["id"])
        parts = int(cell["spots_paired_in_nucleus"]), int(cell["spots_paired_in_cytoplasm"])
        assert int(cell["spots_paired"]) == sum(parts)
        assert -1 <= float(cell["pearson"]) <= 1
    assert int(field["spots_in_cells"]) == len(inside) > 10
    assert int(field["spots"]) == len(table) >= len(inside)
    assert float(field["spots_per_cell"]) == pytest.approx(len(inside) / int(field["count"]), rel=1e-4)
    assert int(field["partner_spots"]) == len(rows(out / "two" / "spots_partner.csv"))
    assert 50 < int(field["spots_paired"]) == len(pairs) > 3 * float(field["spots_paired_by_chance"])
    assert float(field["spots_paired_p"]) == 0.01


def test_wells_add_up_their_spots(cellvino, samples, tmp_path):
    called = cellvino(
        "run",
        samples / "plate",
        "--pattern",
        "{well}_s{field}.ome.tif",
        "--plate",
        "--wells",
        "A01",
        "--pipeline",
        "spots",
        "--out",
        tmp_path / "out",
    )
    assert called.code == 0, called.err
    (well,), fields = rows(tmp_path / "out" / "wells.csv"), rows(tmp_path / "out" / "counts.csv")
    assert int(well["spots"]) == sum(int(field["spots"]) for field in fields)
    assert well["count"] == ""


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["--pipeline", "dots"], "no pipeline 'dots'"),
        (["--pipeline", "spots", "--outline", "cell-contour"], "without a model no cells"),
        (["--pipeline", "spots", "--set", "confidence=0.5"], "no parameter 'confidence'"),
        (["--pipeline", "spots", "--set", "pair_distance=2"], "no parameter 'pair_distance'"),
    ],
)
def test_impossible_choices_are_refused(cellvino, tmp_path, words, part):
    called = cellvino("run", tmp_path / "x.tif", "--out", tmp_path / "out", *words)
    assert isinstance(called.error, OptionError)
    assert part in str(called.error)


def test_spots_that_may_be_grain_make_the_number_doubtful(tmp_path, cellvino):
    waves = np.random.default_rng(0).normal(size=(2, 256, 256))
    speckle = (np.fft.ifft2(np.fft.fft2(waves) * _soft(256)).real ** 2).sum(0)
    tifffile.imwrite(tmp_path / "grain.tif", np.clip(400 * speckle / speckle.mean(), 0, 65535).astype(np.uint16))
    called = cellvino("run", tmp_path / "grain.tif", "--pipeline", "spots", "--out", tmp_path / "out")
    assert called.code == 0, called.err
    out = tmp_path / "out"
    spots = len(rows(out / "grain" / "spots.csv"))
    assert f"of the {spots:,} spots may be noise or grain" in rows(out / "counts.csv")[0]["notices"]
    assert "may be noise or grain" in ResultStore(out).summary(out / "grain").notices


def _soft(side):
    """Return what the waves of noise are multiplied with, for grain of one px (standard deviation)."""
    wave = np.fft.fftfreq(side)
    return np.exp(-2 * np.pi**2 * (wave[:, None] ** 2 + wave**2))
