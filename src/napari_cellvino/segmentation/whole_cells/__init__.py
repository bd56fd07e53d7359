"""Whole cells round nuclei, without a network: expanded by a distance, or grown over a channel that shows the cells."""

from napari_cellvino.segmentation.whole_cells.step import WholeCells, check_whole_cells, whole_cell_parameters

__all__ = ["WholeCells", "check_whole_cells", "whole_cell_parameters"]
