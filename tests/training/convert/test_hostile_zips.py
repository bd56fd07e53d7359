"""Zip files of models that lie about their size, climb out of their folder, or are packed as nobody can read them."""

import io
import struct
import zipfile

import pytest

from napari_cellvino.core.errors import ModelPackageError
from napari_cellvino.training.convert.importers import rdf

SMALL = 2**16  # bytes that are always unpacked, here


@pytest.fixture(autouse=True)
def bounds(monkeypatch):
    monkeypatch.setattr(rdf, "ALWAYS_UNPACKED", SMALL)


def packed(members, method=zipfile.ZIP_DEFLATED):
    """Return the bytes of a zip file."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return bytearray(written.getvalue())


def entry(data):
    """Return where the (only) entry of the central directory begins."""
    return data.index(b"PK\1\2")


def claims(size):
    """Return a zip file of 10 bytes whose directory claims ``size``."""
    data = packed({"weights.bin": b"0123456789"}, zipfile.ZIP_STORED)
    struct.pack_into("<I", data, entry(data) + 24, size)
    return data


def conceals():
    """Return a zip file of 8 MB of zeros whose directory and header claim 10 bytes."""
    data = packed({"weights.bin": bytes(2**23)})
    for place in (entry(data) + 24, 22):
        struct.pack_into("<I", data, place, 10)
    return data


def marked(offset, value):
    """Return a zip file of which a field of both headers is ``value``; ``offset`` is that of the local one."""
    data = packed({"weights.bin": b"0123456789"})
    for place in (offset, entry(data) + offset + 2):
        struct.pack_into("<H", data, place, value)
    return data


def overlapping():
    """Return a zip file whose directory lists one compressed member a hundred times."""
    data = packed({"weights.bin": bytes(SMALL)})
    at, end = entry(data), data.index(b"PK\5\6")
    member = bytes(data[at:end])
    tail = bytearray(data[end:])
    struct.pack_into("<HHI", tail, 8, 100, 100, 100 * len(member))
    return data[:at] + member * 100 + tail


HOSTILE = {
    "unpacks to 8 MB from 9 kB": packed({"weights.bin": bytes(2**23)}),
    "claims 2 GB": claims(2**31),
    "conceals 8 MB": conceals(),
    "encrypted": marked(6, 1),
    "of no known method": marked(8, 99),
    "lists one member a hundred times": overlapping(),
    "cut short": packed({"weights.bin": bytes(2**10)})[:-30],
    "of more files than a model has": packed({f"{n}.bin": b"" for n in range(3_000)}, zipfile.ZIP_STORED),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_zip_is_an_error_and_writes_little(tmp_path, kind):
    path = tmp_path / "model.zip"
    path.write_bytes(HOSTILE[kind])
    with pytest.raises(ModelPackageError, match=r"model\.zip"):
        rdf.unpack(path, tmp_path / "unpacked")
    assert sum(file.stat().st_size for file in (tmp_path / "unpacked").rglob("*")) <= 2 * SMALL


@pytest.mark.parametrize("name", ["../outside.yaml", "/outside.yaml", "a/../../outside.yaml", "..\\outside.yaml"])
def test_nothing_is_written_outside_the_folder(tmp_path, name):
    path = tmp_path / "inner" / "model.zip"
    path.parent.mkdir()
    path.write_bytes(packed({name: b"type: model"}))
    rdf.unpack(path, tmp_path / "inner" / "unpacked")
    written = [file for file in tmp_path.rglob("*") if file.is_file() and file != path]
    assert written
    assert all(file.is_relative_to(tmp_path / "inner" / "unpacked") for file in written)


def test_links_are_written_as_files(tmp_path):
    link = zipfile.ZipInfo("rdf.yaml")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "model.zip", "w") as archive:
        archive.writestr(link, "/etc/passwd")
    rdf.unpack(tmp_path / "model.zip", tmp_path / "unpacked")
    assert not (tmp_path / "unpacked" / "rdf.yaml").is_symlink()
