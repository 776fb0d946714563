"""ADTR's training step in PyTorch on the CPU: see torch_training.py. FOLDER's data.bin holds the features."""

import torch
from torch import nn

from torch_training import config, data, serve

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


features = data.reshape(B, N, C)
serve(Adtr(), lambda model: nn.functional.mse_loss(model(features), features))
