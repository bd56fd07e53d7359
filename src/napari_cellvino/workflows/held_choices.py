"""Whether a run's choices can hold at all: a channel, plane or time point that no image has is told once, at the start.

Images of a folder may differ, so one that has no such channel fails by itself; where none has it, each would fail with
the same sentence, and the slip of the finger is seen in the morning.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from napari_cellvino.core.errors import CellvinoError, ImageValueError
from napari_cellvino.core.image import MetadataOverrides, Stack, channel_index
from napari_cellvino.core.plate import FieldOfView
from napari_cellvino.core.recipe import Recipe
from napari_cellvino.io.plates import PlateSource
from napari_cellvino.segmentation.prepare import check_usable, planes_of
from napari_cellvino.workflows.effective_choices import check_choices


def check_some_hold(stacks: Iterable[Stack | CellvinoError], recipe: Recipe, name: str) -> None:
    """Raise ImageValueError where several images were opened and the choices of a recipe hold in none of them.

    ``stacks`` are read until they hold in one; of one that cannot be read nothing is known. ``name`` is that of all.
    """
    why: list[str] = []
    for stack in stacks:
        error = _refusal(stack, recipe)
        if error is None:
            return
        if isinstance(error, ImageValueError):
            why.append(str(error))
    if len(why) > 1:
        raise ImageValueError(f"none of the {len(why)} images of {name} can be run as asked: {why[0]}")


def plate_stacks(source: PlateSource, fields: Sequence[FieldOfView]) -> Iterator[Stack | CellvinoError]:
    """Yield the stack of each field, or the error that prevents reading it."""
    for field in fields:
        try:
            yield source.open_field(field)
        except CellvinoError as error:
            yield error


def _refusal(stack: Stack | CellvinoError, recipe: Recipe) -> CellvinoError | None:
    """Return why the choices do not hold in an image, or why it cannot be read; None where they hold."""
    if isinstance(stack, CellvinoError):
        said = recipe.overrides != MetadataOverrides()  # axes, a region or a level that it has not
        return stack if said else CellvinoError(stack.problem)
    try:
        check_choices(recipe, stack.origin.name, z=stack.shape.z, t=stack.shape.t)
        for channel in (recipe.channel, recipe.cell_channel, recipe.spot_channel, recipe.spot_partner):
            if channel:
                channel_index(stack, channel)
        planes_of(stack, recipe.z_choice)
        check_usable(stack, recipe.frame or 1)
    except ImageValueError as error:
        return error
    return None
