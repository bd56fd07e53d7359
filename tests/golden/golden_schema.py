"""What a reviewer wants to see of results, as a short text: files, headers of tables, counts, keys of JSON files."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator
from pathlib import Path

KEYED = ("annotation.json", "run.json")  # their keys are listed; of other JSON files only that they are there
FREE = ("parameters", "versions", "counts")  # objects whose keys depend on what was run


def schema_text(roots: Iterable[Path]) -> str:
    """Return the text on some folders of results; what is as in a folder above is not said again."""
    lines, seen = list[str](), set[str]()
    for line in (line for root in roots for line in _of_root(root)):
        what = line.partition(": ")[0]
        lines.append(f"{what}: as above" if line in seen and line != what else line)
        if line.startswith("keys of"):
            seen.add(line)
    return "\n".join(lines) + "\n"


def _of_root(root: Path) -> Iterator[str]:
    yield f"## {root.name}"
    files = sorted(path for path in root.rglob("*") if path.is_file())
    for path in files:
        header = _rows(path)[0] if path.suffix == ".csv" else []
        yield path.relative_to(root).as_posix() + (f": {','.join(header)}" if header else "")
    if (root / "counts.csv").is_file():
        rows = csv.DictReader((root / "counts.csv").read_text(encoding="utf-8-sig").splitlines())
        yield "counts: " + ", ".join(f"{row['folder']} {row['count']}" for row in rows)
    for name in KEYED:
        keys = sorted({key for path in files if path.name == name for key in _keys(json.loads(path.read_bytes()))})
        if keys:
            yield f"keys of {name}: " + " ".join(keys)


def _rows(path: Path) -> list[list[str]]:
    return list(csv.reader(path.read_text(encoding="utf-8-sig").splitlines())) or [[]]


def _keys(value: object, place: str = "") -> Iterator[str]:
    """Yield the places of a JSON value that hold no other: ``a.b`` of objects, ``a[].b`` of lists."""
    if isinstance(value, dict) and value and place.rpartition(".")[2] not in FREE:
        for key, inner in value.items():
            yield from _keys(inner, f"{place}.{key}".lstrip("."))
    elif isinstance(value, list) and any(isinstance(item, dict) for item in value):
        for item in value:
            yield from _keys(item, f"{place}[]")
    else:
        yield place
