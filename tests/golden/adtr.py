"""ADTR in PyTorch, as docs/method.md sections 3 to 6 state it, and the numbers that the TypeScript side has to meet.

    python3 tests/golden/adtr.py        (PyTorch 1.13.0, NumPy 1.24.2; writes adtr.json and adtr_*.safetensors)

Parameters are made by fill.py from their state dict names and the rules of `range_of`, so that no file has to
hold them; tests/golden/adtr_fill.ts makes the same. Inputs are `fill("features", [B, C, H, W])`, in -1..1.

Some true gradients are zero, and what is computed is rounding: the key third of every `in_proj_bias` (softmax does not
see it), and all of the first decoder layer's `self_attn.in_proj_weight` and the query third of its bias (t = 0). Compare
gradients by their distance relative to `gradient_norm`, and leave these parameters out of a comparison after training.
"""
import json
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from fill import fill
from st import save

HERE = Path(__file__).parent


class EncoderLayer(nn.Module):
    def __init__(self, D, A, F_, dropout):
        super().__init__()
        self.self_attn = nn.MultiheadAttention(D, A, dropout=dropout, batch_first=True)
        self.linear1, self.linear2 = nn.Linear(D, F_), nn.Linear(F_, D)
        self.norm1, self.norm2 = nn.LayerNorm(D), nn.LayerNorm(D)
        self.drop = nn.Dropout(dropout)

    def forward(self, x, pos):
        q = x + pos
        x = self.norm1(x + self.drop(self.self_attn(q, q, x, need_weights=False)[0]))
        return self.norm2(x + self.drop(self.linear2(self.drop(F.relu(self.linear1(x))))))


class DecoderLayer(nn.Module):
    def __init__(self, D, A, F_, dropout):
        super().__init__()
        self.self_attn = nn.MultiheadAttention(D, A, dropout=dropout, batch_first=True)
        self.multihead_attn = nn.MultiheadAttention(D, A, dropout=dropout, batch_first=True)
        self.linear1, self.linear2 = nn.Linear(D, F_), nn.Linear(F_, D)
        self.norm1, self.norm2, self.norm3 = nn.LayerNorm(D), nn.LayerNorm(D), nn.LayerNorm(D)
        self.drop = nn.Dropout(dropout)

    def forward(self, t, x, query, pos):
        q = t + query
        t = self.norm1(t + self.drop(self.self_attn(q, q, t, need_weights=False)[0]))
        t = self.norm2(t + self.drop(self.multihead_attn(t + query, x + pos, x, need_weights=False)[0]))
        return self.norm3(t + self.drop(self.linear2(self.drop(F.relu(self.linear1(t))))))


class PosEmbed(nn.Module):
    def __init__(self, D, H, W):
        super().__init__()
        self.row_embed, self.col_embed = nn.Embedding(H, D // 2), nn.Embedding(W, D // 2)

    def forward(self):
        row, col = self.row_embed.weight, self.col_embed.weight
        H, W = len(row), len(col)
        return torch.cat([col.expand(H, W, -1), row[:, None].expand(H, W, -1)], -1).flatten(0, 1)  # [N, D]


class Stack(nn.Module):
    def __init__(self, layers, norm=None):
        super().__init__()
        self.layers = nn.ModuleList(layers)
        if norm is not None:
            self.norm = norm


class ADTR(nn.Module):
    """features [B, C, H, W] to their reconstruction, of the same shape."""

    def __init__(self, C, D, A, F, H, W, encoder, decoder, dropout=0.0):
        super().__init__()
        self.input_proj, self.output_proj = nn.Linear(C, D), nn.Linear(D, C)
        self.pos_embed = PosEmbed(D, H, W)
        self.query_embed = nn.Embedding(H * W, D)
        self.encoder = Stack([EncoderLayer(D, A, F, dropout) for _ in range(encoder)])
        self.decoder = Stack([DecoderLayer(D, A, F, dropout) for _ in range(decoder)], nn.LayerNorm(D))

    def forward(self, features):
        B, C, H, W = features.shape
        x = self.input_proj(features.flatten(2).transpose(1, 2))  # [B, N, D]
        pos, query = self.pos_embed(), self.query_embed.weight
        for layer in self.encoder.layers:
            x = layer(x, pos)
        t = torch.zeros_like(x)
        for layer in self.decoder.layers:
            t = layer(t, x, query, pos)
        return self.output_proj(self.decoder.norm(t)).transpose(1, 2).reshape(B, C, H, W)


def range_of(name, shape):
    """Bounds of a parameter's numbers, by its name: what adtr_fill.ts does too."""
    if name.endswith("bias"):
        return -0.1, 0.1
    if "norm" in name:
        return 0.5, 1.5
    if name.startswith("pos_embed"):
        return 0.0, 1.0
    if name.startswith("query_embed"):
        return -1.7, 1.7
    bound = (6 / (9 * shape[1] if len(shape) == 4 else shape[0] + shape[1])) ** 0.5  # Kaiming, Xavier
    return -bound, bound


def filled(config, dtype):
    """The model of that config, its float32 parameters from fill.py, computing in `dtype`."""
    model = ADTR(**config)
    state = {name: torch.tensor(fill(name, p.shape, *range_of(name, p.shape))) for name, p in model.state_dict().items()}
    model.load_state_dict(state)
    return model.to(dtype)


def features_of(config, images, dtype):
    return torch.tensor(fill("features", [images, config["C"], config["H"], config["W"]])).to(dtype)


def f32(tensor):
    return tensor.detach().numpy().astype(np.float32)


def distance(a, b):
    """Relative L2 distance of a from b."""
    a, b = a.detach().double(), b.detach().double()
    return float((a - b).norm() / b.norm())


def paper_size():
    """The reconstruction at the paper's sizes: every 7th value in row-major order."""
    config = dict(C=720, D=256, A=8, F=1024, H=16, W=16, encoder=4, decoder=4)
    with torch.no_grad():
        exact = filled(config, torch.double)(features_of(config, 1, torch.double))
        single = filled(config, torch.float)(features_of(config, 1, torch.float))
    save(HERE / "adtr_forward.safetensors", {"reconstruction.every7": f32(exact.flatten()[::7])})
    return dict(config=config, images=1, norm=float(exact.norm()), float32=distance(single, exact))


def small(name, encoder, decoder):
    """Reconstruction, loss and every gradient of a small model of awkward sizes."""
    config = dict(C=13, D=24, A=3, F=20, H=3, W=5, encoder=encoder, decoder=decoder)

    def run(dtype):
        model, features = filled(config, dtype), features_of(config, 3, dtype)
        reconstruction = model(features)
        loss = F.mse_loss(reconstruction, features)
        loss.backward()
        return reconstruction, float(loss), {key: p.grad for key, p in model.named_parameters()}

    (exact, loss, gradients), (single, _, gradients32) = run(torch.double), run(torch.float)
    save(
        HERE / f"adtr_{name}.safetensors",
        {"reconstruction": f32(exact), **{f"gradient.{key}": f32(g) for key, g in gradients.items()}},
    )
    cat = lambda grads: torch.cat([g.flatten() for g in grads.values()])
    float32 = dict(reconstruction=distance(single, exact), gradient=distance(cat(gradients32), cat(gradients)))
    return dict(config=config, images=3, loss=loss, gradient_norm=float(cat(gradients).norm()), float32=float32)


def training():
    """Twelve AdamW steps in float32, and what float64 does with the same start."""
    config = dict(C=16, D=32, A=4, F=48, H=4, W=4, encoder=2, decoder=2)
    setting = dict(epochs=4, batch=4, lr=1e-3, weight_decay=1e-4, clip=0.1, lr_step=2)

    def run(dtype):
        model, features = filled(config, dtype), features_of(config, 10, dtype)
        optimizer = torch.optim.AdamW(model.parameters(), lr=setting["lr"], weight_decay=setting["weight_decay"])
        schedule = torch.optim.lr_scheduler.StepLR(optimizer, setting["lr_step"], 0.1)
        losses, norms = [], []
        for _ in range(setting["epochs"]):
            for batch in features.split(setting["batch"]):
                loss = F.mse_loss(model(batch), batch)
                optimizer.zero_grad()
                loss.backward()
                norms.append(float(nn.utils.clip_grad_norm_(model.parameters(), setting["clip"])))
                optimizer.step()
                losses.append(float(loss))
            schedule.step()
        return losses, norms, model.state_dict()

    (losses, norms, state), (exact, exact_norms, exact_state) = run(torch.float), run(torch.double)
    save(HERE / "adtr_training.safetensors", {key: f32(p) for key, p in state.items()})
    return dict(
        config=config,
        images=10,
        **setting,
        loss=losses,
        loss_float64=exact,
        gradient_norm=norms,
        gradient_norm_float64=exact_norms,
        float32=dict(
            loss=max(abs(a / b - 1) for a, b in zip(losses, exact)),
            parameters=max(distance(p, exact_state[key]) for key, p in state.items() if "in_proj" not in key),
        ),
    )


def scores():
    """Score maps of docs/method.md section 6 from stored residuals; the training residuals are made to correlate."""
    C, H, W, S = 13, 3, 5, 64
    mix = np.eye(C) + 0.5 * fill("scores.mix", [C, C])
    residuals = lambda name, n: np.einsum("ij,njhw->nihw", mix, fill(name, [n, C, H, W]) + 0.3).astype(np.float32)
    training, test = residuals("scores.training", 10), residuals("scores.test", 3)
    rows = training.astype(np.float64).transpose(0, 2, 3, 1).reshape(-1, C)
    covariance = np.cov(rows, rowvar=False, bias=True)  # divided by n
    covariance += 0.1 * np.trace(covariance) / C * np.eye(C)
    d = torch.tensor(test).double()
    tensors = dict(training=training, residual=test, covariance=covariance.astype(np.float32))
    for name, s in {
        "residual": (d**2).sum(1).sqrt(),
        "mahalanobis": torch.einsum("nihw,ij,njhw->nhw", d, torch.tensor(np.linalg.inv(covariance)), d).sqrt(),
    }.items():
        maps = F.interpolate(s[:, None], (S, S), mode="bilinear", align_corners=True)
        tensors[f"{name}.s"] = f32(s)
        tensors[f"{name}.map"] = f32(maps[:, 0])
        tensors[f"{name}.max"] = f32(F.avg_pool2d(maps, 16, stride=1).amax((1, 2, 3)))
        tensors[f"{name}.mean"] = f32(maps.mean((1, 2, 3)))
    save(HERE / "adtr_scores.safetensors", tensors)
    return dict(S=S)


if __name__ == "__main__":
    torch.set_num_threads(1)
    golden = dict(forward=paper_size(), small21=small("small21", 2, 1), small12=small("small12", 1, 2))
    golden.update(training=training(), scores=scores())
    (HERE / "adtr.json").write_text(json.dumps(golden, indent=1) + "\n")
