"""`p-net` in PyTorch (PyTorch 1.13.0, NumPy 1.24.2): writes p-net.*."""
import torch
from torch import nn
from torch.nn import functional as F

from filled import filled
from twin import TEST, TRAIN, images, train, write
from unet import Unet

S, WIDTH = 32, 2
W_ADV, W_L1, W_FEATURES, W_STRUCTURE, LAMBDA = 0.4, 2, 0.7, 1.5, 0.6
half = dict(stride=2, padding=1)
bce = F.binary_cross_entropy_with_logits


def block(i, o, stride):
    return nn.Sequential(nn.Conv2d(i, o, 4, stride, 1, bias=False), nn.BatchNorm2d(o), nn.LeakyReLU(0.2))


def structure(x):
    across = torch.tensor([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]]) / 8
    slopes = F.conv2d(x.mean(1, keepdim=True), torch.stack([across, across.T])[:, None])
    return F.pad(torch.tanh(10 * torch.sqrt((slopes**2).sum(1, keepdim=True) + 1e-6)), (1, 1, 1, 1))


class Generator(nn.Module):
    def __init__(self, w):
        super().__init__()
        self.structure = Unet(1, 3, [w, 2 * w, 4 * w, 8 * w, 8 * w], beside=8 * w)
        blocks = [layer for C in (w, 2 * w, 4 * w) for layer in block(C, 2 * C, 2)]
        self.texture = nn.Sequential(nn.Conv2d(3, w, 4, **half), nn.LeakyReLU(0.2), *blocks)

    def forward(self, x, s):
        *maps, deepest = self.structure.encode(s)
        return torch.sigmoid(self.structure.decode([*maps, torch.cat([deepest, self.texture(x)], 1)]))


class Pnet(nn.Module):
    def __init__(self):
        super().__init__()
        w = WIDTH
        self.generator = Generator(w)
        self.layer1 = nn.Sequential(nn.Conv2d(3, w, 4, **half), nn.LeakyReLU(0.2))
        self.layer2, self.layer3, self.layer4 = block(w, 2 * w, 2), block(2 * w, 4 * w, 2), block(4 * w, 8 * w, 1)
        self.classifier = nn.Conv2d(8 * w, 1, 4, padding=1)

    def judging(self):
        return [self.layer1, self.layer2, self.layer3, self.layer4, self.classifier]

    def judge(self, x):
        seen = []
        for layer in self.judging():
            seen.append(x := layer(x))
        return seen


model, shapes = filled(Pnet())
shapes = {k: v for k, v in shapes.items() if not k.endswith("num_batches_tracked")}
known, test = images("train", TRAIN, S), images("test", TEST, S)
settings = dict(image_size=S, width=WIDTH, batch_size=4, lr=1e-2, w_adv=W_ADV, w_l1=W_L1, w_features=W_FEATURES,
                w_structure=W_STRUCTURE, **{"lambda": LAMBDA})
with torch.no_grad():
    s = structure(test)
    made = model.generator(test, s)
    maps = (1 - LAMBDA) * (test - made).abs().mean(1) + LAMBDA * (s - structure(made)).abs().sum(1)
adam = lambda parameters: torch.optim.Adam(parameters, settings["lr"], betas=(0.5, 0.999))
generators = adam(model.generator.parameters())
critics = adam([p for layer in model.judging() for p in layer.parameters()])


def step(some, _):
    x = known[some]
    s = structure(x)
    model.train()
    made = model.generator(x, s)
    logits = model.judge(torch.cat([x, made.detach()]))[-1]
    critics.zero_grad()
    bce(logits, torch.cat([torch.ones_like(logits[: len(x)]), torch.zeros_like(logits[len(x) :])])).backward()
    critics.step()

    *features, says = model.judge(torch.cat([x, made]))
    says, B = says[len(x) :], len(x)
    loss = W_ADV * bce(says, torch.ones_like(says)) + W_L1 * F.l1_loss(made, x)
    loss = loss + W_FEATURES * sum(F.l1_loss(f[B:], f[:B].detach()) for f in features) / 4
    loss = loss + W_STRUCTURE * F.l1_loss(structure(made), s)
    generators.zero_grad()
    loss.backward()
    generators.step()
    return loss


write("p-net", shapes, settings, train(known, step), maps)
