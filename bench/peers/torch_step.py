"""ADTR's training step in PyTorch on the CPU: a child process that does as many steps as it is told to on stdin.

Usage: torch_step.py FOLDER THREADS. FOLDER holds config.json (sizes, AdamW's settings, parameters' names and shapes),
parameters.bin and features.bin (float32). A line with a number makes so many steps and answers "done"; the line
"moments" writes AdamW's first moments to FOLDER/moments.bin and answers "done".
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch
from torch import nn

folder, threads = Path(sys.argv[1]), int(sys.argv[2])
torch.set_num_threads(threads)
config = json.loads((folder / "config.json").read_text())
B, C, H, W, D, A, F = (config[name] for name in "BCHWDAF")
N = H * W


class Layer(nn.Module):
    """Post-norm, as docs/method.md §3 has it; a decoder's also attends to the encoder's output."""

    def __init__(self, decoder):
        super().__init__()
        self.self_attn = nn.MultiheadAttention(D, A, batch_first=True)
        if decoder:
            self.multihead_attn = nn.MultiheadAttention(D, A, batch_first=True)
            self.norm3 = nn.LayerNorm(D)
        self.linear1, self.linear2 = nn.Linear(D, F), nn.Linear(F, D)
        self.norm1, self.norm2 = nn.LayerNorm(D), nn.LayerNorm(D)

    def feed_forward(self, x):
        return self.linear2(torch.relu(self.linear1(x)))

    def encode(self, x, pos):
        q = x + pos
        x = self.norm1(x + self.self_attn(q, q, x, need_weights=False)[0])
        return self.norm2(x + self.feed_forward(x))

    def decode(self, t, query, memory, x):
        q = t + query
        t = self.norm1(t + self.self_attn(q, q, t, need_weights=False)[0])
        t = self.norm2(t + self.multihead_attn(t + query, memory, x, need_weights=False)[0])
        return self.norm3(t + self.feed_forward(t))


class Layers(nn.Module):
    def __init__(self, count, decoder):
        super().__init__()
        self.layers = nn.ModuleList(Layer(decoder) for _ in range(count))
        if decoder:
            self.norm = nn.LayerNorm(D)


class Positions(nn.Module):
    def __init__(self):
        super().__init__()
        self.row_embed, self.col_embed = nn.Embedding(H, D // 2), nn.Embedding(W, D // 2)

    def forward(self):
        columns = self.col_embed.weight[None, :, :].expand(H, W, -1)
        rows = self.row_embed.weight[:, None, :].expand(H, W, -1)
        return torch.cat((columns, rows), -1).reshape(N, D)


class Adtr(nn.Module):
    def __init__(self):
        super().__init__()
        self.input_proj, self.output_proj = nn.Linear(C, D), nn.Linear(D, C)
        self.pos_embed, self.query_embed = Positions(), nn.Embedding(N, D)
        self.encoder, self.decoder = Layers(config["encoder"], False), Layers(config["decoder"], True)

    def forward(self, features):
        pos, query, x = self.pos_embed(), self.query_embed.weight, self.input_proj(features)
        for layer in self.encoder.layers:
            x = layer.encode(x, pos)
        memory, t = x + pos, torch.zeros_like(x)
        for layer in self.decoder.layers:
            t = layer.decode(t, query, memory, x)
        return self.output_proj(self.decoder.norm(t))


model = Adtr()
flat, state, at = np.fromfile(folder / "parameters.bin", "<f4"), {}, 0
for name, shape in config["shapes"].items():
    size = int(np.prod(shape))
    state[name] = torch.from_numpy(flat[at : at + size].reshape(shape))
    at += size
model.load_state_dict(state)
features = torch.from_numpy(np.fromfile(folder / "features.bin", "<f4").reshape(B, N, C))
settings = config["adamw"]
optimizer = torch.optim.AdamW(
    model.parameters(),
    lr=settings["lr"],
    betas=(settings["beta1"], settings["beta2"]),
    eps=settings["eps"],
    weight_decay=settings["weight_decay"],
)
print(torch.__version__, flush=True)
for line in sys.stdin:
    if line.strip() == "moments":
        named = dict(model.named_parameters())
        moments = [optimizer.state[named[name]]["exp_avg"].reshape(-1) for name in config["shapes"]]
        torch.cat(moments).numpy().astype("<f4").tofile(folder / "moments.bin")
    else:
        for _ in range(int(line)):
            optimizer.zero_grad(set_to_none=True)
            nn.functional.mse_loss(model(features), features).backward()
            nn.utils.clip_grad_norm_(model.parameters(), settings["clip"])
            optimizer.step()
    print("done", flush=True)
