"""Autograd's plain ops in PyTorch: writes ops_plain.safetensors, of each case its result `CASE.y` and, for the loss
Σ dy · y, the gradient `CASE.INPUT` of each input. Computed in float64, rounded to float32. Maps are [B, H, W, C].

Needs PyTorch (made with 1.13)."""
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from fill import fill
from st import save

torch.set_num_threads(1)


def nchw(f):
    """An op of maps [B, C, H, W] for maps [B, H, W, C]."""
    return lambda x, *rest: f(x.permute(0, 3, 1, 2), *rest).permute(0, 2, 3, 1)


def score(x, weight, bias):
    """Means over images of activated convolutions, as a method may score by."""
    z = nchw(lambda x, w, b: F.conv2d(x, w, b, padding=1))(x, weight, bias)
    return F.elu(z).mean(dim=(1, 2, 3))


ACTIVATIONS = {
    "relu": F.relu,
    "relu6": F.relu6,
    "silu": F.silu,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "elu": F.elu,
    "softplus": F.softplus,
    "leaky": lambda x: F.leaky_relu(x, 0.1),
}

# Inputs are filled from low to high, -1 to 1 where nothing is said.
CASES = {
    **{f"act.{name}": ({"x": ([3, 31], -8, 8)}, f) for name, f in ACTIVATIONS.items()},
    "linear.null": ({"x": ([2, 3, 8],), "weight": ([5, 8],)}, lambda x, w: F.linear(x, w)),
    "linear.tanh": (
        {"x": ([2, 3, 8],), "weight": ([4, 8],), "bias": ([4],)},
        lambda x, w, b: torch.tanh(F.linear(x, w, b)),
    ),
    "subtract": ({"x": ([2, 3, 4],), "p": ([3, 4],)}, lambda x, p: x - p),
    "multiply": ({"x": ([2, 3, 5],), "p": ([5],)}, lambda x, p: x * p),
    "multiply.itself": ({"x": ([2, 6],)}, lambda x: x * x),
    "scale": ({"x": ([7],)}, lambda x: -1.5 * x + 0.25),
    "exp": ({"x": ([2, 6], -5, 5)}, torch.exp),
    "log": ({"x": ([2, 6], 0.1, 9)}, torch.log),
    "square": ({"x": ([2, 6],)}, torch.square),
    "sqrt": ({"x": ([2, 6], 0.1, 9)}, torch.sqrt),
    "abs": ({"x": ([2, 6],)}, torch.abs),
    "clamp": ({"x": ([2, 6],)}, lambda x: torch.clamp(x, -0.5, 0.25)),
    "scaleRows": ({"x": ([3, 2, 2, 3],), "s": ([3],)}, lambda x, s: x * s[:, None, None, None]),
    "sum": ({"x": ([3, 7],)}, lambda x: x.sum().reshape(1)),
    "mean": ({"x": ([3, 7],)}, lambda x: x.mean().reshape(1)),
    "sumChannels": ({"x": ([2, 3, 5],)}, lambda x: x.sum(-1)),
    "meanImages": ({"x": ([2, 3, 2, 5],)}, lambda x: x.mean(dim=(1, 2, 3))),
    "weightedSum": ({"a": ([1],), "b": ([1],)}, lambda a, b: 2 * a - 0.5 * b),
    "concat": ({"a": ([2, 3, 2],), "b": ([2, 3, 4],)}, lambda a, b: torch.cat([a, b, a], -1)),
    "channels": ({"x": ([2, 3, 8],)}, lambda x: x[..., 2:6]),
    "crop": ({"x": ([2, 4, 5, 3],)}, lambda x: x[:, 1:3, 2:5]),
    "pad": ({"x": ([2, 2, 3, 3],)}, nchw(lambda x: F.pad(x, (2, 1, 1, 0)))),
    "expand": ({"x": ([2, 3],)}, lambda x: x[:, None, None, :].expand(2, 2, 4, 3)),
    "score": ({"x": ([2, 5, 4, 3],), "weight": ([4, 3, 3, 3],), "bias": ([4],)}, score),
}

if __name__ == "__main__":
    tensors = {}
    for case, (inputs, f) in CASES.items():
        x = {
            name: torch.tensor(fill(f"{case}.{name}", *of).astype(np.float64), requires_grad=True)
            for name, of in inputs.items()
        }
        y = f(*x.values())
        dy = torch.tensor(fill(f"{case}.dy", tuple(y.shape)).astype(np.float64))
        (dy * y).sum().backward()
        tensors[f"{case}.y"] = y.detach().numpy().astype(np.float32)
        for name, tensor in x.items():
            tensors[f"{case}.{name}"] = tensor.grad.numpy().astype(np.float32)
        print(case, list(y.shape))
    save(Path(__file__).parent / "ops_plain.safetensors", tensors)
