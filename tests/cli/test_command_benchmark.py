"""``cellvino benchmark`` prints a table that lines up, or JSON; and the figures' own command runs."""

import json
import subprocess
import sys

import pytest
import tifffile

from napari_cellvino.cli import benchmark
from napari_cellvino.core.errors import ImageReadError, ImageValueError


@pytest.fixture(scope="module")
def image(samples, tmp_path_factory):
    path = tmp_path_factory.mktemp("benchmark") / "well.tif"
    tifffile.imwrite(path, tifffile.imread(samples / "plate" / "A01_s1.ome.tif")[0, :128, :128])
    return path


@pytest.fixture(autouse=True)
def _nothing_is_compiled(monkeypatch):
    monkeypatch.setattr(benchmark, "get_ready", lambda: False)


def test_who_does_the_loops_is_said(cellvino, image, monkeypatch):
    by_numpy = cellvino("benchmark", image, "--repeats", 1, "--precision", "fast", "--device", "CPU")
    assert by_numpy.out.splitlines()[0].endswith("loops by NumPy")
    monkeypatch.setattr(benchmark, "get_ready", lambda: True)
    by_numba = cellvino("benchmark", image, "--repeats", 1, "--precision", "fast", "--device", "CPU")
    assert by_numba.out.splitlines()[0].endswith("loops compiled by Numba")


def test_table_lines_up(cellvino, image):
    called = cellvino("benchmark", image, "--repeats", 1, "--device", "CPU")
    assert called.code == 0
    assert called.err == ""
    title, heads, *lines = called.out.splitlines()
    assert title.startswith("well: 128 × 128 px · uint16; nuclei ")
    assert heads.split()[:3] == ["device", "precision", "runs"]
    assert [line.split()[:2] for line in lines][:2] == [["CPU", "exact"], ["CPU", "fast"]]
    assert {line.rindex(" / ") for line in lines} == {lines[0].rindex(" / ")}
    assert len({line.index(line.split()[-3], 60) for line in lines}) == 1
    assert all(len(line) <= 120 for line in (heads, *lines))


def test_json(cellvino, image):
    called = cellvino("benchmark", image, "--repeats", 1, "--precision", "fast", "--device", "auto", "--json")
    assert called.code == 0
    (timing,) = called.json["timings"]
    assert (timing["device"], timing["precision"], timing["problem"]) == ("AUTO", "fast", "")
    assert timing["network_s"] > 0
    assert timing["count"] > 0
    assert timing["added"] is not None
    assert called.json["compiled_loops"] is False


def test_sample_is_the_default(cellvino):
    called = cellvino("benchmark", "--repeats", 1, "--precision", "fast", "--json")
    assert called.json["image"].endswith("nuclei_stack.ome.tif")


def test_image_that_cannot_be_read(cellvino, tmp_path):
    called = cellvino("benchmark", tmp_path / "absent.tif")
    assert called.code == 1
    assert isinstance(called.error, ImageReadError)
    assert str(tmp_path / "absent.tif") in called.err
    assert called.out == ""


def test_choice_that_does_not_fit_the_image(cellvino, image):
    called = cellvino("benchmark", image, "--channel", "9", "--json")
    assert called.code == 1
    assert isinstance(called.error, ImageValueError)
    assert "'9'" in called.err


def test_figures_command_measures(root):
    command = [sys.executable, "-m", "benchmarks", "--only", "sliders", "--repeats", "1", "--json"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    slowest, *each = json.loads(done.stdout)["figures"]["sliders"]
    assert slowest["goal"] == 80
    assert slowest["value"] == max(figure["value"] for figure in each) > 0


def test_what_cannot_be_measured_here_is_named(root, tmp_path):
    command = [sys.executable, "-m", "benchmarks", "--only", "stardist", "--peer", str(tmp_path)]
    printed = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout
    assert str(tmp_path) in printed
    found = json.loads(
        subprocess.run([*command, "--json"], cwd=root, capture_output=True, text=True, check=True).stdout
    )
    assert str(tmp_path) in found["figures"]["stardist"]["not measured"]
