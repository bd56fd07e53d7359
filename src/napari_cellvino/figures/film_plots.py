"""What a tracked film shows at once: tracks from one origin, cells over time, mean squared displacement, speeds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_cellvino.figures.plot_style import BLUE, GREY, INK, PALE_BLUE, plot_style, printable
from napari_cellvino.tracking.measures import FilmScale, places_of

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_TRACKS = 300  # that are drawn, the longest ones
UNITS = {"um": "µm", "px": "px", "min": "min", "frames": "frames"}


def draw_film(
    cells: pd.DataFrame, tracks: pd.DataFrame, frames: pd.DataFrame, msd: pd.DataFrame, scale: FilmScale, *, title: str
) -> Figure:
    """Return a figure with four panels; the tables are those of `napari_cellvino.tracking.measures`."""
    from matplotlib.figure import Figure

    with plot_style():
        figure = Figure(figsize=(8.4, 6.4), layout="constrained")
        figure.suptitle(printable(title), x=0.01, ha="left", fontsize=10)
        panels = figure.subplots(2, 2).ravel()
        _origin(panels[0], cells, scale)
        _cells(panels[1], frames, scale)
        _msd(panels[2], msd, scale)
        _speeds(panels[3], tracks, scale)
    return figure


def _origin(panel: Axes, cells: pd.DataFrame, scale: FilmScale) -> None:
    longest = cells.groupby("track").size().sort_values(ascending=False, kind="stable").index[:MOST_TRACKS]
    shown = [places_of(held, scale) for track, held in cells.groupby("track") if track in set(longest)]
    for places in shown:
        panel.plot(places[:, -1] - places[0, -1], places[:, -2] - places[0, -2], color=BLUE, linewidth=0.6, alpha=0.5)
    panel.axhline(0, color=GREY, linewidth=0.5)
    panel.axvline(0, color=GREY, linewidth=0.5)
    panel.set_aspect("equal", adjustable="datalim")
    panel.invert_yaxis()  # as in the image
    unit, many = UNITS[scale.length], "" if len(shown) == cells["track"].nunique() else " longest"
    panel.set_title(f"{len(shown):,}{many} tracks from one origin", loc="left", fontsize=9)
    panel.set_xlabel(f"x ({unit})")
    panel.set_ylabel(f"y ({unit})")


def _cells(panel: Axes, frames: pd.DataFrame, scale: FilmScale) -> None:
    time = frames[f"time_{scale.time}"]
    panel.step(time, frames["cells"], where="mid", color=INK, linewidth=1.2, label="cells")
    step = _step(time)
    edges = np.append(time.to_numpy(np.float64) - step / 2, time.iloc[-1] + step / 2) if len(time) else [0.0, 1.0]
    panel.stairs(frames["divisions"] if len(time) else [0], edges, fill=True, color=PALE_BLUE, label="divisions")
    panel.set_ylim(bottom=0)
    panel.legend(frameon=False, fontsize=8, loc="center left")
    panel.set_title("Cells and divisions", loc="left", fontsize=9)
    panel.set_xlabel(f"time ({UNITS[scale.time]})")


def _step(time: pd.Series[float]) -> float:
    return float(np.diff(time).min()) if len(time) > 1 else 1.0


def _msd(panel: Axes, msd: pd.DataFrame, scale: FilmScale) -> None:
    unit = UNITS[scale.length]
    panel.set_title("Mean squared displacement", loc="left", fontsize=9)
    panel.set_xlabel(f"lag ({UNITS[scale.time]})")
    panel.set_ylabel(f"MSD ({unit}²)")
    values = msd[f"msd_{scale.length}2"].to_numpy(np.float64)
    if (values > 0).any():
        panel.plot(msd[f"lag_{scale.time}"], values, "o-", color=BLUE, mfc="white", markersize=4, linewidth=1.2)
        panel.set_xlim(left=0)
        panel.set_ylim(bottom=0)


def _speeds(panel: Axes, tracks: pd.DataFrame, scale: FilmScale) -> None:
    import pandas as pd

    name = f"speed_{scale.speed}"
    speeds = pd.to_numeric(tracks[name]).dropna().to_numpy(np.float64) if name in tracks else np.zeros(0)
    if len(speeds):
        panel.hist(speeds, bins="auto", color=PALE_BLUE, edgecolor=BLUE, linewidth=0.7)
        panel.axvline(float(np.median(speeds)), color=INK, linewidth=1, linestyle=":")
    each = "frame" if scale.interval_s is None else "min"
    panel.set_title("Speed of tracks (dotted: median)", loc="left", fontsize=9)
    panel.set_xlabel(f"speed ({UNITS[scale.length]}/{each})")
    panel.set_ylabel("tracks")
