"""``cellvino plot``: a histogram and box plots of saved results."""

from __future__ import annotations

import argparse
import sys

from napari_cellvino.figures.distribution_plot import Values, box_stats
from napari_cellvino.storage.json_text import json_text
from napari_cellvino.workflows.group_plots import WrittenPlot, write_plot


def run(options: argparse.Namespace) -> int:
    """Draw the plot and print its path; 1 when a field could not be read."""
    done = write_plot(options.results, options.of, options.by, options.out)
    if options.json:
        print(json_text(_record(done)), end="")
    else:
        print("\n".join([f"{done.labels.title}: {done.labels.lines[0]}", *done.labels.lines[1:], str(done.path)]))
    for lost in done.unreadable:
        print(f"{lost.folder.name}: left out: {lost.error}", file=sys.stderr)
    return int(bool(done.unreadable))


def _record(done: WrittenPlot) -> dict[str, object]:
    return {
        "picture": done.path,
        "title": done.labels.title,
        "axis": done.labels.axis,
        "notes": list(done.labels.lines),
        "unreadable": [{"folder": lost.folder, "error": str(lost.error)} for lost in done.unreadable],
        "groups": {name: _numbers(values) for name, values in done.groups.items()},
    }


def _numbers(values: Values) -> dict[str, object]:
    """Return how many values there are, and what their box shows."""
    if not len(values):
        return {"values": 0}
    stats = box_stats(values)
    drawn = {name: getattr(stats, name) for name in ("low", "first", "median", "third", "high")}
    return {"values": len(values), **drawn, "beyond": len(stats.beyond)}
