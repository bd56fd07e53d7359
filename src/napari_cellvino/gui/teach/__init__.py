"""Teach: strokes painted on the picture become a model, which answers at once."""
