"""Wrong usage ends with 2, says what is wrong and what would be right, and touches nothing."""

import re
import subprocess
import sys

import pytest

from napari_cellvino.core.errors import ModelPackageError, OptionError

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
        ((*RUN, "--device", "TPU"), "'TPU'.*AUTO or CPU"),
        ((*RUN, "--device", "AUTO:TPU"), "'AUTO:TPU'"),
        ((*RUN, "--device", ""), "device ''"),
        ((*RUN, "--precision", "turbo"), "'fast', 'exact'.*'int8'"),
        ((*RUN, "--model", "unicorns"), "'unicorns'.*cell-contour, cell-grid, cells, cells-phase"),
        ((*RUN, "--z", "best"), "mip, mean, focus, 3d.*plane:K"),
        ((*RUN, "--z", "plane:0"), "mip, mean, focus, 3d.*plane:K"),
        ((*RUN, "--frame", "0"), "frame"),
        ((*RUN, "--frame", "two"), "--frame"),
        ((*RUN, "--diameter", "-3"), "diameter"),
        ((*RUN, "--diameter", "nan"), "diameter"),
        ((*RUN, "--set", "confidence"), "--set confidence=0.6"),
        ((*RUN, "--set", "confidence=high"), "confidence=high"),
        ((*RUN, "--set", "confidence=2"), "confidence = 2.*0 to 1"),
        ((*RUN, "--set", "confidence=nan"), "confidence = nan"),
        ((*RUN, "--set", "sharpness=1"), "'sharpness'.*confidence"),
        ((*RUN, "--recipe", "absent.yaml"), "absent.yaml"),
        (("models", "nuclei"), "check"),
        (("models", "check", "unicorns"), "'unicorns'"),
        (("benchmark", "--repeats", "0"), "0 "),
        (("benchmark", "--device", "TPU"), "'TPU'"),
        (("evaluate", "out"), "RESULTS TRUTH"),
    ],
)
def test_wrong_usage(cellvino, tmp_path, monkeypatch, arguments, words):
    monkeypatch.chdir(tmp_path)
    called = cellvino(*arguments)
    assert called.code == 2
    assert re.search(words, called.err)
    assert called.out == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "recipe.yaml"),
        ("- mip", "recipe.yaml"),
        ("model: [", "recipe.yaml"),
        ("chanel: DAPI", "chanel"),
        ("z: sideways", "mip, mean, focus, 3d.*plane:K"),
        ("precision: 11", "precision"),
        ("frame: -1\ndiameter_px: 0", "frame.*diameter_px"),
        ("parameters: {confidence: 7}", "confidence = 7"),
        ("parameters: {magic: 1}", "'magic'"),
        ("model_sha256: 0123456789abcdef", "nuclei"),
    ],
)
def test_bad_recipe(cellvino, tmp_path, content, words):
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(content)
    called = cellvino("run", "image.tif", "--out", tmp_path / "out", "--recipe", recipe)
    assert called.code == 2
    assert isinstance(called.error, (OptionError, ModelPackageError))
    assert re.search(words, called.err)
    assert not (tmp_path / "out").exists()


def test_folder_as_recipe(cellvino, tmp_path):
    called = cellvino("run", "image.tif", "--out", tmp_path / "out", "--recipe", tmp_path)
    assert called.code == 2
    assert isinstance(called.error, OptionError)
    assert str(tmp_path) in called.err


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
        printed = process.stderr.read()
    assert printed == ""
