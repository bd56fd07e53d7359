"""Edits of spots that no result holds yet: kept beside it, done again on the same pixels, and deleted once saved."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_cellvino.core.errors import ImageReadError
from napari_cellvino.core.spot_edits import SpotEdit, deletion_of, edit_spots, with_edits
from napari_cellvino.core.spots import Spots
from napari_cellvino.results.spot_journal import (
    forget_spot_edits,
    keep_spot_edits,
    kept_spot_edits,
    spot_journal_path,
)

ADDED = SpotEdit(True, (0.0, 30.25, 4.5), 120.0, 9.0)


def spots() -> Spots:
    place = np.array([[0, 5, 5], [0, 10, 20], [0, 40, 8]], float)
    return Spots(place, np.array([10.0, 20, 30]), np.array([5.0, 6, 7]), np.zeros(3, np.int32))


def test_edits_are_kept_for_the_same_pixels_until_they_are_saved(tmp_path: Path) -> None:
    folder = tmp_path / "a"
    edits = (deletion_of(spots(), 1), ADDED)
    keep_spot_edits(folder, edits, "abc")
    assert kept_spot_edits(folder, "abc") == edits
    assert kept_spot_edits(folder, "of other pixels") is None
    forget_spot_edits(folder, edits[:1])
    assert kept_spot_edits(folder, "abc") == edits
    forget_spot_edits(folder, edits)
    assert kept_spot_edits(folder, "abc") is None
    spot_journal_path(folder).write_text("{")
    with pytest.raises(ImageReadError, match="move it away"):
        kept_spot_edits(folder, "abc")


def test_edits_that_are_not_the_last_ones_are_taken_back() -> None:
    first = deletion_of(spots(), 1)
    held = edit_spots(spots(), [first, ADDED])
    other = with_edits(held, (first, deletion_of(spots(), 0)))
    assert other.position[:, 1].tolist() == [40]
    back = with_edits(other, ())
    assert back.position.tolist() == spots().position.tolist()
    assert back.intensity.tolist() == spots().intensity.tolist()
    assert back.edits == ()
