"""What saves corrections, in the thread that writes files."""

from __future__ import annotations

from pathlib import Path

from napari_cellvino.annotation.snapshot import Snapshot
from napari_cellvino.core.errors import OutputError
from napari_cellvino.core.spots import Spots
from napari_cellvino.workflows.save_field import SaveRequest
from napari_cellvino.workflows.saved_field import SavedFieldRequest


def save_as_found(request: SaveRequest, snapshot: Snapshot) -> Path | None:
    """Save corrections where a run has saved the result since as it was found, and return its folder; else None.

    Raises
    ------
    OutputError
        As `SaveRequest.save`.
    """
    if request.is_as_found:
        return request.save(snapshot)
    snapshot.drop()
    return None


def follow(request: SaveRequest | SavedFieldRequest, snapshot: Snapshot | None, spots: Spots | None) -> Path:
    """Save corrections of a result that was saved before, and return its folder.

    Raises
    ------
    OutputError
        If it cannot be written, or the folder of all results is not there any more: a disk that was taken away is not
        begun anew.
    """
    try:
        check_there(request.folder.parent)
    except OutputError:
        if snapshot is not None:
            snapshot.drop()
        raise
    return request.save(snapshot, spots=spots)


def check_there(folder: Path) -> None:
    """Raise OutputError if a folder is gone, as with a disk that was taken away."""
    if not folder.is_dir():
        raise OutputError(
            f"{folder} is gone: what you correct is kept in memory only; check that its disk is connected, then save "
            "(tab 4), or choose another folder"
        )
