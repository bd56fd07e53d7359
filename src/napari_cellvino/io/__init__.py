"""Read images: `open_source` for a file, `list_images` for a folder of them."""

from napari_cellvino.io.listing import IMAGE_SUFFIXES, list_images
from napari_cellvino.io.opening import open_source
from napari_cellvino.io.source import Position, Source

__all__ = ["IMAGE_SUFFIXES", "Position", "Source", "list_images", "open_source"]
