"""A multi-scale network (M-CNN) that tells the phenotype of a whole field.

The published one brings seven scales to one size, joins them and ends in dense layers, for one size of image. This one
is convolutional to its end: each place of a coarse grid gives evidence for each class, and their mean over the field is
the logit. It takes images of any size, and the evidence is the saliency map, exactly. Channels are normalised at each
place instead of over batches, so that a batch that is shared among processes gives the gradients of one.

References
----------
Godinez et al. 2017, "A multi-scale convolutional neural network for phenotyping high-content cellular images",
Bioinformatics 33, 2010.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

SCALES = 4  # 1, 1/2, 1/4, 1/8 of the image
GRID = 32  # px of the image, of a place that gives evidence
WIDTHS = (16, 32)
EPSILON = 1e-3


class PlaceNorm(nn.Module):
    """Maps (N, C, Y, X) with the channels of each place brought to mean 0 and spread 1, then scaled and shifted."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1, channels, 1, 1))
        self.bias = nn.Parameter(torch.zeros(1, channels, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Return the maps."""
        centred = x - x.mean(1, keepdim=True)
        spread = torch.sqrt((centred * centred).mean(1, keepdim=True) + EPSILON)
        return centred / spread * self.weight + self.bias


def _step(c_in: int, c_out: int, stride: int) -> nn.Sequential:
    convolution = nn.Conv2d(c_in, c_out, 3, stride=stride, padding=1)
    return nn.Sequential(convolution, PlaceNorm(c_out), nn.ReLU(inplace=True))


class MultiScaleNetwork(nn.Module):
    """Input (N, C, Y, X), Y and X multiples of 32; output (N, K, Y / 32, X / 32): evidence for each of K classes."""

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        self.branches = nn.ModuleList(self._branch(channels, GRID // 2**scale) for scale in range(SCALES))
        self.join = _step(SCALES * WIDTHS[-1], 64, 1)
        self.last = nn.Conv2d(64, classes, 1)

    @staticmethod
    def _branch(channels: int, shrink: int) -> nn.Sequential:
        """Return the layers that see one scale, down to the grid."""
        steps, width = [], channels
        for number in range(shrink.bit_length() - 1):
            steps.append(_step(width, WIDTHS[min(number, 1)], 2))
            width = WIDTHS[min(number, 1)]
        steps.append(_step(width, WIDTHS[-1], 1))
        return nn.Sequential(*steps)

    def forward(self, x: Tensor) -> Tensor:
        """Return the evidence."""
        seen = [branch(x if n == 0 else functional.avg_pool2d(x, 2**n)) for n, branch in enumerate(self.branches)]
        return self.last(self.join(torch.cat(seen, 1)))


def logits(evidence: Tensor) -> Tensor:
    """Return the logits (N, K) of evidence (N, K, Y, X)."""
    return evidence.mean((2, 3))
