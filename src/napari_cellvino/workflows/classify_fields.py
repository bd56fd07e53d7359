"""The phenotype of whole fields, with the part of the picture that speaks for it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from napari_cellvino.core.errors import CellvinoError
from napari_cellvino.core.progress import Progress
from napari_cellvino.storage.atomic import atomic_path
from napari_cellvino.storage.csv_table import write_table
from napari_cellvino.storage.file_names import safe_name

if TYPE_CHECKING:
    from napari_cellvino.training.phenotype.package import PhenotypeModel

Field = NDArray[np.float32]

TABLE = "fields.csv"
BESIDE = 2  # fields that are read, and that are drawn, while the network looks at one
MOST_PX = 640  # of a picture
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
    inputs: Sequence[Path], model: Path, out: Path, *, exact: bool = False
) -> Generator[Progress, None, tuple[FieldPhenotype, ...]]:
    """Yield progress, write ``fields.csv`` and a picture of each field into ``out``, and return the fields.

    An image that cannot be read is named, the others go on. While the network looks at one, the next is read and the
    one before is drawn.

    Parameters
    ----------
    inputs
        Image files.
    model
        A folder that training wrote.
    out
        The folder of the table and the pictures.
    exact
        Whether the network calculates in float32; else as fast as the processor can.

    Raises
    ------
    ModelPackageError
        If the model cannot be used.
    OutputError
        If a file cannot be written.
    """
    from napari_cellvino.training.phenotype.package import open_phenotypes

    known = open_phenotypes(model)
    network, found = known if exact else known.fast(), list[FieldPhenotype]()
    out.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(BESIDE) as pool:
        drawn: deque[Future[None]] = deque()
        for number, (path, read) in enumerate(_read_ahead(inputs, pool)):
            one, picture = _told(path, read, network, out)
            found.append(one)
            if picture is not None:
                drawn.append(pool.submit(picture))
            while len(drawn) > BESIDE:
                drawn.popleft().result()
            yield Progress("fields", number + 1, len(inputs))
        for writing in drawn:
            writing.result()
    _write(out / TABLE, found, known.spec.classes)
    return tuple(found)


def _read_ahead(inputs: Sequence[Path], pool: ThreadPoolExecutor) -> Iterator[tuple[Path, Future[Field]]]:
    """Yield the fields, each being read while the one before is looked at."""
    from napari_cellvino.training.phenotype.fields import read_field

    ahead: deque[tuple[Path, Future[Field]]] = deque()
    for path in inputs:
        ahead.append((path, pool.submit(read_field, path)))
        if len(ahead) > BESIDE:
            yield ahead.popleft()
    yield from ahead


def _told(
    path: Path, read: Future[Field], network: PhenotypeModel, out: Path
) -> tuple[FieldPhenotype, Callable[[], None] | None]:
    """Return what a field shows, and what draws it."""
    try:
        pixels = read.result()
        told = network.look(pixels)
    except CellvinoError as error:
        return FieldPhenotype(path, error=str(error)), None
    best = int(told.probabilities.argmax())
    lead = told.evidence[best] - np.delete(told.evidence, best, 0).max(0)
    picture = out / f"{safe_name(path.stem)}_saliency.png"
    one = FieldPhenotype(path, network.spec.classes[best], tuple(told.probabilities.tolist()), picture)
    return one, partial(_write_picture, picture, pixels[0], lead)


def _write(path: Path, found: Sequence[FieldPhenotype], classes: Sequence[str]) -> None:
    import pandas as pd

    rows = [
        {"path": str(one.path), "class": one.kind, "error": one.error}
        | {f"p_{name}": p for name, p in zip(classes, one.probabilities, strict=False)}
        for one in found
    ]
    columns = ["path", "class", *(f"p_{name}" for name in classes), "error"]
    write_table(path, pd.DataFrame(rows, columns=columns))


def _write_picture(path: Path, plane: Field, margin: Field) -> None:
    """Write a field (Y, X), up to 640 px wide, with a colour where the evidence for its class leads most."""
    lead = np.clip(margin, 0, None)
    lead = lead / lead.max() if lead.max() > 0 else lead
    step = -(-max(plane.shape) // MOST_PX)
    height, width = (n - n % step for n in plane.shape)
    small = plane[:height, :width].reshape(height // step, step, width // step, step).mean((1, 3))
    side = small.shape[1], small.shape[0]
    share = np.asarray(Image.fromarray(lead.astype(np.float32)).resize(side, Image.Resampling.BILINEAR))[..., None]
    grey = np.clip(small, 0, 1)[..., None] * np.float32(255)
    colour = grey * (1 - STRENGTH * share) + np.array(LOOKED, np.float32) * STRENGTH * share
    with atomic_path(path) as part:
        Image.fromarray(colour.astype(np.uint8)).save(part, format="PNG", compress_level=1)
