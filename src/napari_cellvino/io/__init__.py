"""Read images: `open_source` for a file, `list_images` for a folder of them."""

from napari_cellvino.io.folder_listing import is_image_folder, is_result_folder, list_images, scan_folder
from napari_cellvino.io.registry import image_suffixes, open_as, open_source
from napari_cellvino.io.source import Position, Source

__all__ = [
    "Position",
    "Source",
    "image_suffixes",
    "is_image_folder",
    "is_result_folder",
    "list_images",
    "open_as",
    "open_source",
    "scan_folder",
]
