"""What the depth network is taught, and that it can learn it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_cellvino.training.fit.networks import UNet
from napari_cellvino.training.fit.plan import TrainingPlan
from napari_cellvino.training.objectives import objective_for, prepare
from napari_cellvino.training.objectives.depth import depth_targets
from napari_cellvino.training.synthetic.fields import synthetic_field

PLAN = TrainingPlan.model_validate(
    {
        "head": "depth",
        "classes": ("cell",),
        "diameter_px": {"reference": 24.0, "smallest": 10.0, "largest": 54.0},
        "style": "mixed",
        "network": {"widths": (32, 32)},
        "crop_px": 64,
    }
)


def test_depth_is_one_on_the_ridge_and_small_where_cells_touch() -> None:
    labels = np.zeros((40, 60), np.int32)
    labels[5:19, 5:55], labels[19:33, 5:55] = 1, 2
    foreground, depth, octaves, weight = depth_targets(labels, 24.0)
    np.testing.assert_array_equal(foreground, labels > 0)
    assert depth[12, 30] > 0.9
    assert depth[18, 30] < 0.2
    assert depth[19, 30] < 0.2
    assert octaves[12, 30] == pytest.approx(np.log2(np.sqrt(4 / np.pi * 14 * 50) / 24), abs=1e-4)
    assert weight[18, 30] > weight[12, 30] == weight[0, 0] == 1


def test_a_crop_without_cells_has_no_depth() -> None:
    assert not depth_targets(np.zeros((16, 16), np.int32), 24.0)[:3].any()


def test_promised_maps_are_probabilities_and_px() -> None:
    promised = objective_for(PLAN).activate(torch.tensor([0.0, 0.0, 1.0]).reshape(1, 3, 1, 1))
    np.testing.assert_allclose(promised.flatten().numpy(), [0.5, 0.5, 48.0])


def test_a_few_steps_lower_the_loss() -> None:
    torch.manual_seed(0)
    objective, rng = objective_for(PLAN), np.random.default_rng(0)
    field = prepare(synthetic_field(1, size=96, kind="round", optics="fluorescence"), PLAN)
    crops = [objective.sample(field, rng) for _ in range(4)]
    image, target = (torch.from_numpy(np.stack(parts)) for parts in zip(*crops, strict=True))
    net = UNet(PLAN.network, 3)
    optimizer = torch.optim.AdamW(net.parameters(), lr=3e-3)
    losses = []
    for _ in range(12):
        loss = torch.stack(list(objective.loss(net(image), target).values())).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.8 * losses[0]
