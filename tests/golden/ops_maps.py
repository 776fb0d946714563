"""Normalisation, pooling and interpolation of maps by PyTorch's modules, and their gradients by its autograd.

    python3 tests/golden/ops_maps.py        (PyTorch 1.13.0, NumPy 1.24.2; writes ops_maps.safetensors)

Inputs aren't stored: see `fill.py`. Maps are [B, H, W, C], as adtr has them; of each CASE below

    x = fill(f"{case}.x", shape, -2, 3);  dy = fill(f"{case}.dy", shape of y);  weight, bias = fill(f"{case}.weight", (C,)), …

`CASE.y` and `CASE.dx` (with weights `CASE.dweight`, `CASE.dbias` too), computed in float64 from float32 inputs and rounded.
Batch normalisation is trained with `CASE.before` first, then with x: `CASE.mean` and `CASE.variance` are what is running after
both; `CASE.eval.*` are y and gradients of x again in evaluation.
"""
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

from fill import fill
from st import save

torch.set_num_threads(1)

NORMS = {"batch2d": (3, 4, 5, 6), "batch1d": (7, 8), "instance": (2, 3, 5, 4)}
POOLS = {  # shape, pooling, k, stride, padding
    "max": ((2, 7, 8, 4), F.max_pool2d, 3, 2, 1),
    "max2": ((1, 5, 6, 3), F.max_pool2d, 2, 2, 0),
    "average": ((2, 7, 6, 3), F.avg_pool2d, 3, 2, 1),
    "average4": ((1, 9, 8, 4), F.avg_pool2d, 4, 1, 2),
}
SHAPE, SIZES = (2, 4, 7, 4), {"larger": (9, 14), "smaller": (3, 2)}
MODES = {"nearest": {}, "bilinear": {"align_corners": False}, "aligned": {"align_corners": True}}


def tensor(name, shape, low=-1.0, high=1.0):
    return torch.tensor(fill(name, shape, low, high).astype(np.float64), requires_grad=True)


def channels_first(x):
    return x.movedim(-1, 1)


def channels_last(x):
    return x.movedim(1, -1)


def store(tensors, name, **values):
    for what, value in values.items():
        tensors[f"{name}.{what}"] = value.detach().numpy().astype(np.float32)


def run(tensors, name, case, op, **inputs):
    """Stores what the op makes of the inputs, and their gradients."""
    y = channels_last(op(channels_first(inputs["x"])))
    gradients = torch.autograd.grad((y * tensor(f"{case}.dy", tuple(y.shape))).sum(), list(inputs.values()))
    store(tensors, name, y=y, **{f"d{key}": g for key, g in zip(inputs, gradients)})


def main():
    tensors = {}
    for case, shape in NORMS.items():
        module = {"batch2d": torch.nn.BatchNorm2d, "batch1d": torch.nn.BatchNorm1d}.get(case)
        C, x = shape[-1], tensor(f"{case}.x", shape, -2, 3)
        affine = {"weight": tensor(f"{case}.weight", (C,)), "bias": tensor(f"{case}.bias", (C,))}
        if module is None:
            run(tensors, case, case, lambda x: F.instance_norm(x, **affine), x=x, **affine)
            continue
        norm = module(C).double()
        norm.weight, norm.bias = (torch.nn.Parameter(affine[key]) for key in ("weight", "bias"))
        learned = {"weight": norm.weight, "bias": norm.bias}
        norm(channels_first(tensor(f"{case}.before", shape, -3, 1)))
        run(tensors, case, case, norm, x=x, **learned)
        store(tensors, case, mean=norm.running_mean, variance=norm.running_var)
        run(tensors, f"{case}.eval", case, norm.eval(), x=x, **learned)
    for case, (shape, pool, k, stride, padding) in POOLS.items():
        op = lambda x: pool(x, k, stride=stride, padding=padding)
        run(tensors, case, case, op, x=tensor(f"{case}.x", shape, -2, 3))
    for size, to in SIZES.items():
        for mode, options in MODES.items():
            case = f"{mode}.{size}"
            op = lambda x: F.interpolate(x, to, mode="nearest" if mode == "nearest" else "bilinear", **options)
            run(tensors, case, case, op, x=tensor(f"{case}.x", SHAPE, -2, 3))
    save(Path(__file__).parent / "ops_maps.safetensors", tensors)
    print({name: value.shape for name, value in tensors.items()})


if __name__ == "__main__":
    main()
