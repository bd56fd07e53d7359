"""Run with a Python that has ome-zarr: read an image with its labels, and write what was seen to a file."""

import sys

import numpy as np
from ome_zarr.io import parse_url
from ome_zarr.reader import Reader

nodes = list(Reader(parse_url(sys.argv[1], mode="r"))())
image = next(node for node in nodes if "label" not in str(node.zarr.basename()) and node.data)
labels = next(node for node in nodes if node is not image and node.data and "cells" in str(node.zarr))
scale = image.metadata["coordinateTransformations"][0][0]["scale"]
axes = "".join(axis["name"] for axis in image.metadata["axes"])
levels = {f"level {n}": np.asarray(level) for n, level in enumerate(labels.data)}
np.savez(
    sys.argv[2],
    image=np.asarray(image.data[0]),
    scale=scale,
    axes=axes,
    names=image.metadata["channel_names"],
    **levels,
)
