"""Train the shipped ``nuclei`` network: ``python -m napari_cellvino.training.nuclei --data DATA --out DIR``."""

from __future__ import annotations

import argparse
from pathlib import Path

from napari_cellvino.training.datasets import LabelledImage, read_packed_set
from napari_cellvino.training.fit import FitOptions, fit


def nuclei_images(data: Path, split: str) -> list[LabelledImage]:
    """Return the fluorescence fields of dsb2018 and bbbc039 in ``split``, grey."""
    images = list(read_packed_set(data / "dsb2018", split, keep=lambda row: row["type"] == "fluorescence"))
    return images + list(read_packed_set(data / "bbbc039", split))


def main() -> None:
    """Run the training from the command line, printing one line per checkpoint."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=FitOptions().steps)
    parser.add_argument("--batch", type=int, default=FitOptions().batch)
    args = parser.parse_args()
    images = nuclei_images(args.data, "train")
    print(f"{len(images)} fields", flush=True)
    for news in fit(images, args.out, FitOptions(steps=args.steps, batch=args.batch)):
        losses = "  ".join(f"{name} {value:.4f}" for name, value in news.loss.items())
        print(f"{news.step}/{news.steps}  {losses}  {news.seconds_per_step:.3f} s/step", flush=True)


if __name__ == "__main__":
    main()
