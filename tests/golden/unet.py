"""The U-Net of src/model/unet.ts in PyTorch."""
import torch
from torch import nn
from torch.nn import functional as F


def pair(inputs, outputs, norm):
    layers = []
    for C in (inputs, outputs):
        layers.append(nn.Conv2d(C, outputs, 3, padding=1, bias=norm == "none"))
        if norm == "batch":
            layers.append(nn.BatchNorm2d(outputs))
        if norm == "instance":
            layers.append(nn.InstanceNorm2d(outputs, affine=True))
        layers.append(nn.ReLU())
    return nn.Sequential(*layers)


class Unet(nn.Module):
    def __init__(self, inputs, outputs, widths, norm="batch", beside=0):
        super().__init__()
        before = [inputs, *widths[:-1]]
        self.down = nn.ModuleList(pair(a, b, norm) for a, b in zip(before, widths))
        n = len(widths) - 1
        self.up = nn.ModuleList(
            pair((widths[n] + beside if i + 1 == n else widths[i]) + widths[i], widths[max(i - 1, 0)], norm) for i in range(n)
        )
        self.last = nn.Conv2d(widths[0], outputs, 1)

    def encode(self, x):
        maps = []
        for i, layer in enumerate(self.down):
            x = layer(F.max_pool2d(x, 2) if i else x)
            maps.append(x)
        return maps

    def decode(self, maps):
        x = maps[-1]
        for skip, layer in zip(maps[-2::-1], self.up[::-1]):
            larger = F.interpolate(x, skip.shape[2:], mode="bilinear", align_corners=True)
            x = layer(torch.cat([skip, larger], 1))
        return self.last(x)

    def forward(self, x):
        return self.decode(self.encode(x))
