"""The model that strokes make: trained, checked and installed, in a thread."""

from __future__ import annotations

import getpass
import tempfile
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path

from napari_cellvino.core.progress import Progress
from napari_cellvino.core.recipe import Recipe
from napari_cellvino.model_package import ModelPackage, open_package
from napari_cellvino.model_package.install import install_package
from napari_cellvino.training.teach.strokes import StrokedImage


def make_model(
    images: Sequence[StrokedImage],
    name: str,
    classes: tuple[str, ...],
    recipe: Recipe,
    seen: Mapping[str, float],
    before: str,
) -> Generator[Progress, None, ModelPackage]:
    """Yield progress, and return the model of these images, installed; ``before`` is the one that was used till then.

    ``seen`` are the values of the sliders that its cells were seen with.
    """
    from napari_cellvino.workflows.teach import TeachChoices, teach_stacks  # loads OpenVINO

    with tempfile.TemporaryDirectory(prefix="cellvino-teach-") as scratch:
        out = Path(scratch) / "model"
        choices = TeachChoices(out, recipe, name, classes, getpass.getuser(), parameters=seen)
        yield from teach_stacks(images, choices)
        return install_package(open_package(out), before=before)
