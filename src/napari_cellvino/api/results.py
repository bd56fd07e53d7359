"""Results that stand in a folder: every field with its labels, its table, and what a person corrected."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.annotation import Annotation
from napari_cellvino.core.errors import ImageReadError
from napari_cellvino.core.recipe import Recipe, load_recipe
from napari_cellvino.quality.corrections import CorrectionFigures
from napari_cellvino.results.annotated_fields import OBJECTS_NAME, read_field, result_folders
from napari_cellvino.results.corrections import is_corrected, read_annotation
from napari_cellvino.results.counts_table import COUNTS_NAME
from napari_cellvino.results.folder import RECIPE_NAME
from napari_cellvino.results.plate_tables import WELLS_NAME
from napari_cellvino.workflows.correction_report import report_corrections

if TYPE_CHECKING:
    import pandas as pd

_TEXTS = ("file", "position", "plate", "well", "field", "folder", "status", "error", "compound", "control")
_TEXTS_OF_OBJECTS = ("class", "origin", "review", "doubts", "note")


@dataclass(frozen=True)
class FieldResults:
    """The result of one field; files are read when they are asked for.

    Attributes
    ----------
    folder
        Where it stands.
    """

    folder: Path

    @property
    def name(self) -> str:
        """The name of its folder."""
        return self.folder.name

    @cached_property
    def annotation(self) -> Annotation:
        """The document: label image or boxes, a record of each object, and where all of it came from."""
        return read_annotation(self.folder)

    @property
    def labels(self) -> NDArray[np.int32] | None:
        """Label image int32 (Y, X) or (Z, Y, X), 0 is background; None where the objects are boxes."""
        labels = self.annotation.labels
        return None if labels is None else labels.copy()

    @property
    def table(self) -> pd.DataFrame:
        """One row per object: ``objects.csv``.

        Raises
        ------
        ImageReadError
            If the table cannot be read.
        """
        return _read_table(self.folder / OBJECTS_NAME, _TEXTS_OF_OBJECTS)

    @property
    def pixels(self) -> NDArray[np.generic]:
        """The pixels that it was made from: (C, Y, X), or (C, Z, Y, X) of objects in 3D.

        Raises
        ------
        ImageReadError, ImageValueError
            If the image is not there any more, or has changed since.
        """
        return read_field(self.folder).pixels

    @property
    def corrections(self) -> CorrectionFigures | None:
        """What a person changed of what the model found; None where nobody looked at the field.

        Raises
        ------
        ImageReadError
            If the result does not tell what the model had found.
        """
        if not is_corrected(self.folder):
            return None
        return report_corrections([self.folder], []).fields[0].figures


class Results:
    """A folder of results: iterate over its fields, or take one by its name.

    Parameters
    ----------
    folder
        What a run or the window saved into.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __repr__(self) -> str:
        return f"Results({str(self.folder)!r})"

    def __iter__(self) -> Iterator[FieldResults]:
        return map(FieldResults, result_folders(self.folder))

    def __len__(self) -> int:
        return len(result_folders(self.folder))

    def __getitem__(self, name: str) -> FieldResults:
        """Return the field whose folder has this name; KeyError if there is none."""
        known = {field.name: field for field in self}
        if name not in known:
            raise KeyError(f"{self.folder} has no result called {name!r}; it holds {', '.join(known)}")
        return known[name]

    @property
    def counts(self) -> pd.DataFrame:
        """One row per field, failed ones with their reason: ``counts.csv``.

        Raises
        ------
        ImageReadError
            If the table cannot be read.
        """
        return _read_table(self.folder / COUNTS_NAME, _TEXTS)

    @property
    def failed(self) -> pd.DataFrame:
        """The rows of the fields that have no result, with the reason in ``error``."""
        counts = self.counts
        return counts[counts["status"] == "failed"]

    @property
    def wells(self) -> pd.DataFrame:
        """One row per well of a plate: ``wells.csv``; ImageReadError where it is no plate."""
        return _read_table(self.folder / WELLS_NAME, _TEXTS)

    @property
    def recipe(self) -> Recipe:
        """All choices that the results were made with; OptionError if they cannot be read."""
        return load_recipe(self.folder / RECIPE_NAME)


def open_results(folder: str | Path) -> Results:
    """Return the results in a folder.

    Raises
    ------
    ImageReadError
        If there are none.

    Examples
    --------
    >>> from napari_cellvino import open_results, segment
    >>> _ = segment("sample_data/nuclei_stack.ome.tif").save("results")
    >>> for field in open_results("results"):
    ...     print(field.name, field.labels.shape, len(field.table) == field.labels.max())
    nuclei_stack (448, 512) True
    >>> open_results("results").counts[["folder", "status"]].values.tolist()
    [['nuclei_stack', 'done']]
    """
    result_folders(Path(folder))
    return Results(Path(folder))


def _read_table(path: Path, texts: tuple[str, ...]) -> pd.DataFrame:
    """Return a table; columns of texts stay texts, whatever stands in them."""
    import pandas as pd

    try:
        table = pd.read_csv(path, dtype=dict.fromkeys(texts, str), keep_default_na=False, na_values=[""])
    except (OSError, ValueError) as error:
        raise ImageReadError(f"{path} cannot be read as a table: {error}") from error
    there = [name for name in texts if name in table]
    table[there] = table[there].fillna("")
    return table
