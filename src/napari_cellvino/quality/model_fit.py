"""How well a model suits an image, without any truth: what it found is looked at, not what it is called.

A network that sees cells of its own kind is sure of them, finds them in its own size, all of about one size, with
outlines that lie on edges of the picture, and finds the same ones when the picture is a little smaller. On anything
else, one of these breaks. A model of fluorescence finds bright cells on a dark background, one of stains dark cells.
Each is one number; `score_of` weighs them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi

from napari_cellvino.core.image import Spacing
from napari_cellvino.core.objects import Objects
from napari_cellvino.measure.objects import shape_columns
from napari_cellvino.measure.outlines import Outlines, find_outlines
from napari_cellvino.model_package import ModelOutput, ModelSpec
from napari_cellvino.quality.accuracy import match_field

FITS = 0.5  # score from which a model is worth a run
# Fitted (conditional logit over models and "none of them", held near the weights of the fit before) to 112 images of
# the train splits of the public sets that the models learn from, with sets of other kinds, photographs, noise and spots
# among those where none is right; how closely they are held was chosen on 76 images of the val splits.
WEIGHTS = {
    "one": -17.26, "surety": 2.86, "score": 3.28, "agreement": 5.82, "off_size": -4.11, "spread": -0.32, "edges": 1.88,
    "contrast": 2.41, "background": 6.44, "count": 2.23,
}  # fmt: skip
MORE_OF_BOXES = {"one": 0.75, "score": 1.24, "agreement": -1.64, "edges": 1.65}
SOLIDITY = -3.43  # of outlines
MOST_PROMISED = 0.99  # of the outlines are right, as is said: a predicted F1 has no bound
# A generalist is not part of the fit: with its 2.5, bacteria score 0.8 and photographs below 0.5. That of histology was
# 3.3 for `nuclei-stained` 0.2.1; 0.3.0 is surer of what it sees.
OF_KIND = {"histology": 2.9, "phase-contrast": 2.76, "dark-field": -4.75, "generalist": 2.5}
COLOUR_OF_STAINS = 4.4
# Phase contrast has no colours, and a background in the middle: that of stained tissue is bright.
MIDDLE, BRIGHT_IN_PHASE, COLOUR_IN_PHASE = 0.55, -4.19, -2.19
# Set by hand on some smears: cells of three sizes score low by the rest, and a smear has colours.
LEAST_COLOUR, SMEAR_IN_COLOUR, SMEAR_IN_GREY = 0.03, 5.0, -3.0
# Red cells are all of one size (in 20 smears within 0.25 octaves of the usual one); what looks like some in tissue is
# not.
OFF_RED_CELLS, SPREAD_OF_RED_CELLS, OCTAVES_OF_RED_CELLS = -3.1, -1.65, 0.3
# Nuclei are round: 5 % of 230 fields of the public sets have a median length over width above 2.1, bacteria 2.2 to 4.
LONG, RODS_AS_NUCLEI = 1.8, -12.0
# Where a model predicts its F1: the prediction that is worth a run, and how steeply the score rises there.
PROMISED_F1, PROMISE_SLOPE = 0.45, 15.0
RING = 3  # px of the network: how far outside its outline a cell is compared with
SMOOTH = 1.0  # px of the network, for gradients


@dataclass(frozen=True, slots=True)
class WindowObjects:
    """What a model found in a window, at the size that the network saw.

    ``labels`` (Y, X) and ``objects`` have the same ids; of boxes, ``labels`` are the boxes filled. ``pixels`` (Y, X)
    are normalised; ``probability`` is what the network says of cells, at any size.
    """

    labels: NDArray[np.int32]
    objects: Objects
    pixels: NDArray[np.float32]
    probability: NDArray[np.floating]
    outlined: bool


@dataclass(frozen=True, slots=True)
class Evidence:
    """What speaks for or against a model: one number each.

    Attributes
    ----------
    count
        Cells in the window.
    surety
        How far from "perhaps" the network is, 0 to 1, where it sees anything.
    score
        Mean score of the cells.
    octaves
        Median diameter over the model's own, log2.
    spread
        Width of the middle half of the diameters, in octaves.
    solidity
        Median share of its convex hull that a cell fills.
    edges
        Mean gradient along the outlines over that of the whole window.
    contrast
        Mean difference between the inside of a cell and a ring round it, over the spread of the window's values.
    agreement
        F1 at IoU 0.5 between what is found in the window and in the same a fifth smaller; None where that was not
        looked at, and scored as 0.
    background
        Median intensity of the image, 0 at its darkest and 1 at its brightest.
    colour
        Mean difference of red, green and blue, over the brightest value; 0 of a grey image.
    elongation
        Median length over width of the cells (of the ellipse with the same second moments), at most 5; 1 of boxes.
    """

    count: int
    surety: float
    score: float
    octaves: float
    spread: float
    solidity: float
    edges: float
    contrast: float
    agreement: float | None = None
    background: float = 0.5
    colour: float = 0.0
    elongation: float = 1.0


def gather(found: WindowObjects, reference_px: float) -> Evidence:
    """Return the evidence from what was found in a window."""
    if not len(found.objects):
        return Evidence(0, _surety(found.probability), 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    octaves = np.log2(np.sqrt(4 / np.pi * np.maximum(found.objects.area_px, 1)) / reference_px)
    low, middle, high = np.percentile(octaves, (25, 50, 75))
    outlines = find_outlines(found.labels, found.objects.id) if found.outlined else None
    return Evidence(
        count=len(found.objects),
        surety=_surety(found.probability),
        score=float(found.objects.score.mean()),
        octaves=float(middle),
        spread=float(high - low),
        solidity=float(np.median(outlines.solidity)) if outlines else 1.0,
        edges=_edges(found),
        contrast=_contrast(found),
        elongation=_elongation(outlines) if outlines else 1.0,
    )


def _elongation(outlines: Outlines) -> float:
    eccentricity = float(np.median(shape_columns(outlines, Spacing())["eccentricity"]))
    return float(1 / np.sqrt(max(1 - eccentricity**2, 0.04)))


def _surety(probability: NDArray[np.floating]) -> float:
    seen = probability[probability > 0.05].astype(np.float32)
    return float(np.abs(2 * seen - 1).mean()) if seen.size else 0.0


def _edges(found: WindowObjects) -> float:
    gradient = ndi.gaussian_gradient_magnitude(found.pixels, SMOOTH)
    outline = (
        (ndi.maximum_filter(found.labels, 3) != ndi.minimum_filter(found.labels, 3))
        if found.outlined
        else (found.labels > 0)
    )
    return float(gradient[outline].mean() / max(float(gradient.mean()), 1e-6)) if outline.any() else 0.0


def _contrast(found: WindowObjects) -> float:
    inside = found.labels > 0
    ring = ndi.binary_dilation(inside, iterations=RING) & ~inside
    if not inside.any() or not ring.any():
        return 0.0
    difference = float(found.pixels[inside].mean() - found.pixels[ring].mean())
    return difference / max(float(found.pixels.std()), 1e-6)


def agreement(found: WindowObjects, smaller: WindowObjects) -> float:
    """Return F1 at IoU 0.5 between what was found in a window, and in the same window reduced in size."""
    match = match_field(found.labels, _resized(smaller.labels, found.labels.shape))
    return 2 * match.matched[0] / max(match.n_true + match.n_predicted, 1)


def _resized(labels: NDArray[np.int32], shape: tuple[int, ...]) -> NDArray[np.int32]:
    rows, columns = (((np.arange(n) + 0.5) * m / n).astype(np.intp) for n, m in zip(shape, labels.shape, strict=True))
    return labels[np.ix_(rows, columns)]


def score_of(evidence: Evidence, spec: ModelSpec) -> float:
    """Return how likely a model finds the cells, 0 to 1, from what it found."""
    if not evidence.count:
        return 0.0
    values = _weighed(evidence, _brightness_of_cells(spec))
    if "phase-contrast" in spec.tags:
        values["background"] = 0.0  # a background in the middle is weighed below
    total = sum(WEIGHTS[name] * value for name, value in values.items())
    if spec.gives is ModelOutput.BOXES:
        total += sum(weight * values[name] for name, weight in MORE_OF_BOXES.items())
    else:
        total += SOLIDITY * evidence.solidity
    total += sum(OF_KIND.get(tag, 0.0) for tag in spec.tags)
    total += COLOUR_OF_STAINS * evidence.colour * ("histology" in spec.tags)
    in_tissue = "histology" in spec.tags and evidence.colour > LEAST_COLOUR  # where spindles are nuclei, too
    if "nuclei" in spec.tags and not in_tissue:
        total += RODS_AS_NUCLEI * max(0.0, min(evidence.elongation - LONG, 1.0))
    if "blood" in spec.tags:
        total += SMEAR_IN_COLOUR if evidence.colour > LEAST_COLOUR else SMEAR_IN_GREY
        total += OFF_RED_CELLS * float(np.clip(abs(evidence.octaves) - OCTAVES_OF_RED_CELLS, 0.0, 1.0))
        total += SPREAD_OF_RED_CELLS * min(evidence.spread, 1.0)
    if "phase-contrast" in spec.tags:
        total += BRIGHT_IN_PHASE * max(0.0, evidence.background - MIDDLE)
        total += COLOUR_IN_PHASE * (evidence.colour > LEAST_COLOUR)
    return float(1.0 / (1.0 + np.exp(-total)))


def score_of_promise(f1: float) -> float:
    """Return how likely a model finds the cells, 0 to 1, from the F1 that is predicted for it."""
    return float(1.0 / (1.0 + np.exp(-PROMISE_SLOPE * (f1 - PROMISED_F1))))


def _weighed(evidence: Evidence, brighter: int) -> dict[str, float]:
    """Return what is weighed; ``brighter`` is 1 where cells are brighter than their surroundings, -1 darker, else 0."""
    contrast = float(np.tanh(evidence.contrast))
    return {
        "one": 1.0,
        "surety": evidence.surety,
        "score": evidence.score,
        "agreement": evidence.agreement or 0.0,
        "off_size": float(np.clip(abs(evidence.octaves) - 0.7, 0.0, 2.0)),
        "spread": min(evidence.spread, 2.0),
        "edges": float(np.log(np.clip(evidence.edges, 0.5, 12.0))),
        "contrast": contrast * brighter if brighter else abs(contrast),
        "background": (0.5 - evidence.background) * brighter,
        "count": float(np.log1p(min(evidence.count, 8))),
    }


def _brightness_of_cells(spec: ModelSpec) -> int:
    """Return 1 for models of cells that shine, -1 for models of cells in transmitted light, 0 for others."""
    if {"fluorescence", "dark-field"} & set(spec.tags):
        return 1
    return -1 if {"histology", "bright-field", "phase-contrast", "dic"} & set(spec.tags) else 0


def explain(evidence: Evidence, promise: float | None = None) -> str:
    """Return what speaks against a model, or else for it, as a sentence; ``promise`` is the F1 that it predicts."""
    if not evidence.count:
        return "it finds no cell"
    if promise is not None:
        right = min(max(0.0, promise), MOST_PROMISED)
        return f"by what it sees at several sizes, about {right:.0%} of its outlines should be right"
    doubts = [words for wrong, words in _doubts(evidence) if wrong]
    if doubts:
        return " and ".join(doubts[:2])
    if evidence.agreement is None:
        return "what it finds stands out too little to be its cells"
    return "it is sure of the cells, and finds the same ones when the picture is smaller"


def _doubts(evidence: Evidence) -> list[tuple[bool, str]]:
    larger = "larger" if evidence.octaves > 0 else "smaller"
    return [
        (_disagrees(evidence), "it finds other cells when the picture is a fifth smaller"),
        (abs(evidence.octaves) > 1, f"what it finds is far {larger} than the cells that it knows"),
        (evidence.surety < 0.7, "it is unsure of what it sees"),
        (evidence.edges < 1.2, "its outlines do not lie on edges of the picture"),
        (evidence.spread > 1, "what it finds is of very different sizes"),
        (evidence.score < 0.7, "its cells have low scores"),
    ]


def _disagrees(evidence: Evidence) -> bool:
    return evidence.agreement is not None and evidence.agreement < 0.6
