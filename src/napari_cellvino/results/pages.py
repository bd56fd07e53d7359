"""Templates of the pages of results, which need no other file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_cellvino.storage.time_text import local_time

if TYPE_CHECKING:
    from jinja2 import Template


def page_template(name: str) -> Template:
    """Return a template; what it does not know is an error, and all text is escaped."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("napari_cellvino.results"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        keep_trailing_newline=True,
    )  # fmt: skip
    environment.filters |= {"number": lambda value: f"{value:,}", "time": local_time, "short": lambda v: f"{v:.3g}"}
    return environment.get_template(name)
