"""Losses that methods share, and their gradients, by PyTorch's autograd.

    /usr/bin/python3 tests/golden/ops_losses.py        (PyTorch 1.13.0, NumPy 1.24.2; writes ops_losses.safetensors)

Inputs aren't stored, see `fill.py`: input X of CASE is `fill(f"{case}.{X}", shape, low, high)`, see `CASES`.
The gradient is that of Σ dy ∘ result, dy = fill(f"{case}.dy", result.shape), where the result is no single number.

`CASE` f32 the result, `CASE.X` f32 the gradient of its input X; computed in float64 from float32 inputs.
"""
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from fill import fill, mix32
from st import save

torch.set_num_threads(1)


def labels(name, B, K):
    return torch.tensor((fill(f"{name}.labels", (B,), 0, K)).astype(np.int64))


def cosine(x, y):
    return 1 - F.cosine_similarity(x, y, dim=-1)


def kl(mu, variance):
    """torch.distributions' own divergence of every image's Gaussian."""
    normal = torch.distributions.Normal(mu, (variance / 2).exp())
    standard = torch.distributions.Normal(torch.zeros_like(mu), torch.ones_like(mu))
    return torch.distributions.kl_divergence(normal, standard).sum(1)


def reparametrise(mu, variance, seed=0x9E3779B9):
    """The numbers of src/hash.ts: Box-Muller over hashes of the position."""
    i = np.arange(mu.numel(), dtype=np.uint32)
    with np.errstate(over="ignore"):
        bits = lambda at: mix32(mix32(at + np.uint32(seed)) ^ np.uint32(seed)).astype(np.int64)
        even = i - i % 2
        u, turn = ((bits(even) >> 8) + 1) / 2**24, bits(even + np.uint32(1)) / 2**32
    eps = np.sqrt(-2 * np.log(u)) * np.where(i % 2 == 0, np.cos(2 * np.pi * turn), np.sin(2 * np.pi * turn))
    return mu + (variance / 2).exp() * torch.tensor(eps).reshape(mu.shape)


def fcdd(a, images):
    """FCDD's loss of maps [B, H, W, 1]; labels of images, or of positions, none of them anomalous in the first image."""
    B = len(a)
    y = fill("fcdd.labels", (B, 1) if images else (B, a.numel() // B), 0, 1) < 0.4
    y[0] = False
    y = torch.tensor(y.astype(np.float64))
    A = (torch.sqrt(a**2 + 1) - 1).reshape(B, -1)
    some = y.expand_as(A).any(1)  # where there are none, the logarithm's gradient is not a number
    push = -torch.log(-torch.expm1(-(y * A)[some].mean(1)))
    return (((1 - y) * A).mean(1).sum() + push.sum()) / B


def ssim(x, y, window=11, sigma=1.5, range=1):
    """Maps [B, H, W, C]; means over the part of the window within the map, by a convolution of ones."""
    t = torch.arange(window, dtype=torch.float64) - (window - 1) / 2
    bell = torch.ones_like(t) if sigma is None else torch.exp(-(t**2) / (2 * sigma**2))
    C, kernel = x.shape[-1], (bell[:, None] * bell)[None, None].repeat(x.shape[-1], 1, 1, 1)
    sums = lambda v: F.conv2d(v, kernel, padding=window // 2, groups=C)
    x, y = x.permute(0, 3, 1, 2), y.permute(0, 3, 1, 2)
    mean = lambda v: sums(v) / sums(torch.ones_like(v))
    mx, my = mean(x), mean(y)
    c1, c2 = (0.01 * range) ** 2, (0.03 * range) ** 2
    alike = (2 * mx * my + c1) * (2 * (mean(x * y) - mx * my) + c2)
    return (alike / ((mx**2 + my**2 + c1) * (mean(x**2 + y**2) - mx**2 - my**2 + c2))).permute(0, 2, 3, 1)


# case: function, then of each input name, shape, low, high
CASES = {
    "l1": (F.l1_loss, ("x", (3, 7), -1, 1), ("y", (3, 7), -1, 1)),
    "smooth": (F.smooth_l1_loss, ("x", (4, 8), -2, 2), ("y", (4, 8), -2, 2)),
    "mse": (F.mse_loss, ("x", (4, 5), -2, 2), ("y", (4, 5), -2, 2)),
    "binary": (F.binary_cross_entropy_with_logits, ("x", (4, 9), -5, 5), ("y", (4, 9), 0, 1)),
    "binary.far": (F.binary_cross_entropy_with_logits, ("x", (4, 8), -300, 300), ("y", (4, 8), 0, 1)),
    "cross": (lambda x: F.cross_entropy(x, labels("cross", 5, 7)), ("x", (5, 7), -3, 3)),
    "cross.far": (lambda x: F.cross_entropy(x, labels("cross.far", 6, 8)), ("x", (6, 8), -300, 300)),
    "softmax": (lambda x: torch.softmax(x, -1), ("x", (2, 3, 8), -4, 4)),
    "logSoftmax": (lambda x: torch.log_softmax(x, -1), ("x", (3, 5), -40, 40)),
    "cosine": (cosine, ("x", (2, 3, 8), -1, 1), ("y", (2, 3, 8), -1, 1)),
    "fcdd.images": (lambda a: fcdd(a, True), ("a", (5, 3, 4, 1), -2, 2)),
    "fcdd.positions": (lambda a: fcdd(a, False), ("a", (5, 3, 4, 1), -2, 2)),
    "ssim": (ssim, ("x", (2, 13, 18, 3), 0, 1), ("y", (2, 13, 18, 3), 0, 1)),
    "ssim.box": (lambda x, y: ssim(x, y, 7, None, 255), ("x", (2, 13, 18, 3), 0, 255), ("y", (2, 13, 18, 3), 0, 255)),
    "kl": (kl, ("mu", (5, 7), -2, 2), ("variance", (5, 7), -4, 2)),
    "reparametrise": (reparametrise, ("mu", (5, 7), -2, 2), ("variance", (5, 7), -4, 2)),
    "cosine.short": (cosine, ("x", (4, 5), -1e-3, 1e-3), ("y", (4, 5), -1e3, 1e3)),
}

if __name__ == "__main__":
    tensors = {}
    for case, (f, *inputs) in CASES.items():
        x = {name: torch.tensor(fill(f"{case}.{name}", *rest).astype(np.float64), requires_grad=True) for name, *rest in inputs}
        y = f(*x.values())
        dy = torch.tensor(fill(f"{case}.dy", tuple(y.shape)).astype(np.float64)) if y.dim() else torch.ones((), dtype=torch.float64)
        y.backward(dy)
        tensors[case] = np.atleast_1d(y.detach().numpy()).astype(np.float32)
        for name in x:
            tensors[f"{case}.{name}"] = x[name].grad.numpy().astype(np.float32)
    save(Path(__file__).parent / "ops_losses.safetensors", tensors)
    print({name: t.shape for name, t in tensors.items()})
