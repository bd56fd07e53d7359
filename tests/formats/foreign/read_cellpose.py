"""Run with a Python that has cellpose: read a folder as its training does, and write what was seen to a file."""

import sys
from pathlib import Path

import numpy as np
from cellpose import io

folder, out = Path(sys.argv[1]), Path(sys.argv[2])
images, labels, names = io.load_images_labels(str(folder), mask_filter="_seg.npy")
stems = [Path(name).stem for name in names]
seg = {stem: np.load(folder / f"{stem}_seg.npy", allow_pickle=True).item() for stem in stems}
arrays = {f"image {stem}": image for stem, image in zip(stems, images, strict=True)}
arrays |= {f"labels {stem}": label for stem, label in zip(stems, labels, strict=True)}
arrays |= {f"outlines {stem}": seg[stem]["outlines"] for stem in stems}
for stem in stems:  # what the window reads besides the masks
    assert (folder / seg[stem]["filename"]).is_file()
    assert len(seg[stem]["ismanual"]) == seg[stem]["masks"].max()
    assert len(seg[stem]["chan_choose"]) == 2
np.savez(out, **arrays)
