"""The work whose results must not change unseen: ``python golden_work.py INPUTS OUT`` does it with the code it finds.

Only the command line is used, and `golden_window`. Where a command cannot do its work, what it said is in the results.
"""

from __future__ import annotations

import io
import sys
import traceback
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from functools import partial
from pathlib import Path
from typing import Any

import golden_window as window

EXACT = {"precision": "exact"}
FORMATS = (
    "labels", "training", "coco", "coco-polygons", "yolo-detect", "yolo-segment", "cellpose", "imagej", "qupath",
    "ome-zarr", "ome-zarr-0.4", "stardist",
)  # fmt: skip


def runs(given: Path, out: Path) -> dict[str, list[object]]:
    """Return the runs of the command line by the names of their folders under ``out``."""
    finder, outliner = given / "models" / "finder", given / "models" / "outliner"
    plate = [given / "plate", "--channel", "2", "--layout", given / "layout.csv"]
    exact = {
        "folder": [given / "images"],
        "stack": [given / "stack.tif", "--z", "3d"],
        "focus": [given / "stack.tif", "--z", "focus"],
        "film": [given / "film.tif", "--frame", "all"],
        "plate": plate,
        "zarr": [given / "made.zarr", "--channel", "DNA", "--labels-back"],
        "boxes": [given / "chamber.tif", "--model", finder],
        "outlines": [given / "chamber.tif", "--model", finder, "--outline", outliner],
        "live-dead": [given / "bright_field.tif", "--model", "live-dead"],
        "contours": [given / "bright_field.tif", "--model", "live-dead", "--outline", "cell-contour"],
        "again": [given / "images" / "A01.tif", "--diameter", "20", "--set", "smallest=40"],
    }
    default = {"folder-default": [given / "images"], "plate-default": [*plate, "--ring", "3"]}
    typed = {name: [*words, "--precision", "exact"] for name, words in exact.items()} | default
    return {name: ["run", *words, "--out", out / name] for name, words in typed.items()}


def later(given: Path, out: Path) -> dict[str, list[object]]:
    """Return what is typed once there are results, and corrected ones."""
    looked_at = ("corrected", "corrected-stack", "corrected-boxes", "outlines", "folder", "film")
    exports = {
        f"export-{name}-{kind}": ["export", out / name, "--to", kind, "--all-fields", "--out", out / "exports" / name]
        for name in looked_at
        for kind in FORMATS
    }
    return exports | {
        "kept": ["run", given / "images", "--precision", "exact", "--out", out / "folder"],
        "report": ["report", out / "corrected"],
        "plot": ["plot", out / "plate", "--of", "count", "--by", "well"],
        "evaluate": ["evaluate", out / "folder", given / "truth", "--json"],
        "import": ["import", given / "truth" / "A01.tif", "--image", given / "images" / "A01.tif", "--out", out / "in"],
        "info": ["info", given / "stack.tif", given / "film.tif", given / "plate", "--json"],
    }


def corrections(given: Path, out: Path) -> dict[str, Callable[[], object]]:
    """Return what a person does in the window."""
    boxed = {"model": str(given / "models" / "finder")} | EXACT
    return {
        "corrected": partial(_corrected, given / "images" / "A01.tif", out / "corrected", window.edit_outlines),
        "corrected-stack": partial(
            _corrected, given / "stack.tif", out / "corrected-stack", window.edit_volume, z="3d"
        ),
        "corrected-boxes": partial(
            _corrected, given / "chamber.tif", out / "corrected-boxes", window.edit_boxes, **boxed
        ),
        "corrected-again": partial(_rerun, given / "images" / "A01.tif", out / "corrected-again"),
        "corrected-plate": partial(_plate, given, out / "corrected-plate"),
    }


def _corrected(file: Path, root: Path, edits: Callable[[Any], None], **choices: object) -> None:
    workspace = window.found(file, **(EXACT | choices))
    window.save(workspace, root)
    window.save(workspace, root, window.correct(workspace, edits))


def _rerun(file: Path, root: Path) -> None:
    """Correct a result, and run the image again with other choices: what was corrected stays."""
    _corrected(file, root, window.edit_outlines)
    _said(["run", file, "--precision", "exact", "--set", "smallest=60", "--overwrite", "--out", root])


def _plate(given: Path, root: Path) -> None:
    """Run a plate by the command line, and correct one field of it in the window."""
    choices = ["--channel", "2", "--layout", given / "layout.csv", "--precision", "exact"]
    _said(["run", given / "plate", *choices, "--out", root])
    window.correct_field(given / "plate", root, 1, channel="2", **EXACT)


def work(given: Path, out: Path) -> None:
    """Do everything; what each part said goes to ``out/said``."""
    said = out / "said"
    said.mkdir(parents=True)
    for name, words in runs(given, out).items():
        (said / f"{name}.txt").write_text(_said(words), encoding="utf-8")
    for name, part in corrections(given, out).items():
        (said / f"{name}.txt").write_text(_done(part), encoding="utf-8")
    for name, words in later(given, out).items():
        (said / f"{name}.txt").write_text(_said(words), encoding="utf-8")


def _said(words: list[object]) -> str:
    """Return the exit code of a command, what it printed as JSON, and what it complained of."""
    from napari_cellvino.cli import main

    printed, complaints = io.StringIO(), io.StringIO()
    with redirect_stdout(printed), redirect_stderr(complaints):
        try:
            code = main([str(word) for word in words])
        except SystemExit as end:  # argparse ends by itself
            code = end.code
        except Exception as error:  # a bug in one command: the other results are compared all the same
            code = _bug(error)
    told = printed.getvalue() if "--json" in words else ""
    return f"ends with {code}\n{told}{complaints.getvalue() if code else ''}"


def _done(part: Callable[[], object]) -> str:
    try:
        part()
    except Exception as error:  # as above
        return _bug(error)
    return "done\n"


def _bug(error: Exception) -> str:
    """Return an error without the places in the code, which differ between commits."""
    return "".join(traceback.format_exception_only(error))


if __name__ == "__main__":
    work(Path(sys.argv[1]), Path(sys.argv[2]))
