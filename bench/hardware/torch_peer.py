"""PyTorch's eager float32 for peers.ts: times what a line of JSON on stdin names, and answers with a line of JSON.

A request is {"op": …, sizes, "tf32": whether matrix products and convolutions may use TF32, "ms": for about how long}; the
answer is {"ms": milliseconds of one, "cold_ms"} or {"error"}. Runs on CUDA where it is there, else on the CPU. NCHW maps.
"""

import json
import sys
import time
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "peers"))
from torch_adtr import Adtr  # noqa: E402

CUDA = torch.cuda.is_available()
DEVICE = torch.device("cuda" if CUDA else "cpu")


def noise(*shape):
    return torch.rand(*shape, device=DEVICE) * 2 - 1


def gemm(M, K, N, transA=False, transB=False, act=None, **_):
    a, b = noise(*((K, M) if transA else (M, K))), noise(*((N, K) if transB else (K, N)))
    if act is None:
        left, right = a.t() if transA else a, b.t() if transB else b
        return lambda: left @ right
    bias = noise(N)
    return (lambda: F.linear(a, b, bias).relu_()) if act == "relu" else (lambda: F.linear(a, b, bias))


def attended(q, k, v, dropout):
    if hasattr(F, "scaled_dot_product_attention"):
        return F.scaled_dot_product_attention(q, k, v, dropout_p=dropout)
    weights = torch.softmax(q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5, -1)
    return F.dropout(weights, dropout) @ v


def attention(B, N, D, A, backward, dropout, **_):
    q, k, v, wanted = (noise(B, N, D) for _ in range(4))
    heads = lambda x: x.view(B, N, A, D // A).transpose(1, 2)  # noqa: E731

    def forward():
        return attended(heads(q), heads(k), heads(v), dropout).transpose(1, 2).reshape(B, N, D)

    if not backward:
        return torch.no_grad()(forward)
    for x in (q, k, v):
        x.requires_grad_()

    def both():
        for x in (q, k, v):
            x.grad = None
        F.mse_loss(forward(), wanted).backward()

    return both


def conv(B, side, C, O, k, stride, transposed, **of):
    out = side * stride if transposed else side // stride
    x, dy = noise(B, C, side, side), noise(B, O, out, out)
    weight = noise(*((C, O, k, k) if transposed else (O, C, k, k)))
    if of["pass"] == "forward":
        convolve = F.conv_transpose2d if transposed else F.conv2d
        return torch.no_grad()(lambda: convolve(x, weight, stride=stride, padding=1))
    mask = [of["pass"] == "x", of["pass"] == "weight", False]
    both = [stride, stride], [1, 1], [1, 1], transposed, [0, 0], 1, mask
    return lambda: torch.ops.aten.convolution_backward(dy, x, weight, None, *both)


class Block(nn.Module):
    def __init__(self, inputs, out, kernel, stride, expand):
        super().__init__()
        wide, narrow = inputs * expand, inputs // 4
        self.expand = nn.Conv2d(inputs, wide, 1) if expand > 1 else None
        self.depthwise = nn.Conv2d(wide, wide, kernel, stride, (kernel - 1) // 2, groups=wide)
        self.reduce, self.excite = nn.Conv2d(wide, narrow, 1), nn.Conv2d(narrow, wide, 1)
        self.project = nn.Conv2d(wide, out, 1)
        self.skip = stride == 1 and inputs == out

    def forward(self, x):
        y = F.silu(self.expand(x), True) if self.expand else x
        y = F.silu(self.depthwise(y), True)
        gates = self.excite(F.silu(self.reduce(y.mean((2, 3), keepdim=True)), True)).sigmoid_()
        y = self.project(y * gates)
        return y + x if self.skip else y


def efficientnet(B, S, H, stem, stages, taps, **_):
    """Features of B images, BatchNorm folded into the convolutions, taps resized and joined."""
    first, levels, inputs = nn.Conv2d(3, stem, 3, 2, 1), nn.ModuleList(), stem
    for stage in stages:
        blocks = []
        for i in range(stage["blocks"]):
            stride = stage["stride"] if i == 0 else 1
            blocks.append(Block(inputs, stage["out"], stage["kernel"], stride, stage["expand"]))
            inputs = stage["out"]
        levels.append(nn.Sequential(*blocks))
    first, levels, images = first.to(DEVICE), levels.to(DEVICE), torch.rand(B, 3, S, S, device=DEVICE)

    @torch.no_grad()
    def features():
        x, found = F.silu(first(images), True), []
        for i, level in enumerate(levels):
            x = level(x)
            if i in taps:
                found.append(F.interpolate(x, (H, H), mode="bilinear"))
        return torch.cat(found, 1)

    return features


def step(B, lr, weight_decay, clip, **sizes):
    model, features = Adtr(sizes).to(DEVICE).train(), noise(B, sizes["H"] * sizes["W"], sizes["C"])
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr, weight_decay=weight_decay)

    def once():
        optimizer.zero_grad(set_to_none=True)
        F.mse_loss(model(features), features).backward()
        nn.utils.clip_grad_norm_(model.parameters(), clip)
        optimizer.step()

    return once


OPS = {"gemm": gemm, "attention": attention, "conv": conv, "efficientnet": efficientnet, "step": step}


def seconds(work, repeats):
    if CUDA:
        torch.cuda.synchronize()
    began = time.perf_counter()
    for _ in range(repeats):
        work()
    if CUDA:
        torch.cuda.synchronize()
    return (time.perf_counter() - began) / repeats


prepared = {}  # the last request's work, with what it was asked by


def answer(request):
    ms, tf32 = request.pop("ms"), request.pop("tf32")
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = tf32
    key, cold = json.dumps(request, sort_keys=True), None
    if key not in prepared:
        prepared.clear()
        prepared[key] = OPS[request.pop("op")](**request)
        cold = seconds(prepared[key], 1)
    work = prepared[key]
    warm = seconds(work, 1)  # the first with these flags may choose an algorithm
    warm = min(warm, seconds(work, 1)) if warm < ms / 1000 else warm
    took = seconds(work, max(1, min(2000, int(ms / 1000 / max(warm, 1e-6)))))
    return {"ms": 1000 * took, **({} if cold is None else {"cold_ms": 1000 * cold})}


def main():
    name = torch.cuda.get_device_name(0) if CUDA else f"CPU, {torch.get_num_threads()} threads"
    print(json.dumps({"torch": torch.__version__, "device": name, "cuda": CUDA}), flush=True)
    for line in sys.stdin:
        try:
            print(json.dumps(answer(json.loads(line))), flush=True)
        except Exception as error:  # one that fails is a row without figures
            prepared.clear()
            print(json.dumps({"error": f"{type(error).__name__}: {error}"[:500]}), flush=True)


main()
