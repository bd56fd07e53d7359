"""Files that are there whole or not at all, and the text formats that results are written in."""
