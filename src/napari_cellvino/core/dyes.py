"""Dyes of stained tissue: in a picture in colour each of them is a channel beside red, green and blue."""

from __future__ import annotations

from enum import StrEnum


class Dye(StrEnum):
    """A dye of histology, by the name that a recipe has for it."""

    HAEMATOXYLIN = "haematoxylin"
    DAB = "DAB"


def dye_named(text: str) -> Dye | None:
    """Return the dye of a name, in British or American spelling and either case; None where it is none."""
    name = text.casefold()
    if name == "hematoxylin":
        return Dye.HAEMATOXYLIN
    return next((dye for dye in Dye if dye.casefold() == name), None)
