"""Colours that carry a meaning, for napari's dark and light themes; each also comes with a sign or a word.

Blue and amber tell done from doubtful for colour-blind eyes too; contrast is at least 4.5 : 1 on the theme's
background.
"""

from __future__ import annotations

from dataclasses import dataclass

from napari.utils.theme import get_theme
from qtpy.QtWidgets import QLabel


@dataclass(frozen=True, slots=True)
class Colours:
    """Hex colours of text (what needs attention, failed, is done, is said aside) and of the main button."""

    attention: str
    failure: str
    done: str
    aside: str
    button: str
    button_text: str


DARK = Colours("#f2b632", "#ff9d8f", "#7fc4ff", "#a9afb8", "#3d63d6", "#ffffff")
LIGHT = Colours("#7d4b00", "#a3180f", "#0a549c", "#585654", "#2f56c8", "#ffffff")


def colours(theme: str) -> Colours:
    """Return the colours for a napari theme."""
    return LIGHT if get_theme(theme).type == "light" else DARK


def style_sheet(theme: str) -> str:
    """Return the style sheet of a panel for a napari theme."""
    c = colours(theme)
    surface = get_theme(theme).primary.as_hex()
    named = {"attention": c.attention, "failure": c.failure, "done": c.done, "aside": c.aside}
    tones = "".join(f'QLabel[tone="{tone}"] {{ color: {colour}; }}\n' for tone, colour in named.items())
    return f"""{tones}
QLabel[role="number"] {{ font-size: 20pt; font-weight: 600; }}
QLabel[role="title"] {{ font-weight: 600; }}
QPushButton[role="main"] {{ background-color: {c.button}; color: {c.button_text}; font-weight: 600; padding: 8px; }}
QPushButton[role="main"]:disabled {{ background-color: {surface}; color: {c.aside}; }}
QPushButton[role="main"]:focus, QPushButton:focus {{ border: 1px solid {c.done}; }}
QPushButton[role="tool"] {{ padding: 4px 1px; }}
QPushButton[role="tool"]:checked,
QPushButton[role="tool"]:pressed {{ background-color: {c.button}; color: {c.button_text}; }}
QPushButton[role="fold"] {{ background: none; text-align: left; padding: 2px 0px; color: {c.aside}; }}
QLineEdit, QLineEdit:disabled {{ placeholder-text-color: {c.aside}; }}
QTabBar::tab {{ padding: 6px 3px; }}
"""


def set_tone(label: QLabel, tone: str = "") -> None:
    """Give a label the colour of a meaning (a field of `Colours`), or the plain one."""
    if label.property("tone") != tone:
        label.setProperty("tone", tone)
        label.style().unpolish(label)
        label.style().polish(label)
