"""`ocgan` in PyTorch (PyTorch 1.13.0, NumPy 1.24.2): writes ocgan.*."""
import torch
from torch import nn
from torch.nn import functional as F

from draws import Random
from filled import filled
from ops_losses import reparametrise
from twin import TEST, TRAIN, Flat, Unflat, images, train, write

S, WIDTH, VISUAL, LATENT = 16, 4, 2, 6
NOISE, W_MSE, MINING, RATE = 0.3, 0.01, 3, 2
half = dict(stride=2, padding=2, bias=False)
twice = dict(half, output_padding=1)
bce = F.binary_cross_entropy_with_logits


def pyramid(w, act):
    sizes = [(3, w), (w, 2 * w), (2 * w, 4 * w)]
    return [layer for i, o in sizes for layer in (nn.Conv2d(i, o, 5, **half), nn.BatchNorm2d(o), act())]


def judge(w):
    return nn.Sequential(*pyramid(w, nn.ReLU), Flat(), nn.Linear((S // 8) ** 2 * 4 * w, 1))


class Ocgan(nn.Module):
    def __init__(self):
        super().__init__()
        s, w, leaky = S // 8, WIDTH, lambda: nn.LeakyReLU(0.2)
        n = s * s * 4 * w
        self.encoder = nn.Sequential(*pyramid(w, leaky), Flat(), nn.Linear(n, LATENT), nn.Tanh())
        self.decoder = nn.Sequential(
            *(nn.Linear(LATENT, n, bias=False), Unflat(s, s, 4 * w), nn.BatchNorm2d(4 * w), leaky()),
            *(nn.ConvTranspose2d(4 * w, 2 * w, 5, **twice), nn.BatchNorm2d(2 * w), leaky()),
            *(nn.ConvTranspose2d(2 * w, w, 5, **twice), nn.BatchNorm2d(w), leaky()),
            *(nn.ConvTranspose2d(w, 3, 5, 2, 2, 1), nn.Sigmoid()),
        )
        self.classifier, self.visual = judge(w), judge(VISUAL)
        sizes = [(LATENT, 128), (128, 64), (64, 32), (32, 16)]
        self.latent = nn.Sequential(
            *(layer for i, o in sizes for layer in (nn.Linear(i, o, bias=False), nn.BatchNorm1d(o), nn.ReLU())), nn.Linear(16, 1)
        )


model, shapes = filled(Ocgan())
shapes = {k: v for k, v in shapes.items() if not k.endswith("num_batches_tracked")}
known, test = images("train", TRAIN, S), images("test", TEST, S)
settings = dict(image_size=S, width=WIDTH, visual_width=VISUAL, latent=LATENT, batch_size=4, lr=1e-2, noise=NOISE,
                w_mse=W_MSE, mining_steps=MINING, mining_rate=RATE)
with torch.no_grad():
    maps = ((model.decoder(model.encoder(test)) - test) ** 2).sum(1)
of = lambda *names: [p for name in names for p in getattr(model, name).parameters()]
autoencoders, classifiers, critics = (
    torch.optim.Adam(p, settings["lr"], betas=(0.5, 0.999))
    for p in (of("encoder", "decoder"), of("classifier"), of("visual", "latent"))
)


def says(logits, wanted):
    return bce(logits, torch.tensor([float(w) for w in wanted for _ in range(len(logits) // len(wanted))])[:, None])


def move(optimizer, loss):
    for p in model.parameters():
        p.grad = None
    loss.backward()
    optimizer.step()


def step(some, number):
    x, B, random = known[some], len(some), Random(0, f"ocgan {number}")
    zeros = torch.zeros(B, S, S, 3)
    noisy = x + NOISE * reparametrise(zeros, zeros, random.bits()).permute(0, 3, 1, 2)
    l2 = torch.tensor([2 * random.uniform() - 1 for _ in range(B * LATENT)]).reshape(B, LATENT)
    model.eval()
    with torch.no_grad():
        l1 = model.encoder(noisy)
        made = model.decoder(torch.cat([l1, l2]))

    model.classifier.train()
    move(classifiers, says(model.classifier(made), [1, 0]))

    model.visual.train(), model.latent.train()
    loss = says(model.latent(torch.cat([l1, l2])), [0, 1])
    move(critics, loss + says(model.visual(torch.cat([made[B:], x])), [0, 1]))

    model.eval()
    for _ in range(MINING):
        l2.requires_grad_()
        loss = bce(model.classifier(model.decoder(l2)), torch.zeros(B, 1), reduction="sum")
        l2 = (l2.detach() - RATE * torch.autograd.grad(loss, l2)[0]).clamp(-1, 1)

    model.encoder.train(), model.decoder.train()
    codes = model.encoder(noisy)
    made = model.decoder(torch.cat([codes, l2]))
    loss = says(model.latent(codes), [1]) + says(model.visual(made[B:]), [1])
    loss = loss + W_MSE * ((made[:B] - x) ** 2).sum() / B
    move(autoencoders, loss)
    return loss


write("ocgan", shapes, settings, train(known, step), maps)
