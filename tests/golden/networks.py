"""Features of the networks beside EfficientNet-B4 (docs/method.md section 2), from torchvision, and for EfficientNet-B0
from the other two implementations that features.py names.

    python3 tests/golden/networks.py        (the versions of features.py; writes networks.safetensors)

State dicts and images are made as in features.py. Computed in float64 and stored as float32: for each case and side,
`CASE.S`, every 37th of the features [C, H, W] in row-major order, and `CASE.S.pooled`, the means of the last level over
its positions. The file's metadata has the cases, and the shapes of every state dict by case, both as JSON.
"""
import json
from pathlib import Path

import numpy as np
import timm
import torch
import torchvision
from efficientnet_pytorch import EfficientNet
from torch.nn import functional as F

from features import image
from filled import STEP, filled
from st import save

HERE = Path(__file__).parent
SIZES = {64: (8, 8), 75: (9, 7)}  # S: (H, W)
RESNETS = ["resnet18", "resnet34", "wide_resnet50_2"]
MODELS = {
    **{name: lambda name=name: getattr(torchvision.models, name)(weights=None) for name in RESNETS},
    "efficientnet_b0 timm": lambda: timm.create_model("efficientnet_b0"),
    "efficientnet_b0 EfficientNet-PyTorch": lambda: EfficientNet.from_name("efficientnet-b0"),
    "efficientnet_b0 torchvision": lambda: torchvision.models.efficientnet_b0(weights=None),
}


def tapped(model):
    """The modules whose outputs are the taps."""
    if hasattr(model, "layer1"):
        return [model.layer1, model.layer2, model.layer3, model.layer4]
    if hasattr(model, "features"):
        return [model.features[i] for i in (1, 2, 3, 5, 7)]
    if hasattr(model, "_blocks"):
        return [model._blocks[i] for i in (0, 2, 4, 10, 15)]
    return [model.blocks[i] for i in (0, 1, 2, 4, 6)]


def main():
    cases, tensors, shapes = [], {}, {}
    for case, make in MODELS.items():
        model, shapes[case] = filled(make())
        taps = []
        for module in tapped(model):
            module.register_forward_hook(lambda module, inputs, output: taps.append(output))
        for S, size in SIZES.items():
            taps.clear()
            with torch.no_grad():
                model(image(S))
            features = torch.cat([F.interpolate(t, size, mode="bilinear", align_corners=True) for t in taps], 1)[0]
            tensors[f"{case}.{S}"] = features.flatten()[::STEP].numpy().astype(np.float32)
            tensors[f"{case}.{S}.pooled"] = taps[-1][0].mean((1, 2)).numpy().astype(np.float32)
            cases.append(dict(case=case, S=S, H=size[0], W=size[1], channels=[t.shape[1] for t in taps]))
            print(case, S, [f"{float(t.std()):.3g}" for t in taps])
    save(HERE / "networks.safetensors", tensors, dict(cases=json.dumps(cases), shapes=json.dumps(shapes)))


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
