"""Panel 4: save results, export them, plot them."""
