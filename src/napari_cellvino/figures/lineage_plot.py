"""The lineage of a film as a picture: a line for each track, a fork where it divides, a cross where it is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_cellvino.figures.plot_style import GREY, plot_style, printable
from napari_cellvino.tracking.lineage_rows import rows_of
from napari_cellvino.tracking.measures import FilmScale
from napari_cellvino.tracking.tracks import Tracks

if TYPE_CHECKING:
    from matplotlib.figure import Figure

GENERATIONS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00")  # of Okabe and Ito
MOST_TRACKS = 400  # that are drawn, those of the largest families
INCHES, TALLEST = 0.09, 30.0  # of a row, and of the figure


def draw_lineage(tracks: Tracks, frames: int, scale: FilmScale, *, title: str) -> Figure:
    """Return a figure of the tracks of a film of T frames, families from the top, the largest first."""
    from matplotlib.figure import Figure

    rows = {track: row for track, row in rows_of(tracks).items() if row < MOST_TRACKS}
    times = scale.at(np.arange(frames))
    with plot_style():
        figure = Figure(figsize=(8.4, min(1.4 + INCHES * len(rows), TALLEST)), layout="constrained")
        shown = f"{len(rows):,} of {len(tracks.nodes):,} tracks" if len(rows) < len(tracks.nodes) else "lineage"
        figure.suptitle(f"{printable(title)}, {shown}", x=0.01, ha="left", fontsize=10)
        panel = figure.subplots()
        for track, row in rows.items():
            own = [node.frame for node in tracks.nodes[track]]
            colour = GENERATIONS[tracks.generation(track) % len(GENERATIONS)]
            parent = tracks.parents.get(track)
            if parent is not None and parent in rows:
                born, before = times[own[0]], times[tracks.nodes[parent][-1].frame]
                panel.plot([before, born, born], [rows[parent], rows[parent], row], color=colour, linewidth=0.8)
            cuts = np.flatnonzero(np.diff(own) > 1) + 1
            panel.plot(times[[own[0], own[-1]]], [row, row], ":", color=colour, linewidth=0.8)
            for part in np.split(np.array(own), cuts):
                panel.plot(times[part[[0, -1]]], [row, row], color=colour, linewidth=1.6, solid_capstyle="butt")
            if own[-1] < frames - 1 and track not in tracks.divisions:
                panel.plot(times[own[-1]], row, "x", color=GREY, markersize=4)
        panel.set_ylim(max(len(rows), 1) - 0.5, -0.5)
        panel.set_yticks([])
        panel.spines["left"].set_visible(False)
        panel.set_xlabel("time (min)" if scale.time == "min" else "time (frames)")
    return figure
