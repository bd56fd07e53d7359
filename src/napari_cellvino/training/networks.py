"""The small U-Net that ships, shaped for what a CPU with AMX runs fast.

Measured choices: a pixel-unshuffle stem (all convolutions at half resolution or below), BatchNorm that folds and
ReLU, channels in multiples of 32, transposed convolutions for upsampling; full-resolution maps come back through
pixel shuffle. GroupNorm, SiLU and depthwise convolutions cost 1.4 to 5 times more and were left out.

References
----------
Ronneberger et al. 2015, "U-Net"; Shi et al. 2016, "Real-time single image super-resolution using an efficient
sub-pixel convolutional neural network" (pixel shuffle).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

OFFSET_SCALE = 16.0  # the network predicts offsets in units of this many px


def _double_conv(c_in: int, c_out: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for c in (c_in, c_out):
        layers += [nn.Conv2d(c, c_out, 3, padding=1, bias=False), nn.BatchNorm2d(c_out), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers)


class CentreOffsetNet(nn.Module):
    """Input (N, C, Y, X), Y and X multiples of 16; output (N, 3, Y, X): foreground, offset y, offset x.

    In training mode the foreground is a logit and the offsets are in units of ``OFFSET_SCALE``; `ExportedNet` turns
    them into a probability and pixels.
    """

    def __init__(self, in_channels: int = 1, widths: Sequence[int] = (32, 64, 128, 256)) -> None:
        super().__init__()
        self.stem = nn.PixelUnshuffle(2)
        self.down = nn.ModuleList(
            _double_conv(c_in, c_out) for c_in, c_out in zip((4 * in_channels, *widths[:-1]), widths, strict=True)
        )
        self.pool = nn.MaxPool2d(2)
        pairs = list(zip(reversed(widths[1:]), reversed(widths[:-1]), strict=True))
        self.up = nn.ModuleList(nn.ConvTranspose2d(deep, high, 2, stride=2) for deep, high in pairs)
        self.merge = nn.ModuleList(_double_conv(2 * high, high) for _, high in pairs)
        self.head = nn.Sequential(
            nn.Conv2d(widths[0], 64, 3, padding=1), nn.ReLU(inplace=True), nn.Conv2d(64, 12, 1), nn.PixelShuffle(2)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return logits and scaled offsets, (N, 3, Y, X)."""
        skips: list[Tensor] = []
        x = self.stem(x)
        for level, block in enumerate(self.down):
            x = block(x if level == 0 else self.pool(x))
            skips.append(x)
        skips.pop()
        for up, merge in zip(self.up, self.merge, strict=True):
            x = merge(torch.cat([up(x), skips.pop()], 1))
        return self.head(x)


class ExportedNet(nn.Module):
    """A `CentreOffsetNet` whose output is a probability and offsets in px, as packages promise."""

    def __init__(self, net: CentreOffsetNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: Tensor) -> Tensor:
        """Return (N, 3, Y, X): foreground probability, offset y in px, offset x in px."""
        y = self.net(x)
        return torch.cat([torch.sigmoid(y[:, :1]), y[:, 1:] * OFFSET_SCALE], 1)
