"""The correction report of a folder of results: of every field that a person looked at, one at a time."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from napari_cellvino.errors import CellvinoError, ImageReadError
from napari_cellvino.export.fields import Labels
from napari_cellvino.jobs.annotated_fields import Unreadable, read_field, read_result_labels
from napari_cellvino.jobs.correction_report import CorrectionReport
from napari_cellvino.jobs.corrections import is_corrected, read_model_annotation
from napari_cellvino.jobs.field import LABELS_NAME


def report_corrections(
    folders: Sequence[Path], unreadable: list[Unreadable], model_results: Path | None = None
) -> CorrectionReport:
    """Return the report of results; those that cannot be compared go to ``unreadable``, the others go on.

    Parameters
    ----------
    folders
        Folders of results; those that nobody looked at are left out, unless ``model_results`` says what to compare.
    unreadable
        Takes what was left out, and why.
    model_results
        What the model found, as a folder of results of the same names; by default what is kept beside the corrections.

    Raises
    ------
    ImageReadError
        If nothing is left to report.
    """
    report = CorrectionReport()
    for folder in folders:
        try:
            if model_results is not None or is_corrected(folder):
                report.add(_model_labels(folder, model_results), read_field(folder))
        except CellvinoError as error:
            unreadable.append(Unreadable(folder, error))
    if not report.fields:
        why = f": {unreadable[0].error}" if unreadable else ""
        raise ImageReadError(f"no field here was reviewed yet; accept or correct cells and save them first{why}")
    return report


def _model_labels(folder: Path, model_results: Path | None) -> Labels:
    if model_results is None:
        found = read_model_annotation(folder)
        if found is None or found.labels is None:
            raise ImageReadError(
                f"{folder} does not tell what the model had found, as it was corrected with an earlier version; "
                "name the model's own results (--model-results)"
            )
        return found.labels
    own = model_results if (model_results / LABELS_NAME).is_file() else model_results / folder.name
    if not own.is_dir():
        raise ImageReadError(f"{model_results} has no result called {folder.name}; name the model's own results")
    return read_result_labels(own)
