"""2D results of every plane joined along z to objects in 3D: pure, on kept maps, no network."""

from napari_cellvino.inference.joining.join import join_slices
from napari_cellvino.inference.joining.parameters import JOINING, joining_parameters
from napari_cellvino.inference.joining.slices import Slices

__all__ = ["JOINING", "Slices", "join_slices", "joining_parameters"]
