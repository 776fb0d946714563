"""Deep SVDD in PyTorch (PyTorch 1.13.0, NumPy 1.24.2): writes dsvdd.*, and dsvdd_soft.* and dsvdd_ae.* of its other objectives."""
import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from filled import filled
from twin import TEST, TRAIN, Flat, Unflat, descend, images, train, write

S, WIDTH, LATENT = 16, 4, 32
same = dict(padding=2, bias=False)
norm = lambda kind, channels: kind(channels, eps=1e-4, affine=False)
LEAST = 1e-4


class Dsvdd(nn.Module):
    def __init__(self, objective):
        super().__init__()
        w = WIDTH
        for name in ["shift", "scale"]:
            self.register_buffer(name, torch.zeros(1))
        if objective != "reconstruction":
            self.register_buffer("c", torch.zeros(LATENT))
        if objective == "soft-boundary":
            self.register_buffer("R", torch.zeros(1))
        self.encoder = nn.Sequential(
            *(nn.Conv2d(3, w, 5, **same), norm(nn.BatchNorm2d, w), nn.LeakyReLU(0.01), nn.MaxPool2d(2)),
            *(nn.Conv2d(w, 2 * w, 5, **same), norm(nn.BatchNorm2d, 2 * w), nn.LeakyReLU(0.01), nn.MaxPool2d(2)),
            *(Flat(), nn.Linear(4 * 4 * 2 * w, LATENT, bias=False)),
        )
        if objective == "reconstruction":
            own = LATENT // 16
            up = lambda i, o: (nn.ConvTranspose2d(i, o, 5, **same), norm(nn.BatchNorm2d, o), nn.LeakyReLU(0.01))
            self.decoder = nn.Sequential(
                *(norm(nn.BatchNorm1d, LATENT), Unflat(4, 4, own), nn.LeakyReLU(0.01)),
                *(*up(own, 2 * w), nn.Upsample(scale_factor=2)),
                *(*up(2 * w, w), nn.Upsample(scale_factor=2)),
                *(nn.ConvTranspose2d(w, 3, 5, **same), nn.Sigmoid()),
            )

    def normalise(self, x):
        x = contrast(x)
        return (x - self.shift) * self.scale

    def distances(self, x):
        x = self.normalise(x)
        z = self.encoder(x)
        if hasattr(self, "decoder"):
            return ((self.decoder(z) - x) ** 2).sum((1, 2, 3))
        return ((z - self.c) ** 2).sum(1)

    def beyond(self, x):
        return self.distances(x) - (self.R**2 if hasattr(self, "R") else 0)


def contrast(x):
    x = x - x.mean((1, 2, 3), keepdim=True)
    return x / x.abs().mean((1, 2, 3), keepdim=True).clamp(min=LEAST)


def begin(model, known):
    """What is measured before the first step."""
    model.eval()
    with torch.no_grad():
        values = contrast(known)
        model.shift[:] = values.min()
        model.scale[:] = 1 / (values.max() - values.min())
        if hasattr(model, "c"):
            c = model.encoder(model.normalise(known)).mean(0)
            away = torch.where(c < 0, -0.1, 0.1)
            model.c[:] = torch.where(c.abs() < 0.1, away, c)


def solve(model, known, nu):
    model.eval()
    with torch.no_grad():
        model.R[:] = float(np.quantile(model.distances(known).sqrt().numpy(), 1 - nu))


common = dict(image_size=S, width=WIDTH, latent=LATENT, batch_size=4, lr=1e-2, lr_step=1, weight_decay=1e-3)
for name, own in {
    "dsvdd": dict(objective="one-class"),
    "dsvdd_soft": dict(objective="soft-boundary", nu=0.3, radius_epochs=1),
    "dsvdd_ae": dict(objective="reconstruction"),
}.items():
    settings = {**common, **own}
    model, shapes = filled(Dsvdd(own["objective"]))
    known, test = images("train", TRAIN, S), images("test", TEST, S)
    scores = model.beyond(test).detach()
    begin(model, known)
    optimizer = torch.optim.Adam(model.parameters(), settings["lr"], weight_decay=settings["weight_decay"])
    schedule = torch.optim.lr_scheduler.MultiStepLR(optimizer, [settings["lr_step"]])

    def loss_of(some, _):
        if own["objective"] != "soft-boundary":
            return model.distances(known[some]).mean()
        return model.R**2 + F.relu(model.beyond(known[some])).mean() / own["nu"]

    descent = descend(model, optimizer, loss_of)

    def step(some, number):
        if number % 2 == 0 and number > 0:  # an epoch begins
            schedule.step()
            if own["objective"] == "soft-boundary":
                solve(model, known, own["nu"])
        return descent(some, number)

    write(name, shapes, settings, train(known, step), scores=scores)
