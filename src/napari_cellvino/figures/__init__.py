"""Pictures of results: outlines, quality-control pictures, plots, heat maps."""
