"""The correction report as a page: one file, no script, readable on paper."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from napari_cellvino.quality.corrections import KINDS, Correction

COLUMNS = {
    "field": "Field",
    "model": "Model",
    "corrected": "Corrected",
    "counted": "Counted",
    "added": "Added",
    "deleted": "Deleted",
    "split": "Split",
    "merged": "Merged",
    "reshaped": "Reshaped",
    "reclassified": "Class changed",
    "untouched": "Untouched",
    "reviewed": "Reviewed",
    "f1_50": "F1",
    "ap50": "AP@0.5",
    "ap_mean": "AP mean",
    "average_precision": "Average precision",
}
WORDS = {"reshaped": "reshaped", "reclassified": "given another class"}
OF_BOXES = {"reshaped": "moved or resized"}
NOT_OF_BOXES = ("split", "merged", "ap_mean")
STYLE = """
body{font:15px/1.5 system-ui,sans-serif;max-width:1100px;margin:2em auto;padding:0 1em;color:#222;background:#fff}
table{border-collapse:collapse;width:100%;font-size:13px}td,th{padding:3px 8px;text-align:right}
td:first-child,th:first-child{text-align:left}th{border-bottom:2px solid #888}tr:nth-child(even) td{background:#f3f3f3}
.big{font-size:30px;font-weight:600}figure{display:inline-block;width:180px;margin:6px;vertical-align:top;font-size:12px}
figure img{max-width:168px;background:#000}pre{white-space:pre-wrap;font-size:12px;background:#f3f3f3;padding:8px}
.before{color:#a86f00}.after{color:#0b6cab}@media print{figure{break-inside:avoid}}
"""


def page(content: Mapping[str, Any], pictures: Sequence[tuple[str, Correction, str]]) -> str:
    """Return the page of a report, with ``pictures`` of its worst misses as (field, correction, data URL)."""
    totals, scores, fields, boxes = (content[name] for name in ("totals", "scores", "fields", "boxes"))
    body = [
        "<h1>Correction report</h1>",
        f'<p class="big">{_thin(totals["model"])} found, {_thin(totals["corrected"])} after correction</p>',
        f"<p>{_sentence(totals, boxes=boxes)} {_thin(totals.get('counted', 0))} are counted: not those that were "
        "excluded.</p>",
        _classes(content["classes"]),
        f"<p>The model against the corrected {'boxes' if boxes else 'outlines'}: F1 {_cell(scores['f1_50'])} and AP "
        f"{_cell(scores['ap50'])} at IoU 0.5, {_other_score(scores)}, precision {_cell(scores['precision'])}, recall "
        f"{_cell(scores['recall'])}.</p>",
        "<p>Only what a person looked at was corrected: cells that nobody reviewed count as right.</p>",
        _table(fields, boxes=boxes),
        "<h2>The worst misses</h2>" if pictures else "<p>Nothing was changed.</p>",
        '<p><b class="before">orange: the model</b>, <b class="after">blue: corrected</b></p>' if pictures else "",
        *(_figure(*picture, boxes=boxes) for picture in pictures),
        "<h2>What made it</h2>",
        *_makers(fields),
        f"<p>Written by {escape(str(content['software']))}.</p>",
    ]
    head = f'<meta charset="utf-8"><title>Correction report</title><style>{STYLE}</style>'
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head>{head}</head><body>\n'
        + "\n".join(filter(None, body))
        + "\n</body></html>\n"
    )


def _sentence(totals: Mapping[str, int], *, boxes: bool) -> str:
    kinds = [kind for kind in KINDS if kind in _columns(boxes=boxes)]
    words = [f"{_thin(totals.get(kind, 0))} {_kind(kind, boxes=boxes)}" for kind in kinds]
    return f"{', '.join(words)}; {_thin(totals.get('untouched', 0))} as the model left them."


def _kind(kind: str, *, boxes: bool) -> str:
    return (WORDS | OF_BOXES if boxes else WORDS).get(kind, kind)


def _classes(classes: Mapping[str, Mapping[str, int]]) -> str:
    """Return the counts of each class, where there are several."""
    words = [f"{escape(name)}: {_thin(n['model'])} found, {_thin(n['corrected'])} after" for name, n in classes.items()]
    return f"<p>{'; '.join(words)}.</p>" if len(words) > 1 else ""


def _other_score(scores: Mapping[str, object]) -> str:
    if "average_precision" in scores:
        return f"average precision {_cell(scores['average_precision'])} (area under the precision-recall curve)"
    return f"AP mean {_cell(scores['ap_mean'])} (IoU 0.50 to 0.90)"


def _columns(*, boxes: bool) -> dict[str, str]:
    absent = NOT_OF_BOXES if boxes else ("average_precision",)
    titles = COLUMNS | {"reshaped": "Moved"} if boxes else COLUMNS
    return {name: title for name, title in titles.items() if name not in absent}


def _table(fields: Iterable[Mapping[str, Any]], *, boxes: bool) -> str:
    columns = _columns(boxes=boxes)
    head = "".join(f"<th>{title}</th>" for title in columns.values())
    rows = ("".join(f"<td>{_cell(row[name])}</td>" for name in columns) for row in fields)
    return f"<table><tr>{head}</tr>" + "\n".join(f"<tr>{row}</tr>" for row in rows) + "</table>"


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.3f}" if math.isfinite(value) else "–"
    return escape(str(value))


def _thin(number: int) -> str:
    return f"{number:,}"


def _figure(field: str, correction: Correction, picture: str, *, boxes: bool) -> str:
    ids = " and ".join(f"#{id_}" for id_ in (correction.model or correction.corrected))
    classes = f" ({' → '.join(correction.classes)})" if correction.classes else ""
    overlap = f", IoU {correction.iou:.2f}" if correction.model and correction.corrected else ""
    text = f"{_kind(correction.kind, boxes=boxes)}: {ids}{classes}{overlap}"
    return f'<figure><img src="{picture}" alt="{escape(text)}"><br>{escape(field)}<br>{escape(text)}</figure>'


def _makers(fields: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return what made the fields (models, hashes, thresholds), each once with the fields it made."""
    groups: dict[str, list[str]] = {}
    for row in fields:
        said = dict(row["provenance"])
        pixels = said.pop("pixels_sha256", "")
        text = "\n".join(f"{name}: {_format(value)}" for name, value in said.items())
        groups.setdefault(text, []).append(f"{row['field']}  pixels {pixels}")
    return [f"<pre>{escape(text)}\n\n{escape(chr(10).join(names))}</pre>" for text, names in groups.items()]


def _format(value: object) -> str:
    """Return a value for people: of several, those that are set, each behind its name."""
    if not isinstance(value, Mapping):
        return str(value)
    return ", ".join(f"{name} {_format(held)}" for name, held in value.items() if held not in (None, "", {}))
