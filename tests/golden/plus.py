"""Trains ADTR+ in PyTorch on labelled anomalies, with L_px and with L_img, from the features that `adtr features` writes.

    python3 tests/golden/plus.py        (PyTorch 1.13.0, Pillow 9.4.0, NumPy 1.24.2, and Deno; writes plus.json and
                                         plus.safetensors)

The pictures are `fill(f"{folder}/{i}", (height, width, 3), 0, 256)`, the masks rectangles, both as plus.json says:
tests/train/plus_test.ts makes the same. For each case plus.json holds the settings under the options' names, and the
loss before and the gradient's norm of each of twelve AdamW steps; plus.safetensors the parameters after the last. They
begin with the numbers of adtr_fill.ts. All in float64, the features being float32.
"""
import json
import tempfile
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn

import losses as adtr_losses
from adtr import f32, filled
from end_to_end import adtr
from fill import fill
from st import load, save

HERE = Path(__file__).parent
SIZE = (40, 28)  # width, height
GOOD = 6
# Of each labelled image: left, top, right, bottom. A pixel, a line, much, most, and all of it.
DEFECTS = [(18, 11, 19, 12), (0, 5, 40, 6), (20, 3, 39, 25), (1, 0, 40, 28), (0, 0, 40, 28)]
SHARED = dict(
    backbone="gabor",
    image_size=32,
    feature_size=4,
    hidden=16,
    heads=2,
    ffn=24,
    layers=2,
    dropout=0,
    batch_size=4,
    epochs=4,
    lr=1e-3,
    lr_step=2,
    weight_decay=1e-2,
    clip=0.1,
    alpha=0.03,
)
adtr_losses.ALPHA = SHARED["alpha"]
CASES = {
    "px": dict(SHARED, loss="px", feature_norm="none"),
    "img": dict(SHARED, loss="img", feature_norm="position", image_k=5),
}
S, H, LAYERS = SHARED["image_size"], SHARED["feature_size"], SHARED["layers"]


def write_pictures(folder, count):
    folder.mkdir()
    for i in range(count):
        pixels = fill(f"{folder.name}/{i}", (SIZE[1], SIZE[0], 3), 0, 256).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{i}.png")


def cells(left, top, right, bottom):
    """A rectangle's mask at the size of the feature map, [N]."""
    mask = np.zeros((SIZE[1], SIZE[0]), np.uint8)
    mask[top:bottom, left:right] = 255
    small = np.asarray(Image.fromarray(mask).resize((S, S), Image.NEAREST)) > 0
    return small.reshape(H, S // H, H, S // H).max((1, 3)).ravel()


def trained(features, settings, config):
    """Losses, gradient norms and parameters. The labelled images come first, as `bad` comes before `good`."""
    bad, good = len(DEFECTS), GOOD
    if settings["feature_norm"] == "position":  # of the normal images
        mean = features[bad:].mean(0)
        deviation = ((features[bad:] - mean) ** 2).mean((0, 2, 3)).sqrt()[:, None, None]
        features = (features - mean) / deviation
    if settings["loss"] == "px":
        labels = np.stack([cells(*box) for box in DEFECTS] + [np.zeros(H * H, bool)] * good)
        loss_of = adtr_losses.pixel_loss
    else:
        labels = np.array([1] * bad + [0] * good)
        loss_of = lambda x, target, y: adtr_losses.image_loss(x, target, y, settings["image_k"])
    tokens = lambda maps: maps.flatten(2).transpose(1, 2)  # [B, N, C]
    model, losses, norms, B = filled(config, torch.double), [], [], settings["batch_size"]
    optimizer = torch.optim.AdamW(model.parameters(), lr=settings["lr"], weight_decay=settings["weight_decay"])
    for epoch in range(settings["epochs"]):
        for group in optimizer.param_groups:
            group["lr"] = settings["lr"] if epoch < settings["lr_step"] else settings["lr"] / 10
        for batch, y in zip(features.split(B), torch.tensor(labels).double().split(B)):
            loss = loss_of(tokens(model(batch)), tokens(batch), y)
            optimizer.zero_grad()
            loss.backward()
            norms.append(float(nn.utils.clip_grad_norm_(model.parameters(), settings["clip"])))
            optimizer.step()
            losses.append(float(loss))
    return losses, norms, model.state_dict()


def main(work):
    write_pictures(work / "bad", len(DEFECTS))
    write_pictures(work / "good", GOOD)
    sizes = {name: SHARED[name] for name in ("backbone", "image_size", "feature_size")}
    adtr("features", work, **sizes, out=work / "features.safetensors")
    features = torch.tensor(load(work / "features.safetensors")[0]["features"]).double()
    D, A, F = (SHARED[name] for name in ("hidden", "heads", "ffn"))
    config = dict(C=features.shape[1], D=D, A=A, F=F, H=H, W=H, encoder=LAYERS, decoder=LAYERS)
    tensors, cases = {}, {}
    for name, settings in CASES.items():
        losses, norms, state = trained(features, settings, config)
        tensors.update({f"{name}.{key}": f32(p) for key, p in state.items()})
        cases[name] = dict(settings=settings, loss=losses, gradient_norm=norms)
    save(HERE / "plus.safetensors", tensors)
    golden = dict(size=SIZE, good=GOOD, defects=DEFECTS, config=config, cases=cases)
    (HERE / "plus.json").write_text(json.dumps(golden, indent=1) + "\n")


if __name__ == "__main__":
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as work:
        main(Path(work))
