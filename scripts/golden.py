"""Compare the results of this code with those of another commit: ``python scripts/golden.py --against COMMIT``.

Both do the same work (tests/golden) on the same files, one after the other in the same folder, each with its own
sources and models. Every file that differs is printed; times and durations are passed over. Exit code 1: they differ.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from fnmatch import fnmatch
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TESTS = ROOT / "tests"
sys.path[:0] = [str(ROOT / "src"), str(TESTS), str(TESTS / "golden")]

from golden_trees import Tree, differences, read_tree, without_doubts  # noqa: E402

import napari_cellvino  # noqa: E402, F401  (before anything imports OpenVINO: it is silent then)


def main() -> int:
    """Return 0 where all results are the same."""
    parser = argparse.ArgumentParser(description="Compare the results of this code with those of another commit.")
    parser.add_argument("--against", required=True, metavar="COMMIT", help="the commit that is taken as right")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="keep inputs and both trees of results here")
    parser.add_argument("--without", action="append", default=[], metavar="NAMES", help="as *.png; repeatable")
    parser.add_argument("--without-doubts", action="store_true", help="as if no cell had a doubt")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="cellvino-golden-", ignore_cleanup_errors=True) as scratch:
        folder = options.keep.absolute() if options.keep else Path(scratch) / "golden"
        trees = _both(options.against, folder, Path(scratch))
    trees = [{n: c for n, c in tree.items() if not any(fnmatch(n, w) for w in options.without)} for tree in trees]
    return _report([without_doubts(tree) for tree in trees] if options.without_doubts else trees, options.against)


def _both(commit: str, folder: Path, scratch: Path) -> list[Tree]:
    """Return the results of the commit and of this code."""
    given = _write_inputs(folder / "given")
    with _checkout(commit, scratch / "checkout") as before:
        return [_results(source, given, folder, name) for source, name in ((before, "before"), (ROOT, "after"))]


def _report(trees: list[Tree], commit: str) -> int:
    found = differences(*trees)
    print(
        "\n".join([*found, f"{len(found)} differences in {len(trees[0].keys() | trees[1].keys())} files from {commit}"])
    )
    return int(bool(found))


def _write_inputs(folder: Path) -> Path:
    from golden_inputs import write_inputs

    return write_inputs(folder, ROOT / "sample_data")


@contextmanager
def _checkout(commit: str, folder: Path) -> Iterator[Path]:
    """Yield a folder with the files of a commit."""
    _git("worktree", "add", "--detach", folder, commit)
    try:
        yield folder
    finally:
        _git("worktree", "remove", "--force", folder)


def _git(*words: object) -> None:
    subprocess.run(["git", "-C", str(ROOT), *map(str, words)], check=True, stdout=subprocess.DEVNULL)


def _results(checkout: Path, given: Path, folder: Path, name: str) -> Tree:
    """Do the work with the code of a checkout, always in the same place, and return what came out."""
    work = folder / "work"
    shutil.copytree(given, work / "given")  # with the times of the files, which results are known again by
    own = {"CELLVINO_MODELS": folder / "models", "CELLVINO_SETTINGS": folder / "settings.json"}
    environment = os.environ | {k: str(v) for k, v in own.items()} | {"PYTHONPATH": str(checkout / "src")}
    print(f"working with the code of {name} …", file=sys.stderr)
    command = [sys.executable, TESTS / "golden" / "golden_work.py", work / "given", work / "out"]
    subprocess.run([str(word) for word in command], env=environment, check=True)
    work.rename(folder / name)
    return read_tree(folder / name)


if __name__ == "__main__":
    sys.exit(main())
