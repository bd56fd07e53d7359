"""``--verbose`` and ``--log-file``: what every command logs, where it goes, and that nothing of it stays set."""

import logging
import re

import pytest

from napari_cellvino.cli import main
from napari_cellvino.cli.parser import make_parser

STAGES = ("read", "infer", "measure", "save", "run")


@pytest.fixture(scope="module")
def logged(cellvino, samples, tmp_path_factory):
    """A run of one field with all of the log, on the terminal and in a file."""
    folder = tmp_path_factory.mktemp("logged")
    called = cellvino(
        "run", samples / "nuclei_stack.ome.tif", "--out", folder / "out", "-vv", "--log-file", folder / "cellvino.log"
    )
    assert called.code == 0, called.err
    return called.err, (folder / "cellvino.log").read_text(encoding="utf-8")


@pytest.mark.parametrize("stage", STAGES)
def test_each_stage_is_logged_with_its_field_and_seconds(logged, stage):
    for text in logged:
        found = re.findall(rf"DEBUG .*napari_cellvino\.\w+\.\w+: {stage} (\S+): (\d+\.\d{{3}}) s", text)
        assert len(found) == 1, text
        assert found[0][0] == "nuclei_stack"


def test_the_stages_are_no_longer_than_the_field(logged):
    seconds = {stage: float(re.search(rf": {stage} \S+: (\d+\.\d+) s", logged[1])[1]) for stage in STAGES}
    assert sum(seconds[stage] for stage in STAGES if stage != "run") <= seconds["run"] + 0.01


def test_lines_of_the_file_have_a_time_and_are_appended(cellvino, tmp_path):
    log = tmp_path / "cellvino.log"
    for _ in range(2):
        assert cellvino("plot", tmp_path, "--log-file", log).code == 1
    lines = log.read_text(encoding="utf-8").splitlines()
    starts = [line for line in lines if re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", line)]
    assert len(starts) == 2
    assert (
        sum(line.startswith("napari_cellvino.core.errors.ImageReadError: ") for line in lines) == 2
    )  # with its traceback, for a report


def test_once_verbose_is_what_a_run_does(cellvino, samples, tmp_path):
    called = cellvino("run", samples / "plate" / "A01_s1.ome.tif", "--out", tmp_path / "out", "-v")
    assert called.code == 0, called.err
    assert "INFO napari_cellvino.workflows.run_fields:" in called.err
    assert "DEBUG" not in called.err


def test_a_failed_field_is_in_the_log(cellvino, tmp_path):
    (tmp_path / "broken.tif").write_bytes(b"no image")
    called = cellvino("run", tmp_path / "broken.tif", "--out", tmp_path / "out", "-v")
    assert called.code == 1
    (line,) = [line for line in called.err.splitlines() if line.startswith("WARNING")]
    assert "broken.tif" in line


def test_without_the_options_nothing_is_logged(cellvino, samples, tmp_path):
    called = cellvino("run", samples / "plate" / "A01_s1.ome.tif", "--out", tmp_path / "out")
    assert "napari_cellvino" not in called.err


def test_nothing_stays_set(cellvino, tmp_path):
    package = logging.getLogger("napari_cellvino")
    before = package.level, list(package.handlers)
    cellvino("plot", tmp_path, "-v", "--log-file", tmp_path / "a.log")
    assert (package.level, package.handlers) == before
    (tmp_path / "a.log").unlink()  # nothing holds it open


def test_a_log_file_that_cannot_be_written_is_named(cellvino, tmp_path):
    called = cellvino("plot", tmp_path, "--log-file", tmp_path / "none" / "a.log")
    assert called.code == 1
    assert str(tmp_path / "none" / "a.log") in called.err


def test_every_command_has_the_options(capsys):
    names = re.findall(r"^    (\w+) ", make_parser().format_help(), re.MULTILINE)
    assert {"run", "plot", "models", "import"} <= set(names)
    for name in names:
        with pytest.raises(SystemExit):
            main([name, "--help"])
        text = capsys.readouterr().out
        assert "--log-file PATH" in text
        assert "-v, --verbose" in text
