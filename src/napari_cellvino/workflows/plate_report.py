"""What plates answer, from folders of results to a page: curves, hits, controls."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

from napari_cellvino.core.errors import ImageReadError, OptionError
from napari_cellvino.core.plate import Plate, Well, standard_size
from napari_cellvino.plates.dose_response import AnswerChoices, PlateAnswers, answer, measures_of
from napari_cellvino.plates.layout import COLUMNS, Content, Layout, well_names
from napari_cellvino.plates.plate_maps import read_layout
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
        If what is asked cannot be answered, or a folder is named twice.
    """
    import pandas as pd

    _check_once(results)
    names = _plate_names(results)
    held = [_wells(folder, layout, names[n]) for n, folder in enumerate(results)]
    found = answer(pd.concat([table for table, _ in held], ignore_index=True), choices or AnswerChoices())
    said = dict.fromkeys((*_counted_twice(results), *(told for _, notices in held for told in notices)))
    return replace(found, notices=(*said, *found.notices))


def _check_once(results: Sequence[Path]) -> None:
    """Raise OptionError where a folder is named twice: its wells would be replicates of themselves."""
    known: set[Path] = set()
    for folder in results:
        if folder.resolve() in known:
            raise OptionError(
                f"{folder} is named twice: its wells would count as replicates of themselves; name it once"
            )
        known.add(folder.resolve())


def _counted_twice(results: Sequence[Path]) -> Iterator[str]:
    """Yield which folders hold results of the same images, whose wells are no replicates."""
    images = {folder: _images(folder) for folder in results}
    for one, other in combinations(results, 2):
        if both := len(images[one] & images[other]):
            same = "1 image is" if both == 1 else f"{both:,} images are"
            yield f"{one} and {other}: {same} in both, and counted as replicates of themselves; name one of the folders"


def _images(folder: Path) -> set[tuple[str, ...]]:
    """Return what tells the images apart that a folder has results of."""
    try:
        rows = read_dicts(folder / COUNTS_NAME)
    except (OSError, ValueError):
        return set()
    return {tuple(row.get(name, "") for name in ("file", "position", "frame", "images")) for row in rows}


def _plate_names(results: Sequence[Path]) -> list[dict[str, str]]:
    """Return the names of the plates in each folder as they are told apart: with the folder where two are alike."""
    names = [list(dict.fromkeys(_table(folder)["plate"].fillna(folder.name).astype(str))) for folder in results]
    often = Counter(name for plates in names for name in plates)
    return [
        {name: name if often[name] == 1 else f"{name} ({folder})" for name in plates}
        for folder, plates in zip(results, names, strict=True)
    ]


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


def _wells(folder: Path, layout: Path | None, names: Mapping[str, str]) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Return the wells of a folder of results with what they hold, plates as they are told apart, and doubts."""
    table = _table(folder)
    known = layout or (folder / LAYOUT_NAME if (folder / LAYOUT_NAME).is_file() else None)
    if known is None and "compound" not in table:
        raise OptionError(
            f"nothing in {folder} tells what the wells hold",
            remedy="enter it on the plate, or read a layout",
            command="give a layout (--layout FILE.csv)",
        )
    wells = [Well.parse(str(name)) for name in table["well"]]
    plate = table["plate"].fillna(folder.name).astype(str).map(names)
    said: tuple[str, ...] = ()
    if known is not None:
        held = read_layout(known, Plate(folder.name, "", *standard_size(wells), fields=(), channels=()))
        table, said = _filled(table, held, wells), (*held.notices, *_unmatched(held, wells, str(plate.iloc[0])))
    texts = {name: table[name].fillna("").astype(str) for name in ("compound", "control")}
    return table.assign(plate=plate, **texts), said


def _unmatched(held: Layout, wells: Sequence[Well], plate: str) -> Iterator[str]:
    """Yield which wells a layout lacks, and which of its wells have no results."""
    if lacking := set(wells) - set(held.contents):
        yield f"{plate}: the layout has nothing of {well_names(lacking)}, which are in no answer"
    meant = {well for well, content in held.contents.items() if content != Content()}
    if absent := meant - set(wells):
        yield f"{plate}: there are no results of {well_names(absent)}, which the layout has"


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
    for folder, names in zip(results, _plate_names(results), strict=True):
        try:
            rows = read_dicts(folder / COUNTS_NAME)
        except (OSError, ValueError):
            continue
        for row in rows:
            picture, plate = folder / row["folder"] / QC_NAME, row["plate"] or folder.name
            if row["folder"] and picture.is_file():
                found.setdefault((names.get(plate, plate), row["well"]), picture)
    return found
