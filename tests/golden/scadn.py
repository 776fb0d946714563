"""`scadn` in PyTorch (PyTorch 1.13.0, NumPy 1.24.2): writes scadn.*. The masks are drawn by the numbers of src/hash.ts."""
import torch
from torch import nn
from torch.nn import functional as F

from draws import Random
from filled import filled
from twin import BATCH, TEST, TRAIN, images, train, write

S, WIDTH, BLOCKS, STRIPES, SCALES, W_ADV = 32, 2, 2, 2, 3, 0.3
half = dict(stride=2, padding=1)


def normed(inputs, outputs, k, **options):
    return nn.Conv2d(inputs, outputs, k, bias=False, **options), nn.InstanceNorm2d(outputs)


class Residual(nn.Module):
    def __init__(self, C):
        super().__init__()
        first = normed(C, C, 3, padding=2, dilation=2)
        self.body = nn.Sequential(*first, nn.ReLU(), *normed(C, C, 3, padding=1))

    def forward(self, x):
        return x + self.body(x)


class Scadn(nn.Module):
    def __init__(self):
        super().__init__()
        w, relu = WIDTH, nn.ReLU
        down = [layer for C in (w, 2 * w, 4 * w) for layer in (*normed(C, 2 * C, 4, **half), relu())]
        up = [
            layer
            for C in (8 * w, 4 * w, 2 * w)
            for layer in (nn.Upsample(scale_factor=2), *normed(C, C // 2, 3, padding=1), relu())
        ]
        self.encoder = nn.Sequential(*normed(4, w, 7, padding=3), relu(), *down)
        self.middle = nn.Sequential(*(Residual(8 * w) for _ in range(BLOCKS)))
        self.decoder = nn.Sequential(*up, nn.Conv2d(w, 3, 7, padding=3), nn.Tanh())
        leaky = lambda: nn.LeakyReLU(0.2)
        self.patches = nn.Sequential(
            *(nn.Conv2d(3, w, 4, **half), leaky()),
            *(nn.Conv2d(w, 2 * w, 4, **half), leaky()),
            *(nn.Conv2d(2 * w, 4 * w, 4, **half), leaky()),
            *(nn.Conv2d(4 * w, 8 * w, 4, padding=1), leaky()),
            nn.Conv2d(8 * w, 1, 4, padding=1),
        )

    def inpaint(self, x, mask):
        """x in -1..1, mask [B, 1, S, S]."""
        return self.decoder(self.middle(self.encoder(torch.cat([torch.where(mask > 0, torch.ones(()), x), mask], 1))))


def mask_of(index):
    """[1, S, S], by repeated ones and zeros."""
    complement, down, many = index % 2, index // 2 % 2, STRIPES * 2 ** (index // 4)
    line = (torch.arange(many) + complement).remainder(2).repeat_interleave(S // many).double()
    return (line[None, :] if down else line[:, None]).expand(S, S)[None]


settings = dict(
    image_size=S, width=WIDTH, blocks=BLOCKS, stripes=STRIPES, scales=SCALES, w_adv=W_ADV, batch_size=BATCH, lr=1e-2
)
model, shapes = filled(Scadn())
known, test = 2 * images("train", TRAIN, S) - 1, 2 * images("test", TEST, S) - 1
with torch.no_grad():
    masks = [mask_of(index).expand(TEST, 1, S, S) for index in range(4 * SCALES)]
    maps = sum((mask * (model.inpaint(test, mask) - test) ** 2).mean(1) for mask in masks) / (2 * SCALES)
of = lambda *names: [p for name in names for p in getattr(model, name).parameters()]
adam = lambda parameters, lr: torch.optim.Adam(parameters, lr, betas=(0, 0.9))
generators, critics = adam(of("encoder", "middle", "decoder"), 1e-2), adam(of("patches"), 1e-3)


def step(some, number):
    random, x = Random(0, f"masks {number}"), known[some]
    mask = torch.stack([mask_of(random.below(4 * SCALES)) for _ in some])
    made = model.inpaint(x, mask)
    bce = F.binary_cross_entropy_with_logits
    says = lambda of, wanted: bce(logits := model.patches(of), torch.full_like(logits, wanted))
    there, removed = F.mse_loss((1 - mask) * made, (1 - mask) * x), F.mse_loss(mask * made, mask * x)
    loss = (there + 4 * removed) / mask.mean() + W_ADV * says(made, 1)
    generators.zero_grad()
    loss.backward()
    critics.zero_grad()
    (0.5 * says(x, 1) + 0.5 * says(made.detach(), 0)).backward()
    generators.step()
    critics.step()
    return loss


write("scadn", shapes, settings, train(known, step), maps)
