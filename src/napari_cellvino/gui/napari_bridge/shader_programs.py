"""Keep vispy from drawing with a shader program that is gone, which ends the process with Mesa's drivers.

vispy asks OpenGL to use a program only where its number is not that of the program in use, and does not forget the
number when that program is deleted. OpenGL may give the number to a new program, which is then drawn with while
none is in use: images, shapes and points, removed and added twice, are enough.
"""

from __future__ import annotations

from functools import wraps

from vispy.gloo.glir import GlirProgram


def forget_deleted_programs() -> None:
    """Let a program that is deleted be the one in use no longer; to call it again changes nothing."""
    delete = GlirProgram.delete
    if hasattr(delete, "__wrapped__"):
        return

    @wraps(delete)
    def delete_unused(program: GlirProgram) -> None:
        program.deactivate()
        delete(program)

    GlirProgram.delete = delete_unused
