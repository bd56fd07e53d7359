"""INT8 weights for a model package."""
