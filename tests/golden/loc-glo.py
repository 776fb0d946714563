"""Glancing at the Patch in PyTorch (PyTorch 1.13.0, NumPy 1.24.2): writes loc-glo.*.

What is around a patch is cut out: eight convolutions of shifted maps, one for each neighbour.
"""
import torch
from torch import nn
from torch.nn import functional as F

from draws import Random
from filled import filled
from teacher import Taught, enlarged
from twin import BATCH, TEST, TRAIN, descend, features, images, train, write

C, S, H, P, W, D = 6, 32, 4, 18, 3, 5
HEADS = {"inconsistency": 0.5, "distortion": 2.0}  # and their weights in scores
leaky = lambda: nn.LeakyReLU(0.1)


class Around(nn.Module):
    """What is `distance` positions away on each of eight sides, zeros beyond the border."""

    def __init__(self, inputs, outputs, distance):
        super().__init__()
        self.distance = distance
        self.weight = nn.Parameter(torch.zeros(outputs, inputs, 3, 3))
        self.bias = nn.Parameter(torch.zeros(outputs))

    def forward(self, x):
        d, side = self.distance, x.shape[-1]
        wide = F.pad(x, (d, d, d, d))
        y = self.bias[:, None, None]
        for i in range(3):
            for j in range(3):
                if (i, j) != (1, 1):
                    part = wide[..., i * d : i * d + side, j * d : j * d + side]
                    y = y + torch.einsum("bchw,oc->bohw", part, self.weight[..., i, j])
        return y


class LocGlo(Taught):
    def __init__(self):
        super().__init__(C)
        conv = lambda i, o: (nn.Conv2d(i, o, 3, padding=1), leaky())
        half = lambda: (nn.MaxPool2d(2),)
        patches = lambda: (*conv(3, W), *half(), *conv(W, 2 * W), *half(), *conv(2 * W, 4 * W))
        self.local = nn.Sequential(*patches(), nn.Conv2d(4 * W, D, 1))
        self.teacher = nn.Conv2d(D, C, 1)
        self.add_module("global", nn.Sequential(
            *(*patches(), Around(4 * W, 4 * W, 5), leaky()),
            *(nn.Conv2d(4 * W, 4 * W, 1), leaky(), nn.Conv2d(4 * W, D, 1)),
        ))
        for head in HEADS:
            self.add_module(head, nn.Sequential(nn.Conv2d(2 * D, D, 1), leaky(), nn.Conv2d(D, 1, 1)))
        self.register_buffer("distance_scale", torch.zeros(1))

    def see(self, x):
        return self.local(2 * x - 1), getattr(self, "global")(2 * x - 1)

    def judge(self, head, local, near):
        return getattr(self, head)(torch.cat([local, near], 1))

    def distances(self, x):
        local, near = self.see(x)
        return ((local - near) ** 2).sum(1)

    def score(self, x):
        local, near = self.see(x)
        said = {head: -F.logsigmoid(-self.judge(head, local, near))[:, 0] for head in HEADS}
        return self.distances(x) * self.distance_scale + sum(w * said[head] for head, w in HEADS.items())


def moved(random, image):
    """[3, S, S]"""
    down = P + random.below(max(1, S - 2 * P + 1))
    return torch.roll(image, (-down, -random.below(S)), (1, 2))


def between(random, low, high):
    return low + (high - low) * random.uniform()


def colours(random, image):
    factors = [between(random, 0.5, 1.5) for _ in range(3)]
    offsets = [between(random, -0.3, 0.3) for _ in range(3)]
    return image * torch.tensor(factors)[:, None, None] + torch.tensor(offsets)[:, None, None]


def noise(random, image):
    strength = between(random, 0.1, 0.5)
    drawn = [strength * between(random, -1, 1) for _ in range(image.numel())]
    return image + torch.tensor(drawn).reshape(S, S, 3).permute(2, 0, 1)


def squares(random, image):
    cell, y = P // 2, image.clone()
    for top in range(0, S, cell):
        for left in range(0, S, cell):
            height, width = 2 + random.below(cell - 2), 2 + random.below(cell - 2)
            down, right = random.below(cell - height + 1), random.below(cell - width + 1)
            colour = torch.tensor([random.uniform() for _ in range(3)])[:, None, None]
            opacity = between(random, 0.3, 1)
            part = y[:, top + down : top + down + height, left + right : left + right + width]
            part += opacity * (colour - part)
    return y


def distorted(random, image):
    return [colours, noise, squares][random.below(3)](random, image).clamp(0, 1)


def loss_of(model, x, y, some, step):
    random = Random(0, f"patches {step}")
    local, near = model.see(x[some])
    said = enlarged(model.teacher(local), H)
    other = random.below(BATCH)
    strange = {
        "inconsistency": [moved(random, x[some[(i + other) % BATCH]]) for i in range(BATCH)],
        "distortion": [distorted(random, x[i]) for i in some],
    }
    loss = ((said - model.taught(y[some])) ** 2).sum(1).mean() + ((near - local.detach()) ** 2).sum(1).mean()
    for head, wrong in strange.items():
        with torch.no_grad():
            features = model.local(2 * torch.stack(wrong) - 1)
        judge = lambda l: model.judge(head, l, near.detach())
        logits = torch.cat([judge(local.detach()), judge(features)])
        targets = torch.zeros_like(logits)
        targets[BATCH:] = 1
        loss = loss + F.binary_cross_entropy_with_logits(logits, targets)
    return loss


if __name__ == "__main__":
    settings = dict(image_size=S, feature_size=H, patch=P, width=W, code=D, batch_size=BATCH, lr=1e-3, weight_decay=1e-3)
    settings.update({f"w_{head}": w for head, w in HEADS.items()})
    model, shapes = filled(LocGlo())
    x, y = images("train", TRAIN, S), features("train", TRAIN, H, C)
    model.measure(y)
    optimizer = torch.optim.Adam(model.parameters(), settings["lr"], weight_decay=settings["weight_decay"])
    losses = train(x, descend(model, optimizer, lambda some, step: loss_of(model, x, y, some, step)))
    with torch.no_grad():
        model.distance_scale[:] = 1 / model.distances(x).mean()
        maps = enlarged(model.score(images("test", TEST, S))[:, None], S)[:, 0]
    write("loc-glo", shapes, settings, losses, maps, maps.mean((1, 2)))
