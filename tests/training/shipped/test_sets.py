"""Every set that a shipped model is made from can be read: a model is made again by one command."""

from __future__ import annotations

from pathlib import Path

import pytest

from napari_cellvino.training.shipped import sets
from napari_cellvino.training.shipped.models import ENTRIES

FEW = 2  # drawn fields of each set, where thousands are learned from


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in ENTRIES if name not in ("cells", "nuclei-stained")])
def test_all_that_a_model_learns_from_can_be_read(
    name: str, shared_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sets, "ADHERENT", FEW)
    monkeypatch.setattr(sets, "SEEDS", {split: (seed, FEW) for split, (seed, _) in sets.SEEDS.items()})
    for use in ("train", "val", "shown"):
        found = sets.sets_of(name, shared_data, use)
        assert found, use
        for part in found:
            for field in part.fields:
                if field.labels is not None:
                    assert field.labels.shape == field.grey().shape[-2:], f"{name} {use} {part.name} {field.id}"
