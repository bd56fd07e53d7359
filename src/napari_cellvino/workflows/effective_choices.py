"""Choices that can have no effect are refused, and what is left out of a film is said: for files and plates alike."""

from __future__ import annotations

from collections.abc import Iterable

from napari_cellvino.core.errors import ImageValueError
from napari_cellvino.core.image import ZMode
from napari_cellvino.core.recipe import Recipe


def check_choices(recipe: Recipe, name: str, *, z: int, t: int) -> None:
    """Raise ImageValueError where a choice can have no effect on an image or plate of these sizes."""
    if recipe.frame == 0 and t == 1 and z > 1:
        raise ImageValueError(
            f"{name} has one time point, so that --frame all has no effect; its {z} slices are taken as planes. "
            "If they are time points, say so with --axes TYX, else leave --frame out"
        )
    if z == 1 and recipe.z_choice.way in (ZMode.MEAN, ZMode.FOCUS):
        also = f"; its {t} slices are time points (--frame N)" if t > 1 else ""
        raise ImageValueError(f"{name} has one plane, so that --z {recipe.z} has no effect{also}; leave it out")


def check_effect(sizes: Iterable[tuple[int, int]], name: str, *, frame: bool, z: bool) -> None:
    """Raise ImageValueError where a time point or a way along z was typed and no image has several of them.

    ``sizes`` are the numbers of time points and planes of the images; it is read until both have been seen.
    """
    films = stacks = False
    seen = 0
    for t, planes in sizes:
        films, stacks, seen = films or t > 1, stacks or planes > 1, seen + 1
        if films >= frame and stacks >= z:
            return
    option, what = ("--frame", "one time point") if frame and not films else ("--z", "one plane")
    if seen and (frame or z):
        raise ImageValueError(f"{name} has {what}, so that {option} has no effect; leave it out")


def describe_frame(recipe: Recipe, t: int, *, every: bool = True) -> tuple[str, ...]:
    """Return what to say of a film of ``t`` time points of which one is counted; ``every`` one could be."""
    if t == 1 or recipe.frame == 0:
        return ()
    others = "--frame all counts every one" if every else "--frame N takes another"
    return (f"time point {recipe.frame} of {t} was counted; {others}",)
