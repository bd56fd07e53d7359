"""The network that finds spots as a folder: ONNX, OpenVINO, and tensors that show that both say the same.

``python -m napari_cellvino.training.spots.package --seconds 2400 --out models/spots`` trains it anew.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
import yaml

from napari_cellvino.segmentation.spots.network import INPUT, NAME, OUTPUT, fingerprint, open_network
from napari_cellvino.segmentation.spots.network_input import network_plane
from napari_cellvino.segmentation.spots.response import without_hot_pixels
from napari_cellvino.storage.atomic import atomic_folder
from napari_cellvino.training.convert.network_files import write_with_example
from napari_cellvino.training.spots.fields import draw_field
from napari_cellvino.training.spots.fit import SpotOptions, fit_spots
from napari_cellvino.training.spots.network import SpotNetwork

CARD = "README.md"
VERSION = "0.2.0"
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
    field = draw_field(np.random.default_rng(SEED), 64)
    example = network_plane(without_hot_pixels(field.image[None]), whole_numbers=False)[None]
    with atomic_folder(folder) as part:
        write_with_example(network, part, example, names=(INPUT, OUTPUT))
        told = {"name": "spots", "version": VERSION, "license": "CC-BY-4.0", "steps": steps}
        (part / NAME).write_text(yaml.safe_dump(told | {"sha256": fingerprint(part)}, sort_keys=False), "utf-8")
        (part / CARD).write_text(card, "utf-8")
        open_network(part)


def main() -> None:
    """Train the network for some time and write its package."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--seconds", type=float, default=2400.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    torch.set_num_threads(1)
    fitting, losses = fit_spots(SpotOptions(seconds=options.seconds, seed=options.seed)), list[float]()
    while True:
        try:
            losses.append(next(fitting))
        except StopIteration as end:
            write_spot_network(end.value, options.out, steps=len(losses))
            return


if __name__ == "__main__":
    main()
