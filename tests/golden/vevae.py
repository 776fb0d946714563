"""VEVAE in PyTorch (PyTorch 1.13.0, NumPy 1.24.2): writes vevae.* with the loss that keeps latents' attention apart, by double
backward, and vevae_after.*, without it, with maps after training. Beside the former, the gradients of that loss alone."""
import numpy as np
import torch
from torch import nn

from filled import filled
from noise import Random
from twin import BATCH, TEST, TRAIN, Flat, Unflat, batches, descend, images, train, write
from vae import divergence, noise

S, WIDTH, LATENT, SEED = 32, 2, 5, 4
half = dict(stride=2, padding=1)


def norm(i, o, k, stride=1):
    return nn.Conv2d(i, o, k, stride, k // 2, bias=False), nn.BatchNorm2d(o)


class Residual(nn.Module):
    def __init__(self, i, o, stride):
        super().__init__()
        self.body = nn.Sequential(*norm(i, o, 3, stride), nn.ReLU(), *norm(o, o, 3))
        if stride != 1 or i != o:
            self.shortcut = nn.Sequential(*norm(i, o, 1, stride))

    def forward(self, x):
        return self.body(x) + (self.shortcut(x) if hasattr(self, "shortcut") else x)


def block(i, o, stride):
    return nn.Sequential(Residual(i, o, stride), nn.ReLU())


class Vevae(nn.Module):
    def __init__(self, layer):
        super().__init__()
        w, s = WIDTH, S // 32
        sizes = [(w, w, 1), (w, 2 * w, 2), (2 * w, 4 * w, 2), (4 * w, 8 * w, 2)]
        layers = [nn.Sequential(*norm(3, w, 7, 2), nn.ReLU(), nn.MaxPool2d(3, 2, 1))]
        layers += [nn.Sequential(block(i, o, stride), block(o, o, 1)) for i, o, stride in sizes]
        self.features = nn.Sequential(*layers[: layer + 1])
        self.head = nn.Sequential(*layers[layer + 1 :], Flat(), nn.Linear(8 * w * s * s, 2 * LATENT))
        doubled = lambda i, o: (nn.ConvTranspose2d(i, o, 4, **half, bias=False), nn.BatchNorm2d(o), nn.ReLU())
        self.decoder = nn.Sequential(
            *(nn.Linear(LATENT, 8 * w * s * s), Unflat(s, s, 8 * w), nn.ReLU()),
            *(*doubled(8 * w, 4 * w), *doubled(4 * w, 2 * w), *doubled(2 * w, w), *doubled(w, w)),
            nn.ConvTranspose2d(w, 3, 4, **half),
        )


def attention(head, A, change, i, **graph):
    mu = head(A)[:, i]
    (gradient,) = torch.autograd.grad(mu.sum(), A, **graph)
    return (gradient.mean((2, 3), keepdim=True) * change).sum(1).abs()


def overlap(model, A, latents):
    """2 Σ min / Σ (M + N), the mean over images, with the head as it is when scoring."""
    was = model.head.training
    model.head.eval()
    M, N = (attention(model.head, A, A, i, create_graph=True) for i in latents)
    model.head.train(was)
    return (2 * torch.minimum(M, N).sum((1, 2)) / (M + N).sum((1, 2))).mean()


def loss_of(model, x, number, settings):
    A = model.features(x)
    mu, log_variance = model.head(A).chunk(2, 1)
    z = mu + (log_variance / 2).exp() * noise(Random(SEED, f"latent {number}").bits(), mu.shape)
    errors = ((x - model.decoder(z)) ** 2).sum((1, 2, 3))
    loss = (errors / (2 * settings["variance"]) + divergence(mu, log_variance)).mean()
    if settings["disentangle"] == 0:
        return loss
    return loss + settings["disentangle"] * overlap(model, A, Random(SEED, f"attention {number}").permutation(LATENT)[:2])


def maps(model, x, normal):
    """By the latents' attention to how images differ, enlarged as mapsOf does."""
    A = model.features(x).detach().requires_grad_()
    mean = sum(attention(model.head, A, A.detach() - normal, i) for i in range(LATENT)) / LATENT
    return nn.functional.interpolate(mean[:, None], size=(S, S), mode="bilinear", align_corners=True)[:, 0]


if __name__ == "__main__":
    known, test = images("train", TRAIN, S), images("test", TEST, S)
    for name, disentangle, layer in [("vevae", 100.0, 1), ("vevae_after", 0.0, 0)]:
        settings = dict(image_size=S, width=WIDTH, latent=LATENT, batch_size=BATCH, lr=1e-3, weight_decay=1e-3, variance=5)
        settings |= dict(seed=SEED, attention_layer=layer, disentangle=disentangle)
        model, shapes = filled(Vevae(layer))
        shapes = {k: v for k, v in shapes.items() if not k.endswith("num_batches_tracked")}
        values = {}
        if name == "vevae":
            shapes["normal"] = [S // 4, S // 4, WIDTH]
            normal = model.features(known).mean(0)
            values = dict(maps=maps(model, test, normal), normal=normal.permute(1, 2, 0))
            A = model.features(test).detach().requires_grad_()
            loss = overlap(model, A, [3, 1])
            gradients = torch.autograd.grad(loss, [A, *model.head.parameters()], allow_unused=True)
            values["overlap"] = loss[None]
            values["overlap.A"] = gradients[0].permute(0, 2, 3, 1)
            for (key, parameter), gradient in zip(model.head.named_parameters(), gradients[1:]):
                values[f"overlap.head.{key}"] = torch.zeros_like(parameter) if gradient is None else gradient
        optimizer = torch.optim.Adam(model.parameters(), settings["lr"], weight_decay=settings["weight_decay"])
        step = descend(model, optimizer, lambda some, number: loss_of(model, known[some], number, settings))
        losses = train(known, step)
        if name == "vevae_after":
            shapes["normal"] = [S // 4, S // 4, WIDTH]
            model.eval()
            values = dict(maps=maps(model, test, model.features(known).mean(0)))
        write(name, shapes, settings, losses, **values)
