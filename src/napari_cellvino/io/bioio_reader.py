"""Open what only bioio reads, where it and a plugin of it are installed: the file's own axes, channels and scale.

References
----------
https://github.com/bioio-devs/bioio
"""

from __future__ import annotations

import logging
from collections.abc import Container
from importlib import import_module
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.core.image import MetadataOverrides, Shape, Spacing
from napari_cellvino.io.instrument import Foreign, LazyFile, LazyPlanes
from napari_cellvino.io.scenes import Scene, SceneSource
from napari_cellvino.io.units import micrometres

_logger = logging.getLogger(__name__)


def open_with_bioio(
    path: Path, overrides: MetadataOverrides, *, plugins: Container[str] | None = None
) -> SceneSource | None:
    """Return a file as bioio reads it; None where bioio is not installed or has no plugin that can.

    ``plugins`` are those that may read it, by name; by default any.

    Raises
    ------
    ImageValueError
        If the image cannot be used, or the user gave axes, which bioio knows.
    """
    try:
        bioio = import_module("bioio")
    except ImportError:
        return None
    try:
        image = bioio.BioImage(path)
        if plugins is not None and _plugin(image) not in plugins:
            return None
        held = LazyFile(path, lambda: _Opened(bioio.BioImage(path)))
        scenes = tuple(_scene(held, image, name, len(image.scenes)) for name in image.scenes)
    except Exception:  # whatever a plugin trips over
        _logger.debug("bioio does not read %s", path, exc_info=True)
        return None
    return SceneSource(path, scenes, overrides)


class _Opened:
    """An image of bioio, which has nothing to close."""

    def __init__(self, image: Foreign) -> None:
        self.image = image

    def close(self) -> None:
        """Do nothing: bioio closes a file after each read."""


def _scene(held: LazyFile, image: Foreign, name: str, count: int) -> Scene:
    image.set_scene(name)
    colours = int(image.dims.S) if "S" in image.dims.order else 1
    size = image.dims
    shape = Shape(int(size.T), int(size.C) * colours, int(size.Z), int(size.Y), int(size.X))
    dtype = np.dtype(image.dtype)
    steps = image.physical_pixel_sizes  # µm, as bioio's page on metadata says
    names = tuple(str(one) for one in image.channel_names or ()) if colours == 1 else ()

    def plane(file: _Opened, t: int, c: int, z: int) -> NDArray[np.generic]:
        file.image.set_scene(name)
        axes = "YX" if colours == 1 else "YXS"
        pixels = file.image.get_image_dask_data(axes, T=t, C=c // colours, Z=z).compute()
        array: NDArray[np.generic] = np.asarray(pixels if colours == 1 else pixels[..., c % colours])
        return array

    return Scene(
        shape,
        dtype,
        LazyPlanes(held, shape, dtype.itemsize * colours, plane),
        name if count > 1 else "",
        Spacing(*(None if step is None else micrometres(step) for step in (steps.Z, steps.Y, steps.X))),
        names if len(names) == shape.c else (),
        rgb=colours == 3 and shape.c == 3,
        warnings=(f"read through {_plugin(image)}: look at the first image before you count",),
    )


def _plugin(image: Foreign) -> str:
    """Return the name of the package that bioio reads with, as ``bioio-czi``."""
    package = str(type(image.reader).__module__).partition(".")[0].replace("_", "-")
    return package if package.startswith("bioio-") else f"bioio ({package})"
