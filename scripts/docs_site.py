"""Make the pages of the documentation that are not written by hand; mkdocs calls the functions here by their names.

The command reference comes from the parser, the model cards from the models, and the notebooks are executed on the
sample images each time the site is built: a page that does not hold any more fails the build.
"""

from __future__ import annotations

import argparse
import html
import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

import jupytext
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from nbclient import NotebookClient
from nbconvert import MarkdownExporter

from napari_cellvino.cli.parser import make_parser

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOK_S = 300  # seconds that one cell may take
CARD = re.compile(r"\.\./models/([\w-]+)/README\.md")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the generated pages."""
    pages: dict[str, str | bytes] = {
        "commands.md": command_page(),
        "develop/contributing.md": contributing_page(),
        **card_pages(),
    }
    for path in sorted(Path(config.docs_dir).glob("notebooks/*.py")):
        pages |= notebook_pages(path)
    for uri, content in pages.items():
        files.append(File.generated(config, uri, content=content))
    return files


def on_page_markdown(markdown: str, page: Page, **_: object) -> str:
    """Let links to the folders of models, which hold in the source tree, lead to the pages of their cards."""
    return CARD.sub(r"model-cards/\1.md", markdown)


def card_pages() -> dict[str, str]:
    """Return a page for the card of each model."""
    cards = sorted((ROOT / "models").glob("*/README.md"))
    return {f"model-cards/{card.parent.name}.md": card.read_text(encoding="utf-8") for card in cards}


def contributing_page() -> str:
    """Return CONTRIBUTING.md without its links into the source tree."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    return re.sub(r"\[([^\]]+)\]\(((?:scripts|tests|docs)/[^)]+)\)", r"`\2`", text)


# -- the command line


def command_page() -> str:
    """Return a page with every command and all its options, as the parser knows them."""
    parser = make_parser()
    commands = next(a for a in parser._actions if isinstance(a, argparse._SubParsersAction))
    parts = [
        "# Commands",
        "Every command answers `--help`. Exit codes: 0 all went well, 1 something failed, 2 wrong usage. Channels, "
        "planes and time points are numbered from 1.",
    ]
    for name, command in commands.choices.items():
        parts += [f"## cellvino {name}", _sentence(command.description or ""), f"```\n{_usage(command)}\n```"]
        parts += _groups(command)
    return "\n\n".join(parts) + "\n"


def _usage(command: argparse.ArgumentParser) -> str:
    before = os.environ.get("COLUMNS")
    os.environ["COLUMNS"] = "110"
    try:
        return command.format_usage().removeprefix("usage: ").rstrip()
    finally:
        if before is None:
            del os.environ["COLUMNS"]
        else:
            os.environ["COLUMNS"] = before


def _groups(command: argparse.ArgumentParser) -> Iterator[str]:
    """Yield a table for each group of arguments of a command."""
    for group in command._action_groups:
        actions = [action for action in group._group_actions if action.dest != "help"]
        if actions:
            title = {"positional arguments": "arguments"}.get(group.title or "", group.title or "").capitalize()
            rows = [f"| {_typed(action)} | {_cell(action.help or '')} |" for action in actions]
            yield "\n".join([f"| {title} | |", "|---|---|", *rows])


def _typed(action: argparse.Action) -> str:
    """Return how an argument is typed."""
    shown = action.metavar or ("{" + ",".join(map(str, action.choices)) + "}" if action.choices else action.dest)
    value = "" if action.nargs == 0 else str(shown)
    typed = [f"{option} {value}".strip() for option in action.option_strings] or [value]
    return ", ".join(f"<code>{_cell(text)}</code>" for text in typed)


def _cell(text: str) -> str:
    """Return a text that means itself in a table of Markdown."""
    return html.escape(text.replace("%%", "%"), quote=False).translate(
        str.maketrans({"|": "&#124;", "*": "&#42;", "_": "&#95;"})
    )


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


# -- notebooks


def notebook_pages(path: Path) -> dict[str, str | bytes]:
    """Return the page of a notebook that was executed now, and its pictures.

    Raises
    ------
    nbclient.exceptions.CellExecutionError
        If one of its cells fails.
    """
    notebook = jupytext.read(path)
    with tempfile.TemporaryDirectory(prefix="cellvino-docs-") as folder:
        (Path(folder) / "sample_data").symlink_to(ROOT / "sample_data")
        env = os.environ | {"CELLVINO_SETTINGS": f"{folder}/settings.json"}
        client = NotebookClient(
            notebook, timeout=NOTEBOOK_S, kernel_name="python3", resources={"metadata": {"path": folder}}
        )
        client.execute(env=env)
    body, resources = MarkdownExporter().from_notebook_node(
        notebook, resources={"unique_key": path.stem, "output_files_dir": f"{path.stem}_files"}
    )
    download = f'\n\n[Download this notebook]({path.name}){{ download="{path.name}" }}\n'
    pictures = {f"notebooks/{name}": data for name, data in resources["outputs"].items()}
    return {f"notebooks/{path.stem}.md": body + download, **pictures}
