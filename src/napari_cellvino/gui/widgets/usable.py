"""No dead button: what cannot be used now says why in its tooltip."""

from __future__ import annotations

from qtpy.QtWidgets import QWidget

WAIT = "Wait until this is done"
USUAL = "usual_tooltip"  # property that keeps what a widget says while it can be used


def enable_unless(why_not: str, *widgets: QWidget) -> None:
    """Let widgets be used, unless there is a reason why not, which is then their tooltip."""
    for widget in widgets:
        if widget.property(USUAL) is None:
            widget.setProperty(USUAL, widget.toolTip())
        widget.setEnabled(not why_not)
        widget.setToolTip(why_not or widget.property(USUAL))
