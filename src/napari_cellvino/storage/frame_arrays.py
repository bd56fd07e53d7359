"""Arrays of the frames of a film, one of each, in a file: what is known of a long film takes no memory."""

from __future__ import annotations

from array import array
from pathlib import Path

import numpy as np
from numpy.typing import NDArray


class FrameArrays:
    """Arrays (rows, columns) of numbers, one of each frame, in the order in which they came.

    Parameters
    ----------
    path
        A file that they are appended to; it must not be there. None holds them in memory.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path, self._held = path, bytearray()
        self._begins, self._rows, self._columns, self._end = array("q"), array("q"), array("q"), 0

    def __len__(self) -> int:
        return len(self._begins)

    def append(self, values: NDArray[np.floating]) -> None:
        """Add the array (rows, columns) of the next frame."""
        content = np.ascontiguousarray(values, np.float64).tobytes()
        if self._path is None:
            self._held += content
        else:
            with self._path.open("ab") as file:
                file.write(content)
        self._begins.append(self._end)
        self._rows.append(values.shape[0])
        self._columns.append(values.shape[1])
        self._end += len(content)

    def move_last(self, to: int) -> None:
        """Move the array that came last to another place."""
        for held in (self._begins, self._rows, self._columns):
            held.insert(to, held.pop())

    def __getitem__(self, number: int) -> NDArray[np.float64]:
        begin, rows, columns = self._begins[number], self._rows[number], self._columns[number]
        size = 8 * rows * columns
        if self._path is None:
            content = bytes(self._held[begin : begin + size])
        elif size:
            with self._path.open("rb") as file:
                file.seek(begin)
                content = file.read(size)
        else:
            content = b""
        return np.frombuffer(content, np.float64).reshape(rows, columns)
