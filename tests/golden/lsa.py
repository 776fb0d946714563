"""Latent space autoregression in PyTorch (PyTorch 1.13.0, NumPy 1.24.2): writes lsa.*."""
import torch
from torch import nn
from torch.nn import functional as F

from filled import filled
from twin import TEST, TRAIN, Flat, Unflat, descend, images, train, write

S, WIDTH, LATENT, BINS = 16, 2, 4, 100
leaky = lambda: nn.LeakyReLU(0.01)
plain = dict(bias=False)
half = dict(stride=2, bias=False)


class Residual(nn.Module):
    def __init__(self, body, shortcut=None):
        super().__init__()
        self.body = body
        if shortcut is not None:
            self.shortcut = shortcut

    def forward(self, x):
        return self.body(x) + (self.shortcut(x) if hasattr(self, "shortcut") else x)


class Masked(nn.Linear):
    """A linear layer from `inputs` to `outputs` channels of each of `values`."""

    def __init__(self, values, inputs, outputs, strict):
        super().__init__(values * inputs, values * outputs)
        blocks = torch.ones(values, values).tril(-1 if strict else 0)
        self.mask = torch.kron(blocks, torch.ones(outputs, inputs))

    def forward(self, x):
        return F.linear(x, self.weight * self.mask, self.bias)


def tail(channels):
    return nn.BatchNorm2d(channels), leaky(), nn.Conv2d(channels, channels, 3, padding=1, **plain), nn.BatchNorm2d(channels)


def block(c):
    return nn.Sequential(Residual(nn.Sequential(nn.Conv2d(c, c, 3, padding=1, **plain), *tail(c))), leaky())


def halved(c, o):
    body = nn.Sequential(nn.Conv2d(c, o, 3, padding=1, **half), *tail(o))
    return nn.Sequential(Residual(body, nn.Sequential(nn.Conv2d(c, o, 1, **half), nn.BatchNorm2d(o))), leaky())


def doubled(c, o):
    body = nn.Sequential(nn.ConvTranspose2d(c, o, 5, padding=2, output_padding=1, **half), *tail(o))
    shortcut = nn.Sequential(nn.ConvTranspose2d(c, o, 1, output_padding=1, **half), nn.BatchNorm2d(o))
    return nn.Sequential(Residual(body, shortcut), leaky())


class Lsa(nn.Module):
    def __init__(self):
        super().__init__()
        w, s, last = WIDTH, S // 4, 4 * WIDTH
        for name in ["shift", "scale"]:
            self.register_buffer(name, torch.zeros(2))
        self.encoder = nn.Sequential(
            *(nn.Conv2d(3, w, 3, **plain), leaky()),
            *(block(w), halved(w, 2 * w), halved(2 * w, last)),
            *(Flat(), nn.Linear(s * s * last, 8 * w), nn.BatchNorm1d(8 * w), leaky()),
            *(nn.Linear(8 * w, LATENT), nn.Sigmoid()),
        )
        self.decoder = nn.Sequential(
            *(nn.Linear(LATENT, 8 * w), nn.BatchNorm1d(8 * w), leaky()),
            *(nn.Linear(8 * w, s * s * last), nn.BatchNorm1d(s * s * last), leaky(), Unflat(s, s, last)),
            *(doubled(last, 2 * w), doubled(2 * w, w), block(w), nn.Conv2d(w, 3, 1, **plain)),
        )
        hidden = [layer for _ in range(3) for layer in (Masked(LATENT, w, w, False), leaky())]
        self.estimator = nn.Sequential(
            Masked(LATENT, 1, w, True), leaky(), *hidden, Masked(LATENT, w, BINS, False)
        )

    def terms(self, x):
        """The squared error and the negative log-likelihood of each image."""
        z = self.encoder(x)
        labels = (z.detach() * BINS).long().clamp(max=BINS - 1)
        logits = self.estimator(z).reshape(len(x), LATENT, BINS)
        nll = F.cross_entropy(logits.permute(0, 2, 1), labels, reduction="none").sum(1)
        return ((self.decoder(z) - x) ** 2).sum((1, 2, 3)), nll


settings = dict(image_size=S, width=WIDTH, latent=LATENT, likelihood_weight=50, batch_size=4, lr=1e-2, weight_decay=1e-3)
model, shapes = filled(Lsa())
known, test = images("train", TRAIN, S), images("test", TEST, S)
error, nll = model.terms(test)
scores = sum((term - model.shift[i]) * model.scale[i] for i, term in enumerate([error, nll])).detach()
optimizer = torch.optim.Adam(model.parameters(), settings["lr"], weight_decay=settings["weight_decay"])


def loss_of(some, _):
    error, nll = model.terms(known[some])
    return error.mean() + settings["likelihood_weight"] * nll.mean()


write("lsa", shapes, settings, train(known, descend(model, optimizer, loss_of)), scores=scores)
