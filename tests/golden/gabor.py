"""The built-in backbones `gabor` and `gabor2` (docs/method.md section 8) in plain NumPy, and features for the kernels
to meet.

    python3 tests/golden/gabor.py        (NumPy 1.24.2; writes gabor.safetensors)

Computed in float64. x is a column, y a row, growing downwards; "reflected" means reflected without repeating the edge
pixel (NumPy's `reflect`), again and again where the overhang exceeds the side, a side of 1 repeating its one pixel.
Any S of 8 or more will do, so that each of the four levels has a pixel.

Image     u8 RGB / 255, S x S; opponent channels (R+G+B)/3, (R-G)/2, (R+G)/4 - B/2.
Pyramid   level 0 is the opponent image; level j+1 is level j blurred by [1 4 6 4 1]/16 along both axes, borders
          reflected, rows and columns 0, 2, 4, ... kept: its side is ceil(side / 2).
Bank      theta_k = k pi/6, k = 0..5, over x, y in -4..4; u = x cos(theta) + y sin(theta);
          env = exp(-(x^2 + y^2) / (2 * 1.7^2)).
          even = env * (cos(2 pi 0.25 u) - dc), dc = sum(env cos) / sum(env), so that its sum is 0; odd = env * sin(2 pi 0.25 u).
          Each is divided by its own sum of absolute values. Correlation (the filter is not flipped), borders reflected.
Modulus   sqrt(re^2 + im^2 + 1e-10), before any pooling.
To H x W  per axis, with n pixels there and `out` wanted:
          n > out   mean over the window of twice the stride r = n/out: pixels floor(i r - r/2) up to, not including,
                    ceil(i r + 3r/2), borders reflected. In whole numbers: floor(n (2i-1) / (2 out)), ceil(n (2i+3) / (2 out)).
                    (Even r: avg_pool2d(kernel 2r, stride r) after reflection padding by r/2.)
          n <= out  bilinear, aligned corners: source = i (n-1)/(out-1), 0 where out = 1; unchanged where n = out.
Deviation of a level's channel, sqrt(max(E[x^2] - E[x]^2, 0) + 1e-10), E being the mean over the windows above. On an axis
          where n <= out: over pixels p-1, p, p+1 around each pixel p (reflected), and the square root, taken on
          that grid of n, goes to `out` bilinearly. float32 has to subtract the mean first (two passes).
Log       log(x + 0.002) after all that, for all channels but the colour means.

Order     0..2      the opponent image (level 0) brought to H x W
          3..74     moduli: level, then channel, then orientation             3 + (level 3 + channel) 6 + k
          75..80    deviations: levels 0 and 1, then channel                  75 + level 3 + channel
          81..296   gabor2 only: the modulus maps (unpooled, before the log) of channel 0 at level j and orientation k,
                    blurred and halved to level i = j+1..3, through the bank there: j, then i, then k, then the second
                    orientation; (j, i) in the order 01 02 03 12 13 23
"""
from pathlib import Path

import numpy as np

from fill import fill
from st import save

LEVELS, ORIENTATIONS = 4, 6


def reflect(index, n):
    """Indices into n pixels for any whole numbers."""
    if n == 1:
        return np.zeros_like(index)
    index = np.abs(index) % (2 * n - 2)
    return np.where(index < n, index, 2 * n - 2 - index)


def correlate(images, kernel):
    """[..., h, w] with a kernel of odd sides, centred, borders reflected."""
    h, w = images.shape[-2:]
    result = np.zeros_like(images)
    for row, weights in enumerate(kernel):
        rows = images[..., reflect(np.arange(h) + row - len(kernel) // 2, h), :]
        for column, weight in enumerate(weights):
            result += weight * rows[..., reflect(np.arange(w) + column - len(weights) // 2, w)]
    return result


def halve(images):
    binomial = np.array([1, 4, 6, 4, 1]) / 16
    return correlate(correlate(images, binomial[None]), binomial[:, None])[..., ::2, ::2]


def bank():
    """[orientation, even or odd, 9, 9]"""
    y, x = np.mgrid[-4:5, -4:5]
    envelope = np.exp(-(x**2 + y**2) / (2 * 1.7**2))
    filters = []
    for k in range(ORIENTATIONS):
        phase = 2 * np.pi * 0.25 * (x * np.cos(k * np.pi / 6) + y * np.sin(k * np.pi / 6))
        dc = (envelope * np.cos(phase)).sum() / envelope.sum()
        pair = np.stack([envelope * (np.cos(phase) - dc), envelope * np.sin(phase)])
        filters.append(pair / np.abs(pair).sum((1, 2), keepdims=True))
    return np.stack(filters)


def moduli(images):
    """[..., h, w] to [..., orientation, h, w]"""
    return np.stack(
        [np.sqrt(correlate(images, even) ** 2 + correlate(images, odd) ** 2 + 1e-10) for even, odd in bank()], -3
    )


def window_means(n, out):
    """[out, n]: the matrix that takes means over windows of twice the stride, n > out."""
    matrix = np.zeros((out, n))
    for i in range(out):
        window = np.arange(n * (2 * i - 1) // (2 * out), -(-n * (2 * i + 3) // (2 * out)))
        np.add.at(matrix[i], reflect(window, n), 1 / len(window))
    return matrix


def bilinear(n, out):
    """[out, n], aligned corners."""
    matrix = np.zeros((out, n))
    for i in range(out):
        source = i * (n - 1) / (out - 1) if out > 1 else 0.0
        low = min(int(source), max(n - 2, 0))
        matrix[i, low] += 1 - (source - low)
        matrix[i, min(low + 1, n - 1)] += source - low
    return matrix


def neighbour_means(n):
    """[n, n]: means over a pixel and its two neighbours."""
    matrix = np.zeros((n, n))
    for p in range(n):
        np.add.at(matrix[p], reflect(np.arange(p - 1, p + 2), n), 1 / 3)
    return matrix


def bring(images, H, W):
    rows, columns = (window_means(n, out) if n > out else bilinear(n, out) for n, out in zip(images.shape[-2:], (H, W)))
    return rows @ images @ columns.T


def deviation(images, H, W):
    (h, w) = images.shape[-2:]
    rows, columns = (window_means(n, out) if n > out else neighbour_means(n) for n, out in ((h, H), (w, W)))
    mean = lambda values: rows @ values @ columns.T
    # A shift changes no variance; it keeps the digits.
    centred = images - images.mean((-2, -1), keepdims=True)
    variance = np.maximum(mean(centred**2) - mean(centred) ** 2, 0)
    return bring(np.sqrt(variance + 1e-10), H, W)


def gabor2(image, H, W):
    """u8 [S, S, 3] to f64 [297, H, W]; the first 81 channels are gabor's."""
    R, G, B = image.transpose(2, 0, 1) / 255
    levels = [np.stack([(R + G + B) / 3, (R - G) / 2, (R + G) / 4 - B / 2])]
    while len(levels) < LEVELS:
        levels.append(halve(levels[-1]))
    first = [moduli(level) for level in levels]  # [3, 6, h, w] each
    textures = [bring(maps, H, W) for maps in first]
    textures += [deviation(level, H, W) for level in levels[:2]]
    for j in range(LEVELS):
        maps = first[j][0]
        for _ in range(j + 1, LEVELS):
            maps = halve(maps)
            textures.append(bring(moduli(maps), H, W))
    flat = np.concatenate([t.reshape(-1, H, W) for t in textures])
    return np.concatenate([bring(levels[0], H, W), np.log(flat + 0.002)])


def test_image(S):
    """Smooth shading, stripes, a flat square and noise, none of it symmetric."""
    y, x, c = np.mgrid[0:S, 0:S, 0:3]
    image = 120 + 60 * np.sin(x / 7 + c) * np.cos(y / 11) + 40 * ((2 * x + y) // 5 % 2) * (c != 1)
    image += 25 * fill(f"gabor.{S}", (S, S, 3))
    image[S // 2 : S // 2 + S // 4, S // 8 : S // 3] = [30, 200, 90]
    return np.clip(np.round(image), 0, 255).astype(np.uint8)


if __name__ == "__main__":
    features, images = {}, {}
    for S, H, W in [(64, 8, 8), (50, 9, 7), (8, 4, 6)]:
        images[f"image.{S}"] = test_image(S)
        features[f"features.{S}"] = gabor2(test_image(S), H, W).astype(np.float32)
    save(Path(__file__).parent / "gabor.safetensors", {**features, **images})
