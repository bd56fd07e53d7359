"""From strokes to a model: `teach`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from napari_cellvino.core.progress import Progress, finish
from napari_cellvino.training.teach.teach import TeachResult
from napari_cellvino.workflows.recipe_choices import apply_choices, default_recipe
from napari_cellvino.workflows.run_folder import list_inputs
from napari_cellvino.workflows.teach import TeachChoices, teach_images


def teach(
    images: str | Path | Sequence[str | Path],
    strokes: str | Path,
    out: str | Path,
    *,
    name: str = "",
    classes: Sequence[str] = (),
    by: str = "",
    channel: str | int | None = None,
    z: str | None = None,
    diameter_px: float | None = None,
    device: str = "AUTO",
    overwrite: bool = False,
    progress: Callable[[Progress], object] = lambda event: None,
) -> TeachResult:
    """Write a model that was taught by a few strokes, and return it with what it finds on the painted fields.

    Parameters
    ----------
    images
        Image files or folders; those without strokes are not used.
    strokes
        A folder with ``<stem>.tif`` (uint8: 0 nothing, 1 cell, 2 background, 3 between cells, 4 and more cell of class
        1, 2, …), and outlined cells as ``<stem>_cells.tif`` where there are some.
    out
        Folder of the model, which every run takes: ``segment(image, out)``.
    name, classes, by
        Name of the model, names of its classes, and who taught it.
    channel, z, diameter_px
        As of `segment`; by default all channels, the maximum projection, and the diameter that the strokes tell best.
    device
        Device that the features are computed on.
    overwrite
        Whether a model in ``out`` is replaced.
    progress
        Is called with every step.

    Raises
    ------
    CellvinoError
        If images or strokes cannot be read or do not fit each other, not enough was painted, or ``out`` is taken.

    Examples
    --------
    >>> from pathlib import Path
    >>> import numpy as np, tifffile
    >>> field = np.random.default_rng(0).normal(100, 5, (96, 96)).astype("uint16")
    >>> for y in (8, 40, 72):
    ...     field[y : y + 16, 8:24] += 300
    ...     field[y : y + 16, 56:72] += 300
    >>> strokes = np.zeros(field.shape, "uint8")
    >>> strokes[16, 10:22] = strokes[48, 58:70] = 1  # cell
    >>> strokes[32, 10:60] = strokes[64, 30:50] = 2  # background
    >>> for folder, pixels in (("fields", field), ("strokes", strokes)):
    ...     Path(folder).mkdir()
    ...     tifffile.imwrite(f"{folder}/a.tif", pixels)
    >>> from napari_cellvino import segment, teach
    >>> taught = teach("fields", "strokes", "my-cells", diameter_px=18)
    >>> segment(field, taught.package).counts["count"]
    6
    """
    given = [images] if isinstance(images, (str, Path)) else list(images)
    typed = {
        "channel": None if channel is None else str(channel), "z": z, "diameter_px": diameter_px, "device": device,
    }  # fmt: skip
    recipe = apply_choices(default_recipe(), {key: value for key, value in typed.items() if value is not None}, {})
    choices = TeachChoices(
        tuple(list_inputs([Path(path) for path in given])), Path(strokes), Path(out), recipe,
        name=name, classes=tuple(classes), by=by, overwrite=overwrite,
    )  # fmt: skip
    return finish(teach_images(choices), progress)
