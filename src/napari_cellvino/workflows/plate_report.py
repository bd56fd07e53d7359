"""What plates answer, from folders of results to a page: curves, hits, controls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from napari_cellvino.core.errors import ImageReadError, OptionError
from napari_cellvino.core.plate import Plate, Well, standard_size
from napari_cellvino.plates.dose_response import AnswerChoices, PlateAnswers, answer, measures_of
from napari_cellvino.plates.layout import COLUMNS, Layout, read_layout
from napari_cellvino.plates.screening import Scale
from napari_cellvino.plates.well_measures import measures
from napari_cellvino.results.plate_page import Thumbnails, write_answers
from napari_cellvino.results.schema import COUNTS_NAME, LAYOUT_NAME, QC_NAME, WELLS_NAME
from napari_cellvino.storage.csv_table import read_dicts, read_table

if TYPE_CHECKING:
    import pandas as pd

SPREAD = ("_field_mean", "_field_sd")
ANSWERS = "answers"  # folder in the results


@dataclass(frozen=True, slots=True)
class WrittenAnswers:
    """What plates answer, and the page of it."""

    answers: PlateAnswers
    page: Path


def plate_answers(
    results: Sequence[Path], choices: AnswerChoices | None = None, *, layout: Path | None = None
) -> PlateAnswers:
    """Return what the wells of one or more folders of results answer.

    Parameters
    ----------
    results
        Folders that runs over plates wrote; wells of one compound and dose on several of them are replicates.
    choices
        What is asked; by default a curve of four parameters through the counts of cells.
    layout
        What the wells hold, of all plates; by default what the results tell.

    Raises
    ------
    ImageReadError
        If a folder has no table of wells.
    OptionError
        If what is asked cannot be answered.
    """
    import pandas as pd

    tables = [_wells(folder, layout) for folder in results]
    return answer(pd.concat(tables, ignore_index=True), choices or AnswerChoices())


def write_plate_report(
    results: Sequence[Path],
    choices: AnswerChoices,
    *,
    layout: Path | None = None,
    out: Path | None = None,
    unit: str = "",
) -> WrittenAnswers:
    """Write what plates answer into ``out``, by default ``answers`` in the first folder, and return it.

    Raises
    ------
    ImageReadError, OptionError
        As `plate_answers`.
    OutputError
        If a file cannot be written.
    """
    found = plate_answers(results, choices, layout=layout)
    title = answer_title(found)
    page = write_answers(found, out or results[0] / ANSWERS, well_pictures(results), title=title, unit=unit)
    return WrittenAnswers(found, page)


def answer_title(found: PlateAnswers) -> str:
    """Return what the responses are: the measure with its unit, and what it is relative to."""
    choices = found.choices
    columns = dict.fromkeys(map(str, found.table.columns), 1.0)
    titles = {one.name: one.heading for one in measures({Well(0, 0): columns}, ())}
    title = titles.get(choices.measure, choices.measure)
    return {Scale.PERCENT: f"{title}, % of control", Scale.FOLD: f"{title}, fold of control"}.get(choices.scale, title)


def well_measures(results: Path) -> tuple[str, ...]:
    """Return the columns of wells that a plate can be asked for, without those that only tell how these vary.

    Raises
    ------
    ImageReadError
        If the folder has no table of wells.
    """
    return tuple(name for name in measures_of(_table(results)) if not name.endswith(SPREAD) and "z_prime_" not in name)


def _wells(folder: Path, layout: Path | None) -> pd.DataFrame:
    """Return the wells of a folder of results, with what they hold."""
    table = _table(folder)
    known = layout or (folder / LAYOUT_NAME if (folder / LAYOUT_NAME).is_file() else None)
    if known is None and "compound" not in table:
        raise OptionError(
            f"nothing in {folder} tells what the wells hold",
            remedy="enter it on the plate, or read a layout",
            command="give a layout (--layout FILE.csv)",
        )
    wells = [Well.parse(str(name)) for name in table["well"]]
    table["plate"] = table["plate"].fillna(folder.name).astype(str)
    if known is not None:
        held = read_layout(known, Plate(folder.name, "", *standard_size(wells), fields=(), channels=()))
        table = _filled(table, held, wells)
    return table.assign(**{name: table[name].fillna("").astype(str) for name in ("compound", "control")})


def _table(folder: Path) -> pd.DataFrame:
    path = folder / WELLS_NAME
    try:
        return read_table(path, as_text=False)
    except (OSError, ValueError) as error:
        raise ImageReadError(f"{path} cannot be read: {error}; name a folder that a run over a plate wrote") from error


def _filled(table: pd.DataFrame, held: Layout, wells: Sequence[Well]) -> pd.DataFrame:
    """Return a table of wells with what a layout says of them."""
    import pandas as pd

    lines = [held.columns(well) for well in wells]
    return table.assign(**{name: pd.Series([line.get(name) for line in lines], index=table.index) for name in COLUMNS})


def well_pictures(results: Sequence[Path]) -> Thumbnails:
    """Return the picture with outlines of the first field of each well."""
    found: dict[tuple[str, str], Path] = {}
    for folder in results:
        try:
            rows = read_dicts(folder / COUNTS_NAME)
        except (OSError, ValueError):
            continue
        for row in rows:
            picture = folder / row["folder"] / QC_NAME
            if row["folder"] and picture.is_file():
                found.setdefault((row["plate"] or folder.name, row["well"]), picture)
    return found
