"""The files of a tracked film, ``DIR/<film>/``: ctc/, tables of tracks and doubts, film.json, and plots in film.png.

The folder appears whole or not at all. Label images are asked for one by one: a film need not fit in memory.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.annotation import ObjectRecord
from napari_cellvino.annotation.record_json import read_records, record_dict
from napari_cellvino.core.errors import ImageReadError, ReplaceError
from napari_cellvino.core.recipe import Recipe, make_recipe
from napari_cellvino.figures.film_plots import draw_film
from napari_cellvino.figures.lineage_plot import draw_lineage
from napari_cellvino.figures.plot_style import save_png
from napari_cellvino.figures.track_strip import StripPicture, draw_strip
from napari_cellvino.formats.ctc_tracks import ctc_tracks, read_ctc, write_ctc
from napari_cellvino.formats.track_formats import TRACK_FORMATS
from napari_cellvino.formats.track_points import TrackPoints
from napari_cellvino.results.kept_looks import DETECTIONS_NAME, LooksOfFrames, no_looks, write_looks
from napari_cellvino.storage.atomic import atomic_folder
from napari_cellvino.storage.csv_table import write_table
from napari_cellvino.storage.json_text import json_text
from napari_cellvino.tracking.measures import FilmScale
from napari_cellvino.tracking.tracks import Node, Tracks

if TYPE_CHECKING:
    import pandas as pd

CTC_NAME = "ctc"
TRACKS_NAME, LINEAGE_NAME = "tracks.csv", "lineage.csv"
FRAMES_NAME, MSD_NAME, DOUBTS_NAME = "frames.csv", "msd.csv", "doubts.csv"
FILM_NAME, PLOTS_NAME, TREE_NAME = "film.json", "film.png", "lineage.png"
STRIPS_NAME = "strips"
CORRECTIONS_NAME = "corrections.json"


@dataclass(frozen=True, slots=True)
class FilmTables:
    """What is measured of a film: a row for each cell and frame, track, frame, lag and doubt, and single values."""

    cells: pd.DataFrame
    tracks: pd.DataFrame
    frames: pd.DataFrame
    msd: pd.DataFrame
    doubts: pd.DataFrame
    scale: FilmScale
    summary: dict[str, object]


def check_film_folder(folder: Path, *, overwrite: bool) -> None:
    """Raise ReplaceError if there is a tracked film already and ``overwrite`` is off, or something else."""
    if not folder.exists() or (overwrite and not any(folder.iterdir())):
        return
    if overwrite and (folder / CTC_NAME).is_dir():
        return
    if overwrite:
        raise ReplaceError(
            f"{folder} holds something else than a tracked film, which is not replaced",
            remedy="choose another folder",
            command="choose another --out",
        )
    raise ReplaceError(
        f"{folder} is there already",
        remedy="choose another folder, or replace it",
        command="choose another --out, or replace it with --overwrite",
    )


def write_film(
    folder: Path,
    tracks: Tracks,
    tables: FilmTables,
    labels: Callable[[int], NDArray[np.integer]],
    also: Mapping[str, TrackPoints] | None = None,
    corrected: Sequence[ObjectRecord] = (),
    strips: Mapping[int, Sequence[StripPicture]] | None = None,
    looks: LooksOfFrames = no_looks,
) -> None:
    """Write a tracked film.

    Parameters
    ----------
    folder
        Where; what stands there is replaced.
    tracks
        Its tracks.
    tables
        What is measured.
    labels
        Gives the label image of each frame.
    also
        Points by the names of further formats that they are written in.
    corrected
        Records of the tracks that a person made, changed, deleted or looked at.
    strips
        Pictures of single tracks through time.
    looks
        What was measured of the cells of each frame.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    ctc = ctc_tracks(tracks)
    nodes = zip(tables.cells["frame"].tolist(), tables.cells["label"].tolist(), strict=True)
    ids = np.fromiter((ctc.ids[Node(*node)] for node in nodes), np.int64, len(tables.cells))
    cells = tables.cells.copy(deep=False)
    cells.insert(list(cells.columns).index("label") + 1, "ctc_id", ids)
    with atomic_folder(folder) as part:
        (part / CTC_NAME).mkdir()
        write_ctc(part / CTC_NAME, ctc, len(tables.frames), labels)
        write_looks(part / DETECTIONS_NAME, len(tables.frames), looks)
        write_table(part / TRACKS_NAME, cells)
        write_table(part / LINEAGE_NAME, tables.tracks)
        write_table(part / FRAMES_NAME, tables.frames)
        write_table(part / MSD_NAME, tables.msd)
        for name, points in (also or {}).items():
            file, write = TRACK_FORMATS[name]
            write(part / file, points)
        write_table(part / DOUBTS_NAME, tables.doubts)
        _draw(part, tracks, tables, folder.name)
        (part / FILM_NAME).write_text(json_text(tables.summary), encoding="utf-8")
        _draw_strips(part, strips or {}, folder.name)
        if corrected:
            held = {"format": 1, "tracks": [record_dict(record) for record in corrected]}
            (part / CORRECTIONS_NAME).write_text(json_text(held), encoding="utf-8")


def _draw(part: Path, tracks: Tracks, tables: FilmTables, title: str) -> None:
    """Draw the curves and the lineage of a film into a folder."""
    figure = draw_film(tables.cells, tables.tracks, tables.frames, tables.msd, tables.scale, title=title)
    save_png(figure, part / PLOTS_NAME, software="napari-cellvino")
    tree = draw_lineage(tracks, len(tables.frames), tables.scale, title=title)
    save_png(tree, part / TREE_NAME, software="napari-cellvino")


def _draw_strips(part: Path, strips: Mapping[int, Sequence[StripPicture]], title: str) -> None:
    for track, pictures in strips.items():
        (part / STRIPS_NAME).mkdir(exist_ok=True)
        strip = draw_strip(pictures, title=f"{title}, track {track}")
        save_png(strip, part / STRIPS_NAME / f"track_{track:04d}.png", software="napari-cellvino")


@dataclass(frozen=True, slots=True)
class FilmResult:
    """A tracked film as it was read.

    Attributes
    ----------
    tracks
        Its tracks; the labels of nodes are those in the masks.
    masks
        The label image of each frame.
    corrected
        Records of the tracks that a person made, changed, deleted or looked at.
    summary
        The content of ``film.json``, empty where there is none.
    drift
        How far the field had moved by each frame, in px (T, D), None where the folder does not say.
    """

    tracks: Tracks
    masks: tuple[Path, ...]
    corrected: tuple[ObjectRecord, ...]
    summary: dict[str, object]
    drift: NDArray[np.float64] | None = None


def read_film(folder: Path) -> FilmResult:
    """Return a tracked film: a folder of results, or one of the Cell Tracking Challenge.

    Raises
    ------
    ImageReadError, ImageValueError
        If it is none, or something in it cannot be read.
    """
    tracks, masks = read_ctc(folder / CTC_NAME if (folder / CTC_NAME).is_dir() else folder)
    corrected, summary = _content(folder / CORRECTIONS_NAME), _content(folder / FILM_NAME)
    if corrected and corrected.get("format") != 1:
        raise ImageReadError(f"{folder / CORRECTIONS_NAME} is of a newer version, or damaged; move it away")
    records = read_records(corrected.get("tracks", []), boxes=False)
    return FilmResult(tracks, tuple(masks), tuple(records), summary, _drift(folder / FRAMES_NAME, len(masks)))


def recipe_of(summary: Mapping[str, object]) -> Recipe:
    """Return how cells were found and linked, from the content of ``film.json``; by default what it does not say.

    Until the recipe had it, what is chosen of linking stood beside it.

    Raises
    ------
    OptionError
        If it says something that is not possible.
    """
    held, linking = summary.get("recipe"), summary.get("linking")
    choices = dict(held) if isinstance(held, dict) else {}
    return make_recipe(choices | ({"linking": linking} if isinstance(linking, dict) else {}), source="film.json")


def _drift(path: Path, count: int) -> NDArray[np.float64] | None:
    """Return the drift in the table of frames, None where there is none of as many frames."""
    import pandas as pd

    if not path.is_file():
        return None
    table = pd.read_csv(path)
    names = [name for name in (f"drift_{axis}_px" for axis in "zyx") if name in table]
    return table[names].to_numpy(np.float64) if names and len(table) == count else None


def _content(path: Path) -> dict[str, object]:
    """Return what a JSON file holds, nothing where there is none."""
    if not path.is_file():
        return {}
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ImageReadError(f"{path} is no JSON file: {error}; move it away") from error
    return content if isinstance(content, dict) else {}
