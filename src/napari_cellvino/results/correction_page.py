"""The correction report as a page: one HTML file without scripts, made from ``templates/correction_report.html``."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from napari_cellvino.quality.corrections import KINDS, Correction

if TYPE_CHECKING:
    from jinja2 import Environment

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
KIND_NAMES = {"reclassified": "given another class"}
BOX_KIND_NAMES = KIND_NAMES | {"reshaped": "moved or resized"}
NOT_OF_BOXES = ("split", "merged", "ap_mean")


def render_page(content: Mapping[str, Any], pictures: Sequence[tuple[str, Correction, str]]) -> str:
    """Return the HTML of a report.

    Parameters
    ----------
    content
        What `CorrectionReport.as_dict` returns.
    pictures
        The worst misses: the name of the field, what was corrected, and its picture as a data URL.
    """
    boxes = content["boxes"]
    columns = _columns(boxes=boxes)
    kinds = {kind: _kind(kind, boxes=boxes) for kind in KINDS if kind in columns}
    shown = [
        {"field": field, "text": _describe(correction, boxes=boxes), "url": url} for field, correction, url in pictures
    ]
    totals = dict.fromkeys([*COLUMNS, *kinds], 0) | content["totals"]
    values = {**content, "totals": totals, "columns": columns, "kinds": kinds, "pictures": shown}
    template = _environment().get_template("correction_report.html")
    return template.render(**values, provenance=_provenance(content["fields"]))


def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    loader = PackageLoader("napari_cellvino.results", "templates")
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, keep_trailing_newline=True
    )
    environment.filters |= {"number": _number, "score": _score}
    return environment


def _number(value: int) -> str:
    return f"{value:,}"


def _score(value: object) -> object:
    """Return a score with three decimals, a dash where it is not defined; other values as they are."""
    if isinstance(value, float):
        return f"{value:.3f}" if math.isfinite(value) else "–"
    return value


def _kind(kind: str, *, boxes: bool) -> str:
    return (BOX_KIND_NAMES if boxes else KIND_NAMES).get(kind, kind)


def _columns(*, boxes: bool) -> dict[str, str]:
    absent = NOT_OF_BOXES if boxes else ("average_precision",)
    titles = COLUMNS | {"reshaped": "Moved"} if boxes else COLUMNS
    return {name: title for name, title in titles.items() if name not in absent}


def _describe(correction: Correction, *, boxes: bool) -> str:
    """Return what was corrected: ``merged: #3 and #5, IoU 0.40``."""
    ids = " and ".join(f"#{id_}" for id_ in (correction.model or correction.corrected))
    classes = f" ({' → '.join(correction.classes)})" if correction.classes else ""
    overlap = f", IoU {correction.iou:.2f}" if correction.model and correction.corrected else ""
    return f"{_kind(correction.kind, boxes=boxes)}: {ids}{classes}{overlap}"


def _provenance(fields: Iterable[Mapping[str, Any]]) -> dict[str, list[str]]:
    """Return models, hashes and thresholds as text, each once, with the fields that were made by them."""
    groups: dict[str, list[str]] = {}
    for row in fields:
        entries = dict(row["provenance"])
        pixels = entries.pop("pixels_sha256", "")
        text = "\n".join(f"{name}: {_format(value)}" for name, value in entries.items())
        groups.setdefault(text, []).append(f"{row['field']}  pixels {pixels}")
    return groups


def _format(value: object) -> str:
    """Return a value as text: of several, those that are set, each behind its name."""
    if not isinstance(value, Mapping):
        return str(value)
    return ", ".join(f"{name} {_format(held)}" for name, held in value.items() if held not in (None, "", {}))
