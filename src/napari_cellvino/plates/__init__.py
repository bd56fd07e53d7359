"""Contents of wells, and their measurements."""
