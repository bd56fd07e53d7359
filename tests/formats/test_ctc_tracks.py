from pathlib import Path

import numpy as np
import pytest
import tifffile

from napari_cellvino.core.errors import ImageReadError
from napari_cellvino.formats.ctc_tracks import ctc_tracks, read_ctc, write_ctc
from napari_cellvino.tracking.tracks import Node, Tracks

GAPPED = Tracks(
    {
        1: (Node(0, 7), Node(1, 7), Node(3, 9)),
        2: (Node(0, 1), Node(1, 1)),
        3: (Node(2, 4), Node(3, 4)),
        4: (Node(2, 5),),
    },
    {3: 2, 4: 2},
)


def test_a_track_with_a_gap_is_written_as_two_of_which_one_is_the_parent() -> None:
    assert ctc_tracks(GAPPED).rows == ((1, 0, 1, 0), (2, 0, 1, 0), (3, 2, 3, 2), (4, 2, 2, 2), (5, 3, 3, 1))


def test_tracks_come_back(tmp_path: Path) -> None:
    labels = [np.zeros((6, 40), np.int32) for _ in range(4)]
    for nodes in GAPPED.nodes.values():
        for node in nodes:
            labels[node.frame][2:4, 4 * node.label : 4 * node.label + 3] = node.label
    written = ctc_tracks(GAPPED)
    write_ctc(tmp_path, written, 4, lambda n: labels[n])
    tracks, masks = read_ctc(tmp_path)
    assert [mask.name for mask in masks] == ["mask000.tif", "mask001.tif", "mask002.tif", "mask003.tif"]
    assert {t: [n.frame for n in nodes] for t, nodes in tracks.nodes.items()} == {
        t: [n.frame for n in nodes] for t, nodes in GAPPED.nodes.items()
    }
    assert tracks.parents == GAPPED.parents
    for node, ident in written.ids.items():
        mask = tifffile.imread(masks[node.frame])
        np.testing.assert_array_equal(mask == ident, labels[node.frame] == node.label)


def test_a_row_that_is_none_is_named(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "mask000.tif", np.ones((4, 4), np.uint16))
    (tmp_path / "res_track.txt").write_text("1 0 0\n")
    with pytest.raises(ImageReadError, match="line 1"):
        read_ctc(tmp_path)
    (tmp_path / "res_track.txt").write_text("2 0 0 0\n")
    with pytest.raises(ImageReadError, match="no row for the id 1"):
        read_ctc(tmp_path)
