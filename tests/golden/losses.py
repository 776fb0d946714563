"""ADTR+'s losses L_px and L_img (docs/method.md section 4) and their gradients by PyTorch's autograd.

    python3 tests/golden/losses.py        (PyTorch 1.13.0, NumPy 1.24.2; writes losses.safetensors)

The inputs aren't stored: see `fill.py`. Per case (`CASES` below) with B images, N positions, C channels:

    target = fill(f"{case}.target", (B, N, C));  d = fill(f"{case}.d", (B, N, C)) * scale of the image
    x = target + d, rounded to float32

`loss.CASE` f32 [1] and `gradient.CASE` f32 [B, N, C], computed in float64 from float32 inputs.
Labels of pixel cases are `fill(f"{case}.y", (B, N), 0, 1) < share of the image`; those of image cases are listed.
"""
from pathlib import Path

import numpy as np
import torch

from fill import fill
from st import save

ALPHA, LEAST = 0.003, 1e-7
# case: N, C, scale of each image, share of anomalous positions of each image
PIXEL = {
    "px.mixed": (64, 6, [1, 1, 3, 0.3], [0.1, 0.5, 0.2, 0.02]),
    "px.corners": (12, 8, [1, 1, 1e-2, 1e-3, 1e-5, 30], [0, 1, 0.5, 1, 1, 0.5]),
}
# case: N, C, scale of each image, label of each image, k
IMAGE = {
    "img.mixed": (64, 6, [1, 1, 3, 0.3], [0, 1, 1, 0], 20),
    "img.corners": (20, 8, [1, 1e-2, 1e-3, 1e-5, 1e-5, 30], [0, 1, 1, 1, 0, 1], 20),
}


def huber(d):
    m = d.abs().mean(-1)
    return m**2 / (torch.sqrt(m**2 + 1) + 1)


def push(r):
    return -ALPHA * torch.log(torch.clamp(-torch.expm1(-r), min=LEAST))


def pixel_loss(x, target, y):
    phi, N = huber(x - target), y.shape[1]
    pull = ((1 - y) * phi).sum(1) / N
    return (pull + torch.where(y.any(1), push((y * phi).sum(1) / N), torch.zeros_like(pull))).mean()


def image_loss(x, target, y, k):
    q = huber(x - target).topk(k, dim=1).values.mean(1)
    return ((1 - y) * q + y * push(q)).mean()


if __name__ == "__main__":
    tensors = {}
    for case, (N, C, scales, labels, *k) in (PIXEL | IMAGE).items():
        shape = (len(scales), N, C)
        scale = np.asarray(scales, np.float32)[:, None, None]
        target = fill(f"{case}.target", shape)
        x = torch.tensor((target + fill(f"{case}.d", shape) * scale).astype(np.float64), requires_grad=True)
        target = torch.tensor(target.astype(np.float64))
        if k:
            loss = image_loss(x, target, torch.tensor(labels, dtype=torch.float64), *k)
        else:
            y = fill(f"{case}.y", shape[:2], 0, 1) < np.asarray(labels, np.float32)[:, None]
            loss = pixel_loss(x, target, torch.tensor(y.astype(np.float64)))
        loss.backward()
        tensors[f"loss.{case}"] = np.asarray([loss.item()], np.float32)
        tensors[f"gradient.{case}"] = x.grad.numpy().astype(np.float32)
        print(case, loss.item(), np.linalg.norm(x.grad.numpy(), axis=(1, 2)))
    save(Path(__file__).parent / "losses.safetensors", tensors)
