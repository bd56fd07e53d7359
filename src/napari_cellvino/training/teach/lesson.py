"""What is taught with: planes with strokes, and the learner that comes of them at one zoom."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.stats import mannwhitneyu

from napari_cellvino.core.errors import TrainingDataError
from napari_cellvino.segmentation.contrast import Contrast
from napari_cellvino.training.teach.feature_graph import FeatureGraph
from napari_cellvino.training.teach.features import FeatureEngine, TiledPlane
from napari_cellvino.training.teach.learner import Features, Learner, fit, held_out
from napari_cellvino.training.teach.painted import NO_CLASS, Painted, joined
from napari_cellvino.training.teach.taught_graph import BETWEEN, CELL

TOLD_APART = 0.6  # of pairs of a pixel in a cell and one between: half would be chance
SHOWN = 5  # numbers in a sentence
LEAST = 1e-3  # probability: one stroke on the wrong spot must not decide everything


@dataclass(frozen=True, slots=True, eq=False)
class PaintedPlane:
    """A plane as the networks see it, and what was painted on it."""

    name: str
    seen: Contrast
    painted: Painted


@dataclass(frozen=True, slots=True, eq=False)
class Lesson:
    """Learners of kinds and, where classes were painted, of classes; and what held-out strokes say of them.

    ``depth`` gives the logit of how deep a pixel lies in its cell, as a base sees it; None where the base knows no
    depth, or is wrong about strokes between cells, of which it saw none.
    ``agreement`` is the share of stroke pixels that are right where their stroke was held out, and ``surprise`` the
    mean of their negative log likelihood, kinds counting alike; None where a kind has too few strokes to hold one out.
    """

    kinds: Learner
    depth: Learner | None
    classes: Learner | None
    agreement: float | None
    surprise: float | None


def sample_planes(planes: Sequence[PaintedPlane], zoom: float, engine: FeatureEngine) -> Features:
    """Return the features (N, F) of all painted pixels, plane after plane."""
    sampled = (TiledPlane(plane.seen, zoom).sample(plane.painted.yx, engine) for plane in planes if len(plane.painted))
    return np.concatenate(list(sampled))


def learn(features: Features, found: Painted, graph: FeatureGraph) -> Lesson:
    """Return the learners for painted pixels and their features.

    Raises
    ------
    TrainingDataError
        If a class between others has no stroke.
    """
    return judge(fit_lesson(features, found, graph), features, found, graph)


def fit_lesson(features: Features, found: Painted, graph: FeatureGraph) -> Lesson:
    """Return the learners as `learn` does, with nothing said of how good they are."""
    kinds = fit(features, found.kinds, _kinds_of(found), graph.weight)
    classes = _class_learner(features, found, graph.weight)
    return Lesson(kinds, _depth_learner(features, found, graph), classes, None, None)


def judge(lesson: Lesson, features: Features, found: Painted, graph: FeatureGraph) -> Lesson:
    """Return a lesson with what held-out strokes say of it: three more learners, which is what takes time."""
    count = _kinds_of(found)
    tried = held_out(features, found.kinds, count, graph.weight, found.strokes)
    agreement, surprise = _judged(tried, found.kinds, count)
    return replace(lesson, agreement=agreement, surprise=surprise)


def _kinds_of(found: Painted) -> int:
    return BETWEEN + 1 if found.count(BETWEEN) else BETWEEN


def _depth_learner(features: Features, found: Painted, graph: FeatureGraph) -> Learner | None:
    """Return what gives the depth that a base sees; None where it is not deeper in cells than between them."""
    cell, between = (np.flatnonzero(found.kinds == kind) for kind in (CELL, BETWEEN))
    if not graph.depth.any() or not len(between):
        return None
    depth = features @ graph.depth
    apart = mannwhitneyu(depth[cell], depth[between]).statistic / (len(cell) * len(between))
    return Learner(graph.depth[:, None], np.zeros(1, np.float32)) if apart >= TOLD_APART else None


def _class_learner(features: Features, found: Painted, weight: NDArray[np.float32]) -> Learner | None:
    """Return the learner of classes; None where cells have none, or only one."""
    named = (found.kinds == CELL) & (found.classes != NO_CLASS)
    sizes = np.bincount(found.classes[named])
    if len(sizes) < 2:
        return None
    if not sizes.all():
        empty = [str(n) for n in range(1, len(sizes) + 1) if not sizes[n - 1]]
        shown = ", ".join(empty[:SHOWN]) + (", …" if len(empty) > SHOWN else "")
        raise TrainingDataError(
            f"classes go up to {len(sizes)}, and no stroke is of class {shown}; number them without gaps"
        )
    return fit(features[named], found.classes[named], len(sizes), weight)


def _judged(tried: NDArray[np.float32], kinds: NDArray[np.intp], count: int) -> tuple[float | None, float | None]:
    known = np.isfinite(tried).all(1)
    if len(np.unique(kinds[known])) < count:
        return None, None
    right = tried.argmax(1) == kinds
    surprise = -np.log(np.maximum(tried[np.arange(len(kinds)), kinds], LEAST))
    each = [known & (kinds == kind) for kind in range(count)]
    return float(np.mean([right[own].mean() for own in each])), float(np.mean([surprise[own].mean() for own in each]))


def all_painted(planes: Sequence[PaintedPlane]) -> Painted:
    """Return what was painted on all planes, in the order of `sample_planes`."""
    return joined([plane.painted for plane in planes if len(plane.painted)])
