"""Runs over one field or many: the same use-case for window and command line."""
