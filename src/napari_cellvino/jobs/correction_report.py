"""The correction report: the model's count beside the corrected one, what was changed, and how good the model was.

Fields are compared one at a time; of pictures only those of the worst misses so far are kept, so that a plate takes no
more memory than a field.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_cellvino import __version__
from napari_cellvino.analysis.accuracy import IOU_PERCENT, Accuracy, summarise
from napari_cellvino.analysis.corrections import KINDS, Correction, CorrectionFigures, compare
from napari_cellvino.errors import ImageValueError
from napari_cellvino.export.atomic import atomic_path
from napari_cellvino.export.crops import as_data_url, draw_crop, window_round
from napari_cellvino.export.exposure import Picture, as_seen, composite
from napari_cellvino.export.fields import ExportField, Labels, boxes_of
from napari_cellvino.jobs.correction_page import page
from napari_cellvino.jobs.json_text import json_text

WORST = 24
SAID = ("model", "model_sha256", "software", "pixels_sha256", "plane", "outline", "engine", "recipe")


@dataclass(frozen=True, slots=True)
class FieldReport:
    """One field of the report; ``counted`` leaves out what a person excluded or rejected."""

    name: str
    figures: CorrectionFigures
    counted: int
    reviewed: int
    provenance: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Miss:
    """One of the worst misses: its field, what was changed, and its picture as a data URL."""

    field: str
    correction: Correction
    picture: str


@dataclass
class CorrectionReport:
    """The fields so far and the worst misses among them."""

    fields: list[FieldReport] = field(default_factory=list)
    worst: list[Miss] = field(default_factory=list)

    def add(self, model: Labels, corrected: ExportField) -> None:
        """Take in a field: what the model found there (Y, X) or (Z, Y, X), and what became of it.

        Raises
        ------
        ImageValueError
            If the field has boxes only, or the label images differ in size.
        """
        shown = corrected.without_rejected()
        labels = shown.cells.outlines(shown.name, "the correction report")
        if model.shape != labels.shape:
            raise ImageValueError(f"{shown.name}: the model's labels are {model.shape}, the corrected {labels.shape}")
        figures = compare(model, labels)
        counted = sum(not cell.excluded for cell in shown.cells.cells)
        reviewed = sum(cell.review != "unseen" for cell in corrected.cells.cells)
        self.fields.append(FieldReport(shown.name, figures, counted, reviewed, corrected.provenance))
        misses = [*self.worst, *_misses(model, shown, figures)]
        self.worst = sorted(misses, key=lambda miss: miss.correction.iou)[:WORST]

    @property
    def accuracy(self) -> Accuracy:
        """The scores of the model against the corrected masks, over all fields."""
        return summarise([f.figures.match for f in self.fields])

    def as_dict(self) -> dict[str, object]:
        """Return plain values for JSON: totals, scores, every field with what made it, every correction."""
        return {
            "software": f"napari-cellvino {__version__}",
            "totals": self.totals(),
            "scores": {**asdict(self.accuracy), "iou_percent": IOU_PERCENT},
            "fields": [_field_dict(f) for f in self.fields],
        }

    def totals(self) -> dict[str, int]:
        """Return the sums over all fields."""
        sums = [_counts(f) for f in self.fields]
        return {name: sum(row[name] for row in sums) for name in (sums[0] if sums else ())}

    def write(self, path: Path) -> None:
        """Write ``path``, one HTML file that needs no other, and the same as ``.json`` beside it.

        Raises
        ------
        OutputError
            If they cannot be written.
        """
        content = self.as_dict()
        pictures = [(miss.field, miss.correction, miss.picture) for miss in self.worst]
        for target, text in ((path, page(content, pictures)), (path.with_suffix(".json"), json_text(content))):
            with atomic_path(target) as part:
                part.write_text(text, encoding="utf-8", newline="\n")


def _counts(report: FieldReport) -> dict[str, int]:
    figures = report.figures
    counts = {"model": figures.model_count, "corrected": figures.corrected_count, "counted": report.counted}
    return (
        counts
        | {kind: figures.count(kind) for kind in KINDS}
        | {
            "untouched": figures.untouched,
            "reviewed": report.reviewed,
        }
    )


def _field_dict(report: FieldReport) -> dict[str, object]:
    score = summarise([report.figures.match])
    return {
        "field": report.name,
        **_counts(report),
        "f1_50": score.f1_50,
        "ap50": score.ap50,
        "ap_mean": score.ap_mean,
        "corrections": [asdict(correction) for correction in report.figures.corrections],
        "provenance": {name: report.provenance[name] for name in SAID if name in report.provenance},
    }


def _misses(model: Labels, shown: ExportField, figures: CorrectionFigures) -> list[Miss]:
    chosen = figures.corrections[:WORST]
    if not chosen or shown.cells.labels is None:
        return []
    places = boxes_of(model), boxes_of(shown.cells.labels)
    picture, flat = _picture(shown), (_flat(model), _flat(shown.cells.labels))
    misses = []
    for correction in chosen:
        sides = (correction.model, correction.corrected)
        boxes = np.array([place[id_] for place, ids in zip(places, sides, strict=True) for id_ in ids])
        (y0, x0), (y1, x1) = boxes[:, :2].min(0).tolist(), boxes[:, 2:].max(0).tolist()
        window = window_round((y0, x0, y1, x1), picture.shape[:2])
        before, after = (np.where(np.isin(labels, ids), labels, 0) for labels, ids in zip(flat, sides, strict=True))
        misses.append(Miss(shown.name, correction, as_data_url(draw_crop(picture, before, after, window))))
    return misses


def _flat(labels: Labels) -> NDArray[np.int32]:
    """Return (Y, X) labels: of a stack the highest id along z, for pictures."""
    return labels if labels.ndim == 2 else np.asarray(labels.max(axis=0))


def _picture(shown: ExportField) -> Picture:
    pixels = shown.pixels if shown.pixels.ndim == 3 else shown.pixels.max(axis=1)
    if shown.seen is None:
        return as_seen(pixels, pixels.dtype == np.uint8)
    return composite(pixels[shown.seen][None])
