"""The times of the frames of a CZI, which libCZI does not give: the attachment ``TimeStamps``, doubles in s.

References
----------
ZEISS, "CZI file format", DS_ZISRAW-FileFormat: attachment directory, attachment segment and CZTIMS.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO

HEADER = 32  # bytes of the head of a segment: id, and the sizes that it takes and uses
DIRECTORY_AT = 104  # where the head of the file says where the directory of attachments is
ENTRIES_AT, ENTRY = 256, 128  # in its segment, and bytes of each entry
PLACE_AT, NAME_AT, NAME = 12, 48, 80  # in an entry
DATA_AT = 256  # in the segment of an attachment
MOST = 10_000_000  # frames


def czi_times(path: Path) -> tuple[float, ...]:
    """Return the times of frames in s as the microscope noted them; none where the file has none that are read."""
    try:
        with path.open("rb") as file:
            return _stamps(file)
    except (OSError, struct.error):
        return ()


def _stamps(file: BinaryIO) -> tuple[float, ...]:
    (directory,) = _numbers(file, DIRECTORY_AT, "<q")
    if directory <= 0 or not _segment(file, directory).startswith(b"ZISRAWATTDIR"):
        return ()
    (count,) = _numbers(file, directory + HEADER, "<i")
    for number in range(min(count, 1000)):
        entry = directory + HEADER + ENTRIES_AT + number * ENTRY
        (place,) = _numbers(file, entry + PLACE_AT, "<q")
        file.seek(entry + NAME_AT)
        if file.read(NAME).partition(b"\0")[0] == b"TimeStamps" and _segment(file, place).startswith(b"ZISRAWATTACH"):
            _, frames = _numbers(file, place + HEADER + DATA_AT, "<ii")
            if 0 < frames < MOST:
                return tuple(float(t) for t in _numbers(file, place + HEADER + DATA_AT + 8, f"<{frames}d"))
    return ()


def _segment(file: BinaryIO, place: int) -> bytes:
    file.seek(place)
    return file.read(16)


def _numbers(file: BinaryIO, place: int, form: str) -> tuple[int, ...]:
    file.seek(place)
    return struct.unpack(form, file.read(struct.calcsize(form)))
