"""Wrong usage ends with 2, says what is wrong and what would be right, and touches nothing."""

import re
import subprocess
import sys

import pytest

RUN = ("run", "image.tif", "--out", "out")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "required: COMMAND"),
        (("image.tif", "run"), "invalid choice"),
        (("count", "image.tif"), "choose from"),
        (("run", "image.tif"), "--out"),
        (("run", "--out", "out"), "INPUT"),
        ((*RUN, "--precission", "fast"), "--precission"),
        ((*RUN, "--device", "TPU"), "no device 'TPU' on this computer; available: AUTO, CPU"),
        ((*RUN, "--device", "AUTO:TPU"), "no device 'AUTO:TPU'"),
        ((*RUN, "--device", ""), "no device ''"),
        ((*RUN, "--precision", "turbo"), "'fast', 'exact' or 'int8'"),
        ((*RUN, "--model", "unicorns"), "no model 'unicorns'; installed: cell-contour, cell-grid, cells-phase"),
        ((*RUN, "--z", "best"), "use mip, mean, focus, 3d, or plane:K"),
        ((*RUN, "--z", "plane:0"), "use mip, mean, focus, 3d, or plane:K"),
        ((*RUN, "--frame", "0"), "frame"),
        ((*RUN, "--frame", "two"), "--frame"),
        ((*RUN, "--diameter", "-3"), "diameter"),
        ((*RUN, "--diameter", "nan"), "diameter"),
        ((*RUN, "--set", "confidence"), "write it like --set confidence=0.6"),
        ((*RUN, "--set", "confidence=high"), "is no number"),
        ((*RUN, "--set", "confidence=2"), "confidence = 2 is out of range; use 0 to 1"),
        ((*RUN, "--set", "confidence=nan"), "out of range"),
        ((*RUN, "--set", "sharpness=1"), "no parameter 'sharpness'; it has confidence"),
        ((*RUN, "--recipe", "absent.yaml"), "absent.yaml cannot be read"),
        (("models", "nuclei"), "check"),
        (("models", "check", "unicorns"), "no model 'unicorns'"),
        (("benchmark", "--repeats", "0"), "0 repeats"),
        (("benchmark", "--device", "TPU"), "no device 'TPU'"),
        (("evaluate", "out"), "RESULTS TRUTH"),
    ],
)
def test_wrong_usage(cellvino, tmp_path, monkeypatch, arguments, words):
    monkeypatch.chdir(tmp_path)
    called = cellvino(*arguments)
    assert called.code == 2
    assert words in called.err
    assert called.out == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "holds no choices"),
        ("- mip", "holds no choices"),
        ("model: [", "cannot be read"),
        ("chanel: DAPI", "chanel"),
        ("z: sideways", "use mip, mean, focus, 3d, or plane:K"),
        ("precision: 11", "precision"),
        ("frame: -1\ndiameter_px: 0", "frame.*diameter_px"),
        ("parameters: {confidence: 7}", "confidence = 7 is out of range"),
        ("parameters: {magic: 1}", "no parameter 'magic'"),
        ("model_sha256: 0123456789abcdef", "made with another nuclei"),
    ],
)
def test_bad_recipe(cellvino, tmp_path, content, words):
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(content)
    called = cellvino("run", "image.tif", "--out", tmp_path / "out", "--recipe", recipe)
    assert called.code == 2
    assert re.search(words, called.err)
    assert not (tmp_path / "out").exists()


def test_folder_as_recipe(cellvino, tmp_path):
    called = cellvino("run", "image.tif", "--out", tmp_path / "out", "--recipe", tmp_path)
    assert called.code == 2
    assert "cannot be read" in called.err


@pytest.mark.parametrize(
    "command", ["", "run", "info", "devices", "models", "evaluate", "benchmark", "convert", "quantize"]
)
def test_help(cellvino, command):
    called = cellvino(*command.split(), "--help")
    assert called.code == 0
    assert called.out.startswith("usage: cellvino")
    assert called.err == ""


def test_installed_command_gives_its_exit_codes(scripts_folder, samples, tmp_path):
    """The script itself, in a process of its own: code, and only messages on standard error."""
    image = samples / "plate" / "A03_s1.ome.tif"
    for expected, inputs in ((0, [image]), (1, [tmp_path / "absent.tif", image]), (2, [])):
        command = [scripts_folder / "cellvino", "run", *inputs, "--out", tmp_path / "out"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == expected, done.stderr
        assert done.stdout == ""
        assert "Traceback" not in done.stderr
        assert "Warning" not in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="pipes break otherwise there")
def test_reader_that_goes_away_is_no_crash(scripts_folder):
    with subprocess.Popen(
        [scripts_folder / "cellvino", "models", "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        process.stdout.close()
        said = process.stderr.read()
    assert said == ""
