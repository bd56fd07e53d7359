"""Draw synthetic fields to shards, or a contact sheet of them.

``python -m napari_cellvino.training.synthetic.draw shards FOLDER --count 1500`` goes on where it stopped;
``… draw sheet FILE.png`` shows every kind of shape under all optics, ``… draw adherent FILE.png`` adherent cells.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pictures

from napari_cellvino.segmentation.normalise import intensity_range
from napari_cellvino.training.data.datasets import LabelledImage
from napari_cellvino.training.synthetic.fields import KIND_CHANCES, OPTICS_CHANCES, adherent_field, synthetic_field
from napari_cellvino.training.synthetic.shards import write_shard

PER_SHARD = 50
FRAME = 3  # px between the pictures of a sheet


def draw_shards(folder: Path, count: int, *, first_seed: int = 0, size: int = 256) -> None:
    """Write ``count`` fields to shards; those that are there stay."""
    for number in range(-(-count // PER_SHARD)):
        if not (folder / f"shard_{number:04d}.npz").is_file():
            seeds = range(first_seed + number * PER_SHARD, first_seed + (number + 1) * PER_SHARD)
            write_shard(folder, number, [synthetic_field(seed, size=size) for seed in seeds])


def contact_sheet(path: Path, *, size: int = 160, first_seed: int = 0) -> None:
    """Write a picture of one field per kind of shape (row) and optics (column), outlines on every second column."""
    rows = []
    for y, kind in enumerate(KIND_CHANCES):
        seeds = (first_seed + 10 * y + x for x in range(len(OPTICS_CHANCES)))
        fields = [
            synthetic_field(seed, size=size, kind=kind, optics=optics, diameters=(18, 48))
            for seed, optics in zip(seeds, OPTICS_CHANCES, strict=True)
        ]
        rows.append(np.hstack([framed(_shown(f)) for f in fields] + [framed(_labels_shown(fields[2]))]))
    Pictures.fromarray(np.vstack(rows)).save(path)


def adherent_sheet(path: Path, *, size: int = 256, first_seed: int = 0, columns: int = 6) -> None:
    """Write a picture of adherent fields in two rows, and of their labels below."""
    rows = []
    for row in range(2):
        fields = [adherent_field(first_seed + row * columns + column, size=size) for column in range(columns)]
        rows += [np.hstack([framed(show(f)) for f in fields]) for show in (_shown, _labels_shown)]
    Pictures.fromarray(np.vstack(rows)).save(path)


def framed(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return a picture (Y, X) with a white frame at two sides."""
    return np.pad(picture, ((0, FRAME), (0, FRAME)), constant_values=255)


def _shown(field: LabelledImage) -> NDArray[np.uint8]:
    image = field.grey()
    return (np.clip(intensity_range(image).apply(image), 0, 1) * 255).astype(np.uint8)


def _labels_shown(field: LabelledImage) -> NDArray[np.uint8]:
    labels = field.true_labels()
    return np.where(labels > 0, 60 + labels * 37 % 180, 0).astype(np.uint8)


def main() -> None:
    """Draw from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["shards", "sheet", "adherent"])
    parser.add_argument("path", type=Path)
    parser.add_argument("--count", type=int, default=1500)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--size", type=int, default=256)
    args = parser.parse_args()
    if args.what == "sheet":
        contact_sheet(args.path, first_seed=args.first_seed)
    elif args.what == "adherent":
        adherent_sheet(args.path, first_seed=args.first_seed)
    else:
        draw_shards(args.path, args.count, first_seed=args.first_seed, size=args.size)


if __name__ == "__main__":
    main()
