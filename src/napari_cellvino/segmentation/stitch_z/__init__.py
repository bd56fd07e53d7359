"""Z-stitching: the 2D objects of all planes linked to objects in 3D. Pure functions on kept maps, without network."""

from napari_cellvino.segmentation.stitch_z.parameters import STITCHING, stitching_parameters
from napari_cellvino.segmentation.stitch_z.slices import Slices
from napari_cellvino.segmentation.stitch_z.stitch import stitch_slices

__all__ = ["STITCHING", "Slices", "stitch_slices", "stitching_parameters"]
