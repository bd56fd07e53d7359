"""The examples do what they say."""

from __future__ import annotations

import re
import runpy
import sys
from pathlib import Path

import pytest


def test_a_real_field_is_corrected_in_few_actions(
    root: Path, shared_data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["correct_a_field.py", str(shared_data / "bbbc039"), "--field", "A02_s1"])
    runpy.run_path(str(root / "examples" / "correct_a_field.py"), run_name="__main__")
    scores, actions = capsys.readouterr().out.splitlines()
    before, after = (float(found) for found in re.findall(r"([01]\.\d{3}) (?:before|after)", scores))
    assert before < 0.9
    assert after > 0.97
    assert int(actions.split()[0]) < 40
