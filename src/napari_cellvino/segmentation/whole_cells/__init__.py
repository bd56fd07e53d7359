"""Whole cells round nuclei, without a network: expanded by a distance, or grown over a channel that shows the cells."""

from napari_cellvino.segmentation.whole_cells.step import (
    ALL_CELL_PARAMETERS,
    WholeCells,
    cell_channel_name,
    check_whole_cells,
    whole_cells_of,
)

__all__ = ["ALL_CELL_PARAMETERS", "WholeCells", "cell_channel_name", "check_whole_cells", "whole_cells_of"]
