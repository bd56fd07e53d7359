"""The model that strokes make: trained, checked and installed, in a thread."""

from __future__ import annotations

import getpass
import tempfile
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from napari_cellvino.core.progress import Progress
from napari_cellvino.core.recipe import Recipe
from napari_cellvino.gui.widgets.formatting import format_count
from napari_cellvino.model_package import ModelPackage, open_package
from napari_cellvino.model_package.install import install_package
from napari_cellvino.training.teach.strokes import StrokedImage


@dataclass(frozen=True, slots=True)
class MadeModel:
    """An installed model, and the number of cells that it finds in each plane that was painted on."""

    package: ModelPackage
    cells: tuple[int, ...]

    def __str__(self) -> str:
        where = "the whole image" if len(self.cells) == 1 else f"the {len(self.cells)} planes that were painted on"
        return f"{self.package.label} is made and chosen in tab 2; it finds {format_count(sum(self.cells))} in {where}."


def make_model(
    images: Sequence[StrokedImage],
    name: str,
    classes: tuple[str, ...],
    recipe: Recipe,
    seen: Mapping[str, float],
    zoom: float | None,
    before: str,
) -> Generator[Progress, None, MadeModel]:
    """Yield progress, and return the model of these images, installed; ``before`` is the one that was used till then.

    ``seen`` are the values of the sliders that its cells were seen with, ``zoom`` is the one they were seen at: the
    model finds what was seen.
    """
    from napari_cellvino.workflows.teach import TeachChoices, teach_stacks  # loads OpenVINO

    with tempfile.TemporaryDirectory(prefix="cellvino-teach-") as scratch:
        out = Path(scratch) / "model"
        choices = TeachChoices(out, recipe, name, classes, getpass.getuser(), parameters=seen, zoom=zoom)
        taught = yield from teach_stacks(images, choices)
        package = install_package(open_package(out), before=before)
        return MadeModel(package, tuple(len(field.found.objects) for field in taught.fields))
