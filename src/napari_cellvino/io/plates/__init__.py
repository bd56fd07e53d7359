"""Open plates of wells: `open_plate`, whatever wrote them."""

from napari_cellvino.io.plates.name_pattern import Preview, preview_pattern
from napari_cellvino.io.plates.plate_source import PlateSource
from napari_cellvino.io.plates.registry import INDEX_SUFFIXES, find_plate, is_of_plate, open_plate

__all__ = ["INDEX_SUFFIXES", "PlateSource", "Preview", "find_plate", "is_of_plate", "open_plate", "preview_pattern"]
