"""The tool in use, and the points that were drawn or clicked with it so far."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QObject, Signal

from napari_cellvino.gui.review.editor import NOTHING_YET
from napari_cellvino.gui.review.pointer_tools import Gesture, PointerTool
from napari_cellvino.gui.review.review_controller import ReviewController

Points = NDArray[np.float64]  # (P, D), px of the label image


class ActiveTool(QObject):
    """At most one tool at a time; every tool ends when it was used."""

    changed = Signal()  # the tool or its points

    def __init__(self, reviewer: ReviewController) -> None:
        super().__init__()
        self._reviewer = reviewer
        self.tool: PointerTool | None = None
        self.points: list[Points] = []  # (D,) each, of the clicks
        self.path: Points | None = None  # of a drag under way
        reviewer.replaced.connect(self.drop)

    @property
    def draws(self) -> bool:
        """Whether a drag draws, and does not move the picture."""
        return self.tool is not None and self.tool.gesture not in (Gesture.POINTS, Gesture.CLICK)

    @property
    def sketch(self) -> Points | None:
        """The line to show of what is being drawn (P, D)."""
        drawn = self.path if self.path is not None else np.array(self.points) if self.points else None
        if drawn is None or self.tool is None or self.tool.gesture is Gesture.POINTS:
            return drawn if self.tool is None else None
        if self.tool.gesture is Gesture.BOX:
            a, b = drawn[0], drawn[-1]
            ends = [(a[-2], a[-1]), (a[-2], b[-1]), (b[-2], b[-1]), (b[-2], a[-1]), (a[-2], a[-1])]
            return np.array([[*a[:-2], *end] for end in ends])
        return np.vstack([drawn, drawn[:1]]) if self.tool.gesture is Gesture.AREA else drawn

    def take(self, tool: PointerTool) -> None:
        """Begin to use a tool; one that is in use already takes the points that were clicked."""
        if self._reviewer.annotation is None:
            self._reviewer.editor.say(f"{NOTHING_YET[:1].upper()}{NOTHING_YET[1:]}.")
        elif self.tool is not tool:
            self.tool, self.points, self.path = tool, [], None
            self._reviewer.editor.say("")
            self.changed.emit()
        else:
            self.finish()

    def drop(self) -> None:
        """End the tool, and forget what was drawn."""
        if self.tool is not None or self.path is not None:
            self.tool, self.points, self.path = None, [], None
            self.changed.emit()

    def click(self, point: Points) -> None:
        """Set a point, (D,)."""
        self.points.append(point)
        if self.tool is not None and self.tool.gesture is Gesture.CLICK:
            self.finish()
        self.changed.emit()

    def move(self, path: Points) -> None:
        """Take a drag so far (P, D)."""
        self.path = path
        self.changed.emit()

    def draw(self, path: Points) -> None:
        """Use the tool with a drag that ended (P, D)."""
        self.path = None
        self._use(path)

    def finish(self) -> None:
        """Use the tool with the points that were clicked."""
        if self.tool is not None and self.points:
            points, self.points = np.array(self.points), []
            self._use(points)

    def _use(self, points: Points) -> None:
        tool = self.tool
        if tool is not None and tool.use(self._reviewer, points) and self.tool is tool:
            self.drop()
        self.changed.emit()
