"""JSON that every reader takes: Python's own would write NaN, which is no JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from pydantic_core import PydanticSerializationError, to_json


def json_text(value: object) -> str:
    """Return ``value`` as indented JSON with a line end; numbers that are not finite become null."""
    try:  # in a tenth of the time that Python takes: 50,000 values stand in one field of 500 cells
        text = to_json(value, indent=1, inf_nan_mode="null", fallback=_plain).decode()
    except PydanticSerializationError:  # a name that is no text
        text = json.dumps(_plain(value), indent=1, allow_nan=False)
    return text + "\n"


def _plain(value: object) -> object:
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _plain(held) for key, held in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(held) for held in value]
    return str(value) if isinstance(value, Path) else value
