"""Model packages of a few bytes, as a description and files say them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import yaml

FILES = {"model.xml": b"<net/>", "model.bin": b"\x00\x01", "README.md": b"# Card\n"}
CONFIG = {
    "name": "tiny",
    "task": "instances",
    "head": {"name": "centre_offset"},
    "maps": ["foreground", "offset_y", "offset_x"],
    "classes": ["nucleus"],
    "diameter_px": {"reference": 24, "smallest": 7, "largest": 70},
    "tile": 256,
    "halo": 32,
    "bytes_per_pixel": 600,
    "tolerance": {"fast": 0.1, "exact": 0.01},
    "weights": {"float": "model.xml"},
}
COMMON = {"type": "model", "name": "Tiny", "version": "0.3.0", "description": "For tests", "license": "CC0-1.0"}


@pytest.fixture
def make_package(tmp_path: Path) -> Callable[..., Path]:
    """A function that writes a package of a name into a folder, with changes to its config, and returns its folder."""

    def make(name: str = "tiny", *, within: Path = tmp_path, files: Mapping[str, bytes] = FILES, **changes) -> Path:
        folder = within / name
        folder.mkdir(parents=True)
        for file, content in files.items():
            (folder / file).write_bytes(content)
        sums = {file: hashlib.sha256(content).hexdigest() for file, content in files.items()}
        config = CONFIG | {"name": name, "sha256": sums} | changes
        rdf = COMMON | {"config": {"cellvino": config}}
        (folder / "rdf.yaml").write_text(yaml.safe_dump(rdf, sort_keys=False), encoding="utf-8")
        return folder

    return make
