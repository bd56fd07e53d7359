"""From strokes to a model: `teach`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from napari_cellvino.core.progress import Progress, finish
from napari_cellvino.workflows.recipe_choices import apply_choices, default_recipe
from napari_cellvino.workflows.run_folder import list_inputs

if TYPE_CHECKING:
    from napari_cellvino.training.teach.teach import TeachResult


def teach(
    images: str | Path | Sequence[str | Path],
    strokes: str | Path,
    out: str | Path,
    *,
    name: str = "",
    classes: Sequence[str] = (),
    by: str = "",
    channel: str | None = None,
    z: str | None = None,
    diameter_px: float | None = None,
    overwrite: bool = False,
    progress: Callable[[Progress], object] = lambda event: None,
) -> TeachResult:
    """Write a model that was taught by a few strokes, and return it with what it finds on the painted fields.

    Parameters
    ----------
    images, strokes
        Image files or folders, those without strokes are not used; a folder with ``<stem>.tif`` (uint8: 0 nothing, 1
        cell, 2 background, 3 between cells, 4 and more cell of class 1, 2, …), and outlined cells as
        ``<stem>_cells.tif`` where there are some.
    out, name, classes, by
        Folder of the model, which `segment` and every run take; its name, those of its classes, and who taught it.
    channel, z, diameter_px
        As of `segment`; by default all channels, the maximum projection, and the diameter that the strokes tell best.
    overwrite, progress
        Whether a model in ``out`` is replaced; what is called with every step.

    Raises
    ------
    CellvinoError
        If images and strokes cannot be read or do not fit, too little is painted, or ``out`` is taken.

    Examples
    --------
    >>> from pathlib import Path
    >>> import numpy as np, tifffile
    >>> field = np.random.default_rng(0).normal(100, 5, (96, 96)).astype("uint16")
    >>> strokes = np.zeros(field.shape, "uint8")
    >>> for y in (8, 40, 72):
    ...     field[y : y + 16, 8:24] += 300
    ...     strokes[y + 8, 10:22] = 1  # cell
    ...     strokes[y + 8, 40:80] = 2  # background
    >>> for folder, pixels in (("fields", field), ("strokes", strokes)):
    ...     Path(folder).mkdir()
    ...     tifffile.imwrite(f"{folder}/a.tif", pixels)
    >>> from napari_cellvino import segment, teach
    >>> taught = teach("fields", "strokes", "my-cells", diameter_px=18)
    >>> segment(field, taught.package).counts["count"]
    3
    """
    from napari_cellvino.workflows.teach import TeachChoices, teach_images  # loads OpenVINO

    typed = {"channel": channel, "z": z, "diameter_px": diameter_px}
    recipe = apply_choices(default_recipe(), {key: value for key, value in typed.items() if value is not None}, {})
    choices = TeachChoices(Path(out), recipe, name, tuple(classes), by, overwrite)
    return finish(teach_images(_files(images), Path(strokes), choices), progress)


def _files(images: str | Path | Sequence[str | Path]) -> tuple[Path, ...]:
    given = [images] if isinstance(images, (str, Path)) else images
    return tuple(list_inputs([Path(path) for path in given]))
