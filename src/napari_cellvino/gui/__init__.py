"""The window: panels for napari. Nothing outside this package imports Qt or napari."""
