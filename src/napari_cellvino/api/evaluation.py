"""How good results are, against a truth."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, overload

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.api.options import Model
from napari_cellvino.core.errors import ImageValueError, TrainingDataError
from napari_cellvino.core.progress import finish
from napari_cellvino.core.recipe import Precision
from napari_cellvino.model_package import ModelPackage, find_package
from napari_cellvino.quality.accuracy import Accuracy, match_field, summarise
from napari_cellvino.workflows.evaluate_results import BoxComparison, LabelComparison, compare_folders

if TYPE_CHECKING:
    from napari_cellvino.model_package.spec import Score
    from napari_cellvino.training.data.datasets import LabelledImage

Labels = NDArray[np.integer]
_logger = logging.getLogger(__name__)


@overload
def evaluate(predicted: Labels, truth: Labels, *, min_area: int = 0) -> Accuracy: ...
@overload
def evaluate(predicted: str | Path, truth: str | Path, *, min_area: int = 0) -> LabelComparison | BoxComparison: ...
def evaluate(
    predicted: Labels | str | Path, truth: Labels | str | Path, *, min_area: int = 0
) -> Accuracy | LabelComparison | BoxComparison:
    """Return how results agree with the truth: AP, F1, PQ, Dice and count error, as ``cellvino evaluate``.

    Parameters
    ----------
    predicted
        A label image, or a folder of results or label images.
    truth
        A label image of the same shape, or a folder of masks, as ``cellvino import`` reads them, or of tables of boxes.
    min_area
        Smaller objects are left out on both sides, in px.

    Raises
    ------
    ImageReadError
        If a folder is none.
    ImageValueError
        If label images differ in shape, or no field has both sides.

    Examples
    --------
    >>> import tifffile
    >>> from napari_cellvino import evaluate, segment
    >>> truth = tifffile.imread("sample_data/nuclei_stack_labels.tif")
    >>> found = segment("sample_data/nuclei_stack.ome.tif")
    >>> evaluate(found.labels, truth).f1_50 > 0.8
    True
    """
    if isinstance(predicted, (str, Path)) and isinstance(truth, (str, Path)):
        return compare_folders(Path(predicted), Path(truth), min_area=min_area)
    if isinstance(predicted, (str, Path)) or isinstance(truth, (str, Path)):
        raise ImageValueError("one side is a path and the other an array; give two label images, or two folders")
    return summarise([match_field(np.asarray(truth), np.asarray(predicted), min_area=min_area)])


def evaluate_model(
    folder: str | Path,
    model: Model = "nuclei",
    *,
    split: str = "",
    precision: str | None = None,
    device: str = "AUTO",
    diameter_px: float | None = None,
    min_area: int = 0,
) -> list[Score]:
    """Return the scores of a model on a labelled set, as ``cellvino evaluate SET --model NAME``.

    Labels that lie on no edges of their images are told in the log, as a warning.

    Parameters
    ----------
    folder
        The set: ``images/`` with ``labels/`` or ``boxes/``.
    model
        A model's name, its folder, or what `load_model` gave.
    split
        ``train``, ``val`` or ``test`` (default: all fields).
    precision
        ``fast``, ``exact`` or ``int8`` (default: all that the model has).
    device
        ``AUTO``, ``CPU``, ``GPU``, …
    diameter_px
        The typical diameter of an object in the images, in px.
    min_area
        Smaller objects are left out on both sides, in px.

    Raises
    ------
    TrainingDataError
        If the set has no such field, or its truth is not of the model's kind.
    ModelPackageError, DeviceError
        If the model, the device or the precision is not there.

    Examples
    --------
    >>> import shutil
    >>> from pathlib import Path
    >>> from napari_cellvino import evaluate_model
    >>> for part, name in [("images", "phase_field.tif"), ("labels", "phase_field_labels.tif")]:
    ...     Path("set", part).mkdir(parents=True)
    ...     _ = shutil.copy(f"sample_data/{name}", f"set/{part}/phase_field.tif")
    >>> scores = evaluate_model("set", "cells-phase", precision="fast")
    >>> [score.value > 0.5 for score in scores if score.metric == "f1_50"]
    [True]
    """
    from napari_cellvino.training.metrics.evaluate import LabelledSet, score_package

    package = model if isinstance(model, ModelPackage) else find_package(str(model))
    fields = _labelled_fields(Path(folder), split)
    part = LabelledSet(f"{Path(folder).resolve().name} {split}".rstrip(), fields, min_area, diameter_px)
    precisions = () if precision is None else (Precision(precision),)
    return finish(score_package(package, part, precisions, device=device))


def _labelled_fields(folder: Path, split: str) -> tuple[LabelledImage, ...]:
    """Return the fields of a set, whose labels are told in the log where they are doubted."""
    from napari_cellvino.training.data.datasets import read_set
    from napari_cellvino.training.data.label_doubts import doubt_labels

    fields = tuple(read_set(folder, split))
    if not fields:
        raise TrainingDataError(f"{folder} has no field in the split {split!r}; name another, or none for all fields")
    for sentence in doubt_labels(fields).sentences:
        _logger.warning(sentence)
    return fields
