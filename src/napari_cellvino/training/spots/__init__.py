"""The small network that finds spots: simulated fields to learn from, fitting, and its package."""
