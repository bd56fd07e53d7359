"""Where to paint next: the place where most pixels could be either, away from strokes."""

from __future__ import annotations

import numpy as np

from napari_cellvino.training.teach.next_place import next_place


def test_the_most_unsure_place_is_next_and_not_where_strokes_are() -> None:
    foreground = np.full((60, 80), 0.02, np.float32)
    foreground[5:20, 5:20], foreground[35:55, 50:70] = 0.5, 0.55
    labels = (foreground > 0.4).astype(np.int32)
    painted = np.zeros((120, 160), bool)
    large = np.kron(labels, np.ones((2, 2), np.int32))
    first = next_place(foreground, large, painted, 10.0)
    assert 70 <= first.y <= 110
    assert 100 <= first.x <= 140
    assert first.cells == 1
    painted[70:110, 100:140] = True
    second = next_place(foreground, large, painted, 10.0)
    assert 10 <= second.y <= 40
    assert 10 <= second.x <= 40
    assert second.unsure < first.unsure + 0.05
