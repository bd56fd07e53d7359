"""The names of YOLO's classes: in a ``data.yaml``, or in a ``classes.txt`` or ``obj.names`` as labelImg writes it.

Such files are made by hand and by many programs, so that one that cannot be used costs the names and not the labels,
and is told.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from napari_cellvino.core.errors import ImageReadError
from napari_cellvino.core.yaml_text import load_yaml

DATA_NAME = "data.yaml"
LIST_NAMES = ("classes.txt", "obj.names", "classes.names")
LARGEST = 2**20  # bytes


@dataclass(frozen=True, slots=True)
class ClassNames:
    """Names by number, and what to say of a file that they could not be read from."""

    names: Mapping[int, str] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()

    def of(self, number: int) -> str:
        """Return the name of a class; one that has none is called by its number."""
        return self.names.get(number, f"class {number}")


def class_names(labels: Path) -> ClassNames:
    """Return the names of the classes in a file of labels.

    Raises
    ------
    ImageReadError
        If a ``data.yaml`` says that the labels are key points.
    """
    folders = labels.absolute().parents[:3]
    found = next((folder / DATA_NAME for folder in folders if (folder / DATA_NAME).is_file()), None)
    named = ClassNames() if found is None else _in_yaml(found)
    if named.names:
        return named
    lists = (folder / name for folder in folders for name in LIST_NAMES)
    listed = next((path for path in lists if path.is_file()), None)
    if listed is None:
        return ClassNames(remarks=tuple(f"{why}; they are called by their numbers" for why in named.remarks))
    text = _text(listed)
    names = {number: line.strip() for number, line in enumerate(text.splitlines()) if line.strip()}
    remarks = tuple(f"{why}; their names are those of {listed.name}" for why in named.remarks)
    return ClassNames(names, remarks)


def _text(path: Path) -> str:
    with path.open("rb") as handle:
        content = handle.read(LARGEST)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("latin-1")  # what Windows wrote for long


def _in_yaml(path: Path) -> ClassNames:
    try:
        content = load_yaml(_text(path))
    except yaml.YAMLError as error:
        return _unread(path, (str(error).splitlines() or [type(error).__name__])[0])
    if isinstance(content, dict) and content.get("kpt_shape"):
        raise ImageReadError(f"{path} says that these labels are key points (kpt_shape), which are no cells")
    names = content.get("names") if isinstance(content, dict) else None
    pairs = dict(enumerate(names)) if isinstance(names, list) else names
    if not isinstance(pairs, dict) or not all(_is_name(number, name) for number, name in pairs.items()):
        return _unread(path, "it has no list of names")
    return ClassNames({int(number): str(name) for number, name in pairs.items()})


def _is_name(number: object, name: object) -> bool:
    return str(number).isdecimal() and isinstance(name, str | int | float)


def _unread(path: Path, why: str) -> ClassNames:
    return ClassNames(remarks=(f"{path.name} names no classes ({why})",))
