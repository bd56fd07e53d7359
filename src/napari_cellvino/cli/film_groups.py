"""``cellvino compare-films``: growth, displacement and speed of groups of tracked films, with intervals."""

from __future__ import annotations

import argparse
import sys

from napari_cellvino.core.errors import OptionError
from napari_cellvino.storage.json_text import json_text
from napari_cellvino.workflows.film_groups import compare_films, find_films, grouped


def run(options: argparse.Namespace) -> int:
    """Compare films and write tables and a picture; 0 when that was done."""
    groups: dict[str, list[str]] = {}
    for text in options.group:
        name, _, films = text.partition("=")
        if not name or not films:
            raise OptionError(f"--group {text!r} is not NAME=FILM[,FILM...]")
        groups.setdefault(name, []).extend(films.split(","))
    curves = compare_films(grouped(find_films(options.results), groups), options.out)
    if options.json:
        rows = {c.group: {"films": c.films, "speed": [c.mean[0], c.low[0], c.high[0]]} for c in curves["speed"]}
        print(json_text({"folder": str(options.out), "groups": rows}), end="")
        return 0
    for growth, speed in zip(curves["growth"], curves["speed"], strict=True):
        ends = ", ".join(f"{value:.3g}" for value in (growth.mean[-1], growth.low[-1], growth.high[-1]))
        speeds = ", ".join(f"{value:.3g}" for value in (speed.mean[0], speed.low[0], speed.high[0]))
        print(
            f"{growth.group}: {growth.films} film{'s' * (growth.films != 1)}; growth to the end {ends}; speed {speeds} "
            f"(mean and 95 % interval over {speed.replicates})",
            file=sys.stderr,
        )
    return 0
