"""ADTR in PyTorch, of the sizes that a dict names: B images of H by W positions of C channels, and its layers'."""

import torch
from torch import nn


class Layer(nn.Module):
    """Post-norm, as docs/method.md §3 has it; a decoder's also attends to the encoder's output."""

    def __init__(self, decoder, D, A, F, dropout):
        super().__init__()
        self.self_attn = nn.MultiheadAttention(D, A, dropout=dropout, batch_first=True)
        if decoder:
            self.multihead_attn = nn.MultiheadAttention(D, A, dropout=dropout, batch_first=True)
            self.norm3 = nn.LayerNorm(D)
        self.linear1, self.linear2 = nn.Linear(D, F), nn.Linear(F, D)
        self.norm1, self.norm2 = nn.LayerNorm(D), nn.LayerNorm(D)
        self.dropout = nn.Dropout(dropout)

    def feed_forward(self, x):
        return self.dropout(self.linear2(self.dropout(torch.relu(self.linear1(x)))))

    def encode(self, x, pos):
        q = x + pos
        x = self.norm1(x + self.dropout(self.self_attn(q, q, x, need_weights=False)[0]))
        return self.norm2(x + self.feed_forward(x))

    def decode(self, t, query, memory, x):
        q = t + query
        t = self.norm1(t + self.dropout(self.self_attn(q, q, t, need_weights=False)[0]))
        attended = self.multihead_attn(t + query, memory, x, need_weights=False)[0]
        t = self.norm2(t + self.dropout(attended))
        return self.norm3(t + self.feed_forward(t))


class Layers(nn.Module):
    def __init__(self, count, decoder, D, A, F, dropout):
        super().__init__()
        self.layers = nn.ModuleList(Layer(decoder, D, A, F, dropout) for _ in range(count))
        if decoder:
            self.norm = nn.LayerNorm(D)


class Positions(nn.Module):
    def __init__(self, H, W, D):
        super().__init__()
        self.row_embed, self.col_embed = nn.Embedding(H, D // 2), nn.Embedding(W, D // 2)

    def forward(self):
        columns, rows = self.col_embed.weight, self.row_embed.weight
        H, W = len(rows), len(columns)
        both = (columns[None, :, :].expand(H, W, -1), rows[:, None, :].expand(H, W, -1))
        return torch.cat(both, -1).reshape(H * W, -1)


class Adtr(nn.Module):
    def __init__(self, sizes):
        super().__init__()
        C, H, W, D, A, F = (sizes[name] for name in "CHWDAF")
        of = (D, A, F, sizes.get("dropout", 0))
        self.input_proj, self.output_proj = nn.Linear(C, D), nn.Linear(D, C)
        self.pos_embed, self.query_embed = Positions(H, W, D), nn.Embedding(H * W, D)
        self.encoder, self.decoder = Layers(sizes["encoder"], False, *of), Layers(sizes["decoder"], True, *of)

    def forward(self, features):
        pos, query, x = self.pos_embed(), self.query_embed.weight, self.input_proj(features)
        for layer in self.encoder.layers:
            x = layer.encode(x, pos)
        memory, t = x + pos, torch.zeros_like(x)
        for layer in self.decoder.layers:
            t = layer.decode(t, query, memory, x)
        return self.output_proj(self.decoder.norm(t))
