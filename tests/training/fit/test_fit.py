"""A few real steps: the loss falls, a run goes on where it stopped, and what is exported does what torch does."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import tifffile

from napari_cellvino.core.errors import TrainingDataError
from napari_cellvino.core.resources import shipped_folder
from napari_cellvino.training.data.datasets import LabelledImage
from napari_cellvino.training.fit.plan import NetworkShape, TrainingPlan

torch = pytest.importorskip("torch", reason="needs the train extra")

TINY = NetworkShape(widths=(8, 16))
PLAN = TrainingPlan.model_validate(
    {
        "head": "centre_offset",
        "classes": ["nucleus"],
        "diameter_px": {"reference": 24, "smallest": 7, "largest": 70},
        "style": "fluorescence",
        "network": TINY,
        "crop_px": 64,
        "steps": 12,
        "batch": 2,
        "warm_up": 2,
        "checkpoint_every": 4,
    }
)


@pytest.fixture(scope="module")
def images() -> list[LabelledImage]:
    plate = shipped_folder("sample_data") / "plate"
    return [
        LabelledImage(
            w,
            "sample",
            tifffile.imread(plate / f"{w}_s1.ome.tif")[0],
            tifffile.imread(plate / "labels" / f"{w}_s1.tif"),
        )
        for w in ("A01", "B02")
    ]


def test_fitting_learns_and_resumes(images: list[LabelledImage], tmp_path: Path) -> None:
    from napari_cellvino.training.fit.fit import fit

    scored = []

    def validate(net: object) -> float:
        scored.append(net)
        return 0.25

    running = fit(images, tmp_path / "run", PLAN, validate=validate)
    first = [next(running) for _ in range(6)]
    running.close()
    rest = list(fit(images, tmp_path / "run", PLAN, validate=validate))
    assert [news.step for news in first] == [1, 2, 3, 4, 5, 6]
    assert [news.step for news in rest] == [5, 6, 7, 8, 9, 10, 11, 12], "it goes on from the checkpoint at step 4"
    saved = [news for news in (*first, *rest) if news.saved]
    assert [news.step for news in saved] == [4, 8, 12]
    assert saved[-1].loss["foreground"] < saved[0].loss["foreground"]
    assert saved[-1].validation == 0.25
    assert len(scored) == 3
    assert "step 12 of 12" in saved[-1].describe()
    with (tmp_path / "run" / "history.csv").open() as handle:
        rows = list(csv.DictReader(handle))
    assert [row["step"] for row in rows] == ["4", "8", "12"]
    assert rows[0]["validation"] == "0.25000"
    assert (tmp_path / "run" / "history.png").stat().st_size > 1000


def test_the_same_seed_gives_the_same_first_steps(images: list[LabelledImage], tmp_path: Path) -> None:
    from napari_cellvino.training.fit.fit import fit

    def losses(name: str, seed: int) -> list[dict[str, float]]:
        run = fit(images, tmp_path / name, PLAN.model_copy(update={"seed": seed}))
        found = [next(run).loss for _ in range(2)]
        run.close()
        return found

    assert losses("a", 3) == losses("b", 3)
    assert losses("c", 4) != losses("a", 3)


def test_a_run_of_another_network_is_refused(images: list[LabelledImage], tmp_path: Path) -> None:
    from napari_cellvino.training.fit.fit import fit

    list(fit(images, tmp_path, PLAN.model_copy(update={"steps": 1})))
    other = PLAN.model_copy(update={"network": NetworkShape(widths=(8, 16, 16))})
    with pytest.raises(TrainingDataError, match="another plan"):
        next(fit(images, tmp_path, other))


def test_images_without_objects_are_refused(tmp_path: Path) -> None:
    from napari_cellvino.training.fit.fit import fit

    empty = LabelledImage("a", "s", np.zeros((80, 80), np.uint8), np.zeros((80, 80), np.uint16))
    with pytest.raises(TrainingDataError, match="no.* labelled object|none of the 1"):
        next(fit([empty], tmp_path, PLAN))
