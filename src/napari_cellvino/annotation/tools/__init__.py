"""Editing tools: they make edits from an annotation and user input, and apply nothing themselves.

Points are (y, x) in px, pixel centres on integers. In a z-stack, ``plane`` is the plane of the input, from 0.
"""
