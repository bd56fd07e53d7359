"""Chains of sectors that run in a circle are refused before a library follows them."""

import struct

import pytest

from napari_cellvino.core.errors import ImageReadError
from napari_cellvino.io.compound_file import MAGIC, check_chains

SIZE, FREE, END, TABLE = 512, 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD


def compound_file(path, table, mini=(END,), more=END):
    """Write a file whose sector 0 holds its table, and sector 1 that of small streams."""
    header = bytearray(MAGIC.ljust(SIZE, b"\0"))
    struct.pack_into("<H", header, 30, 9)
    struct.pack_into("<I", header, 44, 1 if more == END else 400)
    struct.pack_into("<II", header, 60, 1, 1)
    struct.pack_into("<II", header, 68, more, 1)
    struct.pack_into("<109I", header, 76, 0, *[FREE] * 108)
    sectors = [struct.pack("<128I", *part, *[FREE] * (128 - len(part))) for part in (table, mini)]
    path.write_bytes(bytes(header) + b"".join(sectors) + struct.pack("<I", more) * 128)
    return path


def test_chains_that_end_are_passed(tmp_path):
    check_chains(compound_file(tmp_path / "a.oib", (TABLE, END, 3, 4, END), (1, 2, END)))
    (tmp_path / "b.oif").write_bytes(b"text")
    check_chains(tmp_path / "b.oif")


@pytest.mark.parametrize(
    "parts",
    [
        {"table": (TABLE, END, 2)},
        {"table": (TABLE, END, 3, 4, 2)},
        {"table": (TABLE, 2, 1)},
        {"table": (TABLE, END), "mini": (1, 2, 0)},
        {"table": (TABLE, END), "more": 2},
    ],
)
def test_a_circle_is_refused(tmp_path, parts):
    with pytest.raises(ImageReadError, match=r"a.oib is damaged: a chain of its sectors runs in a circle"):
        check_chains(compound_file(tmp_path / "a.oib", **parts))
