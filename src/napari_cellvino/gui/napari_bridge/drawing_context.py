"""Let napari clean up after a layer in the context of its own canvas: with Mesa's drivers the process may end else.

napari 0.9 has vispy work off its commands when a layer goes. OpenGL then deletes shader programs in whichever context
is current, and the canvas draws with one that is gone. Images, shapes and points that come and go twice are enough.
"""

from __future__ import annotations

from functools import wraps

from napari._vispy.canvas import VispyCanvas

CLEAN_UP = "_clean_and_update_scenegraph"  # of napari 0.9; where there is none, nothing is to be mended


def clean_up_in_own_context() -> None:
    """Make the context of a canvas current before it cleans up; to call this again changes nothing."""
    clean_up = getattr(VispyCanvas, CLEAN_UP, None)
    if clean_up is None or hasattr(clean_up, "__wrapped__"):
        return

    @wraps(clean_up)
    def in_own_context(canvas: VispyCanvas) -> None:
        canvas._scene_canvas.set_current()
        clean_up(canvas)

    setattr(VispyCanvas, CLEAN_UP, in_own_context)
