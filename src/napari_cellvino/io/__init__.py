"""Read images: `open_source` for a file, `list_images` for a folder of them."""

from napari_cellvino.io.folder_listing import IMAGE_SUFFIXES, list_images
from napari_cellvino.io.registry import open_source
from napari_cellvino.io.source import Position, Source

__all__ = ["IMAGE_SUFFIXES", "Position", "Source", "list_images", "open_source"]
