"""What Pillow's BILINEAR and NEAREST make of images of several sizes.

    python3 tests/golden/resize.py        (Pillow 9.4.0, NumPy 1.24.2; writes resize.safetensors)

The inputs aren't stored: byte i of the image of width x height is floor(fill(...)), see `fill.py`, as is the mask's.
Per case `WIDTHxHEIGHT.S`: `bilinear.…` u8 [S, S, 3], `nearest.…` u8 [S, S]. Large outputs are stored as every
7th value of the flattened array.
"""
from pathlib import Path

import numpy as np
from PIL import Image

from fill import fill
from st import save

# width, height, S
CASES = [(8, 8, 8), (8, 8, 32), (9, 700, 37), (700, 9, 37), (32, 8, 32), (8, 32, 32), (64, 48, 17), (31, 37, 64),
         (97, 89, 101), (101, 97, 13), (256, 256, 128), (1000, 750, 96), (263, 251, 256)]
EVERY, LARGE = 7, 3000


def thin(array):
    return array.ravel()[::EVERY] if array.size > LARGE else array


if __name__ == "__main__":
    tensors = {}
    for width, height, S in CASES:
        case = f"{width}x{height}.{S}"
        image = np.floor(fill(f"image.{case}", (height, width, 3), 0, 256)).astype(np.uint8)
        mask = (fill(f"mask.{case}", (height, width), 0, 1) < 0.5).astype(np.uint8)
        resize = lambda a, how: np.asarray(Image.fromarray(a).resize((S, S), how))
        tensors[f"bilinear.{case}"] = thin(resize(image, Image.BILINEAR))
        tensors[f"nearest.{case}"] = thin(resize(mask, Image.NEAREST))
    save(Path(__file__).parent / "resize.safetensors", tensors)
