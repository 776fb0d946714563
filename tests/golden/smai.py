"""`smai` in PyTorch (PyTorch 1.13.0, NumPy 1.24.2, SciPy 1.10.1): writes smai.*, with the superpixels of the test images.

What is removed is drawn by the numbers of src/hash.ts."""
import numpy as np
import torch
from torch import nn

from draws import Random
from filled import filled
from slic import slic
from twin import BATCH, TEST, TRAIN, descend, images, train, write
from unet import Unet

S, WIDTH, GRID, SPREAD = 32, 4, 5, 2


class Smai(nn.Module):
    def __init__(self):
        super().__init__()
        self.unet = Unet(4, 3, [WIDTH * times for times in (1, 2, 4, 8, 8)])

    def forward(self, x, mask):
        """M (x̂ - x)²."""
        return mask * (self.unet(torch.cat([x * (1 - mask), mask], 1)) - x) ** 2


def mask_of(labels, removed):
    return torch.tensor(np.isin(labels, removed).astype(np.float64))[None]


settings = dict(image_size=S, width=WIDTH, grid=GRID, spread=SPREAD, batch_size=BATCH, lr=1e-2, weight_decay=1e-3)
model, shapes = filled(Smai())
shapes = {k: v for k, v in shapes.items() if not k.endswith("num_batches_tracked")}
known, test = images("train", TRAIN, S), images("test", TEST, S)
known_labels, test_labels = [[slic(x.permute(1, 2, 0).numpy(), GRID) for x in some] for some in (known, test)]
row, column = np.divmod(np.arange(GRID**2), GRID)
with torch.no_grad():
    maps = 0
    for group in range(SPREAD**2):
        removed = np.flatnonzero((row % SPREAD) * SPREAD + column % SPREAD == group)
        maps = maps + model(test, torch.stack([mask_of(labels, removed) for labels in test_labels])).mean(1)
optimizer = torch.optim.Adam(model.parameters(), settings["lr"], weight_decay=settings["weight_decay"])


def loss_of(some, step):
    random = Random(0, f"superpixels {step}")
    draw = lambda: np.flatnonzero([random.below(SPREAD**2) == 0 for _ in range(GRID**2)])
    mask = torch.stack([mask_of(known_labels[i], draw()) for i in some])
    return SPREAD**2 * model(known[some], mask).mean()


losses = train(known, descend(model, optimizer, loss_of))
write("smai", shapes, settings, losses, maps, superpixels=np.stack(test_labels))
