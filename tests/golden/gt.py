"""The classifier of transformations of `gt` in PyTorch (PyTorch 1.13.0, NumPy 1.24.2, SciPy): writes gt.*.

The transformations are made by NumPy's own flips, rolls of reflected images and turns, the labels drawn by the numbers of
src/hash.ts. Losses are those of five steps; scores those of the test images with Dirichlet parameters of the training images
under the values that the network was filled with, by SciPy's maximum.
"""
import numpy as np
import torch
from scipy.special import digamma, polygamma
from torch import nn
from torch.nn import functional as F

from draws import Random
from filled import filled
from twin import BATCH, TEST, TRAIN, descend, images, train, write

S, WIDEN = 32, 1


class Block(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.before = nn.Sequential(nn.BatchNorm2d(inputs), nn.ReLU())
        self.body = nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(),
            nn.Conv2d(outputs, outputs, 3, padding=1, bias=False),
        )
        self.shortcut = nn.Conv2d(inputs, outputs, 1, stride=stride, bias=False)

    def forward(self, x):
        x = self.before(x)
        return self.shortcut(x) + self.body(x)


class Mean(nn.Module):
    def forward(self, x):
        return x.mean((2, 3))


class Wide(nn.Module):
    def __init__(self):
        super().__init__()
        k = WIDEN
        self.classifier = nn.Sequential(
            nn.Conv2d(3, 16, 3, padding=1, bias=False),
            Block(16, 16 * k, 1),
            Block(16 * k, 32 * k, 2),
            Block(32 * k, 64 * k, 2),
            *(nn.BatchNorm2d(64 * k), nn.ReLU()),
            *(Mean(), nn.Linear(64 * k, 72)),
        )

    def forward(self, x):
        return self.classifier(2 * x - 1)


def transform(image, label):
    """[3, S, S]: mirrored, moved by S / 4 (down, right), turned."""
    x = image.numpy()
    if label >= 36:
        x = x[:, :, ::-1]
    down, right, q = label // 12 % 3 - 1, label // 4 % 3 - 1, S // 4
    x = np.pad(x, ((0, 0), (q, q), (q, q)), "symmetric")
    x = x[:, q - down * q : q - down * q + S, q - right * q : q - right * q + S]
    # np.rot90 turns the picture against the clock
    return torch.tensor(np.rot90(x, label % 4, (1, 2)).copy())


def labels(step):
    random = Random(0, f"transformations {step}")
    return [random.below(72) for _ in range(BATCH)]


def fit(logs):
    """Newton's maximum of the Dirichlet likelihood of rows of log probabilities."""
    mean, alpha = logs.mean(0), np.ones(logs.shape[1])
    first = np.exp(logs).mean(0)
    alpha = first * (len(first) - 1) / 2 / (first * (np.log(first) - mean)).sum()
    for _ in range(2000):
        g = digamma(alpha.sum()) - digamma(alpha) + mean
        q, z = -polygamma(1, alpha), polygamma(1, alpha.sum())
        b = (g / q).sum() / (1 / z + (1 / q).sum())
        step = (g - b) / q
        scale = 1.0
        while (alpha - scale * step <= 0).any():
            scale /= 2
        alpha = alpha - scale * step
        if np.abs(scale * step / alpha).max() < 1e-10:
            break
    return alpha


if __name__ == "__main__":
    settings = dict(image_size=S, widen=WIDEN, batch_size=BATCH, lr=1e-2, weight_decay=1e-3)
    model, shapes = filled(Wide())
    shapes = {k: v for k, v in shapes.items() if not k.endswith("num_batches_tracked")}
    known, test = images("train", TRAIN, S), images("test", TEST, S)
    answers = lambda x: torch.stack([transform(x, label) for label in range(72)])
    with torch.no_grad():
        logs = lambda x: torch.log_softmax(model(answers(x)), 1).clamp(min=np.log(1e-6)).numpy()
        all_logs = np.stack([logs(x) for x in known])  # [images, 72, 72]
        alpha = np.stack([fit(all_logs[:, i]) for i in range(72)])
        scores = np.array([-((alpha - 1) * logs(x)).sum() for x in test])
    optimizer = torch.optim.Adam(model.parameters(), settings["lr"], weight_decay=settings["weight_decay"])

    def loss_of(some, step):
        wanted = labels(step)
        x = torch.stack([transform(known[i], label) for i, label in zip(some, wanted)])
        return F.cross_entropy(model(x), torch.tensor(wanted))

    losses = train(known, descend(model, optimizer, loss_of))
    write("gt", {**shapes, "alpha": [72, 72]}, settings, losses, scores=scores, alpha=alpha, mean_logs=all_logs.mean(0), means=np.exp(all_logs).mean(0))
