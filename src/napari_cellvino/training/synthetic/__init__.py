"""Synthetic cells of any shape, seen through random optics: what a network can learn from without any microscope."""
