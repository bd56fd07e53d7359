"""The command ``napari-cellvino``: napari with the dock open; with ``--demo``, the whole way on a sample image.

Qt and napari are imported inside the functions, so that ``--help`` is quick.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import napari

    from napari_cellvino.gui.shell.window import CellvinoWindow

DEMO_IMAGE = "nuclei_stack.ome.tif"
PICTURE_SIZE = (1280, 800)
DEMO_LIMIT_MS = 300_000  # a demo that takes longer has failed


def main(arguments: Sequence[str] | None = None) -> int:
    """Open the window and return the exit code: 0, or 1 where there is no window toolkit or a demo failed."""
    options = _parser().parse_args(arguments)
    try:
        import qtpy.QtWidgets  # noqa: F401  (says at once whether there is a window toolkit)
    except ImportError as error:
        print(f'napari-cellvino: {error}; pip install "napari-cellvino[all]" brings one', file=sys.stderr)
        return 1
    import napari

    viewer = _viewer(options)
    window = _dock(viewer)
    if options.files:
        window.session.open(*options.files)
    if options.demo is None:
        if options.screenshot is not None:
            return _photograph(viewer, window, options.screenshot)
        napari.run()
        return 0
    return _demonstrate(viewer, window, options)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("napari-cellvino", description="Find, outline and count cells, in napari.")
    parser.add_argument(
        "files", nargs="*", type=Path, metavar="FILE", help="images, a folder of them, or a plate's, to open"
    )
    parser.add_argument("--demo", type=Path, metavar="DIR", help="find the cells of a sample image, save into DIR")
    parser.add_argument("--screenshot", type=Path, metavar="FILE", help="save a picture of the window, then exit")
    parser.add_argument("--theme", choices=("dark", "light"), help="napari's theme, for this window")
    parser.add_argument("--size", type=_size, metavar="WxH", help="size of the window in px, such as 1280x800")
    return parser


def _size(text: str) -> tuple[int, int]:
    try:
        width, height = (int(part) for part in text.lower().split("x"))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no size; write it like 1280x800") from None
    return width, height


def _viewer(options: argparse.Namespace) -> napari.Viewer:
    import napari

    viewer = napari.Viewer(title="CellVINO", show=True)
    if options.theme is not None:
        viewer.theme = options.theme
    if options.size is not None or options.screenshot is not None:
        viewer.window.resize(*(options.size or PICTURE_SIZE))
    return viewer


def _dock(viewer: napari.Viewer) -> CellvinoWindow:
    _, window = viewer.window.add_plugin_dock_widget("napari-cellvino", "CellVINO")
    made: CellvinoWindow = window
    return made


def _demonstrate(viewer: napari.Viewer, window: CellvinoWindow, options: argparse.Namespace) -> int:
    import napari

    from napari_cellvino.core.resources import shipped_folder
    from napari_cellvino.gui.shell.demo import Demo

    demo = Demo(window, shipped_folder("sample_data") / DEMO_IMAGE, options.demo)
    if options.screenshot is None:
        demo.finished.connect(lambda problem: _report(problem, window, options.demo))
        demo.start()
        napari.run()
        return 0
    problem = demo.wait(DEMO_LIMIT_MS)
    _report(problem, window, options.demo)
    _photograph(viewer, window, options.screenshot)
    return 1 if problem else 0


def _report(problem: str, window: CellvinoWindow, folder: Path) -> None:
    outcome = window.session.workspace.outcome
    if problem or outcome is None:
        print(f"napari-cellvino: the demo failed: {problem}", file=sys.stderr)
    else:
        print(f"{outcome.count} cells; labels, tables and a picture to check are in {folder}")


def _photograph(viewer: napari.Viewer, window: CellvinoWindow, path: Path) -> int:
    """Save a picture of the whole window once it has come to rest, and close it."""
    from napari_cellvino.gui.shell.demo import settle

    settle(window)
    path.parent.mkdir(parents=True, exist_ok=True)
    viewer.window.screenshot(str(path), canvas_only=False, flash=False)
    window.session.close()
    viewer.close()
    return 0
