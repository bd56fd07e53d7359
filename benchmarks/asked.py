"""What was asked for on the command line, as the parts need it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, slots=True)
class Asked:
    """Medians are of ``repeats`` runs; ``peer`` holds the trained StarDist, ``data`` the public labelled images."""

    repeats: int = 15
    peer: Path = ROOT.parent / "shared" / "peer"
    data: Path = ROOT.parent / "shared" / "data"
