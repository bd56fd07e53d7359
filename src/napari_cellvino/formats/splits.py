"""Which fields are learned from and which are kept aside: decided once, never changed by fields that come later.

A group's name decides by its hash, so that nothing has to be remembered; where an export stands already, what its
``splits.csv`` says goes first, so that a split that a person changed there stays too.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from napari_cellvino.core.errors import ImageReadError
from napari_cellvino.storage.csv_table import harmless_row, read_dicts

VAL_SHARE = 0.2
SPLITS_NAME = "splits.csv"


def split_of(group: str) -> str:
    """Return the split, ``train`` or ``val``, that a field belongs to by the name of its group alone."""
    return "val" if name_share(group) < VAL_SHARE else "train"


def name_share(name: str) -> float:
    """Return a number from 0 to 1 that a name alone decides, evenly spread."""
    return int(hashlib.sha256(name.encode()).hexdigest()[:8], 16) / 2**32


@dataclass(frozen=True, slots=True)
class Splits:
    """What was decided before: the split of each field and, for fields that are new, of each group."""

    by_field: Mapping[str, str] = field(default_factory=dict)
    by_group: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def written_in(cls, folder: Path) -> Splits:
        """Return the splits of an export that stands in ``folder``; nothing where there is none."""
        path = folder / SPLITS_NAME
        if not path.is_file():
            return cls()
        try:
            rows = read_dicts(path)
        except (OSError, ValueError, csv.Error) as error:
            raise ImageReadError(
                f"{path} holds the splits of the export before and cannot be read: {error}; move it away to split anew"
            ) from error
        fields = {row.get("id", ""): row.get("split", "") for row in rows}
        groups: dict[str, str] = {}
        for row in rows:
            groups.setdefault(row.get("group", ""), row.get("split", ""))
        return cls(fields, groups)

    def of(self, name: str, group: str) -> str:
        """Return the split of a field: its own from before, that of its group, or what the group's name says."""
        return self.by_field.get(name) or self.by_group.get(group) or split_of(group)


def write_splits(folder: Path, rows: Iterable[tuple[str, str, str]]) -> None:
    """Write ``splits.csv`` with a row (id, split, group) per field."""
    with (folder / SPLITS_NAME).open("w", newline="", encoding="utf-8") as handle:
        table = csv.writer(handle, lineterminator="\n")
        table.writerow(("id", "split", "group"))
        table.writerows(map(harmless_row, rows))
