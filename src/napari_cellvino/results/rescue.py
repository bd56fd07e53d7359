"""Corrections that a killed run had set aside, brought back: what a person made is never deleted and never passed over.

A folder set aside whose place is empty is simply put back (`storage.atomic.recover`). Where something else stands in
its place by now, as a version before this one may have left it, the corrections take that place again and the other
goes into them; where both were corrected, the one set aside goes into the other as ``set-aside-1``.
"""

from __future__ import annotations

import logging
import shutil
from pathlib import Path

from napari_cellvino.core.errors import ImageReadError, OutputError
from napari_cellvino.results.field_folder import FieldFolder
from napari_cellvino.results.schema import ANNOTATION_NAME, LABELS_NAME, PREVIOUS, SET_ASIDE
from napari_cellvino.storage.atomic import atomic_folder, left_behind_in, recover, set_aside
from napari_cellvino.storage.lock import folder_lock

_log = logging.getLogger(__name__)


def recover_results(root: Path) -> None:
    """Undo what killed runs left among the results in a folder.

    Raises
    ------
    OutputError
        If corrections that were set aside cannot be put back: before anything is written over them.
    """
    for folder in left_behind_in(root):
        recover_result(folder)


def recover_result(folder: Path) -> None:
    """Undo what a killed run left beside one result; the errors are those of `recover_results`.

    Whoever holds the folder of results must not call it.
    """
    try:
        is_touched = recover(folder)
    except OSError as error:
        raise OutputError(
            f"{folder} was set aside by a run that was killed and cannot be put back: {error.strerror}",
            remedy="make its folder writable, or copy it to a disk where it is",
        ) from error
    if is_touched and set_aside(folder):
        with folder_lock(folder.parent):
            for aside in set_aside(folder):  # another command may have been quicker
                _settle(FieldFolder(aside), FieldFolder(folder))


def _settle(aside: FieldFolder, standing: FieldFolder) -> None:
    """Bring what is in a folder set aside to where it is found, and then remove it."""
    try:
        wanted = aside.result.kept
    except ImageReadError:  # no result of ours: left alone
        return
    if wanted and not _is_held(aside, standing):
        _bring_back(aside, standing)
    shutil.rmtree(aside.path, ignore_errors=True)


def _is_held(aside: FieldFolder, standing: FieldFolder) -> bool:
    """Return whether the very same result stands in its place, or is kept in the one that does."""
    inner = [standing.path, standing.path / PREVIOUS, *standing.path.glob(f"{SET_ASIDE}-*")]
    return any(_same(aside.path, folder) for folder in inner)


def _same(one: Path, other: Path) -> bool:
    return all(_bytes(one / name) == _bytes(other / name) for name in (ANNOTATION_NAME, LABELS_NAME))


def _bytes(path: Path) -> bytes:
    return path.read_bytes() if path.is_file() else b""


def _bring_back(aside: FieldFolder, standing: FieldFolder) -> None:
    both = standing.is_result and standing.result.kept
    first, second = (standing, aside) if both else (aside, standing)
    with atomic_folder(standing.path) as part:
        shutil.copytree(first.path, part, dirs_exist_ok=True)
        shutil.copytree(second.path, _free(part))
    where = "in a folder in it" if both else "in place again"
    _log.warning("corrections of %s that a killed run had set aside are %s", standing.path, where)


def _free(folder: Path) -> Path:
    number = 1
    while (free := folder / f"{SET_ASIDE}-{number}").exists():
        number += 1
    return free
