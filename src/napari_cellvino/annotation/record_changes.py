"""The records of objects before and after an edit, as columns.

An object for each change, whose record was replaced again when it was stamped, took a third of a second for an edit of
5,000 cells. Here the records after it are made once, when they are first asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import compress
from types import MappingProxyType
from typing import Any

from napari_cellvino.annotation.record import ObjectRecord, with_values

Row = ObjectRecord | None
Values = Mapping[str, Sequence[Any]]
_NONE: Values = MappingProxyType({})


class RecordChanges:
    """Records ``before`` (N,) and ``after`` (N,) of N objects, None where there is none; a frozen value.

    ``fields`` are those that alone differ, in objects that are there before and after; empty where that is not known.
    """

    __slots__ = ("_after", "_ids", "_values", "before", "fields")

    def __init__(
        self, before: Sequence[Row] = (), after: Sequence[Row] = (), values: Values = _NONE, fields: Sequence[str] = ()
    ) -> None:
        """``values`` are what the records ``after`` have otherwise: a column (N,) by the name of its field."""
        self.before, self.fields = tuple(before), tuple(fields)
        self._after, self._values = tuple(after), values
        self._ids: tuple[int, ...] = ()

    @classmethod
    def marked(cls, records: Sequence[ObjectRecord], values: Values) -> RecordChanges:
        """Return the changes of those of N records that differ from the values, a column (N,) by field."""
        differs = [False] * len(records)
        for name, column in values.items():
            pairs = zip(records, column, strict=True)
            differs = [d or getattr(record, name) != value for d, (record, value) in zip(differs, pairs, strict=True)]
        those = tuple(compress(records, differs))
        return cls(those, those, {name: tuple(compress(column, differs)) for name, column in values.items()}, [*values])

    def __len__(self) -> int:
        return len(self.before)

    def __iter__(self) -> Iterator[tuple[Row, Row]]:
        return zip(self.before, self.after, strict=True)

    @property
    def ids(self) -> tuple[int, ...]:
        """The ids of the objects."""
        if not self._ids:
            pairs = zip(self.before, self._after, strict=True)
            self._ids = tuple([row.id for a, b in pairs if (row := a or b) is not None])
        return self._ids

    @property
    def after(self) -> tuple[Row, ...]:
        """The records after the edit."""
        if self._values:
            self._after, self._values = _with_values(self._after, self._values), _NONE
        return self._after

    def inverse(self) -> RecordChanges:
        """Return the reverse changes."""
        return RecordChanges(self.after, self.before, fields=self.fields)

    def stamped(self, author: str, at: str) -> RecordChanges:
        """Return the changes with who made the new records, and when."""
        stamp = {"by": [author] * len(self), "at": [at] * len(self)}
        fields = dict.fromkeys((*self.fields, *stamp)) if self.fields else ()
        return RecordChanges(self.before, self._after, {**self._values, **stamp}, [*fields])


def _with_values(rows: Sequence[Row], values: Values) -> tuple[Row, ...]:
    there = [row for row in rows if row is not None]
    if len(there) == len(rows):
        return tuple(with_values(there, values))
    made = iter(with_values(there, {name: tuple(compress(column, rows)) for name, column in values.items()}))
    return tuple([None if row is None else next(made) for row in rows])
