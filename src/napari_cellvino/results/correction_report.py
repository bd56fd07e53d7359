"""The correction report: the model's count beside the corrected one, what was changed, and how good the model was.

Fields are compared one at a time; of pictures only those of the worst misses so far are kept, so that a plate takes no
more memory than a field.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from napari_cellvino import __version__
from napari_cellvino.core.errors import ImageValueError
from napari_cellvino.figures.composite import Picture, composite, to_rgb
from napari_cellvino.formats.field import Box, Cells, ExportField, boxes_of
from napari_cellvino.quality.accuracy import IOU_PERCENT, Accuracy, FieldMatch, summarise
from napari_cellvino.quality.box_accuracy import DetectionAccuracy, DetectionMatch, summarise_detections
from napari_cellvino.quality.corrections import KINDS, Boxes, Correction, CorrectionFigures, compare, compare_boxes
from napari_cellvino.quality.sampling import F1Estimate, estimate_f1
from napari_cellvino.results.correction_page import render_page
from napari_cellvino.results.crop_pictures import Integers, Window, as_data_url, box_mask, draw_crop, window_round
from napari_cellvino.storage.atomic import atomic_path
from napari_cellvino.storage.json_text import json_text

WORST = 24
F1_UNKNOWN = "The F1 of the model is not known: nothing that it found was reviewed"
PROVENANCE = ("model", "model_sha256", "software", "pixels_sha256", "plane", "outline", "engine", "recipe")


@dataclass(frozen=True, slots=True)
class FieldReport:
    """One field of the report; ``counted`` is without excluded and rejected cells, ``unseen`` were not reviewed.

    ``classes`` has, by the name of a class, how many the model found and how many there are after correction.
    """

    name: str
    figures: CorrectionFigures
    counted: int
    reviewed: int
    unseen: int
    classes: Mapping[str, tuple[int, int]]
    provenance: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class WorstMiss:
    """One of the worst misses: its field, what was changed, and its picture as a data URL."""

    field: str
    correction: Correction
    picture: str


@dataclass
class CorrectionReport:
    """The fields so far and the worst misses among them."""

    fields: list[FieldReport] = field(default_factory=list)
    worst: list[WorstMiss] = field(default_factory=list)

    def add(self, model: Cells, corrected: ExportField) -> None:
        """Take in a field: what the model found there, outlines (Y, X) or (Z, Y, X) or boxes, and what became of it.

        Raises
        ------
        ImageValueError
            If one side has outlines and the other boxes, the label images differ in size, or the fields before were
            of the other kind.
        """
        shown = corrected.without_rejected()
        self._check(model, shown)
        figures = _compared(model, shown.cells)
        counted = sum(not cell.excluded for cell in shown.cells.cells)
        unseen = sum(cell.review == "unseen" for cell in corrected.cells.cells)
        reviewed = len(corrected.cells.cells) - unseen
        classes = _by_class(model, shown.cells)
        self.fields.append(FieldReport(shown.name, figures, counted, reviewed, unseen, classes, corrected.provenance))
        misses = [*self.worst, *_misses(model, shown, figures)]
        self.worst = sorted(misses, key=lambda miss: miss.correction.agreement)[:WORST]

    def _check(self, model: Cells, shown: ExportField) -> None:
        before, after = model.labels, shown.cells.labels
        if (before is None) != (after is None):
            kinds = ("boxes", "outlines") if before is None else ("outlines", "boxes")
            raise ImageValueError(
                f"{shown.name}: the model's results are {kinds[0]}, the corrected {kinds[1]}; compare those of one run"
            )
        if before is not None and after is not None and before.shape != after.shape:
            raise ImageValueError(f"{shown.name}: the model's labels are {before.shape}, the corrected {after.shape}")
        if self.fields and self.boxes != (after is None):
            raise ImageValueError(
                f"{shown.name} has {'boxes' if after is None else 'outlines'}, and the fields before it have not; "
                "report on each kind apart"
            )

    @property
    def boxes(self) -> bool:
        """Whether the cells are boxes."""
        return any(isinstance(f.figures.match, DetectionMatch) for f in self.fields)

    @property
    def accuracy(self) -> Accuracy | DetectionAccuracy:
        """The scores of the model against the corrected outlines, or boxes, over all fields."""
        return _accuracy([f.figures.match for f in self.fields])

    @property
    def f1(self) -> F1Estimate | None:
        """The F1 of the model over the cells that were reviewed; None where it cannot be told.

        Cells that nobody looked at are the model's own, and say nothing. They are not where it was compared with what
        another model had found.
        """
        score = self.accuracy
        matched = round(score.f1_50 * (score.true + score.predicted) / 2) if score.true + score.predicted else 0
        unseen = sum(f.unseen for f in self.fields)
        if matched < unseen:
            return None
        wrong = score.true + score.predicted - 2 * matched
        return estimate_f1(matched - unseen, wrong, unseen)

    def as_dict(self) -> dict[str, object]:
        """Return plain values for JSON: totals, scores, every field with what made it, every correction."""
        classes = dict.fromkeys(name for f in self.fields for name in f.classes)
        thresholds = {} if self.boxes else {"iou_percent": IOU_PERCENT}
        return {
            "software": f"napari-cellvino {__version__}",
            "boxes": self.boxes,
            "totals": self.totals(),
            "classes": {name: _class_counts([f.classes.get(name, (0, 0)) for f in self.fields]) for name in classes},
            "scores": {**asdict(self.accuracy), **thresholds},
            "f1_of_reviewed": asdict(self.f1) if self.f1 is not None else None,
            "f1_in_words": str(self.f1 or F1_UNKNOWN),
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
        for target, text in ((path, render_page(content, pictures)), (path.with_suffix(".json"), json_text(content))):
            with atomic_path(target) as part:
                part.write_text(text, encoding="utf-8", newline="\n")


def _compared(model: Cells, corrected: Cells) -> CorrectionFigures:
    named = _of_one_naming(model, corrected)
    if model.labels is None or corrected.labels is None:
        return compare_boxes(_boxes(model, named=named), _boxes(corrected, named=named))
    if not named:
        return compare(model.labels, corrected.labels)
    before, after = ({cell.id: cell.kind for cell in side.cells} for side in (model, corrected))
    return compare(model.labels, corrected.labels, (before, after))


def _of_one_naming(model: Cells, corrected: Cells) -> bool:
    """Return whether classes can be compared: one, at least, has the same name on both sides."""
    return not set(model.classes).isdisjoint(corrected.classes)


def _boxes(side: Cells, *, named: bool) -> Boxes:
    return Boxes(
        np.array([cell.id for cell in side.cells], np.int64),
        np.array([cell.box for cell in side.cells], np.float64).reshape(-1, 4),
        tuple(cell.kind if named else "" for cell in side.cells),
        np.array([cell.score for cell in side.cells], np.float64),
    )


def _by_class(model: Cells, corrected: Cells) -> dict[str, tuple[int, int]]:
    """Return the counts of both sides by class, in the order of the model's; none where names cannot be compared."""
    if not _of_one_naming(model, corrected):
        return {}
    before, after = (Counter(cell.kind for cell in side.cells) for side in (model, corrected))
    names = dict.fromkeys([*model.classes, *corrected.classes, *before, *after])
    return {name: (before[name], after[name]) for name in names}


def _class_counts(pairs: Sequence[tuple[int, int]]) -> dict[str, int]:
    return {"model": sum(a for a, _ in pairs), "corrected": sum(b for _, b in pairs)}


def _accuracy(matches: Sequence[FieldMatch | DetectionMatch]) -> Accuracy | DetectionAccuracy:
    boxes = [match for match in matches if isinstance(match, DetectionMatch)]
    return summarise_detections(boxes) if boxes else summarise([m for m in matches if isinstance(m, FieldMatch)])


def _counts(report: FieldReport) -> dict[str, int]:
    figures = report.figures
    counts = {"model": figures.model_count, "corrected": figures.corrected_count, "counted": report.counted}
    changes = {kind: figures.count(kind) for kind in KINDS}
    return counts | changes | {"untouched": figures.untouched, "reviewed": report.reviewed}


def _field_dict(report: FieldReport) -> dict[str, object]:
    score = _accuracy([report.figures.match])
    curve = {"average_precision": score.average_precision} if isinstance(score, DetectionAccuracy) else {}
    return {
        "field": report.name,
        **_counts(report),
        "f1_50": score.f1_50,
        "ap50": score.ap50,
        **(curve or {"ap_mean": asdict(score)["ap_mean"]}),
        "classes": {name: _class_counts([pair]) for name, pair in report.classes.items()},
        "corrections": [asdict(correction) for correction in report.figures.corrections],
        "provenance": {name: report.provenance[name] for name in PROVENANCE if name in report.provenance},
    }


def _misses(model: Cells, shown: ExportField, figures: CorrectionFigures) -> list[WorstMiss]:
    chosen = figures.corrections[:WORST]
    if not chosen:
        return []
    sides, picture = (model, shown.cells), _picture(shown)
    places = [_places(side) for side in sides]
    misses = []
    for correction in chosen:
        named = (correction.model, correction.corrected)
        boxes = np.array([place[id_] for place, ids in zip(places, named, strict=True) for id_ in ids])
        (y0, x0), (y1, x1) = boxes[:, :2].min(0).tolist(), boxes[:, 2:].max(0).tolist()
        window = window_round((y0, x0, y1, x1), picture.shape[:2])
        before, after = (_cut(side, place, ids, window) for side, place, ids in zip(sides, places, named, strict=True))
        misses.append(WorstMiss(shown.name, correction, as_data_url(draw_crop(picture[window], before, after))))
    return misses


def _places(side: Cells) -> Mapping[int, Box]:
    return {cell.id: cell.box for cell in side.cells} if side.labels is None else boxes_of(side.labels)


def _cut(side: Cells, places: Mapping[int, Box], ids: tuple[int, ...], window: Window) -> Integers:
    """Return a window (H, W) of one side with some objects alone; those of a stack as they are seen through it."""
    if side.labels is None:
        return box_mask([places[id_] for id_ in ids], window)
    labels = side.labels[..., window[0], window[1]]
    alone = np.where(np.isin(labels, ids), labels, 0)
    return alone if alone.ndim == 2 else np.asarray(alone.max(axis=0))


def _picture(shown: ExportField) -> Picture:
    pixels = shown.pixels if shown.pixels.ndim == 3 else shown.pixels.max(axis=1)
    if shown.seen is None:
        return to_rgb(pixels, pixels.dtype == np.uint8)
    return composite(pixels[shown.seen][None])
