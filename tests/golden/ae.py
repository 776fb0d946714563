"""The autoencoders `ae` and `ssim-ae` in PyTorch (PyTorch 1.13.0, NumPy 1.24.2): writes ae.* and ssim-ae.*."""
import torch
from torch import nn

from filled import filled
from ops_losses import ssim
from twin import TEST, TRAIN, Flat, Unflat, descend, images, train, write

S, WIDTH, LATENT = 32, 4, 6
leaky = lambda: nn.LeakyReLU(0.2)
half, same = dict(stride=2, padding=1), dict(padding=1)


class Autoencoder(nn.Module):
    def __init__(self, codes=LATENT):
        """`codes`: values that the encoder gives; the decoder takes LATENT."""
        super().__init__()
        s, w = S // 16, WIDTH
        self.encoder = nn.Sequential(
            *(nn.Conv2d(3, w, 4, **half), leaky()),
            *(nn.Conv2d(w, w, 4, **half), leaky()),
            *(nn.Conv2d(w, w, 3, **same), leaky()),
            *(nn.Conv2d(w, 2 * w, 4, **half), leaky()),
            *(nn.Conv2d(2 * w, 2 * w, 3, **same), leaky()),
            *(nn.Conv2d(2 * w, 4 * w, 4, **half), leaky()),
            *(nn.Conv2d(4 * w, 2 * w, 3, **same), leaky()),
            *(nn.Conv2d(2 * w, w, 3, **same), leaky()),
            *(Flat(), nn.Linear(s * s * w, codes)),
        )
        self.decoder = nn.Sequential(
            *(nn.Linear(LATENT, s * s * w), Unflat(s, s, w), leaky()),
            *(nn.Conv2d(w, 2 * w, 3, **same), leaky()),
            *(nn.Conv2d(2 * w, 4 * w, 3, **same), leaky()),
            *(nn.ConvTranspose2d(4 * w, 2 * w, 4, **half), leaky()),
            *(nn.Conv2d(2 * w, 2 * w, 3, **same), leaky()),
            *(nn.ConvTranspose2d(2 * w, w, 4, **half), leaky()),
            *(nn.Conv2d(w, w, 3, **same), leaky()),
            *(nn.ConvTranspose2d(w, w, 4, **half), leaky()),
            nn.ConvTranspose2d(w, 3, 4, **half),
        )

    def forward(self, x):
        return self.decoder(self.encoder(x))


def l2(x, y):
    return ((x - y) ** 2).sum(1), ((x - y) ** 2).mean()


def whole(maps, margin=5):
    """At the border, the values of the nearest pixels whose windows of 11×11 are whole."""
    inner = maps[:, margin:-margin, margin:-margin]
    return nn.functional.pad(inner[:, None], [margin] * 4, mode="replicate")[:, 0]


def structural(x, y):
    d = 1 - ssim(x.permute(0, 2, 3, 1), y.permute(0, 2, 3, 1))
    return whole(d.mean(-1)), d.mean()


if __name__ == "__main__":
    settings = dict(image_size=S, width=WIDTH, latent=LATENT, batch_size=4, lr=1e-2, weight_decay=1e-3)
    for name, measure in {"ae": l2, "ssim-ae": structural}.items():
        model, shapes = filled(Autoencoder())
        known, test = images("train", TRAIN, S), images("test", TEST, S)
        maps = measure(model(test), test)[0]
        optimizer = torch.optim.Adam(model.parameters(), settings["lr"], weight_decay=settings["weight_decay"])
        loss_of = lambda some, _: measure(model(known[some]), known[some])[1]
        write(name, shapes, settings, train(known, descend(model, optimizer, loss_of)), maps)
