"""Tracked films compared by groups: their tables read, curves with intervals written."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from napari_cellvino.core.errors import ImageReadError, OptionError
from napari_cellvino.figures.group_plots import draw_groups
from napari_cellvino.figures.plot_style import save_png
from napari_cellvino.results.film_folder import CTC_NAME, LINEAGE_NAME, TRACKS_NAME
from napari_cellvino.storage.csv_table import write_table
from napari_cellvino.storage.file_names import safe_name
from napari_cellvino.tracking.group_curves import OF_TRACKS, Curve, TrackTables, group_curves

PLOT_NAME, MEASURES_NAME = "groups.png", "measures.csv"
OUT_NAME = "compared"  # the usual folder for both, beside the films
OTHERS = "all"  # the group of films where none is named


def find_films(folders: Sequence[Path]) -> list[Path]:
    """Return the tracked films in folders of results; a folder may itself be one.

    Raises
    ------
    ImageReadError
        If there is none in one of them.
    """
    found: list[Path] = []
    for folder in folders:
        held = [folder] if (folder / CTC_NAME).is_dir() else sorted(p.parent for p in folder.glob(f"*/{CTC_NAME}"))
        if not held:
            raise ImageReadError(f"{folder} holds no tracked film; name a folder that 'cellvino track' wrote")
        found += held
    return list(dict.fromkeys(found))


def guess_group(name: str) -> str:
    """Return the group that the name of a film tells of: the name without the number at its end."""
    return re.sub(r"[\s_.-]*\d+$", "", name) or name


def grouped(films: Sequence[Path], groups: Mapping[str, Sequence[str]]) -> dict[str, list[Path]]:
    """Return films by the group whose names, in which * stands for anything, fit first.

    Raises
    ------
    OptionError
        If a film is in no group, or a group has no film.
    """
    if not groups:
        return {OTHERS: list(films)}
    found: dict[str, list[Path]] = {group: [] for group in groups}
    for film in films:
        group = next((g for g, names in groups.items() if any(fnmatchcase(film.name, name) for name in names)), None)
        if group is None:
            raise OptionError(f"{film.name} is in no group; name it in one, or leave its folder out")
        found[group].append(film)
    for group, held in found.items():
        if not held:
            raise OptionError(f"the group {group} has no film; there are {', '.join(film.name for film in films)}")
    return found


def compare_films(groups: Mapping[str, Sequence[Path]], out: Path) -> dict[str, list[Curve]]:
    """Write the tables of measures and a picture of curves into a folder, and return the curves.

    Curves have a table each (``growth.csv``, ``msd.csv``, ``mean_…_over_time.csv``); measures of tracks are in
    ``measures.csv``, and speed in ``speed.csv`` too.

    Raises
    ------
    CellvinoError
        If a table cannot be read, films are in different units, or ``out`` cannot be written.
    """
    import pandas as pd

    films = {group: [_read(folder) for folder in held] for group, held in groups.items()}
    first = next(iter(films.values()))[0]
    curves = group_curves(films)
    singles: list[dict[str, object]] = []
    for name, held in curves.items():
        if name in OF_TRACKS:
            singles += [{"measure": name} | row for curve in held for row in _rows(curve, "")]
        if name not in OF_TRACKS or name == "speed":
            x = "" if name == "speed" else f"{'lag' if name == 'msd' else 'time'}_{first.time}"
            table = pd.DataFrame([row for curve in held for row in _rows(curve, x)])
            write_table(out / f"{safe_name(name)}.csv", table)
    write_table(out / MEASURES_NAME, pd.DataFrame(singles))
    save_png(draw_groups(curves, first.length, first.time), out / PLOT_NAME, software="napari-cellvino")
    return curves


def _rows(curve: Curve, x: str) -> list[dict[str, object]]:
    return [
        {"group": curve.group, **({x: at} if x else {}), "mean": mean, "low": low, "high": high}
        | {"films": curve.films, "interval_over": curve.replicates}
        for at, mean, low, high in zip(curve.x, curve.mean, curve.low, curve.high, strict=True)
    ]


def _read(folder: Path) -> TrackTables:
    import pandas as pd

    try:
        tables = (pd.read_csv(folder / name) for name in (TRACKS_NAME, LINEAGE_NAME))
        cells, tracks = tables
    except (OSError, ValueError) as error:
        raise ImageReadError(f"{folder.name} has no tables that can be read: {error}; track it again") from error
    if not len(cells):
        raise ImageReadError(f"{folder.name} has no cells; leave it out")
    return TrackTables(folder.name, cells.sort_values(["track", "frame"]), tracks)
