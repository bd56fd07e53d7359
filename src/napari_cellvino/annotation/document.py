"""Labels, objects and provenance, as a model leaves them and a person corrects them."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from napari_cellvino import __version__
from napari_cellvino.image import Origin, Plane
from napari_cellvino.inference.engine import EngineFacts
from napari_cellvino.objects import Objects
from napari_cellvino.recipe import Recipe


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a result came from: enough to make it again, nothing that differs between equal runs."""

    origin: Origin
    plane: str
    pixels_sha256: str
    model: str
    model_sha256: str
    recipe: Recipe
    engine: EngineFacts
    outline: str = ""  # the model that outlined what the first one found
    outline_engine: EngineFacts | None = None
    software: str = f"napari-cellvino {__version__}"

    def as_dict(self) -> dict[str, object]:
        """Return plain values for a JSON file."""
        plain: dict[str, object] = {k: asdict(getattr(self, k)) for k in ("origin", "engine")}
        words = {k: getattr(self, k) for k in ("plane", "pixels_sha256", "model", "model_sha256", "software")}
        if self.outline_engine is not None:
            plain |= {"outline": self.outline, "outline_engine": asdict(self.outline_engine)}
        return words | plain | {"recipe": self.recipe.model_dump(mode="json")}


@dataclass(frozen=True, slots=True)
class Annotation:
    """Label image (Y, X) with ids 1…N, one row of objects per id, the names of the classes, and provenance.

    ``labels`` is None where objects are known by their boxes alone.
    """

    labels: NDArray[np.int32] | None
    objects: Objects
    classes: tuple[str, ...]
    provenance: Provenance


def pixels_sha256(plane: Plane) -> str:
    """Return a hash over the pixels of a plane, their type and their shape."""
    pixels = np.ascontiguousarray(plane.pixels)
    digest = hashlib.sha256(f"{pixels.dtype.str}{pixels.shape}".encode())
    digest.update(pixels.data)
    return digest.hexdigest()
