"""FCDD in PyTorch (PyTorch 1.13.0, NumPy 1.24.2): writes fcdd.*, and fcdd_images.* and fcdd_normal.* with other labels."""
import torch
from torch import nn

from filled import filled
from teacher import Taught, enlarged
from twin import TEST, TRAIN, descend, features, train, write

C, S, H = 6, 32, 6


class Fcdd(Taught):
    def __init__(self, w):
        super().__init__(C)
        conv = lambda i, o: (nn.Conv2d(i, o, 3, padding=1, bias=False), nn.BatchNorm2d(o, affine=False), nn.ReLU())
        self.map = nn.Sequential(*conv(C, w), *conv(w, w), nn.Conv2d(w, 1, 1, bias=False))

    def forward(self, x):
        return torch.sqrt(self.map(self.taught(x))[:, 0] ** 2 + 1) - 1


def push(A):
    return -torch.log(-torch.expm1(-A))


def loss(A, y):
    """By labels of images [B], or of positions [B, H, W]; where no position is anomalous nothing is pushed."""
    if y.ndim == 1:
        A = A.mean((1, 2))
        return torch.where(y > 0, push(A), A).mean()
    there = y.sum((1, 2)) > 0
    pushed = push(torch.where(there, (y * A).mean((1, 2)), torch.ones(())))
    return (((1 - y) * A).mean((1, 2)) + torch.where(there, pushed, torch.zeros(()))).mean()


def label(kind, i):
    """Of image i, as tests/methods/twins_test.ts has them: of every second image, one position in three."""
    if kind != "pixels":
        return torch.tensor(float(kind == "images" and i % 2))
    return torch.tensor([float(i % 2 and u % 3 == 0) for u in range(H * H)]).reshape(H, H)


for name, labels in [("fcdd", "pixels"), ("fcdd_images", "images"), ("fcdd_normal", "none")]:
    settings = dict(image_size=S, feature_size=H, width=4, labels=labels, batch_size=4, lr=1e-2, weight_decay=1e-3)
    model, shapes = filled(Fcdd(settings["width"]))
    known, y = features("train", TRAIN, H, C), torch.stack([label(labels, i) for i in range(TRAIN)])
    maps = enlarged(model(features("test", TEST, H, C))[:, None], S)[:, 0]
    model.measure(known)
    optimizer = torch.optim.SGD(
        model.parameters(), settings["lr"], momentum=0.9, nesterov=True, weight_decay=settings["weight_decay"]
    )
    schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.985)
    descent = descend(model, optimizer, lambda some, _: loss(model(known[some]), y[some]))

    def step(some, number):
        if number % 2 == 0 and number > 0:  # an epoch begins
            schedule.step()
        return descent(some, number)

    write(name, shapes, settings, train(known, step), maps, maps.mean((1, 2)))
