"""The options of ``cellvino track``."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from napari_cellvino.core.link_options import LinkOptions

if TYPE_CHECKING:
    from napari_cellvino.core.recipe import Recipe

USUAL = LinkOptions()
LINKING = {  # options, and the names of LinkOptions
    "reach": "reach",
    "gap": "gap",
    "division_cost": "division",
    "end_cost": "end",
    "intensity_cost": "intensity",
    "feature_cost": "features",
}


def add_track_flag(parser: argparse.ArgumentParser) -> None:
    """Add that inputs of ``cellvino run`` are films, which are tracked as ``cellvino track`` does unasked."""
    parser.add_argument("--track", action="store_true", help="inputs are films: follow their cells frame by frame")
    _add_follow(parser)
    parser.set_defaults(masks=None, tracks=None, to=[], interval=None, strips=0, **dict.fromkeys(LINKING))


def _add_follow(parser: argparse.ArgumentParser) -> None:
    text = "track frames while they are written into the folder, until none came for S seconds (120) or Ctrl+C"
    parser.add_argument("--follow", type=float, nargs="?", const=120.0, metavar="S", help=text)
    text = "with --follow, a frame is written when it stood still so long (2 s)"
    parser.add_argument("--settle", type=float, default=2.0, metavar="S", help=text)


def add_film_commands(command: Callable[[str, str, str], argparse.ArgumentParser]) -> argparse.ArgumentParser:
    """Add the commands of films, and return that of ``track``, which takes the choices of models too."""
    text = "follow the cells of a film: tracks, divisions, lineage and how they move"
    track = command("track", "track", text)
    _add_track_options(track)
    text = "compare tracked films by groups: growth, mean squared displacement and speed, with intervals"
    _add_compare_options(command("compare-films", "film_groups", text))
    _add_kymograph_options(command("kymograph", "kymograph", "what is along a cell, or along a line, through time"))
    return track


def _add_track_options(parser: argparse.ArgumentParser) -> None:
    """Add what is chosen of a film, and how its cells are linked."""
    add = parser.add_argument
    add("input", type=Path, metavar="INPUT", help="a film: one file, or a folder with an image for each frame")
    add("--out", type=Path, required=True, metavar="DIR", help="folder for the results; the film has its own in it")
    add("--masks", type=Path, metavar="DIR", help="label images of the frames, a folder or a stack, instead of a model")
    text = "tracks of another program (TrackMate XML, GEFF, napari or btrack CSV, btrack HDF5), put on the cells"
    add("--tracks", type=Path, metavar="FILE", help=text)
    add("--recipe", type=Path, metavar="FILE", help="choices saved by the window or an earlier run")
    add("--overwrite", action="store_true", help="replace earlier results of the film")
    text = "also as trackmate, geff, napari, btrack or btrack-hdf5"
    add(
        "--to",
        action="append",
        default=[],
        metavar="FORMAT[,FORMAT]",
        help=text,
    )
    add("--interval", type=float, metavar="S", help="seconds between frames, where the file has none")
    add("--strips", type=int, default=0, metavar="N", help="pictures through time of the N longest tracks, in strips/")
    _add_follow(parser)
    _add_linking(parser)


def _add_linking(parser: argparse.ArgumentParser) -> None:
    """Add how cells are linked; what is not typed is as in the recipe."""
    link = parser.add_argument_group("linking (what is not given is as in the recipe)").add_argument
    text = f"diameters that a cell moves in a frame at most ({USUAL.reach:g})"
    link("--reach", type=float, metavar="X", help=text)
    link("--gap", type=int, metavar="N", help=f"frames in which a cell may be missing ({USUAL.gap})")
    text = f"higher finds fewer divisions ({USUAL.division:g})"
    link("--division-cost", type=float, metavar="X", help=text)
    text = f"higher links more, and lets fewer tracks end ({USUAL.end:g})"
    link("--end-cost", type=float, metavar="X", help=text)
    text = f"what it costs to become brighter or darker, in the first channel ({USUAL.intensity:g}; try 0.3)"
    link("--intensity-cost", type=float, metavar="X", help=text)
    text = (
        f"what it costs to look different to the model ({USUAL.features:g}; try 0.3 where cells move far; takes time)"
    )
    link("--feature-cost", type=float, metavar="X", help=text)


def linking_from(options: argparse.Namespace, recipe: Recipe) -> Recipe:
    """Return the recipe with what was typed of linking.

    Raises
    ------
    OptionError
        If it is not possible.
    """
    typed = {name: getattr(options, option) for option, name in LINKING.items() if getattr(options, option) is not None}
    return recipe.model_copy(update={"linking": replace(recipe.linking, **typed)})


def _add_compare_options(parser: argparse.ArgumentParser) -> None:
    """Add which tracked films are compared, and by which groups."""
    add = parser.add_argument
    add("results", nargs="+", type=Path, metavar="RESULTS", help="folders that 'cellvino track' wrote films into")
    text = "films of a group by name, * stands for anything; once for each group (default: all films are one)"
    add("--group", action="append", default=[], metavar="NAME=FILM[,FILM]", help=text)
    text = "folder for the tables and groups.png"
    add("--out", type=Path, required=True, metavar="DIR", help=text)


def _add_kymograph_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("input", type=Path, metavar="INPUT", help="the folder of a tracked film, or with --line a film")
    add("--track", type=int, metavar="N", help="along the long axis of this track, which goes with the cell")
    text = "along a line that stays, through these points (px, down and right of the corner)"
    add("--line", type=_corners, default=(), metavar="Y,X,Y,X[,…]", help=text)
    add("--channel", type=int, default=1, metavar="N", help="number of the channel (1)")
    add("--width", type=int, default=5, metavar="PX", help="pixels across that are averaged (5)")
    add("--interval", type=float, metavar="S", help="seconds between frames, where neither film nor results say")
    add("--out", type=Path, required=True, metavar="FILE.png", help="the picture; its values stand beside it as .tif")


def _corners(text: str) -> tuple[tuple[float, float], ...]:
    """Return corners (y, x) of a line in px."""
    numbers = [float(part) for part in text.split(",")]
    if len(numbers) < 4 or len(numbers) % 2:
        raise argparse.ArgumentTypeError(f"{text!r} is not Y,X,Y,X: a line has two points or more")
    return tuple(zip(numbers[::2], numbers[1::2], strict=True))
