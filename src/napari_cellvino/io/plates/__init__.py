"""Open plates of wells: `open_plate`, whatever wrote them."""

from napari_cellvino.io.plates.opening import INDEX_SUFFIXES, find_plate, open_plate
from napari_cellvino.io.plates.pattern import Preview, preview_pattern
from napari_cellvino.io.plates.plate_source import PlateSource

__all__ = ["INDEX_SUFFIXES", "PlateSource", "Preview", "find_plate", "open_plate", "preview_pattern"]
