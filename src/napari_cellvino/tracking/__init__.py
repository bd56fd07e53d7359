"""Cells over time: links between frames, divisions, gaps, and what is measured of a track."""
