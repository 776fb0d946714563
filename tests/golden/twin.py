"""What the PyTorch twins of trained methods share: inputs that need not be stored, five steps, and the files.

A method's script builds its networks with torch.nn under the names of its TypeScript file, fills them (filled.py), and calls
`write`. tests/methods/twin.ts makes the same inputs and values, and compares. All in float64, with one thread.
"""
import json
from pathlib import Path

import numpy as np
import torch

from fill import fill
from st import save

HERE = Path(__file__).parent
STEPS, BATCH, TRAIN, TEST = 5, 4, 8, 3

torch.set_num_threads(1)
torch.set_default_dtype(torch.float64)


def images(kind, count, S):
    """Images [count, 3, S, S] in 0..1; `kind` is train or test."""
    return torch.tensor(fill(f"{kind} images", (count, S, S, 3), 0, 1).astype(np.float64)).permute(0, 3, 1, 2)


def features(kind, count, H, C):
    """Frozen features [count, C, H, H]; `kind` is train or test."""
    return torch.tensor(fill(f"{kind} features", (count, H, H, C)).astype(np.float64)).permute(0, 3, 1, 2)


def flat(x):
    """Maps [B, C, H, W] as flatten() has them here: position by position, [B, H · W · C]."""
    return x.permute(0, 2, 3, 1).flatten(1)


def unflat(x, H, W, C):
    """The inverse."""
    return x.reshape(-1, H, W, C).permute(0, 3, 1, 2)


class Flat(torch.nn.Module):
    def forward(self, x):
        return flat(x)


class Unflat(torch.nn.Module):
    def __init__(self, H, W, C):
        super().__init__()
        self.size = (H, W, C)

    def forward(self, x):
        return unflat(x, *self.size)


def batches(x):
    """The batches of the five steps, as indices: in order, again and again."""
    n = len(x)
    return [[(step * BATCH + i) % n for i in range(BATCH)] for step in range(STEPS)]


def train(x, step):
    """The losses before each of five steps. `step(indices, number)` makes one and returns its loss."""
    return [float(step(some, number)) for number, some in enumerate(batches(x))]


def descend(module, optimizer, loss_of):
    """A step of one loss over one optimizer: `loss_of(indices, number)`."""

    def step(some, number):
        module.train()
        optimizer.zero_grad()
        loss = loss_of(some, number)
        loss.backward()
        optimizer.step()
        return loss

    return step


def write(name, shapes, settings, losses, maps=None, scores=None, **values):
    """NAME.json and NAME.safetensors beside this file: settings under their names here, maps [B, S, S] and scores [B] of the
    test images with the values that the networks were filled with, and whatever else a test wants."""
    kept = {"maps": maps, "scores": scores, **values}
    arrays = {k: np.asarray(v.detach() if hasattr(v, "detach") else v, np.float64) for k, v in kept.items() if v is not None}
    save(HERE / f"{name}.safetensors", {k: v.astype(np.float32) for k, v in arrays.items()})
    content = dict(settings=settings, shapes={k: list(v) for k, v in shapes.items()}, losses=losses)
    lines = [f'"{key}": {json.dumps(value)}' for key, value in content.items()]
    (HERE / f"{name}.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")
