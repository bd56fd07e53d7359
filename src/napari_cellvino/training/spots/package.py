"""A network that finds spots as a folder: ONNX, OpenVINO, and tensors that show that both say the same.

``python -m napari_cellvino.training.spots.package --seconds 2400 --out models/spots`` trains that of planes anew, with
``--stacks --out models/spots-in-stacks`` that of stacks.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
import yaml
from numpy.typing import NDArray

from napari_cellvino.segmentation.spots.network import INPUT, NAME, OUTPUT, fingerprint, open_network
from napari_cellvino.segmentation.spots.network_input import SEEN, SeenPlanes, network_plane, network_planes
from napari_cellvino.segmentation.spots.response import without_hot_pixels
from napari_cellvino.storage.atomic import atomic_folder
from napari_cellvino.training.convert.network_files import write_with_example
from napari_cellvino.training.spots.fields import draw_field
from napari_cellvino.training.spots.fit import SpotOptions, fit_spots
from napari_cellvino.training.spots.network import SpotNetwork
from napari_cellvino.training.spots.stacks import draw_stack

CARD = "README.md"
VERSIONS = {1: ("spots", "0.3.0"), SEEN: ("spots-in-stacks", "0.1.0")}  # by the planes that it sees
SEED = 5  # of the example


def write_spot_network(network: SpotNetwork, folder: Path, *, steps: int, card: str = "# Spots\n") -> None:
    """Write a fitted network, unless OpenVINO says something else than torch.

    Raises
    ------
    ModelPackageError
        If the two differ by more than 1e-3.
    OutputError
        If the folder cannot be written.
    """
    name, version = VERSIONS[network.planes]
    example = _example(network.planes)
    with atomic_folder(folder) as part:
        write_with_example(network, part, example, names=(INPUT, OUTPUT))
        told = {"name": name, "version": version, "license": "CC-BY-4.0", "steps": steps}
        (part / NAME).write_text(yaml.safe_dump(told | {"sha256": fingerprint(part)}, sort_keys=False), "utf-8")
        (part / CARD).write_text(card, "utf-8")
        open_network(part)


def _example(planes: int) -> NDArray[np.float32]:
    """Return what a network sees of a drawn field (1, P, Y, X)."""
    rng = np.random.default_rng(SEED)
    if planes == 1:
        seen = network_plane(without_hot_pixels(draw_field(rng, 64).image[None]), whole_numbers=False)
    else:
        stack = draw_stack(rng, 64)
        every = SeenPlanes(without_hot_pixels(stack.image), whole_numbers=False)
        seen = network_planes(every, len(every) // 2, stack.deep)
    return seen[None]


def main() -> None:
    """Train a network for some time and write its package."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--seconds", type=float, default=2400.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--stacks", action="store_true", help="the network of stacks instead of that of planes")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    torch.set_num_threads(1)
    fitting, losses = fit_spots(SpotOptions(options.seconds, seed=options.seed, stacks=options.stacks)), list[float]()
    while True:
        try:
            losses.append(next(fitting))
        except StopIteration as end:
            write_spot_network(end.value, options.out, steps=len(losses))
            return


if __name__ == "__main__":
    main()
