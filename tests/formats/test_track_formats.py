from pathlib import Path
from xml.etree import ElementTree

import h5py
import numpy as np
import pytest

from napari_cellvino.core.errors import ImageReadError, OptionError
from napari_cellvino.core.image import Spacing
from napari_cellvino.formats.track_formats import TRACK_FORMATS, check_track_formats, read_track_points
from napari_cellvino.formats.track_points import TrackPoints

FLAT = np.array([[5.0, 7.0], [6.0, 8.0], [9.0, 9.5], [20.0, 3.0], [15.0, 2.0], [25.0, 4.0], [40.0, 40.0]])


def points(places: np.ndarray, spacing: Spacing, interval_s: float | None) -> TrackPoints:
    """A track with a gap, one that divides into two, and a cell that is seen once; ids are not in a row."""
    track = np.array([1, 1, 1, 2, 3, 4, 9])
    frame = np.array([0, 1, 3, 1, 2, 2, 0])
    return TrackPoints(track, frame, places, np.full(7, 50.0), {3: 2, 4: 2}, spacing, interval_s)


def shape_of(held: TrackPoints) -> tuple[set[tuple[object, ...]], set[tuple[object, ...]]]:
    """Points and links by frame and place, whatever their ids are."""
    where = [(int(f), *(round(float(v), 4) for v in p)) for f, p in zip(held.frame, held.places, strict=True)]
    return set(where), {(where[a], where[b]) for a, b in held.edges()}


@pytest.mark.parametrize("name", TRACK_FORMATS)
@pytest.mark.parametrize(("spacing", "interval"), [(Spacing(), None), (Spacing(2.0, 0.5, 0.25), 90.0)])
@pytest.mark.parametrize("deep", [False, True])
def test_tracks_come_back(name: str, spacing: Spacing, interval: float | None, deep: bool, tmp_path: Path) -> None:
    written = points(np.column_stack([FLAT[:, :1] + 1, FLAT]) if deep else FLAT, spacing, interval)
    file, write = TRACK_FORMATS[name]
    write(tmp_path / file, written)
    read = read_track_points(tmp_path / file)
    assert shape_of(read) == shape_of(written)
    assert len(read.parents) == 2
    if name in ("trackmate", "geff"):
        assert read.interval_s == interval
        assert (read.spacing.y, read.spacing.x) == (spacing.y, spacing.x)
        np.testing.assert_allclose(np.sort(read.sizes), 50)
    if name == "trackmate":  # pytrackmate and TrackMate ask for it; every spot passes
        (limit,) = ElementTree.parse(tmp_path / file).getroot().iterfind("Settings/InitialSpotFilter")
        assert (limit.get("feature"), limit.get("value"), limit.get("isabove")) == ("QUALITY", "0.0", "true")


def test_what_is_no_tracks_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_text("<Other/>")
    (tmp_path / "b.csv").write_text("one,two\n1,2\n")
    (tmp_path / "c").mkdir()
    (tmp_path / "e.h5").write_bytes(b"none")
    for name in ("a.xml", "b.csv", "c", "d.csv", "e.h5"):
        with pytest.raises(ImageReadError, match=name):
            read_track_points(tmp_path / name)
    with pytest.raises(OptionError, match="choose of trackmate, geff, napari, btrack, btrack-hdf5"):
        check_track_formats(["hdf"])


BTRACK_CSV = """ID t x y z parent root state generation dummy
1.0 0.0 5.0 7.0 0.0 1.0 1.0 5.0 0.0 0.0 50.0
1.0 1.0 6.0 8.0 0.0 1.0 1.0 5.0 0.0 1.0 nan
1.0 2.0 7.0 9.0 0.0 1.0 1.0 5.0 0.0 0.0 50.0
3.0 3.0 15.0 2.0 0.0 1.0 1.0 5.0 1.0 0.0 50.0
4.0 3.0 25.0 4.0 0.0 1.0 1.0 5.0 1.0 0.0 50.0
"""  # as btrack 0.6.5 writes it: with a property that has no name, and a dummy


def test_what_btrack_writes_is_read(tmp_path: Path) -> None:
    (tmp_path / "b.csv").write_text(BTRACK_CSV)
    with h5py.File(tmp_path / "b.h5", "w") as file:  # of these objects, the third was filtered out before tracking
        coords = [(0, 5, 7, 0, 0), (2, 7, 9, 0, 0), (2, 99, 99, 0, 0), (3, 15, 2, 0, 0), (3, 25, 4, 0, 0)]
        file["objects/obj_type_1/coords"] = np.array(coords, np.float32)
        file["objects/obj_type_1/properties/area"] = np.array([50, 50, 5, 50, 50], np.float32)
        held = file.create_group("tracks/obj_type_1")
        held["tracks"], held["map"] = np.array([0, -1, 1, 2, 3]), np.array([[0, 3], [3, 4], [4, 5]])
        held["LBEPR"] = np.array([[1, 0, 2, 1, 1, 0], [3, 3, 3, 1, 1, 1], [4, 3, 3, 1, 1, 1]])
        held["dummies"], held.attrs["f_expr"] = np.array([[1, 6, 8, 0, 1]], np.float32), "area>10"
    for name in ("b.csv", "b.h5"):
        read = read_track_points(tmp_path / name)
        assert (read.track.tolist(), read.frame.tolist()) == ([1, 1, 3, 4], [0, 2, 3, 3])
        assert read.places.tolist() == [[7, 5], [9, 7], [2, 15], [4, 25]]
        assert read.parents == {3: 1, 4: 1}
    assert read.sizes.tolist() == [50] * 4


def test_cells_that_merge_are_no_tracks(tmp_path: Path) -> None:
    spots = "".join(
        f'<Spot ID="{n}" FRAME="{f}" POSITION_X="{n}" POSITION_Y="1"/>' for n, f in ((1, 0), (2, 0), (3, 1))
    )
    edges = '<Edge SPOT_SOURCE_ID="1" SPOT_TARGET_ID="3"/><Edge SPOT_SOURCE_ID="2" SPOT_TARGET_ID="3"/>'
    (tmp_path / "m.xml").write_text(f"<TrackMate><Model>{spots}{edges}</Model></TrackMate>")
    with pytest.raises(ImageReadError, match="two cells that become one"):
        read_track_points(tmp_path / "m.xml")
