"""What the grid of a plate needs to know of its wells, counted once when the plate is opened."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from napari_cellvino.core.plate import FieldOfView, Plate, Well

_NAMED = re.compile(r"(?:well )?([A-Z]{1,2}\d{2,3})\b")


@dataclass(frozen=True, slots=True, eq=False)
class WellMap:
    """A plate by its wells.

    ``fields`` has the fields of every well that was imaged; ``absent`` are wells that should have been and were not;
    ``incomplete`` those that miss a field or an image.
    """

    plate: Plate
    fields: Mapping[Well, tuple[FieldOfView, ...]]
    absent: frozenset[Well]
    incomplete: frozenset[Well]

    @classmethod
    def of(cls, plate: Plate) -> WellMap:
        """Return the wells of a plate."""
        fields: dict[Well, list[FieldOfView]] = {}
        for field in plate.fields:
            fields.setdefault(field.well, []).append(field)
        most = max(map(len, fields.values()), default=0)
        named = {Well.parse(found[1]) for text in plate.missing if (found := _NAMED.match(text))}
        fewer = {well for well, held in fields.items() if len(held) < most}
        held = {well: tuple(names) for well, names in fields.items()}
        return cls(plate, held, frozenset(named - held.keys()), frozenset((named & held.keys()) | fewer))

    def describe(self, well: Well) -> str:
        """Return what there is of a well, in words: ``B02 · 9 fields``."""
        if well not in self.fields:
            return f"{well.name} · missing" if well in self.absent else f"{well.name} · not imaged"
        count = len(self.fields[well])
        gaps = " · images are missing" if well in self.incomplete else ""
        return f"{well.name} · {count} field{'s' * (count != 1)}{gaps}"
