"""Random views of a labelled image: scale, rotation, mirror and place, as one affine resampling."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812  (torch's own convention)
from numpy.typing import NDArray
from skimage.measure import label as connected_components

from napari_cellvino.training.fit.plan import TrainingPlan

Image = NDArray[np.float32]
LEAST_VISIBLE = 0.4  # of a box's area; less of it in a crop is no object there


@dataclass(frozen=True, slots=True)
class View:
    """A square crop of ``size`` px: output px = ``matrix`` (2, 2) maps offsets from its middle to offsets from
    ``centre`` (x, y) in the image.
    """  # noqa: D205

    size: int
    matrix: NDArray[np.float64]
    centre: NDArray[np.float64]

    def image(self, image: Image) -> Image:
        """Return what the view shows of an image (C, Y, X), mirrored beyond its edges."""
        return self._sample(image, "bilinear")

    def labels(self, labels: NDArray[np.integer]) -> NDArray[np.int32]:
        """Return the view's label image (size, size); objects that it cuts in two get ids of their own."""
        shown = self._sample(labels.astype(np.float32)[None], "nearest")[0].astype(np.int32)
        return np.asarray(connected_components(shown, connectivity=1), np.int32)

    def boxes(self, yxyx: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Return boxes (N, 4) as the view shows them, clipped, and which are visible enough to count.

        The view must not be turned by other than right angles, or the boxes are those round the turned ones.
        """
        corners = np.stack([yxyx[:, [1, 0]], yxyx[:, [3, 2]], yxyx[:, [1, 2]], yxyx[:, [3, 0]]], 1)  # x, y
        moved = (corners - self.centre) @ np.linalg.inv(self.matrix).T + self.size / 2
        low, high = moved.min(axis=1)[:, ::-1], moved.max(axis=1)[:, ::-1]
        whole = np.prod(high - low, axis=1)
        low, high = np.clip(low, 0, self.size), np.clip(high, 0, self.size)
        seen = np.prod(high - low, axis=1) >= LEAST_VISIBLE * np.maximum(whole, 1e-6)
        return np.concatenate([low, high], 1).astype(np.float32), seen

    def _sample(self, image: Image, mode: str) -> Image:
        height, width = image.shape[1:]
        theta = np.empty((1, 2, 3), np.float32)
        theta[0, :, :2] = self.matrix * self.size / [[width], [height]]
        theta[0, :, 2] = 2 * self.centre / [width, height] - 1
        grid = F.affine_grid(torch.from_numpy(theta), [1, 1, self.size, self.size], align_corners=False)
        source = torch.from_numpy(np.ascontiguousarray(image, np.float32))[None]
        shown = F.grid_sample(source, grid, mode=mode, padding_mode="reflection", align_corners=False)
        return np.asarray(shown[0].numpy(), np.float32)


def random_view(shape: tuple[int, int], diameter: float, plan: TrainingPlan, rng: np.random.Generator) -> View:
    """Return a random view of an image of ``shape`` whose objects are ``diameter`` px across."""
    scale = random_scale(diameter, plan, rng)
    reach = np.minimum(plan.crop_px / scale / 2, np.array(shape[::-1]) / 2)
    centre = rng.uniform(reach, np.maximum(np.array(shape[::-1]) - reach, reach + 1e-6))
    return rotated_view(plan.crop_px, scale, centre, rng, any_angle=plan.head != "grid")


def rotated_view(
    size: int, scale: float, centre: NDArray[np.float64], rng: np.random.Generator, *, any_angle: bool
) -> View:
    """Return a view round ``centre`` (x, y), turned and mirrored at random, stretched a little."""
    free = any_angle and rng.random() < 0.5
    turn = rng.uniform(0, 2 * np.pi) if free else rng.integers(4) * np.pi / 2
    mirror, stretch = rng.choice([-1.0, 1.0]), 2.0 ** rng.uniform(-0.15, 0.15)
    cos, sin = np.cos(turn), np.sin(turn)
    matrix = np.array([[cos, -sin], [sin, cos]]) @ np.diag([stretch, mirror / stretch]) / scale
    return View(size, matrix, np.asarray(centre, float))


def random_scale(diameter: float, plan: TrainingPlan, rng: np.random.Generator) -> float:
    """Return a random factor for a field whose objects are ``diameter`` px across."""
    low, high = np.log2(plan.scale)
    scale = plan.usual_scale * 2.0 ** rng.triangular(low, 0.0, high)
    smallest, largest = plan.diameter_px.smallest / diameter, plan.diameter_px.largest / diameter
    return float(np.clip(scale, min(smallest, 1.0), max(largest, 0.25)) if smallest < largest else scale)
