"""What the PyTorch twins share of methods that learn from a frozen backbone's features (src/methods/teacher.ts)."""
import torch
from torch import nn
from torch.nn import functional as F


class Taught(nn.Module):
    """A module that has C channels of features centred and scaled."""

    def __init__(self, C):
        super().__init__()
        for name in ["teacher_mean", "teacher_scale"]:
            self.register_buffer(name, torch.zeros(C))

    def measure(self, features):
        self.teacher_mean[:] = features.mean((0, 2, 3))
        self.teacher_scale[:] = 1 / features.std((0, 2, 3), unbiased=False)

    def taught(self, features):
        return (features - self.teacher_mean[:, None, None]) * self.teacher_scale[:, None, None]


def enlarged(x, side):
    """Maps [B, C, H, W] brought to another side as the house does it."""
    return F.interpolate(x, (side, side), mode="bilinear", align_corners=True)
