"""The options of ``cellvino teach``."""

from __future__ import annotations

import argparse
from pathlib import Path

TEACH = "make a model of a few strokes: for cells that no model knows; needs no training extra"


def add_teach(parser: argparse.ArgumentParser) -> None:
    """Add what is painted, where the model goes, and how the images are taken."""
    add = parser.add_argument
    add("images", nargs="+", type=Path, metavar="SET", help="images, or a folder of them (or of images/)")
    strokes = (
        "a TIFF per image with its name: 1 cell, 2 background, 3 between cells, 4 and more a cell of class 1, 2, …"
    )
    add("--strokes", type=Path, required=True, metavar="DIR", help=f"{strokes}; outlined cells in <name>_cells.tif")
    add("--out", type=Path, required=True, metavar="PACKAGE", help="folder for the model, to run with --model PACKAGE")
    add("--name", default="", metavar="NAME", help="what the model is called (default: as its folder)")
    add("--classes", default="", metavar="A,B", help="names of the classes of cells, as living,dead")
    add("--by", default="", metavar="WHO", help="who taught it, for the card")
    add("--channel", metavar="NAME|N", help="channel by name, or by number from 1; grey for RGB (default: all at once)")
    add("--z", metavar="mip|mean|focus|plane:K", help="what was painted on, of stacks; (Z, Y, X) strokes are on planes")
    add("--frame", type=int, default=1, metavar="N", help="time point, from 1")
    add("--axes", metavar="AXES", help="dimensions of the file, where its metadata have none, as CYX")
    add("--diameter", type=float, metavar="PX", help="typical cell diameter in px (default: found out)")
    add("--device", metavar="D", help="AUTO, CPU, GPU, NPU, … as 'cellvino devices' lists them")
    add("--overwrite", action="store_true", help="replace the model in PACKAGE")
