"""The channel of the open image that nobody named: chosen as a run over files chooses it, anew for every image."""

from __future__ import annotations

from napari_cellvino.core.errors import CellvinoError
from napari_cellvino.core.image import Stack
from napari_cellvino.core.recipe import Recipe
from napari_cellvino.model_package import ModelPackage
from napari_cellvino.segmentation.channel_choice import ChannelChoice, choose_channel, with_channel


class ChannelGuess:
    """Remembers what was chosen, so that it is not taken for the user's choice when another image comes."""

    def __init__(self) -> None:
        self._choice = ChannelChoice()

    def said(self, recipe: Recipe) -> str:
        """Return what to say of the channel of a recipe; nothing where the user chose it."""
        return self._choice.said if recipe.channel == self._choice.channel else ""

    def doubts(self, recipe: Recipe) -> tuple[str, ...]:
        """Return what a result keeps of the channel of a recipe, as a run over files does; nothing of a sure one."""
        return self._choice.doubts if recipe.channel == self._choice.channel else ()

    @property
    def is_doubtful(self) -> bool:
        """Whether nothing told which channel it is."""
        return self._choice.guess

    def applied(self, recipe: Recipe, stack: Stack | None, package: ModelPackage | None) -> Recipe:
        """Return a recipe with the channel that the model is made for, where nobody named one."""
        if stack is None or package is None or recipe.channel not in ("", self._choice.channel):
            return recipe
        try:
            self._choice = choose_channel(stack, package.spec)
        except CellvinoError:  # the run will say it
            self._choice = ChannelChoice()
        return with_channel(recipe.model_copy(update={"channel": ""}), self._choice)
