"""The documentation builds without a warning, holds what it promises, and fetches nothing."""

from __future__ import annotations

import argparse
import html
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from napari_cellvino.cli.parser import make_parser

pytest.importorskip("mkdocs", reason="needs the dependency group docs")
pytestmark = pytest.mark.slow

FETCHED = re.compile(r"""<(?:script|img|iframe|source)\b[^>]*\bsrc=["']?https?:|<link\b[^>]*\bhref=["']?https?:""")
IN_STYLE = re.compile(r"""(?:url\(\s*["']?|@import\s+["'])https?:""")


@pytest.fixture(scope="module")
def site(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", folder],
        cwd=root, env=os.environ | {"NO_MKDOCS_2_WARNING": "1"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def words(page: Path) -> str:
    return html.unescape(re.sub(r"<[^>]+>", "", page.read_text(encoding="utf-8")))


def test_no_page_fetches_anything_from_elsewhere(site: Path) -> None:
    pages = list(site.rglob("*.html"))
    assert len(pages) > 20
    assert [page.name for page in pages if FETCHED.search(page.read_text(encoding="utf-8"))] == []
    styles = list(site.rglob("*.css"))
    assert styles
    assert [style.name for style in styles if IN_STYLE.search(style.read_text(encoding="utf-8"))] == []


def test_every_command_and_option_is_told(site: Path) -> None:
    told = words(site / "commands.html")
    commands = next(a for a in make_parser()._actions if isinstance(a, argparse._SubParsersAction))
    options = {option for c in commands.choices.values() for a in c._actions for option in a.option_strings}
    assert {"--recipe", "--labels-back"} <= options
    assert [o for o in (*commands.choices, *options - {"-h"}) if o not in told] == []


def test_every_model_has_its_card(site: Path, root: Path) -> None:
    for card in (root / "models").glob("*/README.md"):
        title = card.read_text(encoding="utf-8").splitlines()[0].removeprefix("# ")
        assert title in words(site / "model-cards" / f"{card.parent.name}.html")


def test_notebooks_show_what_their_cells_gave(site: Path, root: Path) -> None:
    notebooks = list((root / "docs" / "notebooks").glob("*.py"))
    assert len(notebooks) == 3
    pictures = {path.parent.name for path in (site / "notebooks").rglob("*.png")}
    assert pictures == {"count_a_folder_files", "own_pipeline_files"}
    before, after = re.findall(
        r"F1 (0\.\d+) before, (0\.\d+) after", words(site / "notebooks/correct_and_compare.html")
    )[-1]
    assert float(before) < float(after)


def test_rooms_of_the_house_are_those_of_the_contract(root: Path) -> None:
    page = (root / "docs" / "develop" / "house.md").read_text(encoding="utf-8")
    table = page[page.index("| floor |") : page.index("## Where do I")]
    rooms = {path.parent.name for path in (root / "src" / "napari_cellvino").glob("*/__init__.py")}
    assert set(re.findall(r"`(\w+)`", table.split("\n\n")[0])) == rooms
    named = re.findall(r"`((?:\w+/)+\w+\.py)`", page)
    assert [p for p in named if not ((root / "src/napari_cellvino" / p).exists() or (root / p).exists())] == []
