"""The network that finds spots: a small U-Net that says of each pixel whether a spot has its middle there."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

WIDTHS = (16, 32, 48)
RARE = -5.0  # log-odds of a spot in a pixel, to begin with


def _two(c_in: int, c_out: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for c in (c_in, c_out):
        layers += [nn.Conv2d(c, c_out, 3, padding=1, bias=False), nn.BatchNorm2d(c_out), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers)


class SpotNetwork(nn.Module):
    """Input (N, P, Y, X), Y and X multiples of 4; output (N, 3, Y, X): log-odds of a middle, and its y and x in px.

    ``planes`` P is 1, or 6 of a stack, as `network_planes` gives them. The place is counted from the middle of the
    pixel, up to 1 px to each side.
    """

    def __init__(self, planes: int = 1) -> None:
        super().__init__()
        self.planes = planes
        first, second, third = WIDTHS
        self.down = nn.ModuleList([_two(planes, first), _two(first, second), _two(second, third)])
        self.up = nn.ModuleList([_two(third + second, second), _two(second + first, first)])
        self.last = nn.Conv2d(first, 3, 1)
        nn.init.constant_(self.last.bias[:1], RARE)

    def forward(self, x: Tensor) -> Tensor:
        """Return the maps."""
        fine = self.down[0](x)
        middle = self.down[1](functional.max_pool2d(fine, 2))
        coarse = self.down[2](functional.max_pool2d(middle, 2))
        middle = self.up[0](torch.cat([functional.interpolate(coarse, scale_factor=2.0), middle], 1))
        fine = self.up[1](torch.cat([functional.interpolate(middle, scale_factor=2.0), fine], 1))
        maps = self.last(fine)
        return torch.cat([maps[:, :1], torch.tanh(maps[:, 1:])], 1)
