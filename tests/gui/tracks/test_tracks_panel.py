"""A film tracked with its label images, its doubtful link gone to, mended by keys, linked again, saved and reopened."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import napari
import numpy as np
import pandas as pd
import pytest
import tifffile
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QPoint, QPointF, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QFileDialog, QWidget

from napari_cellvino.core.errors import EditError
from napari_cellvino.core.image import Spacing
from napari_cellvino.core.link_options import LinkOptions
from napari_cellvino.core.progress import finish
from napari_cellvino.formats.track_points import points_of
from napari_cellvino.formats.trackmate import write_trackmate
from napari_cellvino.gui.shell.window import TracksDock
from napari_cellvino.gui.tracks.film_canvas import GONE, SET_BACK
from napari_cellvino.gui.tracks.track_actions import DELETE_HERE, DIVIDE
from napari_cellvino.gui.tracks.tracks_panel import TracksPanel
from napari_cellvino.tracking.link_film import link_film
from napari_cellvino.workflows.film import open_film
from napari_cellvino.workflows.track_film import open_tracks
from tests.tracking.film_maker import dividing_film, draw

from ..conftest import WAIT_MS

SHIFT, CONTROL = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.ControlModifier
ONE, MOTHER, LEFT, RIGHT, BELL = (40.0, 40.0), (100.0, 100.0), (100.0, 92.0), (100.0, 108.0), (140.0, 28.0)
OTHER = (140.0, 44.0)  # the right half of the cell like a bell


@pytest.fixture
def film(tmp_path: Path) -> Path:
    """A film in which a cell divides, and another one is found twice as large for a frame."""
    for name in ("film", "masks"):
        (tmp_path / name).mkdir()
    for number, labels in enumerate(dividing_film()):
        labels[draw({1: (40.0, 40.0, 9.0 if number != 2 else 16.0)}) > 0] = 1
        tifffile.imwrite(tmp_path / "film" / f"t{number}.tif", (100 + 50 * (labels > 0) + number).astype(np.uint16))
        tifffile.imwrite(tmp_path / "masks" / f"t{number}.tif", labels.astype(np.uint16))
    return tmp_path


@pytest.fixture
def bells(tmp_path: Path) -> Path:
    """A film of a cell that stays, one that divides, and one with a waist."""
    for name in ("film", "masks"):
        (tmp_path / name).mkdir()
    for number, labels in enumerate(dividing_film()):
        labels[draw({1: (*BELL, 9.0), 2: (*OTHER, 9.0)}) > 0] = 9
        tifffile.imwrite(tmp_path / "film" / f"t{number}.tif", (100 + 50 * (labels > 0) + number).astype(np.uint16))
        tifffile.imwrite(tmp_path / "masks" / f"t{number}.tif", labels.astype(np.uint16))
    return tmp_path


def write_others(root: Path) -> Path:
    """The tracks of the cells of a film, as another program has them."""
    film = [tifffile.imread(path).astype(np.int32) for path in sorted((root / "masks").iterdir())]
    write_trackmate(root / "tracks.xml", points_of(finish(link_film(film)), Spacing()))
    return root / "tracks.xml"


class Window:
    """The dock, with keys and clicks of a user."""

    def __init__(self, viewer: napari.Viewer, qtbot: QtBot) -> None:
        self.viewer, self.qtbot = viewer, qtbot
        _, self.dock = viewer.window.add_plugin_dock_widget("napari-cellvino", "Tracks")
        assert isinstance(self.dock, TracksDock)
        self.panel = self.dock.findChild(TracksPanel)
        self.tracks = self.dock.session.tracks
        self.canvas = viewer.window._qt_viewer.canvas.native

    def wait(self, ready: Callable[[], object]) -> None:
        self.qtbot.waitUntil(lambda: bool(ready()), timeout=WAIT_MS)

    def key(self, key: Qt.Key, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
        self.viewer.window._qt_window.activateWindow()
        self.tracks.canvas.focus()
        self.wait(self.canvas.hasFocus)
        QTest.keyClick(self.canvas, key, modifier)
        QApplication.processEvents()

    def click(self, y: float, x: float, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
        at = self.tracks.canvas._canvas._pixels(np.array([[y, x]]))[0].round().astype(int)
        QTest.mouseClick(self.canvas, Qt.MouseButton.LeftButton, modifier, QPoint(*at.tolist()))
        QTest.qWait(QApplication.doubleClickInterval() + 20)  # two clicks are no double click

    def go(self, frame: int) -> None:
        self.viewer.dims.set_point(0, frame)

    def choose(self, *places: tuple[int, tuple[float, float]]) -> None:
        """Click on the cell at a place of a frame, and with Shift on further ones."""
        self.viewer.reset_view()
        for number, (frame, place) in enumerate(places):
            self.go(frame)
            self.click(*place, SHIFT if number else Qt.KeyboardModifier.NoModifier)

    def frames(self, place: tuple[float, float], frame: int) -> list[int]:
        """The frames of the track that is at a place of a frame."""
        return self.spans()[self.at(place, frame)]

    def at(self, place: tuple[float, float], frame: int) -> int:
        return int(self.tracks.editor.annotation.pixels[frame, round(place[0]), round(place[1])])

    def spans(self) -> dict[int, list[int]]:
        nodes = self.tracks.linked.tracks.nodes
        return {track: [node.frame for node in held] for track, held in nodes.items()}


def test_a_film_is_tracked_mended_and_saved(
    viewer: napari.Viewer, qtbot: QtBot, film: Path, monkeypatch: pytest.MonkeyPatch, click: Callable[[QWidget], None]
) -> None:
    window = Window(viewer, qtbot)
    panel, tracks = window.panel, window.tracks
    asked = iter([str(film / "film"), str(film / "masks")])
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: next(asked))
    said: list[str] = []
    tracks.redrawn.connect(lambda: said.append(panel._describe_doubt()))
    click(panel.masks_button)
    window.wait(lambda: tracks.linked is not None and tracks.queue.doubts)
    assert panel.title.text() == "4 tracks · 1 division"
    assert said == ["Looking for doubtful links…"]
    assert window.spans() == {1: list(range(7)), 2: [0, 1, 2], 3: [3, 4, 5, 6], 4: [3, 4, 5, 6]}

    cells, lines = tracks.canvas._layers.labels, tracks.canvas._layers.tracks  # deleted, and changed, by somebody else
    points = lines.data.copy()
    viewer.layers.remove(cells)
    assert GONE in panel.failure.words.text()
    click(panel.edit_buttons[next(iter(panel.edit_buttons))])
    assert (GONE in panel.failure.words.text(), tracks.editor.undo_name) == (True, "")
    click(panel.again_button)
    assert cells in viewer.layers
    assert not panel.again_button.isVisible()
    assert not panel.failure.words.text()
    for layer, other in ((cells, np.zeros_like(cells.data)), (lines, points[:3])):
        layer.data = other
        assert SET_BACK in panel.failure.words.text()
        np.testing.assert_array_equal(lines.data, points)
        assert cells.data is tracks.editor.annotation.pixels
    window.key(Qt.Key.Key_N)  # the doubtful link: there it is, chosen and near
    assert tracks.selection == (1,)
    assert tracks.frame == 2
    assert "larger at once" in panel.doubt.text()
    window.key(Qt.Key.Key_U)
    assert window.spans()[1] == [0, 1]
    window.key(Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert window.spans()[1] == list(range(7))

    window.go(3)  # the division was none: the mother goes on as one daughter, the other is another cell
    viewer.reset_view()
    window.click(100.0, 93.0)
    assert tracks.selection == (3,)
    tracks.select([2, 3])
    window.key(Qt.Key.Key_J)
    assert panel.title.text() == "3 tracks · 0 divisions"
    assert "Link #2 to #3" in tracks.editor.said
    window.click(100.0, 107.0)
    window.click(100.0, 93.0, SHIFT)
    assert tracks.selection == (4, 2)
    window.key(Qt.Key.Key_Y)  # it was one
    assert panel.title.text() == "4 tracks · 1 division"
    window.go(0)
    window.key(Qt.Key.Key_W)
    assert "before and after" in tracks.editor.failure.message

    panel.sliders.set_value({"reach": 7.5})  # of a recipe, beyond what the slider goes to: it stays
    assert panel.sliders.rows["reach"].number.value() == 7.5
    panel.sliders.rows["gap"].number.setValue(5)
    assert panel.sliders.value()["reach"] == 7.5
    panel.sliders.rows["reach"].number.setValue(1.5)
    window.wait(lambda: tracks.preview is not None)
    assert window.dock.session.workspace.recipe.linking.gap == 5  # the recipe has what the sliders say
    panel.sliders.rows["features"].number.setValue(0.5)
    window.wait(lambda: "keeps no features" in panel.preview.text())
    click_there = panel.use_button.isEnabled()
    assert click_there
    tracks.drop_preview()
    assert window.dock.session.workspace.recipe.linking == LinkOptions()

    tree = panel.lineage.tree
    last = window.spans()[4][-1]
    qtbot.mouseClick(tree, Qt.MouseButton.LeftButton, pos=QPointF(tree.x_of(last), tree.y_of(4)).toPoint())
    assert (tracks.selection, tracks.frame) == ((4,), 6)

    click(panel.save_button)
    window.wait(lambda: not tracks.working)
    assert tracks.editor.failure is None
    look_through_time(window, click, qtbot)
    lineage = pd.read_csv(tracks.folder / "lineage.csv")
    assert sorted(lineage["parent"].tolist()) == [0, 0, 2, 2]
    before = tracks.editor.annotation.fingerprint()
    window.key(Qt.Key.Key_D)  # not saved: it is in the journal
    after = tracks.editor.annotation.fingerprint()
    tracks.editor.session.journal.flush()
    tracks.editor.close()
    tracks.open(tracks.folder)
    window.wait(lambda: not tracks.working and tracks.editor.annotation is not None)
    assert said[-1] == "Looking for doubtful links…"  # those of the film before are not shown
    assert tracks.editor.annotation.fingerprint() == after != before
    assert "1 corrections" in tracks.editor.said


def look_through_time(window: Window, click: Callable[[QWidget], None], qtbot: QtBot) -> None:
    """Colour by a measure, draw a cell through time in three ways, and compare the film by groups."""
    panel, tracks, shown = window.panel, window.tracks, window.panel.cell_time
    titles = [panel.colour.itemText(n) for n in range(panel.colour.count())]
    assert {"generation", "life (frames)", "speed (px/frame)", "mean area (px)", "straightness"} <= set(titles)
    panel.colour.set_value("displacement_px")
    panel._draw_lineage()
    assert panel.lineage.tree.lineage.values[1] == 0.0  # it stays where it is
    assert max(panel.lineage.tree.lineage.values.values()) == 1.0
    panel.colour.set_value("")
    controller = window.dock.session.cell_time
    tracks.select([1])
    controller.along_line()
    assert "No line is drawn" in controller.failure.message
    window.viewer.add_shapes([np.array([[40.0, 20.0], [40.0, 60.0]])], shape_type="line")
    for button, name in (
        (shown.strip_button, "film_track_0001_strip.png"),
        (shown.cell_button, "film_track_0001_kymograph.png"),
        (shown.line_button, "film_line_kymograph.png"),
    ):
        button.click()
        window.wait(lambda: not controller.working)
        assert controller.failure is None
        assert controller.picture == tracks.folder.parent / "pictures" / name
    assert tifffile.imread(controller.picture.with_suffix(".tif")).shape == (7, 41)
    assert shown.picture._images  # which keep their colours on dark
    panel.scale.interval.setValue(90.0)
    panel.scale.pixel.setValue(0.5)
    assert panel.colour.findData("speed_um_per_min") > 0
    tracks.save()
    window.wait(lambda: not tracks.working)
    tracks.open(tracks.folder)  # the next day
    window.wait(lambda: not tracks.working)
    assert (panel.scale.pixel.value(), panel.scale.interval.value()) == (0.5, 90.0)
    assert pd.read_csv(tracks.folder / "lineage.csv")["life_min"].tolist()[0] == 6 * 1.5
    tracks.select([1])
    groups = window.dock.session.film_groups
    groups.open(tracks.folder.parent)
    assert panel.groups.table.item(0, 1).text() == "film"
    panel.groups.table.item(0, 1).setText("control")
    panel.groups.compare_button.click()
    window.wait(lambda: not groups.working)
    assert groups.failure is None
    assert pd.read_csv(tracks.folder.parent / "compared" / "growth.csv")["group"].unique().tolist() == ["control"]
    window.viewer.layers.remove("Shapes")


def test_what_is_saved_says_how_the_tracks_are_linked_also_after_undo(
    viewer: napari.Viewer, qtbot: QtBot, film: Path, click: Callable[[QWidget], None]
) -> None:
    window = Window(viewer, qtbot)
    panel, tracks = window.panel, window.tracks
    tracks.track(film / "film", film / "masks")
    window.wait(lambda: tracks.linked is not None)
    usual, spans = LinkOptions(), window.spans()
    others = replace(usual, division=3.0)

    def linked_with() -> tuple[LinkOptions, ...]:
        assert tracks.opened is not None
        in_window = window.dock.session.workspace.recipe.linking
        return tracks.opened.request.recipe.linking, in_window, LinkOptions(**(panel.sliders.value() | {"gap": 2}))

    panel.links.unfold()
    panel.sliders.rows["division"].number.setValue(3.0)
    window.wait(lambda: tracks.preview is not None and len(tracks.preview.tracks.divisions) == 0)
    assert tracks.opened.request.recipe.linking == usual, "it is a preview"
    click(panel.use_button)
    assert window.spans() != spans
    assert linked_with() == (others, others, others)
    click(panel.undo_button)
    assert window.spans() == spans
    assert linked_with() == (usual, usual, usual)
    click(panel.redo_button)
    assert linked_with() == (others, others, others)
    click(panel.undo_button)
    window.go(4)
    window.click(40.0, 40.0)
    window.key(Qt.Key.Key_A)
    panel.sliders.rows["division"].number.setValue(0.1)
    window.wait(lambda: tracks.preview is not None)
    tracks.editor.busy = "it is corrected elsewhere"
    click(panel.use_button)
    assert tracks.opened.request.recipe.linking == usual, "it was not done"
    tracks.editor.busy = ""
    window.go(5)
    window.key(Qt.Key.Key_Z, CONTROL)
    assert tracks.frame == 5, "what is undone is seen here too"
    click(panel.save_button)
    window.wait(lambda: not tracks.working)
    assert open_tracks(tracks.folder).request.recipe.linking == usual


def test_every_key_edits_and_all_is_undone_redone_saved_and_kept(
    viewer: napari.Viewer, bells: Path, qtbot: QtBot, click: Callable[[QWidget], None]
) -> None:
    window = Window(viewer, qtbot)
    tracks, key, whole = window.tracks, window.key, list(range(7))
    tracks.track(bells / "film", bells / "masks", write_others(bells))
    window.wait(lambda: tracks.linked is not None)
    begin = tracks.editor.annotation.fingerprint()

    window.choose((3, ONE))
    key(Qt.Key.Key_U)  # unlink, and link again
    assert (window.frames(ONE, 0), window.frames(ONE, 3)) == ([0, 1, 2], [3, 4, 5, 6])
    window.choose((2, ONE), (3, ONE))
    key(Qt.Key.Key_J)
    assert window.frames(ONE, 0) == whole
    window.choose((4, ONE))
    key(Qt.Key.Key_X)  # a gap; what lay there is deleted, and the gap filled
    assert window.frames(ONE, 0) == [0, 1, 2, 3, 5, 6]
    window.choose((4, ONE))
    key(Qt.Key.Key_D, SHIFT)
    window.choose((5, ONE))
    key(Qt.Key.Key_I)
    assert window.frames(ONE, 0) == whole
    window.choose((5, ONE))
    key(Qt.Key.Key_D)  # deleted in a frame, and drawn there from the one before
    assert tracks.editor.said == f"Delete #{window.at(ONE, 0)} in frame 6"
    assert window.frames(ONE, 0) == [0, 1, 2, 3, 4, 6]
    window.choose((4, ONE))
    key(Qt.Key.Key_C)
    assert (window.frames(ONE, 0), tracks.frame) == (whole, 5)
    one, bell = window.at(ONE, 0), window.at(BELL, 0)
    window.choose((3, ONE), (3, BELL))
    key(Qt.Key.Key_W)  # swapped from here on, and back
    assert [window.at(ONE, n) for n in range(7)] == [one] * 3 + [bell] * 4
    window.go(0)
    key(Qt.Key.Key_Z, CONTROL)
    assert ([window.at(ONE, n) for n in range(7)], tracks.frame) == ([one] * 7, 3)
    window.choose((3, BELL))
    key(Qt.Key.Key_T, SHIFT)  # split through later frames, and in one
    assert window.frames(OTHER, 3) == [3, 4, 5, 6] or window.frames(BELL, 3) == [3, 4, 5, 6]
    window.choose((1, BELL))
    key(Qt.Key.Key_T)
    assert window.at(BELL, 1) != window.at(OTHER, 1)
    window.choose((1, BELL), (1, OTHER))
    key(Qt.Key.Key_G)
    assert window.at(BELL, 1) == window.at(OTHER, 1)
    window.choose((3, BELL), (3, OTHER))
    key(Qt.Key.Key_G, SHIFT)
    assert len({window.at(place, n) for place in (BELL, OTHER) for n in range(3, 7)}) == 1
    window.choose((2, MOTHER), (3, LEFT))
    key(Qt.Key.Key_J)  # no division, and one again
    assert window.panel.title.text().endswith("0 divisions")
    window.choose((4, LEFT), (4, RIGHT))
    window.go(3)
    key(Qt.Key.Key_Y)
    assert window.panel.title.text().endswith("1 division")
    key(Qt.Key.Key_A)
    end, count = tracks.editor.annotation.fingerprint(), 0
    while tracks.editor.undo_name:
        tracks.editor.undo()
        count += 1
    assert (tracks.editor.annotation.fingerprint(), count) == (begin, 14)
    key(Qt.Key.Key_Z, CONTROL | SHIFT)
    for _ in range(count - 1):
        tracks.editor.redo()
    assert tracks.editor.annotation.fingerprint() == end

    click(window.panel.save_button)
    window.wait(lambda: not tracks.working)
    assert tracks.editor.failure is None
    kept = window.spans()
    tracks.track(bells / "film", bells / "masks")
    window.wait(lambda: not tracks.working)
    assert tracks.editor.failure is None
    assert sorted(window.spans().values()) == sorted(kept.values())
    assert any("kept as you corrected" in said for said in tracks.notices)


def test_odd_films_are_told_in_the_window(viewer: napari.Viewer, qtbot: QtBot, film: Path) -> None:
    images, masks = film / "film", film / "masks"
    (images / "t5.tif").rename(images / "t8.tif")  # 5 is missing, 7 too; 8 is after 6
    for number, shown in ((1, 0 * tifffile.imread(images / "t1.tif")), (4, tifffile.imread(images / "t3.tif"))):
        tifffile.imwrite(images / f"t{number}.tif", shown)
    tifffile.imwrite(images / "t8.tif", tifffile.imread(images / "t8.tif")[:150])
    window = Window(viewer, qtbot)
    tracks = window.tracks
    tracks.track(images, masks)
    window.wait(lambda: tracks.linked is not None or tracks.editor.failure)
    assert "with other numbers in their names than the frames" in tracks.editor.failure.message
    (masks / "t5.tif").unlink()
    tracks.track(images, masks)
    window.wait(lambda: tracks.linked is not None)
    said = window.panel.state.text()
    for sentence in (
        "2 frames are missing by the numbers of the names: 5, 7",
        "1 frame has no label image",
        "frame 2: of one value only",
        "frame 5: the same picture as the one before",
        "frame 7: of another size than the first",
    ):
        assert sentence in said
    assert [len(cells) for cells in tracks.linked.frames] == [2, 2, 2, 3, 3, 3, 0]
    tracks.save()
    window.wait(lambda: not tracks.working)
    other = open_film(masks).as_stack()  # another film of as many frames is open the next day
    other = replace(other, shape=other.shape._replace(t=7))
    window.dock.session.workspace.use_stack(other)
    tracks.open(tracks.folder)
    window.wait(lambda: not tracks.working)
    assert tracks.opened.film.path == images
    assert tracks.notices == tuple(said.split("\n"))
    window.dock.session.workspace.use_stack(None)
    for folder in (images, masks):
        for path in list(folder.iterdir())[1:]:
            path.unlink()
    tracks.track(images, masks)
    window.wait(lambda: not tracks.working)
    assert "one frame only: every cell is a track of its own" in window.panel.state.text()
    assert set(map(len, window.spans().values())) == {1}


def test_what_was_corrected_and_not_saved_stays_when_a_film_is_tracked_again(
    viewer: napari.Viewer, qtbot: QtBot, film: Path
) -> None:
    damaged = film / "film" / "t5.tif"
    damaged.write_bytes(damaged.read_bytes()[:3000])
    window = Window(viewer, qtbot)
    tracks = window.tracks
    tracks.track(film / "film", film / "masks")
    window.wait(lambda: tracks.linked is not None and not tracks.working)
    assert "frame 6: a picture that is damaged" in window.panel.state.text()
    window.choose((2, ONE))
    window.key(Qt.Key.Key_U)
    assert window.frames(ONE, 0) == [0, 1]
    window.panel.scale.interval.setValue(90.0)
    window.panel.scale.pixel.setValue(0.5)
    tracks.try_options(replace(tracks.options, division=4.0))  # with other tracks, the journal does not fit them
    tracks.track(film / "film", film / "masks")
    window.wait(lambda: tracks.working)
    window.wait(lambda: not tracks.working)
    assert window.frames(ONE, 0) == [0, 1]
    assert "kept as you corrected them" in window.panel.state.text()
    assert (window.panel.scale.pixel.value(), window.panel.scale.interval.value()) == (0.5, 90.0)
    assert pd.read_csv(tracks.folder / "lineage.csv")["life_min"].max() == 6 * 1.5  # as it was typed


def test_tracks_of_volumes_are_shown_mended_and_saved(viewer: napari.Viewer, qtbot: QtBot, tmp_path: Path) -> None:
    for name in ("film", "masks"):
        (tmp_path / name).mkdir()
    for number, labels in enumerate(dividing_film()[:5]):
        volume = np.stack([0 * labels, labels, labels, 0 * labels]).astype(np.uint16)
        options = {"imagej": True, "metadata": {"axes": "ZYX", "spacing": 2.0, "unit": "um"}, "resolution": (1.0, 1.0)}
        tifffile.imwrite(tmp_path / "film" / f"t{number}.tif", 100 + 50 * (volume > 0).astype(np.uint16), **options)
        tifffile.imwrite(tmp_path / "masks" / f"t{number}.tif", volume, **options)
    window = Window(viewer, qtbot)
    tracks, key = window.tracks, window.key
    tracks.track(tmp_path / "film", tmp_path / "masks")
    window.wait(lambda: tracks.linked is not None)
    annotation = tracks.editor.annotation
    assert annotation.pixels.shape == (5, 4, 160, 160)
    assert viewer.layers["film"].data.shape == (5, 4, 160, 160)
    tracks.go_to(1, 2)
    assert (tracks.frame, viewer.dims.current_step[1]) == (2, 2)
    assert len(tracks.canvas._canvas._outlines) == 1
    assert window.dock.width() >= 380  # nothing of the panel is cut off
    viewer.dims.set_point(1, 0.0)  # above the cell
    assert len(tracks.canvas._canvas._outlines) == 0
    viewer.dims.set_point(1, 4.0)  # µm
    viewer.reset_view()
    window.click(40.0, 40.0)
    assert tracks.selection == (1,)
    assert DIVIDE.describe(annotation, (3, 4), 3, False).name == "Divide #2 into #3 and #4 in frame 4"
    with pytest.raises(EditError, match="#3 is not in frame 1; go to one that it is in"):
        DELETE_HERE.describe(annotation, (3,), 0, False)
    key(Qt.Key.Key_X)
    key(Qt.Key.Key_Z, CONTROL)
    key(Qt.Key.Key_U)
    assert window.spans()[1] == [0, 1]
    tracks.save()
    window.wait(lambda: not tracks.working)
    assert tracks.editor.failure is None
    assert tifffile.imread(tracks.folder / "ctc" / "mask002.tif").shape == (4, 160, 160)
    assert pd.read_csv(tracks.folder / "lineage.csv")["last_frame"].tolist()[0] == 1
