"""Score what a network finds against the truth."""
