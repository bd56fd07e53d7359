"""Real OpenVINO networks of a few weights in real packages: what they find can be worked out by hand.

They see fields of 8-bit pixels as they are: background at 100, a living cell is brighter, a dead one darker.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
import yaml
from numpy.typing import NDArray
from openvino import opset13 as ops

BACKGROUND = 100
CELL_PX = 12  # diameter
COMMON = {"type": "model", "version": "1.0.0", "description": "For tests", "license": "CC0-1.0"}


def field(
    shape: tuple[int, int], living: Sequence[tuple[float, float]], dead: Sequence[tuple[float, float]] = ()
) -> NDArray[np.uint8]:
    """Return discs of `CELL_PX` round centres (y, x): 200 where cells are living, 0 where they are dead."""
    pixels = np.full(shape, BACKGROUND, np.uint8)
    y, x = np.mgrid[: shape[0], : shape[1]]
    for centres, value in ((living, 200), (dead, 0)):
        for cy, cx in centres:
            pixels[np.hypot(y - cy, x - cx) <= CELL_PX / 2] = value
    return pixels


def write_finder(folder: Path, *, stride: int = 4, sized: bool = True, channels: int = 1, **config: object) -> Path:
    """Write a detection model of living and dead cells and return its folder."""
    maps = ("living", "dead", "offset_y", "offset_x", *(("height", "width") if sized else ()))
    pixels = ops.parameter([1, channels, -1, -1], np.float32, "image")
    contrast = _smooth(_contrast(pixels), 15)
    coarse = ops.avg_pool(contrast, [stride] * 2, [0, 0], [0, 0], [stride] * 2, True)
    zero = ops.multiply(coarse, np.float32(0))
    probability = [ops.clamp(ops.multiply(coarse, np.float32(sign)), 0, 1) for sign in (1.8, -1.8)]
    size = [ops.add(zero, np.float32(CELL_PX))] * (2 if sized else 0)
    network = ov.Model([ops.concat([*probability, zero, zero, *size], 1)], [pixels])
    detection = {
        "task": "detection", "head": {"name": "grid"}, "maps": list(maps), "classes": ["living", "dead"],
        "stride": stride, "input_channels": channels,
    }  # fmt: skip
    return write_package(folder, network, detection | config)


def write_outliner(folder: Path, *, tile: int = 64, sees_dead: bool = True, **config: object) -> Path:
    """Write a model of the mask of the one cell within 14 px of the middle, and return its folder."""
    pixels = ops.parameter([1, 1, tile, tile], np.float32, "image")
    y, x = np.mgrid[:tile, :tile] - tile // 2
    near = (np.hypot(y, x) < 14).astype(np.float32)[None, None]
    contrast = ops.multiply(ops.absolute(_contrast(pixels)) if sees_dead else _contrast(pixels), near)
    probability = ops.sigmoid(ops.multiply(ops.subtract(contrast, np.float32(0.5)), np.float32(12)))
    network = ov.Model([probability], [pixels])
    mask = {"task": "mask", "head": {"name": "mask"}, "maps": ["mask"], "classes": ["cell"], "tile": tile, "halo": 0}
    return write_package(folder, network, mask | config)


def _contrast(pixels: Any) -> Any:
    """Return (1, 1, y, x): 1 in living cells, -1 in dead ones, 0 in the background; channels are averaged."""
    grey = ops.reduce_mean(pixels, np.array([1]), keep_dims=True)
    return ops.multiply(ops.subtract(grey, np.float32(BACKGROUND)), np.float32(1 / 100))


def _smooth(values: Any, size: int) -> Any:
    weights = np.full((1, 1, size, size), 1 / size**2, np.float32)
    return ops.convolution(values, weights, [1, 1], [size // 2] * 2, [size // 2] * 2, [1, 1])


def write_package(folder: Path, network: ov.Model, config: dict[str, object]) -> Path:
    """Write a network and its description, and return the folder; test tensors are what it gives on noise."""
    folder.mkdir(parents=True)
    ov.save_model(network, folder / "model.xml", compress_to_fp16=False)
    basic: dict[str, object] = {
        "name": folder.name, "normalise": {"method": "none"}, "tile": 256, "halo": 32, "bytes_per_pixel": 100,
        "diameter_px": {"reference": CELL_PX, "smallest": 6, "largest": 40}, "weights": {"float": "model.xml"},
        "tolerance": {"fast": 0.1, "exact": 0.01},
    }  # fmt: skip
    settings = basic | config
    _write_tensors(folder, network, settings)
    sums = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}
    rdf = COMMON | {"name": folder.name.title(), "config": {"cellvino": settings | {"sha256": sums}}}
    (folder / "rdf.yaml").write_text(yaml.safe_dump(rdf, sort_keys=False), encoding="utf-8")
    return folder


def _write_tensors(folder: Path, network: ov.Model, config: dict[str, Any]) -> None:
    shape = (1, config.get("input_channels", 1), *[config["tile"] if config["task"] == "mask" else 64] * 2)
    given = np.random.default_rng(0).integers(0, 255, shape).astype(np.float32)
    compiled = ov.compile_model(network, "CPU", {"EXECUTION_MODE_HINT": "ACCURACY"})
    np.save(folder / "test_input.npy", given)
    np.save(folder / "test_output.npy", compiled([given])[0])
