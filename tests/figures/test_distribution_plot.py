"""A box for each group, bins of round width, nothing outside the figure, the same bytes each time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from napari_cellvino.figures.distribution_plot import FEW, MOST_GROUPS, WIDTH, PlotLabels, box_stats, draw_distribution
from napari_cellvino.figures.plot_style import DPI, plot_style, save_png

LABELS = PlotLabels("Area, by well", "Area, µm²")
COUNTS = PlotLabels("Cells per field, by well", "Cells per field", counted="fields", whole=True)


def texts_of(figure):
    import matplotlib.text

    return [text.get_text() for text in figure.findobj(matplotlib.text.Text)]


def height_of(figure):
    return round(figure.get_figheight() * DPI)


def test_box_stats_are_tukeys() -> None:
    stats = box_stats(np.array([1.0, 2, 3, 4, 5, 6, 7, 8, 100]))
    assert (stats.first, stats.median, stats.third) == (3, 5, 7)
    assert (stats.low, stats.high) == (1, 8)
    assert stats.beyond.tolist() == [100]
    alone = box_stats(np.array([4.0]))
    assert (alone.low, alone.median, alone.high, len(alone.beyond)) == (4, 4, 4, 0)


def test_whiskers_never_end_inside_the_box() -> None:
    stats = box_stats(np.array([0.0, 90, 91, 100, 101]))  # the first quartile is 90, its whisker would begin at 90
    assert stats.low <= stats.first <= stats.median <= stats.third <= stats.high


@pytest.mark.parametrize("labels", [LABELS, COUNTS])
@pytest.mark.parametrize(
    "values",
    [[], [0.0], [5.0, 5.0], [0.0] * 9, [-3.0, 4.0], [-2.0] * 3, [0.9, 0.91], list(range(1000)), [1e-7, 3e-6], [4e9, 1]],
)
def test_any_values_are_drawn_inside_the_figure(tmp_path: Path, values: list[float], labels: PlotLabels) -> None:
    groups = {"a very long name of a field that does not fit": np.array(values, float), "empty": np.zeros(0)}
    figure = draw_distribution(groups, labels)
    save_png(figure, tmp_path / "plot.png", software="test")
    with Image.open(tmp_path / "plot.png") as image:
        page = np.asarray(image.convert("RGB"))
    assert page.shape[1] == WIDTH
    assert (page[:, [0, 1, -2, -1]] == 255).all(), "something is cut off at the sides"
    assert (page[[0, -1]] == 255).all(), "something is cut off above or below"
    if values:
        histogram, boxes = figure.axes
        drawn = sum(patch.get_height() for patch in histogram.patches)
        assert drawn == len(values), "a value is in no bin"
        assert boxes.get_xlim() == histogram.get_xlim()


def test_whole_numbers_are_in_the_middle_of_their_bins() -> None:
    histogram, _ = draw_distribution({"a": np.array([1.0, 2, 2, 5, 12])}, COUNTS).axes
    middles = [patch.get_x() + patch.get_width() / 2 for patch in histogram.patches if patch.get_height()]
    assert middles == [1, 2, 5, 12]


def test_axes_begin_at_0_unless_values_lie_near_together() -> None:
    far, near = (draw_distribution({"a": values + np.arange(9.0)}, LABELS).axes[0] for values in (10, 9000))
    assert far.get_xlim()[0] == 0
    assert near.get_xlim()[0] > 8990


def test_each_group_has_a_row_even_without_values() -> None:
    groups = {"A01": np.arange(9.0), "B02": np.zeros(0), "C03": np.arange(3.0)}
    _, boxes = draw_distribution(groups, LABELS).axes
    assert [label.get_text() for label in boxes.get_yticklabels()] == ["A01 (9)", "B02 (0)", "C03 (3)"]
    assert [(patch.get_x(), patch.get_width()) for patch in boxes.patches] == [(2, 4)]
    dots = {tuple(point) for line in boxes.lines for point in line.get_xydata().tolist()}
    assert dots == {(0, 2), (1, 2), (2, 2)}


def test_equal_values_of_a_small_group_are_all_seen() -> None:
    _, boxes = draw_distribution({"a": np.full(FEW - 1, 2.0)}, LABELS).axes
    points = boxes.lines[-1].get_xydata()
    assert len(np.unique(points[:, 1])) == FEW - 1
    assert np.ptp(points[:, 1]) < 0.8


def test_groups_beyond_the_most_are_named_as_left_out() -> None:
    groups = {f"{n}": np.arange(9.0) for n in range(MOST_GROUPS + 5)}
    figure = draw_distribution(groups, LABELS)
    assert len(figure.axes[1].get_yticks()) == MOST_GROUPS
    assert any(f"{MOST_GROUPS} of {MOST_GROUPS + 5}" in text for text in texts_of(figure))
    assert height_of(figure) < 16_000


def test_units_and_any_name_are_drawn_as_they_are() -> None:
    labels = PlotLabels("Volume, by field", "Volume, µm³", lines=("β-catenin",))
    figure = draw_distribution({"a$1$ \udcff\u4e2d": np.arange(9.0), "two\nlines": np.arange(9.0)}, labels)
    texts = texts_of(figure)
    assert {"Volume, µm³", "β-catenin"} <= set(texts)
    assert "two lines (9)" in texts
    assert next(text for text in texts if text.startswith("a$1$")).isprintable()


def test_the_same_values_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        save_png(draw_distribution({"a": np.arange(9.0)}, LABELS), tmp_path / name, software="test")
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    with Image.open(tmp_path / "a.png") as image:
        assert image.info["Software"] == "test"
        assert not {"Creation Time", "date"} & set(image.info)


def test_settings_of_others_have_no_effect_and_stay(tmp_path: Path) -> None:
    import matplotlib

    save_png(draw_distribution({"a": np.arange(9.0)}, LABELS), tmp_path / "a.png", software="test")
    with matplotlib.rc_context({"font.size": 40, "lines.linewidth": 9}):
        save_png(draw_distribution({"a": np.arange(9.0)}, LABELS), tmp_path / "b.png", software="test")
        with plot_style():
            assert matplotlib.rcParams["font.size"] == 9
        assert matplotlib.rcParams["font.size"] == 40
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
