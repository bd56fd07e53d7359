"""Panel 1: which image, and what was understood of it."""
