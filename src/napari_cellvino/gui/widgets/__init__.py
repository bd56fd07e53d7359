"""Widgets and wording that several panels share."""
