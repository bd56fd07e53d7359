"""What the models say of an image at first sight: values that the window, the command line and Python show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.core.objects import Objects
from napari_cellvino.figures.model_panels import ModelPanel
from napari_cellvino.quality.model_fit import FITS
from napari_cellvino.segmentation.look import Box


@dataclass(frozen=True, slots=True, eq=False)
class Suggestion:
    """What one model finds in a crop of an image, and how well it seems to suit it.

    Attributes
    ----------
    model, title
        Name and title of the model.
    score
        How likely it finds the cells, 0 to 1; from `FITS` on it is worth a run.
    count
        Cells in the crop.
    diameter_px
        Their median diameter in px of the image; None where there are none.
    given_diameter_px
        The diameter that a run has to be given to find the same; None where it needs none.
    channel
        The channel that it looked at, as in a recipe; empty for the one that a run takes by itself.
    reason
        Why it has this score, as a sentence.
    box
        The crop (y0, x0, y1, x1) in px of the image.
    pixels
        The crop (K, y, x) as the model was given it.
    labels
        Label image (y, x) of the crop; None where the model finds boxes.
    objects
        The cells, in px of the crop; ids are those of ``labels``.
    classes
        Number of classes of the model.
    """

    model: str
    title: str
    score: float
    count: int
    diameter_px: float | None
    given_diameter_px: float | None
    channel: str
    reason: str
    box: Box
    pixels: NDArray[np.generic] = field(repr=False)
    labels: NDArray[np.int32] | None = field(repr=False)
    objects: Objects = field(repr=False)
    classes: int = 1

    @property
    def fits(self) -> bool:
        """Whether the model seems to find the cells."""
        return self.score >= FITS

    @property
    def choices(self) -> Mapping[str, object]:
        """What a recipe has to say to run it like this."""
        said: dict[str, object] = {"model": self.model, "diameter_px": self.given_diameter_px}
        return said | {"channel": self.channel} if self.channel else said

    @property
    def says(self) -> str:
        """Count and size as a phrase: ``29 cells, about 24 px across``."""
        if not self.count or self.diameter_px is None:
            return "no cell"
        return f"{self.count:,} {'cell' if self.count == 1 else 'cells'}, about {self.diameter_px:.0f} px across"


@dataclass(frozen=True, slots=True, eq=False)
class FirstSight:
    """What all models that could run on an image say of it, the best first."""

    image: str
    suggestions: tuple[Suggestion, ...]
    notices: tuple[str, ...] = ()

    @property
    def best(self) -> Suggestion | None:
        """The model that suits the image best; None where none does."""
        return next((one for one in self.suggestions if one.fits), None)

    @property
    def says(self) -> str:
        """The outcome as a sentence."""
        best = self.best
        if best is None:
            return "None of the models seems to find the cells of this image"
        y0, x0, y1, x1 = best.box
        return f"{best.title} suits it best: {best.says}, in {x1 - x0} × {y1 - y0} px of it"


def panels_of(sight: FirstSight) -> list[ModelPanel]:
    """Return a panel per model, to draw side by side."""
    return [
        ModelPanel(
            f"{one.title}: {one.score:.2f}", (one.says, one.reason), one.pixels, one.labels, one.objects, one.classes
        )
        for one in sight.suggestions
    ]
