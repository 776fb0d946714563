"""GradCon in PyTorch, its constraint by double backward (PyTorch 1.13.0, NumPy 1.24.2): writes gradcon.*.

Beside the twin's: `plain.NAME` and `whole.NAME`, the gradients of the first step's squared error and of its whole loss.
"""
import torch
from torch import nn
from torch.nn import functional as F

from fill import fill
from filled import filled, range_of
from twin import TEST, TRAIN, batches, images, write

S, WIDTH = 32, 4
half = dict(stride=2, padding=1)
CONSTRAINED = [f"decoder.{layer}.weight" for layer in (0, 2, 4, 6)]


class Autoencoder(nn.Module):
    def __init__(self):
        super().__init__()
        w = WIDTH
        self.encoder = nn.Sequential(
            *(nn.Conv2d(3, w, 4, **half), nn.ReLU()),
            *(nn.Conv2d(w, w, 4, **half), nn.ReLU()),
            *(nn.Conv2d(w, 2 * w, 4, **half), nn.ReLU()),
            *(nn.Conv2d(2 * w, 2 * w, 4, **half), nn.ReLU()),
        )
        self.decoder = nn.Sequential(
            *(nn.ConvTranspose2d(2 * w, 2 * w, 4, **half), nn.ReLU()),
            *(nn.ConvTranspose2d(2 * w, w, 4, **half), nn.ReLU()),
            *(nn.ConvTranspose2d(w, w, 4, **half), nn.ReLU()),
            *(nn.ConvTranspose2d(w, 3, 4, **half), nn.Sigmoid()),
        )

    def forward(self, x):
        return self.decoder(self.encoder(x))


settings = dict(
    image_size=S, width=WIDTH, constraint_weight=0.1, score_weight=0.12, batch_size=4, lr=2e-3, weight_decay=1e-3
)
model, shapes = filled(Autoencoder())
parameters = dict(model.named_parameters())
past = {}
for name in CONSTRAINED:
    shapes[f"past.{name}"] = list(parameters[name].shape)
    values = fill(f"past.{name}", parameters[name].shape, *range_of(f"past.{name}", parameters[name].shape))
    past[name] = torch.tensor(values, dtype=torch.float64)
known, test = images("train", TRAIN, S), images("test", TEST, S)


def terms(x, **options):
    """The squared error and 1 − mean cos of its gradients."""
    error = F.mse_loss(model(x), x)
    own = torch.autograd.grad(error, [parameters[name] for name in CONSTRAINED], **options)
    cosines = [F.cosine_similarity(g.flatten(), past[name].flatten(), dim=0) for name, g in zip(CONSTRAINED, own)]
    return error, 1 - sum(cosines) / len(cosines)


scores = []
for image in test:
    error, constraint = terms(image[None])
    scores.append(float(error + settings["score_weight"] * constraint))

gradients = {}
optimizer = torch.optim.Adam(model.parameters(), settings["lr"], weight_decay=settings["weight_decay"])
losses = []
for step, some in enumerate(batches(known)):
    error, constraint = terms(known[some], create_graph=True)
    loss = error + settings["constraint_weight"] * (constraint - 1)
    if step == 0:
        for kind, of in dict(plain=error, whole=loss).items():
            found = torch.autograd.grad(of, list(parameters.values()), retain_graph=True)
            gradients.update({f"{kind}.{name}": g for name, g in zip(parameters, found)})
    optimizer.zero_grad()
    loss.backward()
    for name in CONSTRAINED:
        past[name] = (step * past[name] + parameters[name].grad) / (step + 1)
    optimizer.step()
    losses.append(float(loss))

write("gradcon", shapes, settings, losses, scores=torch.tensor(scores), **gradients)
