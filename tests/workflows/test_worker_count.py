"""As many processes as cores, fields and memory are worth."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from napari_cellvino.cli import main, run_ahead
from napari_cellvino.core.recipe import Recipe
from napari_cellvino.workflows.worker_count import Resources, bytes_of_worker, choose_workers


@dataclass(frozen=True)
class Plan:
    """What is asked of a pipeline: its recipe and models."""

    recipe: Recipe
    steps: tuple[object, ...] = ()


CPU = Plan(Recipe(device="CPU"))
MUCH = 10**12


@pytest.mark.parametrize(
    ("wanted", "fields", "has", "workers"),
    [
        (None, 1000, Resources(8, MUCH), 8),
        (None, 30, Resources(8, MUCH), 2),
        (None, 3, Resources(8, MUCH), 1),
        (None, 1000, Resources(8, 2 * 10**9), 2),
        (3, 3, Resources(2, MUCH), 3),
        (50, 3, Resources(8, 2 * 10**9), 2),
        (2, 3, Resources(8, 0), 1),
    ],
)
def test_workers(wanted, fields, has, workers):
    assert bytes_of_worker(CPU) == 450_000_000
    assert choose_workers(wanted, fields, CPU, has) == workers


@pytest.mark.parametrize("device", ["GPU", "grpc://server:9000"])
def test_networks_elsewhere_have_one_process(device):
    assert choose_workers(None, 1000, Plan(Recipe(device=device)), Resources(8, MUCH)) == 1


@pytest.mark.parametrize(
    ("typed", "files", "worth"),
    [
        ("", 24, True),
        ("", 23, False),
        ("--workers 2", 1, True),
        ("--workers 1", 24, False),
        ("--cluster local:2", 24, False),
        ("--device grpc://bench:9000", 24, False),
    ],
)
def test_processes_are_begun_ahead_where_a_run_will_have_several(tmp_path, monkeypatch, typed, files, worth):
    for number in range(files):
        (tmp_path / f"{number}.tif").touch()
    begun = []
    monkeypatch.setattr(run_ahead, "start_ahead", lambda: begun.append(True))
    monkeypatch.setattr("napari_cellvino.cli.run.run", lambda options: 0)
    assert main(["run", str(tmp_path), "--out", str(tmp_path / "out"), *typed.split()]) == 0
    assert bool(begun) is worth
