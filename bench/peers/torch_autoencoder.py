"""A training step of the convolutional autoencoder in PyTorch on the CPU: see torch_training.py. FOLDER's data.bin holds the
images [B, S, S, 3], config.json the layers, which loss, and SSIM's window."""

import torch
from torch import nn
from torch.nn.functional import conv2d, leaky_relu, mse_loss

from torch_training import config, data, serve

B, S = config["B"], config["S"]
images = data.reshape(B, S, S, 3).permute(0, 3, 1, 2).contiguous()


class Autoencoder(nn.Module):
    def __init__(self):
        super().__init__()
        parts = {}
        for layer in config["layers"]:
            part, i = layer["name"].split(".")
            shape = config["shapes"][layer["name"] + ".weight"]
            if layer["kind"] == "linear":
                module = nn.Linear(shape[1], shape[0])
            elif layer["kind"] == "conv":
                module = nn.Conv2d(shape[1], shape[0], shape[2], layer["stride"], 1)
            else:
                module = nn.ConvTranspose2d(shape[0], shape[1], shape[2], layer["stride"], 1)
            parts.setdefault(part, {})[i] = module
        self.encoder, self.decoder = (nn.ModuleDict(parts[name]) for name in ("encoder", "decoder"))

    def forward(self, x):
        modules = dict(self.named_modules())
        for layer in config["layers"]:
            if layer["kind"] == "linear" and x.dim() == 4:
                x = x.permute(0, 2, 3, 1).flatten(1)  # channels last, as the others flatten them
            x = modules[layer["name"]](x)
            if "maps" in layer:
                side, channels = layer["maps"]
                x = x.reshape(B, side, side, channels).permute(0, 3, 1, 2)
            if layer["leaky"]:
                x = leaky_relu(x, 0.2)
        return x


weights, shares = (torch.tensor(config["ssim"][name]) for name in ("weights", "shares"))
share = shares[:, None] * shares


def blur(x):
    x = x.reshape(-1, 1, S, S)
    x = conv2d(x, weights.reshape(1, 1, 1, 11), padding=(0, 5))
    return conv2d(x, weights.reshape(1, 1, 11, 1), padding=(5, 0)).reshape(B, 3, S, S) * share


def ssim(x, y):
    c1, c2 = 0.01**2, 0.03**2
    mx, my = blur(x), blur(y)
    upper = (2 * mx * my + c1) * (2 * (blur(x * y) - mx * my) + c2)
    variances = blur(x * x) - mx * mx + blur(y * y) - my * my
    return upper / ((mx * mx + my * my + c1) * (variances + c2))


def loss(model):
    y = model(images)
    return 1 - ssim(y, images).mean() if config["loss"] == "ssim" else mse_loss(y, images)


serve(Autoencoder(), loss)
