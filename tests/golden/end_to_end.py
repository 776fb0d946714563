"""Trains ADTR in PyTorch on the features that `adtr features` writes, and scores test images, as a stranger would to see
whether `adtr train` and `adtr score` do the same.

    python3 tests/golden/end_to_end.py        (PyTorch 1.13.0, scikit-learn 1.2.1, SciPy 1.10.1, Pillow 9.4.0, NumPy
                                               1.24.2, and Deno; writes end_to_end.json, .safetensors and .pth)

`end_to_end.json` says which data and settings, with the options' names, so that tests/train/end_to_end_test.ts uses the
same, and holds the loss before each of twelve AdamW steps and scikit-learn's metrics of the resulting maps, without
and with feature normalisation; `.safetensors` the maps and scores; `.pth` the parameters to begin with, by torch.save,
the numbers of adtr_fill.ts. All in float64, the features being float32.
"""
import hashlib
import json
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from sklearn.metrics import average_precision_score, roc_auc_score
from torch import nn
from torch.nn import functional as F

from adtr import f32, filled
from metrics import aupro, best_f1
from st import load, save

HERE = Path(__file__).parent
CATEGORY = "grid"
DATA = dict(category=CATEGORY, size=32, train=7, test_good=3, test_per_defect=1, seed=5)
SETTINGS = dict(
    backbone="gabor",
    image_size=32,
    feature_size=4,
    hidden=16,
    heads=2,
    ffn=24,
    layers=2,
    dropout=0,
    batch_size=3,
    epochs=4,
    lr=1e-3,
    lr_step=2,
    weight_decay=1e-2,
    clip=0.1,
)


def adtr(*arguments, **options):
    flags = [text for name, value in options.items() for text in (f"--{name.replace('_', '-')}", str(value))]
    command = ["deno", "run", "-A", HERE.parent.parent / "cli.ts", *arguments, *flags]
    subprocess.run(list(map(str, command)), check=True, stdout=subprocess.DEVNULL)


def features_of(folder, out):
    """Of all images below a folder, [n, C, H, W], and their paths."""
    sizes = {name: SETTINGS[name] for name in ("backbone", "image_size", "feature_size")}
    adtr("features", folder, **sizes, out=out)
    tensors, metadata = load(out)
    return torch.tensor(tensors["features"]).double(), json.loads(metadata["images"])


def trained(features):
    """The model after all steps, with the loss before each."""
    model, losses, s = filled(CONFIG, torch.double), [], SETTINGS
    optimizer = torch.optim.AdamW(model.parameters(), lr=s["lr"], weight_decay=s["weight_decay"])
    for epoch in range(s["epochs"]):
        for group in optimizer.param_groups:
            group["lr"] = s["lr"] if epoch < s["lr_step"] else s["lr"] / 10
        for batch in features.split(s["batch_size"]):
            loss = F.mse_loss(model(batch), batch)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), s["clip"])
            optimizer.step()
            losses.append(float(loss))
    return model, losses


def distances(training, test):
    """Euclidean and Mahalanobis norm of test residuals [n, C, H, W] at every position, [n, H, W]."""
    rows = training.permute(0, 2, 3, 1).flatten(0, 2)
    covariance = torch.cov(rows.T, correction=0)
    covariance += 0.1 * covariance.diagonal().mean() * torch.eye(len(covariance))
    squares = torch.einsum("nihw,ij,njhw->nhw", test, covariance.inverse(), test)
    return {"residual": (test**2).sum(1).sqrt(), "residual-mahalanobis": squares.sqrt()}


def metrics_of(maps, scores, masks, labels):
    masks, pixels = masks.ravel(), maps.ravel()
    return dict(
        image_auroc=roc_auc_score(labels, scores),
        image_ap=average_precision_score(labels, scores),
        image_f1max=best_f1(labels, scores),
        pixel_auroc=roc_auc_score(masks, pixels),
        pixel_ap=average_precision_score(masks, pixels),
        aupro=aupro(maps, masks.reshape(maps.shape)),
    )


def case(norm, training, test, masks, labels, tensors):
    if norm == "position":
        mean = training.mean(0)
        deviation = ((training - mean) ** 2).mean((0, 2, 3)).sqrt()[:, None, None]
        training, test = (training - mean) / deviation, (test - mean) / deviation
    model, losses = trained(training)
    with torch.no_grad():
        maps_of = distances(model(training) - training, model(test) - test)
    S, found = SETTINGS["image_size"], {}
    for score, s in maps_of.items():
        maps = F.interpolate(s[:, None], (S, S), mode="bilinear", align_corners=True)
        scores = F.avg_pool2d(maps, 16, stride=1).amax((1, 2, 3))
        tensors[f"{norm}.{score}.maps"], tensors[f"{norm}.{score}.scores"] = f32(maps[:, 0]), f32(scores)
        found[score] = metrics_of(f32(maps[:, 0]), f32(scores), masks, labels)
    return dict(loss=losses, metrics=found)


def main(work):
    root = work / "data"
    adtr("data", "make", root, **DATA)
    files = sorted(root.rglob("*.png"))
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()
    training, _ = features_of(root / CATEGORY / "train", work / "train.safetensors")
    test, paths = features_of(root / CATEGORY / "test", work / "test.safetensors")

    CONFIG["C"] = training.shape[1]
    torch.save(filled(CONFIG, torch.float).state_dict(), HERE / "end_to_end.pth")
    images = [Path(path).relative_to(root / CATEGORY / "test") for path in paths]
    labels = np.array([image.parent.name != "good" for image in images])
    blank = np.zeros((SETTINGS["image_size"],) * 2, bool)
    mask = lambda image: np.asarray(Image.open(root / CATEGORY / "ground_truth" / image.parent / f"{image.stem}_mask.png"))
    masks = np.stack([mask(image) > 0 if label else blank for image, label in zip(images, labels)])
    tensors = {}
    cases = {norm: case(norm, training, test, masks, labels, tensors) for norm in ("none", "position")}
    save(HERE / "end_to_end.safetensors", tensors)
    golden = dict(data=DATA, data_sha256=digest, settings=SETTINGS, config=CONFIG, images=list(map(str, images)), cases=cases)
    (HERE / "end_to_end.json").write_text(json.dumps(golden, indent=1) + "\n")


H, layers = SETTINGS["feature_size"], SETTINGS["layers"]
CONFIG = dict(C=0, D=SETTINGS["hidden"], A=SETTINGS["heads"], F=SETTINGS["ffn"], H=H, W=H, encoder=layers, decoder=layers)

if __name__ == "__main__":
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as work:
        main(Path(work))
