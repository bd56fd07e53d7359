"""Trees of results, made comparable: every file as it is, without times and durations, and where they differ."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Iterator, Mapping
from difflib import unified_diff
from pathlib import Path, PurePosixPath

TIMES = re.compile(rb'("(?:started|seconds)": )("[^"]*"|[0-9.e-]+)')
DOUBTS = re.compile(rb'"doubts": \[[^\]]*\]')
SHOWN = 12  # lines of a difference

Tree = dict[str, bytes]


def read_tree(root: Path, places: Mapping[Path, str] | None = None) -> Tree:
    """Return the contents of all files under a folder by their paths in it.

    Parameters
    ----------
    root
        A folder of results.
    places
        Absolute paths that are written into results, and the words that they are compared as.

    The ledger, which has the times and the computer of a run, is left out.
    """
    files = sorted(path for path in root.rglob("*") if path.is_file() and path.name != "ledger.sqlite")
    return dict(entry for path in files for entry in _entries(path.relative_to(root).as_posix(), path, places or {}))


def _entries(name: str, path: Path, places: Mapping[Path, str]) -> Iterator[tuple[str, bytes]]:
    """Yield a file; of a zip, whose members carry times, each member."""
    content = path.read_bytes()
    if path.suffix != ".zip":
        yield name, _plain(content, places)
        return
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for member in archive.namelist():
            yield f"{name}/{member}", _plain(archive.read(member), places)


def _plain(content: bytes, places: Mapping[Path, str]) -> bytes:
    for path, word in places.items():
        content = content.replace(str(path).encode(), word.encode())
    return TIMES.sub(rb"\1TIME", content)


def without_doubts(tree: Tree) -> Tree:
    """Return a tree as it would be if no cell had a doubt, so that one rule may change and all else be compared."""
    return {name: _no_doubts(name, content) for name, content in tree.items()}


def _no_doubts(name: str, content: bytes) -> bytes:
    if name.endswith(".json"):
        return DOUBTS.sub(b'"doubts": []', content)
    if not name.endswith("objects.csv"):
        return content
    rows = list(csv.reader(content.decode().splitlines()))
    if "doubts" in rows[0]:
        column = rows[0].index("doubts")
        rows = [rows[0], *([*row[:column], "", *row[column + 1 :]] for row in rows[1:])]
    return repr(rows).encode()


def differences(before: Tree, after: Tree) -> list[str]:
    """Return a few lines on each file or folder that is in one tree only, and on each file that is not the same."""
    changed = [name for name in sorted(before.keys() & after.keys()) if before[name] != after[name]]
    return [
        *(f"only before: {name}" for name in _missing(before, after)),
        *(f"only after: {name}" for name in _missing(after, before)),
        *(f"differs: {name}\n{_difference(before[name], after[name])}" for name in changed),
    ]


def _missing(there: Tree, here: Tree) -> list[str]:
    """Return the files of one tree that are not in another, in place of them the highest folders that are not."""
    folders = {parent.as_posix() for name in here for parent in PurePosixPath(name).parents}
    highest = set()
    for name in there.keys() - here.keys():
        parents = [parent.as_posix() for parent in PurePosixPath(name).parents]
        highest.add(next((folder + "/" for folder in reversed(parents) if folder not in folders), name))
    return sorted(highest)


def _difference(before: bytes, after: bytes) -> str:
    try:
        texts = [content.decode().splitlines() for content in (before, after)]
    except UnicodeDecodeError:
        first = next((n for n, (a, b) in enumerate(zip(before, after, strict=False)) if a != b), None)
        where = "one goes on where the other ends" if first is None else f"from byte {first} on"
        return f"  {len(before)} and {len(after)} bytes, {where}"
    lines = list(unified_diff(*texts, "before", "after", lineterm="", n=0))[2:]
    more = [f"… {len(lines) - SHOWN} more lines"] if len(lines) > SHOWN else []
    return "\n".join(f"  {line[:200]}" for line in [*lines[:SHOWN], *more])
