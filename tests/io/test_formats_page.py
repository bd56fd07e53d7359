"""The page of formats is what the readers and the tests say now."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from napari_cellvino.io.known_readers import KNOWN_READERS


@pytest.fixture(scope="module")
def script(root: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("formats_page", root / "scripts" / "formats_page.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_current(script):
    assert script.PAGE.read_text(encoding="utf-8") == script.page(), "run python scripts/formats_page.py"


def test_every_reader_has_a_line_and_every_proof_is_a_test_that_names_it(script, root):
    assert set(script.PROOFS) == {reader.name for reader in KNOWN_READERS}
    for reader in KNOWN_READERS:
        test, _ = script.PROOFS[reader.name]
        text = (root / test).read_text(encoding="utf-8").lower() if test else reader.suffixes[0]
        assert any(suffix.strip(".") in text for suffix in reader.suffixes), f"{reader.name} is not in {test}"
    assert [test for _, test, _ in script.PLATES if not (root / test).is_file()] == []
