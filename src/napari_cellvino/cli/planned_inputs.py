"""What ``--dry-run`` prints of ``run`` and ``watch``."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict

from napari_cellvino.service.watch_events import PlannedInput
from napari_cellvino.storage.json_text import json_text


def print_plans(plans: Iterable[PlannedInput], *, as_json: bool) -> None:
    """Print what inputs would get."""
    if as_json:
        print(json_text([asdict(plan) for plan in plans]), end="")
        return
    for plan in plans:
        print(f"{plan.input}{' (plate)' if plan.plate else ''}: {plan}")
