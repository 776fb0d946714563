"""Writes methods.safetensors: what NumPy, SciPy, PyTorch and scikit-learn make of made-up features by the methods of
docs/method.md §10, in float64.

    /usr/bin/python3 tests/golden/methods.py     (NumPy 1.24.2, SciPy 1.10.1, PyTorch 1.13.1, scikit-learn 1.2.1)

`features`, `pooled` and the like are numbers of fill.py, so that tests/methods/golden_test.ts makes the same ones.
"""
from pathlib import Path

import numpy as np
import torch
from scipy.linalg import cho_factor, cho_solve
from scipy.ndimage import gaussian_filter
from scipy.spatial.distance import cdist
from sklearn.decomposition import PCA
from sklearn.model_selection import GridSearchCV, PredefinedSplit
from sklearn.neighbors import KernelDensity

import st
from fill import fill

H = W = 6
C, P, TRAIN, TEST, S = 10, 7, 14, 3, 40
SIGMA, K = 4, 5
BLURS = [(1, 1, 4.0), (3, 7, 4.0), (40, 33, 4.0), (64, 9, 1.3)]


def features(name, n):
    """[n, H·W, C]: channels that correlate, around means that differ from position to position."""
    noise = fill(name, (n, H * W, C)).astype(np.float64)
    mixed = np.matmul(noise, fill("mix", (C, C)).astype(np.float64))
    return (mixed + fill("mean", (H * W, C), 2, 6)).astype(np.float32)


def pooled(name, n, width, decay):
    """[n, width]: channels whose scale falls."""
    scales = decay ** np.arange(width)
    return (fill(name, (n, width)).astype(np.float64) * scales + fill("pooled mean", width, 1, 2)).astype(np.float32)


def maps(s):
    """Position scores [n, H·W] at S×S, smoothed."""
    large = torch.nn.functional.interpolate(
        torch.from_numpy(s).reshape(-1, 1, H, W), size=(S, S), mode="bilinear", align_corners=True
    )
    return np.stack([gaussian_filter(m, SIGMA) for m in large[:, 0].numpy()])


def mahalanobis_distances(x, mean, covariance):
    d = x - mean
    return np.sqrt(np.einsum("rc,rc->r", d, cho_solve(cho_factor(covariance, lower=True), d.T).T))


def mahalanobis(train, test):
    rows = train.reshape(-1, C)
    covariance = np.cov(rows, rowvar=False, ddof=0)
    covariance += 0.1 * np.mean(np.diag(covariance)) * np.eye(C)
    return mahalanobis_distances(test.reshape(-1, C), rows.mean(0), covariance).reshape(len(test), -1)


def padim(train, test):
    s = np.empty((len(test), H * W))
    for p in range(H * W):
        covariance = np.cov(train[:, p], rowvar=False) + 0.01 * np.eye(C)
        s[:, p] = mahalanobis_distances(test[:, p], train[:, p].mean(0), covariance)
    return s


def patches(x):
    planes = torch.from_numpy(x).reshape(-1, H, W, C).permute(0, 3, 1, 2)
    means = torch.nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False)(planes)
    return means.permute(0, 2, 3, 1).reshape(len(x), H * W, C).numpy()


def patchcore(train, test, b=9):
    """With all patches in the bank."""
    bank = patches(train).reshape(-1, C)
    s, scores = np.empty((len(test), H * W)), np.empty(len(test))
    for i, x in enumerate(patches(test)):
        distances = cdist(x, bank)
        s[i] = distances.min(1)
        m = np.argmax(s[i])
        star = np.argmin(distances[m])
        neighbours = np.argsort(cdist(bank[star : star + 1], bank)[0], kind="stable")[:b]
        weight = 1 - np.exp(s[i, m]) / np.exp(distances[m, neighbours]).sum()
        scores[i] = weight * s[i, m]
    return s, scores


def spade(train, test, train_pooled, test_pooled):
    distances = cdist(test_pooled, train_pooled)
    nearest = np.argsort(distances, axis=1)[:, :K]
    s = np.stack([cdist(x, train[nearest[i]].reshape(-1, C)).min(1) for i, x in enumerate(test)])
    return s, np.sort(distances, axis=1)[:, :K].mean(1)


def kde(train, test):
    """Scores, the bandwidth and the number of components."""
    pca = PCA(n_components=0.95, svd_solver="full").fit(train)
    points = pca.transform(train)
    scale = np.sqrt(np.mean(np.sum(points**2, axis=0) / len(points)))
    grid = scale * 2 ** (np.arange(-6, 7) / 2)
    folds = PredefinedSplit(np.arange(len(points)) % 5)
    search = GridSearchCV(KernelDensity(), {"bandwidth": grid}, cv=folds).fit(points)
    return -search.best_estimator_.score_samples(pca.transform(test)), search.best_params_["bandwidth"], points.shape[1]


def main():
    train, test = features("train", TRAIN).astype(np.float64), features("test", TEST).astype(np.float64)
    whole = [pooled(name, n, P, 0.9).astype(np.float64) for name, n in (("train whole", TRAIN), ("test whole", TEST))]
    tensors = {"mahalanobis": mahalanobis(train, test), "padim": padim(train, test), "patches": patches(test)}
    s, tensors["patchcore.scores"] = patchcore(train, test)
    tensors["patchcore.maps"] = maps(s)
    s, tensors["spade.scores"] = spade(train, test, *whole)
    tensors["spade.maps"] = maps(s)
    tensors["padim.maps"] = maps(tensors["padim"])
    for n, width in ((60, 20), (25, 40)):  # more images than channels, and fewer
        train_whole, test_whole = (
            pooled(f"{name} {n}", count, width, 0.85).astype(np.float64) for name, count in (("kde train", n), ("kde test", 6))
        )
        scores, bandwidth, components = kde(train_whole, test_whole)
        tensors[f"kde.{n}"] = scores
        tensors[f"kde.{n}.settings"] = np.array([bandwidth, components])
    for height, width, sigma in BLURS:
        x = fill(f"blur {height}x{width}", (height, width)).astype(np.float64)
        tensors[f"blur.{height}x{width}"] = gaussian_filter(x, sigma)
    st.save(Path(__file__).with_name("methods.safetensors"), {k: np.asarray(v, np.float64) for k, v in tensors.items()})


if __name__ == "__main__":
    main()
