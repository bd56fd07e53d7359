"""Open DeltaVision files (.dv, .r3d): a header of 1,024 bytes, an extended one, and planes in one piece.

References
----------
https://docs.openmicroscopy.org/bio-formats/latest/formats/deltavision.html
"""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

from napari_cellvino.core.errors import ImageReadError
from napari_cellvino.core.image import MetadataOverrides, Spacing
from napari_cellvino.io.axes import AxisSizes, resolve_layout
from napari_cellvino.io.block_planes import BlockPlanes, PixelTransform
from napari_cellvino.io.checks import check_extent, parse_errors
from napari_cellvino.io.scenes import Scene, SceneSource
from napari_cellvino.io.tiff_blocks import ContiguousBlocks
from napari_cellvino.io.units import mean_interval_s, micrometres

DELTAVISION_MAGIC = (b"\xa0\xc0", b"\xc0\xa0")  # at byte 96, in either byte order
_MODES = {0: "u1", 1: "i2", 2: "f4", 6: "u2"}
_ORDERS = {0: "CTZ", 1: "TZC", 2: "TCZ"}  # from the slowest to the fastest axis
_HEADER = 1024
_ELAPSED = 1  # of the numbers that the extended header keeps of a section: seconds since the first


def open_deltavision(path: Path, head: bytes, overrides: MetadataOverrides) -> SceneSource:
    """Return the image of a DeltaVision file.

    Raises
    ------
    ImageReadError
        If the file is damaged, cut short, or of a type of pixels that is not read.
    """
    with parse_errors(path), path.open("rb") as file:
        raw = file.read(_HEADER)
        if len(raw) < _HEADER:
            raise ImageReadError(f"{path.name} is cut short: it ends within its header; copy it again")
        size = file.seek(0, 2)
    order = "<" if raw[96:98] == DELTAVISION_MAGIC[0] else ">"
    x, y, sections, mode = struct.unpack_from(f"{order}4i", raw)
    steps = struct.unpack_from(f"{order}3f", raw, 40)
    (extended,) = struct.unpack_from(f"{order}i", raw, 92)
    frames, sequence = struct.unpack_from(f"{order}2h", raw, 180)
    waves = struct.unpack_from(f"{order}6h", raw, 196)
    sizes = {"T": max(frames, 1), "C": max(waves[0], 1)}
    sizes["Z"] = max(sections // (sizes["T"] * sizes["C"]), 1)
    if mode not in _MODES or sequence not in _ORDERS or min(x, y, sections) < 1 or extended < 0:
        raise ImageReadError(f"{path.name} is damaged or of a kind not read (type of pixels {mode}, order {sequence})")
    axes = _ORDERS[sequence] + "YX"
    stored = (*(sizes[axis] for axis in axes[:3]), y, x)
    dtype = np.dtype(order + _MODES[mode])
    check_extent(path, _HEADER + extended + int(np.prod(stored, dtype=np.int64)) * dtype.itemsize, size)
    layout, _ = resolve_layout((AxisSizes(path.name, axes, stored),), None)
    blocks = ContiguousBlocks(path, _HEADER + extended, dtype, layout.plane_start, (y, x))
    shown = dtype.newbyteorder("=")
    planes = BlockPlanes(path.name, layout, blocks, PixelTransform(shown))
    spacing = Spacing(*(micrometres(step) for step in reversed(steps)))
    hints = tuple(str(wave) for wave in waves[1 : 1 + sizes["C"]])
    names = tuple(f"{wave} nm" if int(wave) > 0 else "" for wave in hints)
    named = len(hints) == layout.shape.c
    firsts = [layout.locate(layout.plane_start, {"T": t, "C": 0, "Z": 0, "P": 0})[0] for t in range(sizes["T"])]
    scene = Scene(
        layout.shape, shown, planes, "", spacing, names if named and any(names) else (), hints=hints if named else (),
        interval_s=_interval(path, raw, order, extended, firsts),
    )  # fmt: skip
    return SceneSource(path, (scene,), overrides)


def _interval(path: Path, raw: bytes, order: str, extended: int, firsts: list[int]) -> float | None:
    """Return the mean time in s between frames by the extended header; None where it does not say.

    Parameters
    ----------
    path, raw, order
        The file, its header, and the order of its bytes.
    extended
        Bytes of the extended header: of each section, whole numbers and then floating ones, of four bytes each.
    firsts
        The section (from 0) that each frame begins with.
    """
    whole, floating = struct.unpack_from(f"{order}2h", raw, 128)
    size = 4 * (whole + floating)
    if len(firsts) < 2 or whole < 0 or floating <= _ELAPSED or size * (firsts[-1] + 1) > extended:
        return None
    times: list[float] = []
    with parse_errors(path), path.open("rb") as file:
        for section in firsts:
            file.seek(_HEADER + section * size + 4 * (whole + _ELAPSED))
            times += struct.unpack(f"{order}f", file.read(4))
    return mean_interval_s(times)
