"""Two results of the open image side by side."""
