"""Times as people and tables read them."""

from __future__ import annotations

import time


def local_time(seconds: float) -> str:
    """Return seconds since 1970 as local time, ``2026-11-28 06:30:00``; empty for 0."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds)) if seconds else ""
