"""Groups of tracked films: what a film says, and how sure that is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from napari_cellvino.cli import main
from napari_cellvino.figures.group_plots import draw_groups
from napari_cellvino.tracking.group_curves import TrackTables, group_curves


def film(name: str, speed: float, divides: bool = True) -> TrackTables:
    """A cell that goes straight on for eight frames of 5 min, and one that divides in the fourth."""
    rows = [(1, n, 5.0 * n, 10.0, speed * 5 * n) for n in range(8)]
    rows += [(2, n, 5.0 * n, 50.0, 3.0) for n in range(4 if divides else 8)]
    rows += [(track, n, 5.0 * n, 50.0 + track, 3.0) for track in (3, 4) for n in range(4, 8) if divides]
    cells = pd.DataFrame(rows, columns=["track", "frame", "time_min", "y_um", "x_um"])
    cells["mean_red"] = 1.0 + (cells["track"] > 2)  # daughters are brighter
    tracks = [(1, 0, speed, 1.0), (2, 0, 0.0, 0.0), (3, 2, 0.0, None), (4, 2, 0.0, None)][: 4 if divides else 2]
    columns = ["track", "parent", "speed_um_per_min", "persistence"]
    return TrackTables(name, cells, pd.DataFrame(tracks, columns=columns))


def test_films_are_the_replicates_where_there_are_three() -> None:
    curves = group_curves({"a": [film(f"a{n}", speed) for n, speed in enumerate((0.4, 0.8, 1.2))]})
    (speed,), (growth,), (msd,) = (curves[name] for name in ("speed", "growth", "msd"))
    assert (speed.films, speed.replicates) == (3, "films")
    np.testing.assert_allclose(
        [speed.mean[0], speed.low[0], speed.high[0]], [0.2, 0.2 - 0.2484, 0.2 + 0.2484], atol=1e-3
    )
    np.testing.assert_allclose(growth.mean, [1, 1, 1, 1, 1.5, 1.5, 1.5, 1.5])
    np.testing.assert_allclose(growth.high - growth.low, 0)
    np.testing.assert_allclose(msd.x, [5.0])
    np.testing.assert_allclose(msd.of_films[:, 0], [7 * (5 * s) ** 2 / (7 + 3 + 3 + 3) for s in (0.4, 0.8, 1.2)])


def test_of_one_film_the_interval_is_over_families() -> None:
    (growth,) = group_curves({"a": [film("a", 0.4)]})["growth"]
    assert growth.replicates == "cells"
    assert (growth.low[-1], growth.mean[-1], growth.high[-1]) == (1.0, 1.5, 2.0)  # two families: 1 and 2 of each cell


def test_of_one_group_each_mark_is_named() -> None:
    figure = draw_groups(group_curves({"a": [film("a", 0.4)]}), "um", "min")
    named = [text.get_text() for legend in figure.legends for text in legend.get_texts()]
    assert named == ["a (1 film, 95 % interval over cells)", "one film", "mean of the group, with its 95 % interval"]
    assert [panel.get_title(loc="left") for panel in figure.axes][:2] == [
        "Cells, first frame = 1",
        "Mean squared displacement",
    ]


def test_films_are_compared_by_groups(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for held in (film("ctrl_1", 0.4), film("ctrl_2", 0.5), film("drug_1", 0.1, divides=False)):
        (tmp_path / "tracks" / held.name / "ctc").mkdir(parents=True)
        held.cells.to_csv(tmp_path / "tracks" / held.name / "tracks.csv", index=False)
        held.tracks.to_csv(tmp_path / "tracks" / held.name / "lineage.csv", index=False)
    words = ["compare-films", str(tmp_path / "tracks"), "--out", str(tmp_path / "out")]
    assert main([*words, "--group", "control=ctrl_*"]) == 2
    assert "drug_1 is in no group" in capsys.readouterr().err
    assert main([*words, "--group", "control=ctrl_*", "--group", "drug=drug_*"]) == 0
    growth = pd.read_csv(tmp_path / "out" / "growth.csv")
    assert growth.query("time_min == 35")["mean"].tolist() == [1.5, 1.0]
    assert growth["films"].unique().tolist() == [2, 1]
    assert (tmp_path / "out" / "groups.png").stat().st_size > 10_000
    bright = pd.read_csv(tmp_path / "out" / "mean_red_over_time.csv")
    assert bright.query("group == 'control' and time_min == 20")["mean"].tolist() == [pytest.approx(5 / 3, abs=1e-4)]
    tracks = pd.read_csv(tmp_path / "out" / "measures.csv").set_index(["measure", "group"])
    assert tracks.index.get_level_values("measure").unique().tolist() == ["speed", "persistence"]
    assert tracks.loc[("persistence", "drug"), "mean"] == 0.5
