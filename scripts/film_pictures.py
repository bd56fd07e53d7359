"""Take the pictures of docs/film_walk.md: a film that is simulated, tracked, mended by the queue, and saved.

``python scripts/film_pictures.py FOLDER`` draws 24 frames of dividing nuclei with three errors of finding (dirt that is
there for a frame, a cell found too large, one that is cut in two), tracks them in the window, and mends them with keys.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import napari
import numpy as np
import tifffile
from numpy.typing import NDArray
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QScrollArea, QWidget
from scipy import ndimage as ndi

from napari_cellvino.gui.shell.window import CellvinoWindow
from napari_cellvino.gui.tracks.tracks_controller import TracksController

SIZES = {"small": (1280, 800), "large": (1920, 1080)}
SIDE, FRAMES, RADIUS = 360, 24, 15
SHIFT = Qt.KeyboardModifier.ShiftModifier
CUT_FROM = 19  # the frame from which a cell is cut in two

Labels = NDArray[np.int32]


def main() -> None:
    """Photograph the walk."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--theme", choices=("dark", "light"), default="dark")
    parser.add_argument("--size", choices=tuple(SIZES), default="small")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as place:
        write_film(Path(place))
        _walk(Path(place), options.folder, options.theme, SIZES[options.size])


def write_film(place: Path) -> None:
    """Write the film and the label images of what was found in it."""
    rng = np.random.default_rng(8)
    for name in ("nuclei", "found"):
        (place / name).mkdir()
    truth = simulate(rng)
    cut = min(set.intersection(*(set(np.unique(labels[labels > 0]).tolist()) for labels in truth[CUT_FROM - 1 :])))
    for number, labels in enumerate(truth):
        soft = ndi.gaussian_filter((labels > 0).astype(np.float64), 2.0)
        image = rng.poisson(40 + 900 * soft).astype(np.uint16)
        tifffile.imwrite(place / "nuclei" / f"t{number:02d}.tif", image, resolution=(1 / 0.65, 1 / 0.65))
        tifffile.imwrite(place / "found" / f"t{number:02d}.tif", _found(labels, number, cut).astype(np.uint16))


def simulate(rng: np.random.Generator) -> list[Labels]:
    """Return the label images (Y, X) of nuclei that wander, push each other, and divide; each has its number."""
    places = rng.uniform(60, SIDE - 60, (7, 2))
    ages, numbers, film = rng.integers(0, 12, 7), np.arange(1, 8), []
    for _ in range(FRAMES):
        film.append(_drawn(places, numbers, ages))
        ages = ages + 1
        divides = (ages > 14) & (rng.random(len(ages)) < 0.5)
        way = rng.uniform(0, 2 * np.pi, divides.sum())
        aside = 0.9 * RADIUS * np.stack([np.sin(way), np.cos(way)], 1)
        kept, mothers = ~divides, places[divides]
        numbers = np.concatenate([numbers[kept], numbers.max() + 1 + np.arange(2 * divides.sum())])
        places = np.concatenate([places[kept], mothers + aside, mothers - aside]) + rng.normal(
            0, 1.2, (len(numbers), 2)
        )
        ages = np.concatenate([ages[kept], np.zeros(2 * divides.sum(), int)])
        apart = places[:, None] - places
        near = np.linalg.norm(apart, axis=2) + np.eye(len(places)) * 1e9
        places = places + (apart * np.clip(2 * RADIUS + 4 - near, 0, None)[..., None] / near[..., None] / 4).sum(axis=1)
    return film


def _drawn(places: NDArray[np.float64], numbers: NDArray[np.int64], ages: NDArray[np.int64]) -> Labels:
    y, x = np.mgrid[:SIDE, :SIDE]
    labels = np.zeros((SIDE, SIDE), np.int32)
    for (cy, cx), number, age in zip(places, numbers, ages, strict=True):
        radius = RADIUS * min(0.78 + 0.02 * age, 1.0)
        labels[((y - cy) ** 2 + (x - cx) ** 2 <= radius**2) & (labels == 0)] = number
    return labels


def _found(labels: Labels, number: int, cut: int) -> Labels:
    """Return what was found of a frame, with the errors."""
    found = labels.copy()
    if number == 9:  # dirt
        free = ndi.binary_erosion(found == 0, iterations=14)
        y, x = np.argwhere(free)[len(np.argwhere(free)) // 2]
        found[y - 6 : y + 6, x - 6 : x + 6] = 900
    if number == 3:  # too large
        found[ndi.binary_dilation(labels == 2, iterations=9) & (found == 0)] = 2
    if number >= CUT_FROM:  # cut in two
        y, x = np.nonzero(found == cut)
        part = x > x.mean() + 4
        found[y[part], x[part]] = 901
    return found


def _walk(place: Path, folder: Path, theme: str, size: tuple[int, int]) -> None:
    viewer = napari.Viewer(title="CellVINO", show=True)
    viewer.theme = theme
    viewer.window.resize(*size)
    _, window = viewer.window.add_plugin_dock_widget("napari-cellvino", "CellVINO")
    window.show_step(window.tabs.count())
    tracks = window.session.tracks
    tracks.track(place / "nuclei", place / "found")
    _wait(lambda: tracks.linked is not None and bool(tracks.queue.doubts))
    _take(viewer, window, folder / "film_tracked.png")
    seen = set()
    while tracks.queue.doubts and len(seen) < 8:
        _key(window, "N")
        doubt = tracks.queue.at
        if doubt is None or doubt in seen:
            break
        seen.add(doubt)
        if len(seen) == 1:
            _take(viewer, window, folder / "film_doubt.png")
        _mend(window, tracks, doubt.reason, doubt.track)
    tracks.select(())
    viewer.reset_view()
    viewer.dims.set_point(0, FRAMES - 1)
    _take(viewer, window, folder / "film_mended.png")
    tracks.save()
    _wait(lambda: not tracks.working)
    if tracks.folder is not None:
        shutil.copy(tracks.folder / "film.png", folder / "film_plots.png")
        shutil.copy(tracks.folder / "lineage.png", folder / "film_lineage.png")
        _link_again(viewer, window, folder)
        _through_time(viewer, window, folder)
    window.session.close()
    viewer.close()


def _link_again(viewer: napari.Viewer, window: CellvinoWindow, folder: Path) -> None:
    """Look at other links by a slider, and leave them."""
    tracks, panel = window.session.tracks, window.tracks_panel
    panel.links.expand()
    QTest.qWait(300)
    panel.sliders.rows["division"].number.setValue(2.0)
    _wait(lambda: tracks.preview is not None)
    _see(window, panel.links)
    _take(viewer, window, folder / "film_links.png")
    panel.leave_button.click()
    panel.links.collapse()


def _through_time(viewer: napari.Viewer, window: CellvinoWindow, folder: Path) -> None:
    """Draw the longest track through time, and compare the film with itself."""
    tracks, panel = window.session.tracks, window.tracks_panel
    if tracks.linked is None or tracks.folder is None:
        return
    nodes = tracks.linked.tracks.nodes
    longest = max(nodes, key=lambda track: len(nodes[track]))
    tracks.go_to(longest, nodes[longest][0].frame)
    panel.through_time.expand()
    for button in (panel.cell_time.cell_button, panel.cell_time.strip_button):
        button.click()
        _wait(lambda: not window.session.cell_time.working)
    _see(window, panel.cell_time)
    _take(viewer, window, folder / "film_cell.png")
    panel.through_time.collapse()
    panel.compared.expand()
    window.session.film_groups.open(tracks.folder.parent)
    panel.groups.compare_button.click()
    _wait(lambda: not window.session.film_groups.working)
    _see(window, panel.groups)
    _take(viewer, window, folder / "film_groups.png")
    pictures = tracks.folder.parent / "pictures"
    shutil.copy(pictures / f"{tracks.folder.name}_track_{longest:04d}_kymograph.png", folder / "film_kymograph.png")


def _see(window: CellvinoWindow, widget: QWidget) -> None:
    """Scroll to the end of a part of the panel."""
    QTest.qWait(300)
    page = window.tabs.currentWidget()
    if isinstance(page, QScrollArea):
        page.ensureWidgetVisible(widget, 0, 0)
        bar = page.verticalScrollBar()
        bar.setValue(bar.maximum())


def _mend(window: CellvinoWindow, tracks: TracksController, reason: str, track: int) -> None:
    """Do what a person would do who sees what is wrong."""
    if "there for" in reason:
        _key(window, "D", SHIFT)
    elif "at once" in reason:
        _key(window, "D")
        tracks.select((track,))
        _key(window, "I")
    elif "appears" in reason:  # the other part of a cell that was cut: the track that it touches
        plane = np.asarray(tracks.editor.annotation.pixels[tracks.frame])
        round_it = plane[ndi.binary_dilation(plane == track, iterations=2) & (plane != track) & (plane > 0)]
        tracks.select((int(np.bincount(round_it).argmax()), track))
        _key(window, "G", SHIFT)
    elif "divides" in reason and tracks.linked is not None:
        daughters = tracks.linked.tracks.divisions[track]
        tracks.go_to(daughters[0], tracks.linked.tracks.nodes[daughters[0]][0].frame)
        tracks.select(daughters)
        _key(window, "G", SHIFT)
        largest = max(daughters, key=lambda d: len(tracks.linked.tracks.nodes.get(d, ())) if tracks.linked else 0)
        tracks.select((track, largest))
        _key(window, "J")
    else:
        _key(window, "A")
    print(f"#{track} {reason}: {tracks.editor.said or tracks.editor.failure}")
    _wait(lambda: not window.session.decoder.busy)


def _key(window: CellvinoWindow, name: str, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
    viewer = window.session.viewer
    viewer.window._qt_window.activateWindow()
    window.session.tracks.canvas.focus()
    QTest.qWait(100)
    QTest.keyClick(viewer.window._qt_viewer.canvas.native, getattr(Qt.Key, f"Key_{name}"), modifier)
    QTest.qWait(200)


def _wait(ready: Callable[[], bool]) -> None:
    while not ready():
        QTest.qWait(50)


def _take(viewer: napari.Viewer, window: CellvinoWindow, path: Path) -> None:
    _wait(lambda: not window.session.busy)
    QTest.qWait(600)
    viewer.window.screenshot(str(path), canvas_only=False, flash=False)


if __name__ == "__main__":
    main()
