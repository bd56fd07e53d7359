"""What is wrong with choices that a person wrote into a file, in words of the file and not of the library."""

from __future__ import annotations

import reprlib
from collections.abc import Collection
from difflib import get_close_matches

from pydantic import ValidationError

_WANTED = {
    "string_type": "text is wanted; write it in quotes",
    "tuple_type": "a list is wanted, as [a, b]",
    "list_type": "a list is wanted, as [a, b]",
    "dict_type": "names with values are wanted, as {name: value}",
    "model_type": "names with values are wanted, as {name: value}",
}


def describe_faults(error: ValidationError, known: Collection[str]) -> str:
    """Return every fault with its place and the value that was given; of a name that is ``known`` nowhere the nearest.

    Parameters
    ----------
    error
        What the model of the choices says.
    known
        The names that choices may have.
    """
    told = []
    for fault in error.errors():
        place = ".".join(map(str, fault["loc"]))
        words = _WANTED.get(fault["type"], fault["msg"].removeprefix("Value error, "))
        if fault["type"] == "extra_forbidden":
            words = describe_unknown(str(fault["loc"][-1]), known)
        told.append(f"{place}: {words} (got {reprlib.repr(fault['input'])})")
    return "; ".join(told)


def describe_unknown(name: str, known: Collection[str]) -> str:
    """Return what to say of a choice of a name that is not ``known``: the nearest one, or all that there are."""
    near = get_close_matches(name, known, 1)
    return "there is no such choice" + (f"; is {near[0]} meant?" if near else f"; there are {', '.join(sorted(known))}")
