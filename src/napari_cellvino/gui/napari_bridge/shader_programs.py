"""Keep vispy from drawing without a shader program, which ends the process with Mesa's drivers.

vispy asks OpenGL to use a program only where it is not the one that it used last. That may be another one: the number
of a deleted program is given to a new one, and napari has vispy work off commands while another context is current.
Images, shapes and points that come and go twice are enough.
"""

from __future__ import annotations

from functools import wraps

from vispy.gloo.glir import GlirProgram


def always_use_programs() -> None:
    """Ask OpenGL to use a program each time it is needed; to call this again changes nothing."""
    activate = GlirProgram.activate
    if hasattr(activate, "__wrapped__"):
        return

    @wraps(activate)
    def activate_always(program: GlirProgram) -> None:
        program._parser.env["current_program"] = 0
        activate(program)

    GlirProgram.activate = activate_always
