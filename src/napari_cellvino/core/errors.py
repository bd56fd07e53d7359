"""The errors of this package. Each is also a builtin error; messages name the problem, its value and the remedy."""

from __future__ import annotations

import errno


class CellvinoError(Exception):
    """Something the user can understand and act on; anything else that is raised is a bug.

    Parameters
    ----------
    problem
        What is wrong, with the value.
    remedy
        What to do about it, where that is not part of ``problem``: in the window there are buttons.
    command
        The same for the command line, with the options to type; without it the ``remedy`` holds there too.
    """

    passes = False  # whether errors of this kind may be gone later; see `can_pass`

    def __init__(self, problem: str = "", *, remedy: str = "", command: str = "") -> None:
        self.problem, self.remedy = problem, remedy
        super().__init__("; ".join(part for part in (problem, command or remedy) if part))

    @property
    def window_message(self) -> str:
        """The problem and the remedy, as shown in the window."""
        return "; ".join(part for part in (self.problem, self.remedy) if part)


class ImageReadError(CellvinoError, OSError):
    """A file is not a readable image, or is damaged."""


class ImageValueError(CellvinoError, ValueError):
    """An image was read but cannot be used as it is (empty, wrong axes, no such channel or plane)."""


class OptionError(CellvinoError, ValueError):
    """A choice (parameter, recipe, flag) is not possible."""


class ModelPackageError(CellvinoError, ValueError):
    """A model package is missing, incomplete or altered."""


class DeviceError(CellvinoError, RuntimeError):
    """A device or precision is not available."""


class InferenceError(CellvinoError, RuntimeError):
    """The network could not be run to its end."""


class RunEndedError(CellvinoError, RuntimeError):
    """Somebody ended a run before it was over; what it has done is kept."""


class WorkerLostError(CellvinoError, RuntimeError):
    """The process or computer that ran a field ended in the middle of it."""


class OutputError(CellvinoError, OSError):
    """A result cannot be written where it was asked for."""


class ReplaceError(OutputError):
    """Another result exists where one is to be written; callers may ask to replace it."""


class JournalBusyError(OutputError):
    """Another window, or another process, writes a journal of corrections."""


class TrainingDataError(CellvinoError, ValueError):
    """A training set is missing something or contradicts itself."""


class AccuracyError(CellvinoError, ValueError):
    """A new model is less accurate than required."""


class EditError(CellvinoError, ValueError):
    """A correction is not possible as it was asked for."""


class UnsureError(EditError):
    """A correction is possible but probably not intended; callers may confirm it."""


class JournalError(CellvinoError, ValueError):
    """A journal of corrections cannot be used."""


_PASSING = {
    getattr(errno, name)
    for name in (
        "EAGAIN", "EBUSY", "EDQUOT", "EHOSTDOWN", "EHOSTUNREACH", "EIO", "ENETDOWN", "ENETRESET", "ENETUNREACH",
        "ENODEV", "ENOENT", "ENOSPC", "ENOTCONN", "ENXIO", "EREMOTEIO", "ESTALE", "ETIMEDOUT",
    )
    if hasattr(errno, name)
}  # fmt: skip


def as_utf8(name: str) -> str:
    """Return a file name as valid text, for messages and tables; bytes that are not UTF-8 are escaped."""
    return name.encode(errors="backslashreplace").decode()


def can_pass(error: BaseException | None) -> bool:
    """Return whether an error may be gone later: a network drive or a server that went, a full disk, too little memory.

    A damaged file or an impossible choice stays as it is.
    """
    while error is not None:
        known = isinstance(error, CellvinoError) and error.passes
        if known or isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno in _PASSING):
            return True
        error = error.__cause__ or error.__context__
    return False
