"""The layout of a plate: the compounds, doses and controls in its wells."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, field_validator

from napari_cellvino.core.plate import Well
from napari_cellvino.io.checks import list_names
from napari_cellvino.storage.csv_table import harmless_row

COLUMNS = ("compound", "dose", "control")
LARGEST = (32, 48)  # rows and columns of a plate of 1536 wells
SHOWN = 4  # wells that are named, at most


class Control(StrEnum):
    """Which control a well is; others are samples."""

    NONE = ""
    POSITIVE = "positive"
    NEGATIVE = "negative"


_CONTROLS = {
    "positive": Control.POSITIVE, "pos": Control.POSITIVE, "+": Control.POSITIVE, "p": Control.POSITIVE,
    "pc": Control.POSITIVE, "nc": Control.NEGATIVE,
    "negative": Control.NEGATIVE, "neg": Control.NEGATIVE, "-": Control.NEGATIVE, "n": Control.NEGATIVE,
    "": Control.NONE, "none": Control.NONE, "no": Control.NONE, "sample": Control.NONE, "compound": Control.NONE,
    "test": Control.NONE, "s": Control.NONE, "unknown": Control.NONE,
}  # fmt: skip
_CONTROL_WORD = re.compile(r"[ ._-]*\b(controls?|ctrl|ctl)\b[ ._-]*|(?<=\w)\.$")
_LIKE_CONTROLS = re.compile(
    r"(dmso|vehicle|untreated|mock|neg(ative)?|pos(itive)?|blank|medium)?[ ._-]*(controls?|ctrl|ctl)?", re.IGNORECASE
)


class Content(BaseModel):
    """Contents of one well; ``dose`` is in a unit of the user's choice, None where there is none."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    compound: str = ""
    dose: float | None = None
    control: Control = Control.NONE

    @field_validator("dose", mode="before")
    @classmethod
    def _no_dose(cls, value: object) -> object:
        return None if isinstance(value, str) and not value.strip() else value

    @field_validator("dose")
    @classmethod
    def _possible_dose(cls, value: float | None) -> float | None:
        if value is not None and not 0 <= value < math.inf:
            raise ValueError("a dose is a number from 0 on, or nothing")
        return value

    @field_validator("control", mode="before")
    @classmethod
    def _control(cls, value: object) -> object:
        text = str(value or "").strip().casefold()
        known = text if text in _CONTROLS else _CONTROL_WORD.sub("", text)
        if known not in _CONTROLS or (text and not known):
            raise ValueError("use positive, negative, or nothing")
        return _CONTROLS[known]


@dataclass(frozen=True, slots=True)
class Layout:
    """Contents of wells; those of wells not listed are unknown. False where no well is listed.

    ``unit`` is that of the doses where the map that was read named one, ``converted`` which others it had, and
    ``doubt`` what may be lost of it, in words.
    """

    contents: Mapping[Well, Content] = field(default_factory=dict)
    unit: str = field(default="", compare=False)
    converted: str = field(default="", compare=False)
    doubt: str = field(default="", compare=False)

    def __bool__(self) -> bool:
        return bool(self.contents)

    @property
    def notices(self) -> tuple[str, ...]:
        """What was converted, and what may be wrong with the contents of wells, in words."""
        every = self.contents
        doubts = (*_unmarked_controls(every), *_like_names(every), *_without_compound(every))
        return (*filter(None, (self.converted, self.doubt)), *doubts)

    def columns(self, well: Well) -> dict[str, object]:
        """Return compound, dose and control of a well for a table; no columns where there is no layout."""
        content = self.contents.get(well, Content())
        return {"compound": content.compound, "dose": content.dose, "control": content.control.value} if self else {}

    def control(self, well: Well) -> Control:
        """Return which control a well is."""
        return self.contents.get(well, Content()).control


def layout_text(layout: Layout) -> str:
    """Return a layout as the CSV that `read_layout` reads."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("well", *COLUMNS))
    for well in sorted(layout.contents):
        writer.writerow(harmless_row((well.name, *layout.columns(well).values())))
    return text.getvalue()


def _unmarked_controls(contents: Mapping[Well, Content]) -> list[str]:
    if any(content.control is not Control.NONE for content in contents.values()):
        return []
    alike = {w: c.compound for w, c in contents.items() if c.compound and _LIKE_CONTROLS.fullmatch(c.compound)}
    if not alike:
        return []
    names = ", ".join(repr(name) for name in dict.fromkeys(alike.values()))
    return [
        f"no well is marked as a control, and {names} ({well_names(alike)}) may be one: mark the wells positive or "
        "negative in the column 'control'"
    ]


def _like_names(contents: Mapping[Well, Content]) -> list[str]:
    spelt: dict[str, dict[str, None]] = {}
    for content in contents.values():
        spelt.setdefault(re.sub(r"[\s_-]", "", content.compound.casefold()), {})[content.compound] = None
    return [
        f"{' and '.join(repr(name) for name in names)} are counted as {len(names)} compounds; spell them alike if they "
        "are one"
        for key, names in spelt.items()
        if key and len(names) > 1
    ]


def _without_compound(contents: Mapping[Well, Content]) -> list[str]:
    bare = [w for w, c in contents.items() if c.dose and not c.compound and c.control is Control.NONE]
    return [f"{well_names(bare)}: a dose and no compound, so that they are in no curve"] if bare else []


def well_names(wells: Iterable[Well]) -> str:
    """Return wells as text, the first few named and the others counted."""
    return list_names([well.name for well in sorted(wells)], SHOWN)
