"""Measured scores as one table, for a terminal and for a model card: a row per figure, a column per precision."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain

from napari_cellvino.core.recipe import Precision
from napari_cellvino.model_package.spec import Score

TITLES = {
    "fields": "fields",
    "true": "true cells",
    "predicted": "cells found",
    "ap50": "AP@0.5",
    "ap_mean": "AP mean",
    "average_precision": "area under precision-recall",
    "f1_50": "F1@0.5",
    "f1_centre": "F1 of centres",
    "pq_50": "PQ@0.5",
    "dice": "Dice",
    "count_r": "r of counts",
    "count_error": "count error per field",
}
COLUMNS = {Precision.FAST: "Fast", Precision.EXACT: "Exact", Precision.INT8: "INT8"}
WHOLE = frozenset({"fields", "true", "predicted"})


def markdown_table(scores: Sequence[Score]) -> str:
    """Return the table of a model card, without a line end."""
    head, *rows = _cells(scores)
    ruler = ["---", "---", *("---:" for _ in head[2:])]
    return "\n".join("| " + " | ".join(row) + " |" for row in (head, ruler, *rows))


def text_table(scores: Sequence[Score]) -> str:
    """Return the table aligned for a terminal, without a line end."""
    table = list(_cells(scores))
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return "\n".join(_aligned(row, widths) for row in table)


def _aligned(row: Sequence[str], widths: Sequence[int]) -> str:
    texts = (text.ljust(width) for text, width in zip(row[:2], widths, strict=False))
    figures = (text.rjust(width) for text, width in zip(row[2:], widths[2:], strict=True))
    return "  ".join(chain(texts, figures)).rstrip()


def _cells(scores: Sequence[Score]) -> Iterator[list[str]]:
    """Yield the headings, then a row per set and metric, in the order in which they came."""
    precisions = [p for p in COLUMNS if any(s.precision is p for s in scores)]
    yield ["set", "score", *(COLUMNS[p] for p in precisions)]
    values = {(s.set, s.metric, s.precision): s.value for s in scores}
    before = ""
    for name, metric in dict.fromkeys((s.set, s.metric) for s in scores):
        figures = [_figure(metric, values.get((name, metric, p))) for p in precisions]
        yield [name if name != before else "", _title(metric), *figures]
        before = name


def _title(metric: str) -> str:
    """Return the usual name of a metric: ``ap50:dead`` is ``AP@0.5, dead``."""
    measure, _, of_class = metric.partition(":")
    return TITLES.get(measure, measure) + (f", {of_class}" if of_class else "")


def _figure(metric: str, value: float | None) -> str:
    if value is None or value != value:  # absent, or NaN: nothing was there to score
        return "–"
    return f"{value:.0f}" if metric.partition(":")[0] in WHOLE else f"{value:.3f}"
