"""The look of plots: matplotlib with settings of our own, the same on every computer.

Figures are made without pyplot, which keeps figures in a global list and may open windows. A user's matplotlibrc has no
effect, and is in force again afterwards. matplotlib is imported only where a figure is drawn: that takes a third of a
second.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING

from napari_cellvino.storage.atomic import atomic_path

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from PIL.Image import Image

DPI = 200  # px per inch
COMPRESSION = 1  # of PNG files: flat colours are small with any, and a higher level takes a fifth of the drawing
INK, GREY, GRID = "#18181b", "#5a5a60", "#e2e2e6"
SKY, BLUE, PALE_BLUE = "#56b4e9", "#0072b2", "#cce3f0"  # of Okabe and Ito; the last is a fifth of the blue
PLACES = "Image places"  # in the metadata of a PNG
FONT = "DejaVu Sans"  # comes with matplotlib; has µ, ², ³ and Greek
OTHER_SCRIPTS = (
    "Noto Sans CJK JP", "Noto Sans CJK SC", "Hiragino Sans", "PingFang SC", "Yu Gothic", "Microsoft YaHei",
    "Malgun Gothic", "Apple SD Gothic Neo", "Noto Sans Thai", "Noto Sans Devanagari",
)  # fmt: skip
STYLE: Mapping[str, object] = {
    "axes.axisbelow": True,
    "axes.edgecolor": GREY,
    "axes.grid.axis": "x",
    "axes.labelcolor": INK,
    "axes.labelsize": 9,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "figure.dpi": DPI,
    "font.size": 9,
    "grid.color": GRID,
    "grid.linewidth": 0.7,
    "savefig.dpi": DPI,
    "text.color": INK,
    "text.parse_math": False,  # a name with two $ is a name
    "xtick.color": GREY,
    "ytick.color": GREY,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
}
_lock = RLock()  # matplotlib's settings are global


@contextmanager
def plot_style() -> Iterator[None]:
    """Draw figures inside the block with the settings of this module; one thread at a time."""
    import matplotlib

    with _lock, matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update({**STYLE, "font.family": list(_fonts())})
        yield


def save_png(figure: Figure, path: Path, *, software: str, with_places: bool = False) -> None:
    """Write a figure as PNG, the same bytes each time; ``software`` is in the metadata, a date is not.

    ``with_places`` also keeps there, as `PLACES`, where images lie in it: a window with a dark theme turns the colours
    of the paper round them, and not theirs.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    with plot_style(), atomic_path(path) as part:
        held = {"Software": software, **({PLACES: _image_places(figure)} if with_places else {})}
        figure.savefig(part, format="png", metadata=held, pil_kwargs={"compress_level": COMPRESSION})


def _image_places(figure: Figure) -> str:
    """Return left, top, right, bottom in px of each image in a figure; numbers by commas, images by spaces."""
    figure.draw_without_rendering()
    height = round(figure.bbox.height)
    boxes = [panel.get_window_extent() for panel in figure.axes if panel.images]
    sides = [(round(b.x0), height - round(b.y1), round(b.x1), height - round(b.y0)) for b in boxes]
    return " ".join(",".join(map(str, each)) for each in sides)


def text_picture(text: str, size: int) -> Image:
    """Return one line of text of any script, ``size`` px high, on white."""
    from matplotlib.figure import Figure
    from PIL.Image import open as open_picture

    with plot_style():
        figure = Figure(figsize=(size * (len(text) + 2) / DPI, 2 * size / DPI))
        figure.text(0, 0.5, printable(text), size=size * 72 / DPI, va="center")
        drawn = io.BytesIO()
        figure.savefig(drawn, format="png")
    return open_picture(drawn).convert("RGB")


def printable(text: str) -> str:
    """Return ``text`` on one line; a character that no installed font has is written as its Unicode escape."""
    known = _characters()
    return "".join(c if ord(c) in known else _escaped(c) for c in " ".join(text.split()))


def shortened(text: str, longest: int) -> str:
    """Return a text of at most ``longest`` characters, the middle of a longer one as ``…``."""
    if len(text) <= longest:
        return text
    kept = longest - 1
    return f"{text[: (kept + 1) // 2].rstrip()}…{text[len(text) - kept // 2 :].lstrip()}"


def _escaped(character: str) -> str:
    return character.encode("ascii", "backslashreplace").decode("ascii")


@cache
def _fonts() -> dict[str, str]:
    """Return the files of the fonts to use by name: the own one, and those installed for other scripts."""
    from matplotlib.font_manager import fontManager

    installed = {entry.name: str(entry.fname) for entry in fontManager.ttflist}
    return {name: installed[name] for name in (FONT, *OTHER_SCRIPTS) if name in installed}


@cache
def _characters() -> frozenset[int]:
    from matplotlib.font_manager import get_font

    return frozenset(code for file in _fonts().values() for code in get_font(file).get_charmap())
