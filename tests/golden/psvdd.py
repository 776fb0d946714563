"""The encoder of `psvdd` in PyTorch (PyTorch 1.13.0, NumPy 1.24.2, SciPy): writes psvdd.*.

Losses are those of five steps; maps those of the test images beside the training images' patches, cut out one by one.
"""
import numpy as np
import torch
from scipy.spatial.distance import cdist
from torch import nn
from torch.nn import functional as F

from draws import Random
from filled import filled
from twin import BATCH, TEST, TRAIN, descend, images, train, write

S, K, WIDTH, D, LAMBDA = 32, 32, 2, 6, 0.5
SIDES = [(-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1)]
leaky = lambda: nn.LeakyReLU(0.1)




class Patches(nn.Module):
    def __init__(self):
        super().__init__()
        w = WIDTH
        self.small = nn.Sequential(
            *(nn.Conv2d(3, w, 3, stride=2), leaky()),  # [7, 7]
            *(nn.Conv2d(w, 2 * w, 3), leaky()),
            *(nn.Conv2d(2 * w, w, 3), leaky()),
            *(nn.Conv2d(w, D, 3), nn.Tanh()),
        )
        self.large = nn.Sequential(nn.Conv2d(D, 4 * w, 2), leaky(), nn.Conv2d(4 * w, D, 1), nn.Tanh())
        side = lambda: nn.Sequential(
            *(nn.Linear(D, 4 * w), leaky()), *(nn.Linear(4 * w, 4 * w), leaky()), nn.Linear(4 * w, 8)
        )
        self.side_small, self.side_large = side(), side()

    def code(self, patch):
        """[3, k, k] to [D]."""
        x, k = 2 * patch[None] - 1, K // 2
        if patch.shape[-1] == k:
            return self.small(x).flatten()
        rows = [torch.cat([self.small(x[..., y : y + k, x0 : x0 + k]) for x0 in (0, k)], 3) for y in (0, k)]
        return self.large(torch.cat(rows, 2)).flatten()


def clip(at, room):
    return min(max(at, 0), room)


def neighbours(random, k):
    side = random.below(8)
    room = S - k
    first = (random.below(room + 1), random.below(room + 1))
    away = [3 * k // 4 + random.below(max(1, k // 4)) for _ in range(2)]
    second = tuple(clip(f + d * a, room) for f, d, a in zip(first, SIDES[side], away))
    return first, second, side


def twins(random, k):
    room, most = S - k, max(1, k // 32)
    first = (random.below(room + 1), random.below(room + 1))
    moved = [random.below(2 * most + 1) - most for _ in range(2)]
    return first, tuple(clip(f + m, room) for f, m in zip(first, moved)), 0


def crop(image, at, k):
    return image[:, at[0] : at[0] + k, at[1] : at[1] + k]


def loss_of(model, some, step):
    random = Random(0, f"patches {step}")
    draw = lambda pair, k: [pair(random, k) for _ in range(BATCH)]
    sides = {K: draw(neighbours, K), K // 2: draw(neighbours, K // 2)}
    alike = {K: draw(twins, K), K // 2: draw(twins, K // 2)}
    total = 0
    for k, classifier in ((K, model.side_large), (K // 2, model.side_small)):
        pairs = lambda of: [
            [model.code(crop(known[i], at, k)) for i, at in zip(some, [p[which] for p in of[k]])] for which in (0, 1)
        ]
        h, h2 = map(torch.stack, pairs(sides))
        total = total + F.cross_entropy(classifier(h - h2), torch.tensor([side for _, _, side in sides[k]]))
        g, g2 = map(torch.stack, pairs(alike))
        total = total + LAMBDA * (((g - g2) ** 2).sum(1) + 1e-12).sqrt().mean()
    return total


def maps(model):
    scores = np.ones((TEST, S, S))
    for k, step in ((K // 2, max(2, K // 16)), (K, max(2, K // 4))):
        places = [(y, x) for y in range(0, S - k + 1, step) for x in range(0, S - k + 1, step)]
        codes = lambda some: np.stack([[model.code(crop(i, at, k)).numpy() for at in places] for i in some])
        bank, asked = codes(known).reshape(-1, D), codes(test)
        for b in range(TEST):
            total, counts = np.zeros((S, S)), np.zeros((S, S))
            for (y, x), d in zip(places, cdist(asked[b], bank).min(1)):
                total[y : y + k, x : x + k] += d
                counts[y : y + k, x : x + k] += 1
            scores[b] *= total / np.maximum(counts, 1)
    return scores


if __name__ == "__main__":
    settings = dict(image_size=S, patch=K, width=WIDTH, code=D, batch_size=BATCH, lr=1e-2, weight_decay=1e-3)
    settings["lambda"] = LAMBDA
    model, shapes = filled(Patches())
    known, test = images("train", TRAIN, S), images("test", TEST, S)
    optimizer = torch.optim.Adam(model.parameters(), settings["lr"], weight_decay=settings["weight_decay"])
    losses = train(known, descend(model, optimizer, lambda some, step: loss_of(model, some, step)))
    with torch.no_grad():  # after the five steps: the bank is of these
        write("psvdd", shapes, settings, losses, maps=maps(model))
