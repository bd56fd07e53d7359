"""Spots: particles and single molecules, smaller than what a network is asked to outline."""
