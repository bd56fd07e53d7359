"""Names of files, columns and keys, and a few counts, as they were last agreed on: a change is seen in review."""

from __future__ import annotations

from pathlib import Path

import golden_window as window
import pytest
from golden_schema import schema_text

from napari_cellvino.cli import main
from napari_cellvino.formats.registry import FORMATS

pytestmark = pytest.mark.slow
AGREED = Path(__file__).parent / "schema.txt"
RUNS = ("folder", "stack", "film", "plate", "boxes", "outlines")


def test_schema_is_the_agreed_one(given, typed, tmp_path):
    corrected = tmp_path / "corrected"
    workspace = window.found(given / "images" / "A01.tif", precision="exact")
    window.save(workspace, corrected)
    window.save(workspace, corrected, window.correct(workspace, window.edit_outlines))
    exported = tmp_path / "exported"
    words = ["export", corrected, "--all-fields", "--to", ",".join(FORMATS), "--out", exported]
    assert main([str(word) for word in words]) == 0
    found = schema_text([*map(typed, RUNS), corrected, exported])
    (tmp_path / "schema.txt").write_text(found, encoding="utf-8")
    assert found.splitlines() == AGREED.read_text(encoding="utf-8").splitlines(), (
        f"is this change of what is written meant? Then copy {tmp_path / 'schema.txt'} to {AGREED}"
    )
