"""Times of a schedule in the five fields of cron: minute, hour, day of the month, month, weekday (0 and 7: Sunday).

References
----------
IEEE Std 1003.1, "crontab": of the two kinds of days, either may fit where both are given.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

_SPANS = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
_LONGEST = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)  # days of the months
_PART = re.compile(r"(?:\*|(?P<first>\d+)(?:-(?P<last>\d+))?)(?:/(?P<step>\d+))?")
_NAMES = ("minute", "hour", "day of the month", "month", "day of the week")


@dataclass(frozen=True, slots=True)
class Cron:
    """A schedule: the values that each of the five fields takes."""

    fields: tuple[frozenset[int], ...]
    any_day: bool
    any_weekday: bool

    @classmethod
    def parse(cls, text: str) -> Cron:
        """Return the schedule of a text like ``0 2 * * 1-5``.

        Raises
        ------
        ValueError
            If it has not five fields, or one of them cannot be read, or that day never comes.
        """
        parts = text.split()
        if len(parts) != len(_SPANS):
            raise ValueError(f"{text!r} has {len(parts)} fields and not the five of cron; at 2 am is '0 2 * * *'")
        found = [_values(part, *span, name) for part, span, name in zip(parts, _SPANS, _NAMES, strict=True)]
        found[4] = frozenset(day % 7 for day in found[4])
        if parts[4] == "*" and not any(min(found[2]) <= _LONGEST[month - 1] for month in found[3]):
            raise ValueError(f"{text!r} never comes: no such month has a day {min(found[2])}")
        return cls(tuple(found), parts[2] == "*", parts[4] == "*")

    def fits(self, at: datetime) -> bool:
        """Return whether a minute is one of the schedule."""
        minutes, hours, days, months, weekdays = self.fields
        day, weekday = at.day in days, at.isoweekday() % 7 in weekdays
        right_day = (day and weekday) if self.any_day or self.any_weekday else (day or weekday)
        return at.minute in minutes and at.hour in hours and at.month in months and right_day

    def fell_between(self, after: datetime, until: datetime) -> bool:
        """Return whether a time of the schedule lies after one time and not after another; a week is looked at."""
        at = max(after, until - timedelta(days=7)).replace(second=0, microsecond=0) + timedelta(minutes=1)
        while at <= until:
            if self.fits(at):
                return True
            at += timedelta(minutes=1)
        return False


def _values(text: str, least: int, most: int, name: str) -> frozenset[int]:
    found: set[int] = set()
    for part in text.split(","):
        read = _PART.fullmatch(part)
        if read is None:
            raise ValueError(f"{part!r} is no {name}; write a number, 1-5, 1,15, * or */10")
        first, last, step = read["first"], read["last"], int(read["step"] or 1)
        begin = least if first is None else int(first)
        end = int(last) if last else most if first is None or read["step"] else begin
        if not (least <= begin <= end <= most and step):
            raise ValueError(f"{part!r} is no {name}; it runs from {least} to {most}")
        found.update(range(begin, end + 1, step))
    return frozenset(found)
