"""KDAD's cloner in PyTorch (PyTorch 1.13.0, NumPy 1.24.2): writes kdad.* with maps by gradients, kdad_discrepancy.* with others."""
import math

import torch
from torch import nn
from torch.nn import functional as F

from filled import filled
from teacher import Taught, enlarged
from twin import TEST, TRAIN, descend, features, images, train, write

C = 6


class Kdad(Taught):
    def __init__(self, S, H, levels, w):
        super().__init__(C)
        self.H, self.levels = H, levels
        halvings = int(math.log2(S / H))
        plain = max(0, halvings - len(levels))
        outputs = [w] * plain + levels
        self.names = [f"group{i}" for i in range(len(outputs))]
        for i, out in enumerate(outputs):
            inputs = outputs[i - 1] if i else 3
            narrow = lambda c: (nn.Conv2d(c, w, 3, padding=1), nn.BatchNorm2d(w), nn.ReLU())
            group = nn.Sequential(
                *((nn.ReLU(),) if i > 0 else ()),
                *((nn.MaxPool2d(2),) if 0 < i <= halvings else ()),
                *narrow(inputs),
                *(narrow(w) if i >= 2 else ()),
                *(nn.Conv2d(w, out, 3, padding=1), nn.BatchNorm2d(out)),
            )
            setattr(self, f"group{i}", group)

    def pairs(self, x, y):
        outputs = []
        for name in self.names:
            x = getattr(self, name)(x)
            outputs.append(x)
        cloned = []
        for x in outputs[-len(self.levels):]:
            cells = x.shape[-1] // self.H
            x = F.avg_pool2d(x, cells)
            cloned.append(x if x.shape[-1] == self.H else enlarged(x, self.H))
        return list(zip(cloned, self.taught(y).split(self.levels, 1)))

    def losses(self, x, y, weight):
        """Of images, and of positions."""
        whole = positions = 0
        for a, b in self.pairs(x, y):
            squares, N = (a - b) ** 2, a.shape[2] * a.shape[3]
            whole = whole + 1 - F.cosine_similarity(a.flatten(1), b.flatten(1)) + weight * squares.mean((1, 2, 3))
            unit = lambda x: x / x.flatten(1).norm(dim=1)[:, None, None, None]
            positions = positions + N / 2 * ((unit(a) - unit(b)) ** 2).sum(1) + weight * squares.mean(1)
        assert torch.allclose(positions.mean((1, 2)), whole)
        return whole, positions


for name, levels, settings in [
    ("kdad", [2, 4], dict(image_size=32, feature_size=4, localisation="gradient", image_rule="paper")),
    ("kdad_discrepancy", [1, 2, 3], dict(image_size=32, feature_size=6, localisation="discrepancy", image_rule="map")),
]:
    settings = {**settings, **dict(width=4, batch_size=4, lr=1e-2, weight_decay=1e-3)}
    settings["lambda"] = 0.3
    S, H = settings["image_size"], settings["feature_size"]
    model, shapes = filled(Kdad(S, H, levels, settings["width"]))
    x, y = images("train", TRAIN, S), features("train", TRAIN, H, C)
    test = images("test", TEST, S).requires_grad_()
    losses, positions = model.losses(test, features("test", TEST, H, C), settings["lambda"])
    if settings["localisation"] == "gradient":
        losses.sum().backward()
        maps, scores = test.grad.abs().sum(1), losses
    else:
        maps = enlarged(positions[:, None], S)[:, 0]
        scores = maps.mean((1, 2))
    model.measure(y)
    optimizer = torch.optim.Adam(model.parameters(), settings["lr"], weight_decay=settings["weight_decay"])
    loss_of = lambda some, _: model.losses(x[some], y[some], settings["lambda"])[0].mean()
    write(name, shapes, settings, train(x, descend(model, optimizer, loss_of)), maps, scores)
