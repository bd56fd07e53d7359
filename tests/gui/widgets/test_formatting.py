from __future__ import annotations

import re
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from napari_cellvino.core.errors import ImageValueError
from napari_cellvino.core.image import Spacing
from napari_cellvino.gui.widgets.failure import FIRST_WORDS, failure_of
from napari_cellvino.gui.widgets.form_layout import text_line
from napari_cellvino.gui.widgets.formatting import (
    SizeUnit,
    format_bytes,
    format_count,
    format_parameter,
    format_reason,
    format_seconds,
    keep_units,
)
from napari_cellvino.gui.widgets.option_names import COMMAND_LINE_ONLY, CONTROLS, window_text
from napari_cellvino.segmentation.heads import Parameter
from napari_cellvino.workflows.field_notices import notices_of_fields
from napari_cellvino.workflows.field_task import FieldOutcome

AREA = Parameter("smallest", "Smallest", 16, 0, 2000, 1, "px²")


@pytest.mark.parametrize(("count", "words"), [(0, "0 cells"), (1, "1 cell"), (12034, "12\u2009034 cells")])
def test_counts(count: int, words: str) -> None:
    assert format_count(count) == words


@pytest.mark.parametrize(("seconds", "words"), [(0.01, "0.1 s"), (0.84, "0.8 s"), (12.4, "12 s"), (170, "3 min")])
def test_times(seconds: float, words: str) -> None:
    assert format_seconds(seconds) == words


@pytest.mark.parametrize(
    ("error", "words"),
    [
        ("a 1.tif is cut short", "is cut short"),
        ("/lab/day 1/results/a 1/labels.tif cannot be written", "results/a 1/labels.tif cannot be written"),
        ("there is no file /lab/day 1/a 1.tif; check the name", "there is no file a 1.tif; check the name"),
        ("/elsewhere/labels.tif cannot be written", "/elsewhere/labels.tif cannot be written"),
    ],
)
def test_a_reason_leaves_out_what_stands_beside_it(error: str, words: str) -> None:
    assert format_reason(error, "/lab/day 1/a 1.tif") == words


@pytest.mark.parametrize(("count", "words"), [(10, "1 MB"), (310_000_000, "310 MB"), (1_240_000_000, "1.2 GB")])
def test_memory(count: int, words: str) -> None:
    assert format_bytes(count) == words


@pytest.mark.parametrize(
    ("unit", "words"),
    [(SizeUnit(None, "px²"), "1,034"), (SizeUnit(0.01, "µm²"), "10.3"), (SizeUnit(0.1, "µm²"), "103")],
)
def test_sizes(unit: SizeUnit, words: str) -> None:
    assert unit.text(1034) == words


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (
            "c 1 is taken; --channel takes another",
            "c 1 is taken; choose another: Channel in tab 1, or on the Plate tab",
        ),
        ("1 of 3 was counted; --frame N takes another", "1 of 3 was counted; choose another: Time point in tab 1"),
        (
            "blue; --channel grey takes all colours",
            "blue; Grey of Channel in tab 1, or on the Plate tab takes all colours",
        ),
        ("--level N reads a smaller one: 1", "Level in tab 1 reads a smaller one: 1"),
        ("or a part: --region Y0:Y1,X0:X1", "or a part: Region under Correct… in tab 1"),
        ("counted all the same (signal_test is 0)", "counted all the same ('No cells in noise' in tab 2 is off)"),
        ("add one (--outline)", "add one (Outlines in tab 2)"),
        ("use --z max here", "use Stack in tab 1 max here"),
        ("say --pattern '{well}.tif'", "say the pattern '{well}.tif' on the Plate tab"),
        ("of --encoding latin-1", "of --encoding (command line) latin-1"),
        ("lab--level/a--frame.tif", "lab--level/a--frame.tif"),
    ],
)
def test_the_window_names_its_controls_and_no_options(said: str, words: str) -> None:
    assert window_text(said) == words
    assert window_text(words) == words


def test_the_window_knows_every_option_that_a_sentence_may_name(root: Path) -> None:
    above = {"cli", "gui", "api", "service", "training"}
    named: set[str] = set()
    for room in (root / "src" / "napari_cellvino").iterdir():
        for file in room.rglob("*.py") if room.name not in above else ():
            named.update(re.findall(r"(?<![\w-])--([a-z][a-z-]*)", file.read_text(encoding="utf-8")))
    assert named - set(CONTROLS) - COMMAND_LINE_ONLY == set()


@pytest.mark.parametrize(
    ("problem", "words"),
    [
        ("there is no file noext", "There is no file noext"),
        ("noext has no time point 7", "noext has no time point 7"),
        ("noext", "noext"),
        ("a.tif is damaged", "a.tif is damaged"),
        ("", ""),
    ],
)
def test_a_message_is_a_sentence_and_names_stay_as_they_are(problem: str, words: str) -> None:
    assert failure_of(ImageValueError(problem)).message == words


def test_the_window_knows_how_messages_begin(root: Path) -> None:
    begun: list[str] = []
    for file in (root / "src" / "napari_cellvino").rglob("*.py"):
        begun += re.findall(r'Error\(\s*f?"([a-z]+)[ ,:]', file.read_text(encoding="utf-8"))
    unknown = [word for word in begun if word not in FIRST_WORDS]  # such a message has no capital letter
    assert len(unknown) < len(begun) / 20, set(unknown)


def test_parameters_take_the_unit_that_is_known() -> None:
    assert format_parameter(AREA, 16, Spacing()) == "16 px²"
    assert format_parameter(AREA, 16, Spacing(y=0.5, x=0.5)) == "4.0 µm²"
    assert format_parameter(Parameter("c", "Confidence", 0.55, 0, 1, 0.01), 0.55, Spacing()) == "0.55"


def test_a_long_name_makes_no_panel_wide(qtbot: QtBot) -> None:
    name = "2026-11-28_HeLa_staurosporine_100nM_replicate_3_position_0042_DAPI_GFP.ome.tif"
    text = f"Saved in /data/screen/{name} for you."
    line = text_line("done", text)
    qtbot.addWidget(line)
    assert line.minimumSizeHint().width() < 320
    assert line.text() == line.toolTip() == text
    line.setText("Saved in /data.")
    assert line.toolTip() == ""


def test_a_notice_is_told_once_and_with_its_field() -> None:
    told = (
        ("a.tif", ("dim",)),
        ("b.tif", ("dim", "17 spots")),
        ("c.tif", ("dim", "blurred")),
        ("d.tif", ("dim", "blurred")),
    )
    rows = ({"file": f"/data/{name}", "position": "", "status": "ok"} for name, _ in told)
    outcomes = [FieldOutcome(1, row, notices=notices) for row, (_, notices) in zip(rows, told, strict=True)]
    assert notices_of_fields(outcomes, "") == ["dim", "b.tif: 17 spots", "c.tif and 1 more: blurred"]


def test_a_number_stays_on_the_line_of_its_unit() -> None:
    said = "1 field each · 2 channels, 0.65 × 0.65 µm, in 384 × 384 px of it"
    assert keep_units(said) == "1~field each · 2~channels, 0.65 × 0.65~µm, in 384 × 384~px of it".replace("~", "\u00a0")
