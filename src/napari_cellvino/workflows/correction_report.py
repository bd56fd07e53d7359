"""The correction report of a folder of results, over all reviewed fields."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from napari_cellvino.core.errors import CellvinoError, ImageReadError, ReplaceError
from napari_cellvino.formats.field import Cells
from napari_cellvino.results.annotated_fields import Unreadable, read_field, read_result_cells, result_folders
from napari_cellvino.results.correction_report import CorrectionReport
from napari_cellvino.results.corrections import is_corrected, is_result, model_folder
from napari_cellvino.storage.atomic import recover

REPORT_NAME = "corrections.html"


@dataclass(frozen=True, slots=True)
class WrittenReport:
    """A written report, and the fields left out."""

    report: CorrectionReport
    path: Path
    left_out: tuple[Unreadable, ...]


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
    path, left_out = out or results / REPORT_NAME, list[Unreadable]()
    recover(path)
    if path.exists() and not overwrite:
        raise ReplaceError(
            f"{path} is there already",
            remedy="replace it or choose another folder",
            command="replace it (--overwrite) or name another file (--out)",
        )
    report = report_corrections(result_folders(results), left_out, model_results)
    report.write(path)
    return WrittenReport(report, path, tuple(left_out))


def report_corrections(
    folders: Sequence[Path], unreadable: list[Unreadable], model_results: Path | None = None
) -> CorrectionReport:
    """Return the report of results; those that cannot be compared are appended to ``unreadable``.

    Parameters
    ----------
    folders
        Folders of results; unreviewed ones are left out, unless ``model_results`` is given.
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
    for folder in folders:
        try:
            if model_results is not None or is_corrected(folder):
                report.add(_model_cells(folder, model_results), read_field(folder))
        except CellvinoError as error:
            unreadable.append(Unreadable(folder, error))
    if not report.fields:
        why = f": {unreadable[0].error}" if unreadable else ""
        raise ImageReadError(f"no field here was reviewed yet; accept or correct cells and save them first{why}")
    return report


def _model_cells(folder: Path, model_results: Path | None) -> Cells:
    if model_results is not None:
        named = model_results if is_result(model_results) else model_results / folder.name
        if not named.is_dir():
            raise ImageReadError(f"{model_results} has no result called {folder.name}; name the model's own results")
        return read_result_cells(named)
    own = model_folder(folder)
    if own is None:
        raise ImageReadError(
            f"{folder} does not tell what the model had found, as it was corrected with an earlier version",
            remedy="run the model on it again into another folder",
            command="name the model's own results (--model-results)",
        )
    return read_result_cells(own)
