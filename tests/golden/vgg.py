"""Features of VGGs (docs/method.md section 2), from PyTorch's own layers under torchvision's names.

    python3 tests/golden/vgg.py             (PyTorch 1.13.0, NumPy 1.24.2; writes vgg.safetensors)

State dicts and images are made as in features.py; what is stored is as in networks.py. The classifier is a small one: it
only has to be there, and not to be read.
"""
import json
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from fill import fill
from filled import STEP, filled
from st import save

HERE = Path(__file__).parent
SIZES = {64: (8, 8), 75: (9, 7)}  # S: (H, W)
CONVS = {"vgg11_bn": [1, 1, 2, 2, 2], "vgg16": [2, 2, 3, 3, 3]}


def vgg(name):
    layers, channels = [], 3
    for convs, out in zip(CONVS[name], [64, 128, 256, 512, 512]):
        for _ in range(convs):
            norm = [nn.BatchNorm2d(out)] if name.endswith("bn") else []
            layers += [nn.Conv2d(channels, out, 3, padding=1), *norm, nn.ReLU()]
            channels = out
        layers.append(nn.MaxPool2d(2))
    model = nn.Module()
    model.features, model.classifier = nn.Sequential(*layers), nn.Sequential(nn.Linear(7, 5))
    return model


def image(S):
    rgb = np.floor(fill(f"image.{S}", [S, S, 3], 0, 256)) / 255
    normalised = (rgb - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    return torch.tensor(normalised).permute(2, 0, 1)[None]


def taps_of(model, x):
    for layer in model.features:
        x = layer(x)
        if isinstance(layer, nn.MaxPool2d):
            yield x


def main():
    cases, tensors, shapes = [], {}, {}
    for case in CONVS:
        model, shapes[case] = filled(vgg(case))
        for S, size in SIZES.items():
            with torch.no_grad():
                taps = list(taps_of(model, image(S)))
            features = torch.cat([F.interpolate(t, size, mode="bilinear", align_corners=True) for t in taps], 1)[0]
            tensors[f"{case}.{S}"] = features.flatten()[::STEP].numpy().astype(np.float32)
            tensors[f"{case}.{S}.pooled"] = taps[-1][0].mean((1, 2)).numpy().astype(np.float32)
            cases.append(dict(case=case, S=S, H=size[0], W=size[1], channels=[t.shape[1] for t in taps]))
            print(case, S, [f"{float(t.std()):.3g}" for t in taps], [tuple(t.shape[2:]) for t in taps])
    save(HERE / "vgg.safetensors", tensors, dict(cases=json.dumps(cases), shapes=json.dumps(shapes)))


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
