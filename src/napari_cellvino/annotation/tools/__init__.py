"""Tools describe edits from the document and what a person pointed at; they change nothing themselves.

Points are (y, x) in px, pixel centres on integers. In a z-stack, ``plane`` is the one that was pointed at, from 0.
"""
