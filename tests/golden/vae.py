"""The variational autoencoders `vae` and `vae-grad` in PyTorch (PyTorch 1.13.0, NumPy 1.24.2): writes vae.* and vae-grad.*, with
vae-grad's energy's gradient by the image, at images other than those it began with."""
import torch

from ae import LATENT, S, WIDTH, Autoencoder
from fill import fill
from filled import filled
from noise import Random, normals
from twin import BATCH, TEST, TRAIN, descend, images, train, write

SEED = 3
network = dict(image_size=S, width=WIDTH, latent=LATENT, batch_size=BATCH, lr=1e-2, weight_decay=1e-3, variance=0.05, seed=SEED)
projection = dict(iterations=3, l1_weight=0.4, step_size=0.3)


class Variational(Autoencoder):
    def __init__(self):
        super().__init__(2 * LATENT)

    def encode(self, x):
        return self.encoder(x).chunk(2, 1)

    def forward(self, x):
        return self.decoder(self.encode(x)[0])


def noise(seed, shape):
    return torch.tensor(normals(seed, shape))


def divergence(mu, log_variance):
    posterior = torch.distributions.Normal(mu, (log_variance / 2).exp())
    return torch.distributions.kl_divergence(posterior, torch.distributions.Normal(0.0, 1.0)).sum(1)


def loss_of(model, x, number):
    mu, log_variance = model.encode(x)
    z = mu + (log_variance / 2).exp() * noise(Random(SEED, f"latent {number}").bits(), mu.shape)
    errors = ((x - model.decoder(z)) ** 2).sum((1, 2, 3))
    return (errors / (2 * network["variance"]) + divergence(mu, log_variance)).mean()


def energy_gradient(model, x, x0, l1_weight):
    x = x.detach().requires_grad_()
    errors = (x - model(x)) ** 2
    (gradient,) = torch.autograd.grad(errors.sum() + l1_weight * (x - x0).abs().sum(), x)
    return gradient, errors.detach()


def project(model, x0, iterations, l1_weight, step_size):
    x = x0
    for _ in range(iterations):
        gradient, errors = energy_gradient(model, x, x0, l1_weight)
        x = (x - step_size * gradient * errors).clamp(0, 1)
    return x


def negative_log_likelihood(model, x, samples):
    mu, log_variance = model.encode(x)
    maps = [((x - model.decoder(mu + (log_variance / 2).exp() * noise(i, LATENT))) ** 2).sum(1) for i in range(samples)]
    return sum(maps) / samples / (2 * network["variance"]) + divergence(mu, log_variance)[:, None, None] / S**2


if __name__ == "__main__":
    known, test = images("train", TRAIN, S), images("test", TEST, S)
    for name in ["vae", "vae-grad"]:
        model, shapes = filled(Variational())
        if name == "vae":
            own, values = dict(samples=2, vae_score="elbo"), dict(maps=negative_log_likelihood(model, test, 2))
        else:
            others = images("other", TEST, S)
            gradient, errors = energy_gradient(model, others, test, projection["l1_weight"])
            own = projection
            values = dict(
                maps=(project(model, test, **projection) - test).abs().sum(1),
                **{"energy.gradient": gradient.permute(0, 2, 3, 1), "energy.errors": errors.permute(0, 2, 3, 1)},
            )
        optimizer = torch.optim.Adam(model.parameters(), network["lr"], weight_decay=network["weight_decay"])
        step = descend(model, optimizer, lambda some, number: loss_of(model, known[some], number))
        write(name, shapes, {**network, **own}, train(known, step), **values)
