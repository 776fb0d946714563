"""SLIC superpixels in NumPy and SciPy, as src/methods/smai/slic.ts has them: of each pixel all centres' distances at once."""
import numpy as np
from scipy import ndimage

NONE = 2**31


def lab_of(image):
    """sRGB [..., 3] to CIELAB under D65."""
    linear = np.where(image <= 0.04045, image / 12.92, ((image + 0.055) / 1.055) ** 2.4)
    matrix = [[0.412453, 0.357580, 0.180423], [0.212671, 0.715160, 0.072169], [0.019334, 0.119193, 0.950227]]
    xyz = linear @ np.array(matrix).T / [0.950456, 1, 1.088754]
    x, y, z = np.moveaxis(np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116), -1, 0)
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], -1)


def slic(image, grid):
    """Labels [S, S] of an image [S, S, 3]."""
    S, step = len(image), len(image) / grid
    places = np.stack(np.meshgrid(np.arange(S), np.arange(S), indexing="ij"), -1)
    points = np.concatenate([lab_of(image), places], -1)  # [S, S, 5]
    at = np.floor((np.arange(grid) + 0.5) * step).astype(int)
    centres = points[at[:, None], at[None, :]].reshape(-1, 5)
    labels = np.zeros((S, S), int)
    for _ in range(10):
        difference = points[:, :, None] - centres  # [S, S, K, 5]
        distance = (difference[..., :3] ** 2).sum(-1) + (10 / step) ** 2 * (difference[..., 3:] ** 2).sum(-1)
        distance[(abs(difference[..., 3:]) > step).any(-1)] = np.inf
        labels = np.where(np.isfinite(distance).any(-1), distance.argmin(-1), labels)
        for k in np.unique(labels):
            centres[k] = points[labels == k].mean(0)
    kept = np.full((S, S), NONE)
    for k in np.unique(labels):
        pieces, count = ndimage.label(labels == k)
        sizes = ndimage.sum(labels == k, pieces, range(1, count + 1))
        kept[pieces == 1 + sizes.argmax()] = k
    while (kept == NONE).any():
        around = np.pad(kept, 1, constant_values=NONE)
        near = np.minimum.reduce([around[:-2, 1:-1], around[2:, 1:-1], around[1:-1, :-2], around[1:-1, 2:]])
        kept = np.where(kept == NONE, near, kept)
    return kept
