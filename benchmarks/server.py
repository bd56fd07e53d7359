"""Time a 1024² field on a server against this computer, turn by turn: ``python -m benchmarks.server grpc://HOST:PORT``.

Both run the float weights. The ratio is what holds; on one computer both share its cores.
"""

from __future__ import annotations

import statistics
import sys
import time

import numpy as np
import tifffile

from napari_cellvino import EngineProvider, segment
from napari_cellvino.core.resources import shipped_folder

SIDE, REPEATS = 1024, 7


def main(address: str) -> None:
    image = tifffile.imread(shipped_folder("sample_data") / "plate" / "A01_s1.ome.tif")[0]
    field = np.tile(image, (SIDE // image.shape[0] + 1, SIDE // image.shape[1] + 1))[:SIDE, :SIDE]
    seconds: dict[str, list[float]] = {"AUTO": [], address: []}
    counts = {}
    with EngineProvider(servers=[address]) as engines:
        for turn in range(REPEATS + 1):
            for device, taken in seconds.items():
                started = time.perf_counter()
                counts[device] = segment(field, device=device, precision="fast", engines=engines).count
                if turn:  # the first one compiles
                    taken.append(time.perf_counter() - started)
    here, there = (statistics.median(taken) for taken in seconds.values())
    print(f"{SIDE}²: here {1000 * here:.0f} ms, {address} {1000 * there:.0f} ms: {there / here:.2f}x; cells {counts}")


if __name__ == "__main__":
    main(sys.argv[1])
