"""The folders that StarDist's notebooks train from: ``train/images``, ``train/masks``, ``test/images``, ``test/masks``.

An image and its mask have one name; masks are whole numbers, 0 is background. What is validated on (split ``val``) is
called ``test`` there. Lost: channels other than that the cells were found in, classes, scores and review states; and
StarDist itself fills holes and learns star-convex shapes only.

References
----------
https://github.com/stardist/stardist, ``examples/2D``
"""

from __future__ import annotations

from pathlib import Path

from napari_cellvino.formats.field import ExportField
from napari_cellvino.formats.writer import SplitAssignment, put_annotated_image
from napari_cellvino.io.label_tiff import put_labels

SCRIPT = '''\
"""Train StarDist 2D on these folders: python train_stardist.py (needs the packages stardist and tensorflow)."""

from pathlib import Path

from csbdeep.utils import normalize
from stardist import fill_label_holes
from stardist.models import Config2D, StarDist2D
from tifffile import imread

HERE = Path(__file__).resolve().parent


def read(split):
    images = sorted((HERE / split / "images").glob("*.tif"))
    masks = [fill_label_holes(imread(HERE / split / "masks" / path.name)) for path in images]
    return [normalize(imread(path), 1, 99.8, axis=(0, 1)) for path in images], masks


x, y = read("train")
validation = read("test") if (HERE / "test").is_dir() else (x[-1:], y[-1:])
channels = 1 if x[0].ndim == 2 else x[0].shape[-1]
model = StarDist2D(Config2D(n_rays=32, grid=(2, 2), n_channel_in=channels), name="stardist", basedir=str(HERE.parent))
model.train(x, y, validation_data=validation)
model.optimize_thresholds(*validation)
'''


class StarDistFolders:
    """Writes ``stardist``."""

    def __init__(self, folder: Path, book: SplitAssignment) -> None:
        self._folder, self._book = folder, book

    def add(self, field: ExportField) -> None:
        """Write a field; z-stacks stay whole, for StarDist 3D.

        Raises
        ------
        ImageValueError
            If only boxes are known.
        """
        labels = field.cells.outlines(field.name, "stardist")
        side = self._folder / ("test" if self._book.of(field) == "val" else "train")
        for kind in ("images", "masks"):
            (side / kind).mkdir(parents=True, exist_ok=True)
        put_annotated_image(side / "images" / f"{field.name}.tif", field)
        put_labels(side / "masks" / f"{field.name}.tif", labels, field.spacing)

    def finish(self) -> None:
        """Write the splits and a script that trains on them."""
        self._book.write(self._folder)
        (self._folder / "train_stardist.py").write_text(SCRIPT, encoding="utf-8", newline="\n")
