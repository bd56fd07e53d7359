"""Segmentation: from pixels to the network's maps, and from maps to labels and objects."""
