"""The provenance of a result, as written beside it and read back."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass

import numpy as np
from pydantic import TypeAdapter, ValidationError

from napari_cellvino import __version__
from napari_cellvino.core.errors import ImageValueError
from napari_cellvino.core.image import Origin, Plane
from napari_cellvino.core.recipe import Recipe
from napari_cellvino.engines.engine import EngineInfo
from napari_cellvino.storage.large_arrays import in_bands


@dataclass(frozen=True, slots=True)
class Provenance:
    """Provenance of a result: enough to reproduce it, and nothing that differs between equal runs.

    ``channel`` is the name of the network's input; ``notices`` are sentences on what may have made the count wrong,
    ``remarks`` on what the field itself decided, with nothing to doubt.
    """

    origin: Origin
    plane: str
    pixels_sha256: str
    model: str
    model_sha256: str
    recipe: Recipe
    engine: EngineInfo
    outline: str = ""  # the model that outlined the cells, if there is a second one
    outline_engine: EngineInfo | None = None
    channel: str = ""
    notices: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    software: str = f"napari-cellvino {__version__}"

    def as_dict(self) -> dict[str, object]:
        """Return plain values for a JSON file."""
        plain: dict[str, object] = {k: asdict(getattr(self, k)) for k in ("origin", "engine")}
        if not self.origin.files:
            plain["origin"] = {k: v for k, v in asdict(self.origin).items() if k != "files"}
        words = {
            k: getattr(self, k) for k in ("plane", "channel", "pixels_sha256", "model", "model_sha256", "software")
        }
        if self.outline_engine is not None:
            plain |= {"outline": self.outline, "outline_engine": asdict(self.outline_engine)}
        plain |= {k: list(getattr(self, k)) for k in ("notices", "remarks") if getattr(self, k)}
        return words | plain | {"recipe": self.recipe.model_dump(mode="json")}

    @classmethod
    def from_dict(cls, plain: object) -> Provenance:
        """Return the provenance from `as_dict`, of this version or an earlier one.

        Raises
        ------
        ImageValueError
            If something is missing or invalid.
        """
        try:
            return TypeAdapter(cls).validate_python(plain)
        except ValidationError as error:
            faults = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
            raise ImageValueError(f"where a result came from cannot be read: {faults}") from error


def pixels_sha256(plane: Plane) -> str:
    """Return the SHA-256 of a plane's pixels, dtype and shape."""
    pixels = np.ascontiguousarray(plane.pixels)
    digest = hashlib.sha256(f"{pixels.dtype.str}{pixels.shape}".encode())
    for channel in pixels:
        for rows in in_bands(channel):
            digest.update(channel[rows].data)
    return digest.hexdigest()
