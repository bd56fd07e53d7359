"""Options of the commands that make answers of plates."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_plate_report(parser: argparse.ArgumentParser) -> None:
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
