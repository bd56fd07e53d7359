"""The U-Nets that ship, shaped for what a CPU with AMX runs fast.

Measured choices: a pixel-unshuffle stem (all convolutions at half resolution or below), BatchNorm that folds and
ReLU, channels in multiples of 16, transposed convolutions for upsampling; maps of a finer grid than the last level
come back through pixel shuffle. GroupNorm, SiLU and depthwise convolutions cost 1.4 to 5 times more and were left out.
Most of the time goes into the first level: five levels from 16 channels have as many weights as four from 32 and take
a third of the time. None ships: taught by ``nuclei`` for 12,000 steps, such a network had 0.854 / 0.641 on
fluorescence of ``val`` (AP at 0.5, mean), where its teacher has 0.864 / 0.660.

References
----------
Ronneberger et al. 2015, "U-Net"; Shi et al. 2016, "Real-time single image super-resolution using an efficient
sub-pixel convolutional neural network" (pixel shuffle).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from napari_cellvino.training.fit.plan import NetworkShape

MOST_HIDDEN = 64  # channels of the head


def _double_conv(c_in: int, c_out: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for c in (c_in, c_out):
        layers += [nn.Conv2d(c, c_out, 3, padding=1, bias=False), nn.BatchNorm2d(c_out), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers)


class UNet(nn.Module):
    """Input (N, C, Y, X), Y and X multiples of ``shape.multiple``; output (N, M, Y / stride, X / stride), unbounded."""

    def __init__(self, shape: NetworkShape, out_channels: int) -> None:
        super().__init__()
        self.shape = shape
        widths = shape.widths
        ups = len(widths) - 1 - max(0, round(math.log2(shape.stride / shape.stem)))
        self.stem = nn.PixelUnshuffle(shape.stem)
        firsts = (shape.stem**2 * shape.in_channels, *widths[:-1])
        self.down = nn.ModuleList(_double_conv(a, b) for a, b in zip(firsts, widths, strict=True))
        self.pool = nn.MaxPool2d(2)
        pairs = list(zip(reversed(widths[1:]), reversed(widths[:-1]), strict=True))[:ups]
        self.up = nn.ModuleList(nn.ConvTranspose2d(deep, high, 2, stride=2) for deep, high in pairs)
        self.merge = nn.ModuleList(_double_conv(2 * high, high) for _, high in pairs)
        finer = max(1, shape.stem // shape.stride)  # how much finer the maps are than the last level used
        width = widths[-1 - ups]
        hidden = min(MOST_HIDDEN, 2 * width)
        last = nn.Conv2d(hidden, out_channels * finer**2, 1)
        self.head = nn.Sequential(
            nn.Conv2d(width, hidden, 3, padding=1), nn.ReLU(inplace=True), last, nn.PixelShuffle(finer)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return unbounded maps (N, M, Y / stride, X / stride)."""
        skips: list[Tensor] = []
        x = self.stem(x)
        for level, block in enumerate(self.down):
            x = block(x if level == 0 else self.pool(x))
            skips.append(x)
        skips.pop()
        for up, merge in zip(self.up, self.merge, strict=True):
            x = merge(torch.cat([up(x), skips.pop()], 1))
        return self.head(x)

    @property
    def last_bias(self) -> Tensor:
        """The bias of the last convolution, (M, values per map channel)."""
        last = self.head[2]
        return last.bias.view(-1, max(1, self.shape.stem // self.shape.stride) ** 2)
