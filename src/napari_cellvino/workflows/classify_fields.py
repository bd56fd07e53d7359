"""The phenotype of whole fields, with the part of the picture that speaks for it."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from napari_cellvino.core.errors import CellvinoError
from napari_cellvino.core.progress import Progress
from napari_cellvino.storage.atomic import atomic_path
from napari_cellvino.storage.csv_table import write_table
from napari_cellvino.storage.file_names import safe_name

TABLE = "fields.csv"
LOOKED = (255, 176, 0)  # colour of what speaks for the class
STRENGTH = 0.55  # of that colour where the evidence is strongest


@dataclass(frozen=True, slots=True)
class FieldPhenotype:
    """A field with its class and the probabilities of all, or why there is none."""

    path: Path
    kind: str = ""
    probabilities: tuple[float, ...] = ()
    picture: Path | None = None
    error: str = ""


def classify_fields(
    inputs: Sequence[Path], model: Path, out: Path
) -> Generator[Progress, None, tuple[FieldPhenotype, ...]]:
    """Yield progress, write ``fields.csv`` and a picture of each field into ``out``, and return the fields.

    An image that cannot be read is named, the others go on.

    Raises
    ------
    ModelPackageError
        If the model cannot be used.
    OutputError
        If a file cannot be written.
    """
    import pandas as pd

    from napari_cellvino.training.phenotype.fields import read_field
    from napari_cellvino.training.phenotype.package import open_phenotypes

    known, found = open_phenotypes(model), []
    out.mkdir(parents=True, exist_ok=True)
    for number, path in enumerate(inputs):
        try:
            pixels = read_field(path)
            told = known.look(pixels)
        except CellvinoError as error:
            found.append(FieldPhenotype(path, error=str(error)))
            continue
        best = int(told.probabilities.argmax())
        picture = out / f"{safe_name(path.stem)}_saliency.png"
        _write_picture(picture, pixels[0], told.evidence[best] - np.delete(told.evidence, best, 0).max(0))
        probabilities = tuple(told.probabilities.tolist())
        found.append(FieldPhenotype(path, known.spec.classes[best], probabilities, picture))
        yield Progress("fields", number + 1, len(inputs))
    rows = [
        {"path": str(one.path), "class": one.kind, "error": one.error}
        | {f"p_{name}": p for name, p in zip(known.spec.classes, one.probabilities, strict=False)}
        for one in found
    ]
    columns = ["path", "class", *(f"p_{name}" for name in known.spec.classes), "error"]
    write_table(out / TABLE, pd.DataFrame(rows, columns=columns))
    return tuple(found)


def _write_picture(path: Path, plane: NDArray[np.float32], margin: NDArray[np.float32]) -> None:
    """Write a field (Y, X) with a colour where the evidence for its class leads most over that for the next one."""
    lead = np.clip(margin, 0, None)
    lead = lead / lead.max() if lead.max() > 0 else lead
    side = plane.shape[1], plane.shape[0]
    share = np.asarray(Image.fromarray(lead.astype(np.float32)).resize(side, Image.Resampling.BILINEAR))[..., None]
    grey = np.clip(plane, 0, 1)[..., None] * 255.0
    colour = grey * (1 - STRENGTH * share) + np.array(LOOKED) * STRENGTH * share
    with atomic_path(path) as part:
        Image.fromarray(colour.astype(np.uint8)).save(part, format="PNG")
