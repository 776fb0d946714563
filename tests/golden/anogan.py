"""`anogan` and its encoder in PyTorch (PyTorch 1.13.0, NumPy 1.24.2): writes anogan.* and f-anogan.*."""
import torch
from torch import nn
from torch.nn import functional as F

from dcgan import generator, pyramid, summit
from draws import Random
from filled import filled
from ops_losses import reparametrise
from twin import BATCH, TEST, TRAIN, images, train, write

S, WIDTH, LATENT = 16, 4, 6
ITERATIONS, LATENT_LR, LAMBDA, KAPPA = 4, 0.1, 0.3, 2


class Anogan(nn.Module):
    def __init__(self, encoder):
        super().__init__()
        self.generator = generator(S, WIDTH, LATENT)
        self.features, self.classifier = pyramid(S, WIDTH), summit(S, WIDTH, 1)
        if encoder:
            self.encoder, self.code = pyramid(S, WIDTH), summit(S, WIDTH, LATENT)


def adam(*parts, lr):
    return torch.optim.Adam([p for part in parts for p in part.parameters()], lr, betas=(0.5, 0.999))


def counted(shapes):
    return {k: v for k, v in shapes.items() if not k.endswith("num_batches_tracked")}


def gan(model, known, lr):
    makes, judges = adam(model.generator, lr=lr), adam(model.features, model.classifier, lr=lr)
    bce = F.binary_cross_entropy_with_logits

    def step(some, number):
        model.train()
        shape = (len(some), 1, 1, LATENT)
        noise = reparametrise(torch.zeros(shape), torch.zeros(shape), Random(0, f"latents {number}").bits())
        made = model.generator(noise.permute(0, 3, 1, 2))
        judge = lambda x: model.classifier(model.features(x))
        real, false = judge(2 * known[some] - 1), judge(made.detach())
        judges.zero_grad()
        (bce(real, torch.ones_like(real)) + bce(false, torch.zeros_like(false))).backward()
        critic = [p.grad.clone() for part in (model.features, model.classifier) for p in part.parameters()]
        makes.zero_grad()
        says = judge(made)
        loss = bce(says, torch.ones_like(says))
        loss.backward()
        for p, g in zip((p for part in (model.features, model.classifier) for p in part.parameters()), critic):
            p.grad = g
        makes.step()
        judges.step()
        return loss

    return step


def searched(model, x):
    """z by Adam's PyTorch defaults, and |x - G(z)| with its score."""
    z = torch.zeros((len(x), LATENT, 1, 1), requires_grad=True)
    moves = torch.optim.Adam([z], LATENT_LR)
    def energy():
        made = model.generator(z)
        r, f = (x - made).abs(), (model.features(x) - model.features(made)).abs()
        return r, (1 - LAMBDA) * r.sum((1, 2, 3)) + LAMBDA * f.sum((1, 2, 3))
    for _ in range(ITERATIONS):
        moves.zero_grad()
        energy()[1].sum().backward()
        moves.step()
    return energy()


def encoder_step(model, known, lr):
    learns = adam(model.encoder, model.code, lr=lr)

    def step(some, _):
        model.eval()
        model.encoder.train()
        x = 2 * known[some] - 1
        made = model.generator(model.code(model.encoder(x)))
        loss = F.mse_loss(made, x) + KAPPA * F.mse_loss(model.features(made), model.features(x))
        learns.zero_grad()
        loss.backward()
        learns.step()
        return loss

    return step


settings = dict(image_size=S, width=WIDTH, latent=LATENT, batch_size=BATCH, lr=1e-2, encoder=False, iterations=ITERATIONS,
                latent_lr=LATENT_LR, image_rule="paper")
known, test = images("train", TRAIN, S), images("test", TEST, S)
model, shapes = filled(Anogan(False))
r, scores = searched(model, 2 * test - 1)
write("anogan", counted(shapes), dict(settings, **{"lambda": LAMBDA}), train(known, gan(model, known, 1e-2)), r.sum(1), scores)

model, shapes = filled(Anogan(True))
with torch.no_grad():
    x = 2 * test - 1
    made = model.generator(model.code(model.encoder(x)))
    scores = ((x - made) ** 2).mean((1, 2, 3)) + KAPPA * ((model.features(x) - model.features(made)) ** 2).mean((1, 2, 3))
losses = train(known, encoder_step(model, known, 1e-2))
write("f-anogan", counted(shapes), dict(settings, encoder=True, kappa=KAPPA), losses, (x - made).abs().sum(1), scores)
