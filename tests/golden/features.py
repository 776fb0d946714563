"""EfficientNet-B4's features (docs/method.md section 2) under each naming of weight files, from the implementations
whose names they are.

    python3 tests/golden/features.py        (PyTorch 1.13.0, torchvision 0.14.1, timm 1.0.31, efficientnet_pytorch
                                             0.7.1; writes features.safetensors)

Every tensor of a state dict is made by fill.py from its name and the rules of filled.py; tests/golden/
features_fill.ts makes the same. The image of side S is `fill("image.S", [S, S, 3], 0, 256)`, cut to whole numbers.
Computed in float64 and stored as float32: of the features [C, H, W] of naming and side, every 37th value in row-major
order. The file's metadata has the sizes, and the shapes of every state dict by name, both as JSON.
"""
import json
from pathlib import Path

import numpy as np
import timm
import torch
import torchvision
from efficientnet_pytorch import EfficientNet
from torch.nn import functional as F

from fill import fill
from filled import STEP, filled
from st import save

HERE = Path(__file__).parent
MODELS = {
    "timm": lambda: timm.create_model("efficientnet_b4"),
    "timm_tf": lambda: timm.create_model("tf_efficientnet_b4"),
    "EfficientNet-PyTorch": lambda: EfficientNet.from_name("efficientnet-b4"),
    "torchvision": lambda: torchvision.models.efficientnet_b4(weights=None),
}
SIZES = {64: (16, 16), 75: (9, 7)}  # S: (H, W)


def tapped(model):
    """The modules whose outputs are the taps."""
    if hasattr(model, "features"):
        return [model.features[i] for i in (1, 2, 3, 5, 7)]
    if hasattr(model, "_blocks"):
        return [model._blocks[i] for i in (1, 5, 9, 21, 31)]
    return [model.blocks[i] for i in (0, 1, 2, 4, 6)]


def image(S):
    rgb = np.floor(fill(f"image.{S}", [S, S, 3], 0, 256)) / 255
    normalised = (rgb - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    return torch.tensor(normalised).permute(2, 0, 1)[None]


def main():
    cases, tensors, shapes = [], {}, {}
    for naming, make in MODELS.items():
        model, shapes[naming] = filled(make())
        taps = []
        for module in tapped(model):
            module.register_forward_hook(lambda module, inputs, output: taps.append(output))
        for S, size in SIZES.items():
            taps.clear()
            with torch.no_grad():
                model(image(S))
            features = torch.cat([F.interpolate(t, size, mode="bilinear", align_corners=True) for t in taps], 1)[0]
            tensors[f"{naming}.{S}"] = features.flatten()[::STEP].numpy().astype(np.float32)
            cases.append(dict(naming=naming, S=S, H=size[0], W=size[1]))
            print(naming, S, [f"{float(t.std()):.3g}" for t in taps])
    assert shapes["timm"] == shapes["timm_tf"]
    del shapes["timm_tf"]
    save(HERE / "features.safetensors", tensors, dict(step=str(STEP), cases=json.dumps(cases), shapes=json.dumps(shapes)))


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
