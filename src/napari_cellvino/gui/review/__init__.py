"""Panel 3: look at cells, the most doubtful first, and correct them."""
