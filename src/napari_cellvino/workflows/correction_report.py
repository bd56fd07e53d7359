"""The correction report of a folder of results, over all reviewed fields."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from napari_cellvino.core.errors import CellvinoError, ImageReadError, ReplaceError
from napari_cellvino.formats.field import Cells
from napari_cellvino.results.correction_report import CorrectionReport
from napari_cellvino.results.exported_fields import UnreadableField, read_field
from napari_cellvino.results.field_folder import FieldFolder
from napari_cellvino.results.store import ResultStore
from napari_cellvino.storage.atomic import recover

REPORT_NAME = "corrections.html"


@dataclass(frozen=True, slots=True)
class WrittenReport:
    """A report that was written, the fields that are not in it, and how many corrections of a field are not saved."""

    report: CorrectionReport
    path: Path
    left_out: tuple[UnreadableField, ...]
    unsaved: Mapping[Path, int]


def write_report(
    results: Path, out: Path | None = None, model_results: Path | None = None, *, overwrite: bool = False
) -> WrittenReport:
    """Write the report of a folder of results to ``out``, by default ``corrections.html`` in the folder; return it.

    Raises
    ------
    ImageReadError
        If there are no results, or none that can be reported.
    ReplaceError
        If the report exists and ``overwrite`` is off.
    OutputError
        If it cannot be written.
    """
    path, left_out = out or results / REPORT_NAME, list[UnreadableField]()
    recover(path)
    if path.exists() and not overwrite:
        raise ReplaceError(
            f"{path} is there already",
            remedy="replace it or choose another folder",
            command="replace it (--overwrite) or name another file (--out)",
        )
    store = ResultStore.open(results)
    report = report_corrections(store, left_out, model_results)
    report.write(path)
    return WrittenReport(report, path, tuple(left_out), store.unsaved())


def report_corrections(
    store: ResultStore, unreadable: list[UnreadableField], model_results: Path | None = None
) -> CorrectionReport:
    """Return the report of results; those that cannot be compared are appended to ``unreadable``.

    Parameters
    ----------
    store
        The results; those that nobody looked at are left out, unless ``model_results`` says what to compare.
    unreadable
        Gets the results left out, with the reason.
    model_results
        Results of the model, as a folder of results of the same names; by default those kept beside the corrections.

    Raises
    ------
    ImageReadError
        If nothing is left to report.
    """
    report = CorrectionReport()
    for folder in store.folders():
        try:
            if model_results is not None or store.summary(folder).corrected:
                report.add(_model_cells(folder, model_results), read_field(folder))
        except CellvinoError as error:
            unreadable.append(UnreadableField(folder, error))
    if not report.fields:
        why = f": {unreadable[0].error}" if unreadable else ""
        raise ImageReadError(f"no field here was reviewed yet; accept or correct cells and save them first{why}")
    return report


def _model_cells(folder: Path, model_results: Path | None) -> Cells:
    if model_results is not None:
        named = model_results if FieldFolder(model_results).is_result else model_results / folder.name
        if not named.is_dir():
            raise ImageReadError(f"{model_results} has no result called {folder.name}; name the model's own results")
        return FieldFolder(named).cells()
    own = FieldFolder(folder).model()
    if own is None:
        raise ImageReadError(
            f"{folder} does not tell what the model had found, as it was corrected with an earlier version",
            remedy="run the model on it again into another folder",
            command="name the model's own results (--model-results)",
        )
    return own.cells()
