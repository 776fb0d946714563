"""The models of the paper's ablations in PyTorch (docs/method.md section 3), and the numbers that ours have to meet.

    python3 tests/golden/ablations.py   (PyTorch 1.13.0, NumPy 1.24.2; writes ablations.json and ablations.safetensors)

Each is made from adtr.py's parts, with the parameters and inputs that adtr.py describes, and takes three AdamW steps.
Some gradients are truly zero there too: that of the key third of every `in_proj_bias`.
"""
import json

import torch
from torch import nn
from torch.nn import functional as F

from adtr import ADTR, HERE, Stack, distance, f32, features_of, range_of
from fill import fill
from st import save


class NoQuery(ADTR):
    """The encoder's output is what the decoder begins with, positions are its query."""

    def __init__(self, **config):
        super().__init__(**config)
        del self.query_embed

    def forward(self, features):
        x, pos = self.input_proj(features.flatten(2).transpose(1, 2)), self.pos_embed()
        for layer in self.encoder.layers:
            x = layer(x, pos)
        t = x
        for layer in self.decoder.layers:
            t = layer(t, x, pos, pos)
        return self.output_proj(self.decoder.norm(t)).transpose(1, 2).reshape(features.shape)


class NoAttention(ADTR):
    """Feed-forward blocks with their residual connections and norms."""

    def __init__(self, **config):
        super().__init__(**config)
        for layer in self.encoder.layers:
            del layer.self_attn, layer.norm1
        for layer in self.decoder.layers:
            del layer.self_attn, layer.norm1, layer.multihead_attn, layer.norm2

    def forward(self, features):
        block = lambda layer, norm, x: norm(x + layer.linear2(F.relu(layer.linear1(x))))
        x = self.input_proj(features.flatten(2).transpose(1, 2)) + self.pos_embed()
        for layer in self.encoder.layers:
            x = block(layer, layer.norm2, x)
        x = x + self.query_embed.weight
        for layer in self.decoder.layers:
            x = block(layer, layer.norm3, x)
        return self.output_proj(self.decoder.norm(x)).transpose(1, 2).reshape(features.shape)


class EncoderConv(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3, padding=1)

    def forward(self, x):
        return F.relu(self.conv(x))


class DecoderConv(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1)

    def forward(self, x):
        return F.relu(self.conv2(F.relu(self.conv1(x))))


class Conv(nn.Module):
    """An autoencoder of convolutions between the projections; its code has D/2 channels."""

    def __init__(self, C, D, encoder, decoder, **_):
        super().__init__()
        self.input_proj, self.output_proj = nn.Linear(C, D), nn.Linear(D, C)
        code = D // 2
        self.encoder = Stack([EncoderConv(D, code if i == encoder - 1 else D) for i in range(encoder)])
        self.decoder = Stack([DecoderConv(code if i == 0 else D, D) for i in range(decoder)])

    def forward(self, features):
        x = self.input_proj(features.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        for layer in [*self.encoder.layers, *self.decoder.layers]:
            x = layer(x)
        return self.output_proj(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


CONFIG = dict(C=13, D=12, A=3, F=20, H=3, W=5, encoder=2, decoder=2)
IMAGES, STEPS = 3, 3
ADAMW = dict(lr=1e-3, weight_decay=1e-4)


def run(module, dtype):
    """Reconstruction and gradients of the first step, losses of all, and the parameters behind the last."""
    model = module(**CONFIG)
    state = model.state_dict().items()
    model.load_state_dict({name: torch.tensor(fill(name, p.shape, *range_of(name, p.shape))) for name, p in state})
    model, features = model.to(dtype), features_of(CONFIG, IMAGES, dtype)
    optimizer = torch.optim.AdamW(model.parameters(), **ADAMW)
    losses, reconstruction, gradients = [], None, None
    for step in range(STEPS):
        y = model(features)
        loss = F.mse_loss(y, features)
        optimizer.zero_grad()
        loss.backward()
        if step == 0:
            reconstruction, gradients = y.detach(), {name: p.grad.clone() for name, p in model.named_parameters()}
        optimizer.step()
        losses.append(float(loss))
    return reconstruction, gradients, losses, model.state_dict()


if __name__ == "__main__":
    torch.set_num_threads(1)
    models, tensors = {}, {}
    for name, module in {"no-query": NoQuery, "no-attention": NoAttention, "conv": Conv}.items():
        reconstruction, gradients, losses, state = run(module, torch.double)
        single = run(module, torch.float)
        cat = lambda values: torch.cat([v.flatten() for v in values.values()])
        models[name] = dict(
            shapes={key: list(p.shape) for key, p in state.items()},
            loss=losses,
            gradient_norm=float(cat(gradients).norm()),
            float32=dict(
                reconstruction=distance(single[0], reconstruction),
                gradient=distance(cat(single[1]), cat(gradients)),
                loss=max(abs(a / b - 1) for a, b in zip(single[2], losses)),
                parameters=max(distance(single[3][key], p) for key, p in state.items() if "in_proj_bias" not in key),
            ),
        )
        tensors[f"{name}.reconstruction"] = f32(reconstruction)
        tensors.update({f"{name}.gradient.{key}": f32(g) for key, g in gradients.items()})
        tensors.update({f"{name}.trained.{key}": f32(p) for key, p in state.items()})
    save(HERE / "ablations.safetensors", tensors)
    golden = dict(config=CONFIG, images=IMAGES, **ADAMW, models=models)
    (HERE / "ablations.json").write_text(json.dumps(golden, indent=1) + "\n")
