"""Options of the commands that say what plates hold, and what they answer."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path


def add_answer_commands(command: Callable[[str, str, str], argparse.ArgumentParser]) -> None:
    """Add the commands; ``command`` makes one of a name, a module and a text."""
    text = "fit dose-response curves to plates, compare compounds with the controls, and write a page of it"
    _add_plate_report(command("plate-report", "plate_report", text))
    text = "give cells classes that are learnt from examples, in saved results and in runs with their recipe"
    _add_classify(command("classify", "classify", text))
    _add_classify_fields(
        command("classify-fields", "classify_fields", "tell the phenotype of whole fields, and where it shows")
    )
    _add_profile(command("profile", "profile", "write feature vectors of cells and wells, and what looks alike"))
    _add_drift(command("drift", "drift", "compare runs with earlier ones, and say what has changed and why"))
    _add_layout(command("layout", "layout", "make a layout of a plate map, and fill in serial dilutions"))


def _add_plate_report(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``cellvino plate-report``."""
    add = parser.add_argument
    add(
        "results",
        nargs="+",
        type=Path,
        metavar="RESULTS",
        help="folders of plates; wells of equal content are replicates",
    )
    add(
        "--of",
        default="count",
        metavar="NAME",
        help="column of wells.csv (default: count); an unknown one lists them all",
    )
    add("--scale", choices=["raw", "percent", "fold"], default="raw", help="percent: negative controls 0, positive 100")
    add(
        "--correct",
        choices=["none", "edge", "b-score"],
        default="none",
        help="take effects of the place off (default: none)",
    )
    add("--parameters", type=int, choices=[4, 5], default=4, help="of the logistic curve (default: 4)")
    add("--layout", type=Path, metavar="FILE.csv", help="what the wells hold (default: what RESULTS tell)")
    add("--unit", default="", metavar="UNIT", help="of the doses, for the plots")
    add("--out", type=Path, metavar="DIR", help="(default: answers in the first of RESULTS)")


def _add_classify(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``cellvino classify``."""
    add = parser.add_argument
    add("results", type=Path, metavar="RESULTS", help="folder that 'cellvino run' wrote")
    text = "a table (folder,id,class, or objects.csv with classes), or results with reviewed cells; repeatable"
    add("--examples", action="append", type=Path, default=[], metavar="PATH", help=text)
    text = "a cell whose class is less probable keeps the one that it has (default: 0)"
    add("--least-probability", type=float, default=0.0, metavar="P", help=text)
    add("--remove", action="store_true", help="take the classifier of RESULTS away again")


def _add_classify_fields(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``cellvino classify-fields``."""
    add = parser.add_argument
    add("inputs", nargs="+", type=Path, metavar="INPUT", help="image files or folders of images")
    add("--model", type=Path, required=True, metavar="DIR", help="folder that 'cellvino train --task phenotype' wrote")
    add("--out", type=Path, required=True, metavar="DIR", help="for fields.csv and a picture of each field")
    text = "fast (default: bf16 where the processor has it) or exact (float32)"
    add("--precision", choices=["fast", "exact"], default="fast", help=text)


def _add_profile(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``cellvino profile``."""
    add = parser.add_argument
    add("results", type=Path, metavar="RESULTS", help="folder that 'cellvino run' wrote")
    add("--out", type=Path, required=True, metavar="FILE", help=".csv, .parquet or .h5ad; the cells go beside it")
    add("--network", metavar="MODEL", help="add the inner maps of this model, averaged over each cell, as features")


def _add_layout(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``cellvino layout``."""
    add = parser.add_argument
    add(
        "map", nargs="?", type=Path, metavar="MAP.csv", help="a plate map: a row per well, or grids of 96 to 1536 wells"
    )
    add("--out", type=Path, required=True, metavar="FILE.csv", help="the layout, for 'cellvino run --layout'")
    add("--encoding", metavar="NAME", help="of the map, as latin-1 (default: utf-8)")
    add("--decimal-comma", action="store_true", help="doses are written as 0,5")
    dilution = (
        "fill wells with a serial dilution, as A02:D11=taxol,100,3: from 100, a third in each further column; "
        "A11:D02 begins in column 11"
    )
    add("--dilute", action="append", default=[], metavar="WELLS=COMPOUND,TOP,FACTOR", help=f"{dilution}; repeatable")
    add("--down", action="store_true", help="dilutions go down the rows")
    add("--control", action="append", default=[], metavar="WELLS=positive|negative", help="mark controls; repeatable")


def _add_drift(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``cellvino drift``."""
    add = parser.add_argument
    add("results", nargs="+", type=Path, metavar="DIR", help="folders of results, searched to any depth")
    add("--out", type=Path, metavar="DIR", help="for drift.csv and drift.png (default: the first DIR)")


def add_plot(parser: argparse.ArgumentParser) -> None:
    """Add what ``cellvino plot`` takes."""
    add = parser.add_argument
    add("results", type=Path, metavar="RESULTS", help="folder that 'cellvino run' wrote, or that of one field")
    add("--of", default="", metavar="NAME", help="count, area, mean_<channel>, …; an unknown one lists them all")
    add("--by", default="", metavar="NAME", help="well, field, class, plate, compound, dose, …; likewise")
    add("--out", type=Path, metavar="FILE.png", help="(default: plot-<of>-by-<by>.png in RESULTS)")
