"""DCGAN's pyramids in PyTorch, as src/methods/dcgan.ts has them."""
from torch import nn

half = dict(stride=2, padding=1, bias=False)


def deepest(S, width):
    return width * S // 8


def pyramid(S, width):
    layers, C = [nn.Conv2d(3, width, 4, **half), nn.LeakyReLU(0.2)], width
    while C < deepest(S, width):
        layers += [nn.Conv2d(C, 2 * C, 4, **half), nn.BatchNorm2d(2 * C), nn.LeakyReLU(0.2)]
        C *= 2
    return nn.Sequential(*layers)


def summit(S, width, outputs):
    return nn.Sequential(nn.Conv2d(deepest(S, width), outputs, 4, bias=False))


def generator(S, width, latent):
    C = deepest(S, width)
    layers = [nn.ConvTranspose2d(latent, C, 4, bias=False), nn.BatchNorm2d(C), nn.ReLU()]
    while C > width:
        layers += [nn.ConvTranspose2d(C, C // 2, 4, **half), nn.BatchNorm2d(C // 2), nn.ReLU()]
        C //= 2
    return nn.Sequential(*layers, nn.ConvTranspose2d(width, 3, 4, **half), nn.Tanh())
