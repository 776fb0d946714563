"""Writes metrics.json: what scikit-learn, and AUPRO written plainly with SciPy, say about made-up scores.

    python3 tests/golden/metrics.py        (scikit-learn 1.2.1, SciPy 1.10.1, NumPy 1.24.2)

A case is made of numbers of fill.py, so that tests/metrics/golden_test.ts makes the same one: scores have `levels`
different values (0: are not rounded), so that few levels give many ties, and are raised by `shift` where anomalous.
"""
import json
from pathlib import Path

import numpy as np
from scipy.ndimage import label
from sklearn.metrics import average_precision_score, precision_recall_curve, roc_auc_score

from fill import fill


def scores_of(case, anomalous):
    scores = fill(case["name"], anomalous.shape, -1, 1)
    if case["levels"]:
        scores = np.floor((scores.astype(np.float64) + 1) * case["levels"] / 2) - case["levels"] // 2
    return (scores + case["shift"] * anomalous).astype(np.float32)


def best_f1(labels, scores):
    precision, recall, _ = precision_recall_curve(labels, scores)
    with np.errstate(invalid="ignore"):
        return np.nanmax(2 * precision * recall / (precision + recall))


def aupro(maps, masks, limit=0.3):
    """Region by region and threshold by threshold, as the definition reads."""
    regions = []
    for image, mask in zip(maps, masks):
        labels, count = label(mask, structure=np.ones((3, 3)))
        regions += [np.sort(image[labels == k]) for k in range(1, count + 1)]
    normal = np.sort(maps[masks == 0])
    thresholds = np.unique(maps)[::-1]
    at_least = lambda ordered: 1 - np.searchsorted(ordered, thresholds, side="left") / len(ordered)
    rate = np.concatenate([[0], at_least(normal)])
    overlap = np.concatenate([[0], np.mean([at_least(region) for region in regions], axis=0)])
    end = np.searchsorted(rate, limit, side="right")
    x, y = rate[:end], overlap[:end]
    if x[-1] < limit:
        step = (limit - x[-1]) / (rate[end] - x[-1])
        x, y = np.append(x, limit), np.append(y, y[-1] + step * (overlap[end] - y[-1]))
    return np.trapz(y, x) / limit


def image_case(name, n, levels, shift, anomalous):
    case = dict(name=name, n=n, levels=levels, shift=shift, anomalous=anomalous)
    labels = (fill(name + ".labels", n, 0, 1) < anomalous).astype(np.uint8)
    scores = scores_of(case, labels)
    case["expected"] = dict(
        image_auroc=roc_auc_score(labels, scores),
        image_ap=average_precision_score(labels, scores),
        image_f1max=best_f1(labels, scores),
    )
    return case


def pixel_case(name, n, width, height, levels, shift, specks, boxes):
    """Masks hold single pixels, touching in all ways, with the share `specks`, and boxes that may leave the image."""
    case = dict(name=name, n=n, width=width, height=height, levels=levels, shift=shift, specks=specks, boxes=boxes)
    masks = (fill(name + ".specks", (n, height, width), 0, 1) < specks).astype(np.uint8)
    for image, x, y, w, h in np.floor(fill(name + ".boxes", (boxes, 5), 0, 1) * [n, width, height, 12, 12]).astype(int):
        masks[image, y : y + h, x : x + w] = 1
    maps = scores_of(case, masks)
    case["expected"] = dict(
        pixel_auroc=roc_auc_score(masks.ravel(), maps.ravel()),
        pixel_ap=average_precision_score(masks.ravel(), maps.ravel()),
        aupro=aupro(maps, masks),
    )
    case["limits"] = {str(limit): aupro(maps, masks, limit) for limit in (0.05, 1.0)}
    return case


def main():
    golden = dict(
        image=[
            image_case("distinct", 200, 0, 0.5, 0.4),
            image_case("ties", 200, 7, 2, 0.4),
            image_case("two values", 83, 2, 0, 0.7),
            image_case("constant", 50, 1, 0, 0.3),
            image_case("one anomalous", 60, 0, 0, 0.01),
            image_case("wrong way", 120, 16, -6, 0.5),
            image_case("perfect", 40, 4, 100, 0.5),
        ],
        pixel=[
            pixel_case("distinct", 5, 40, 30, 0, 0.5, 0.01, 6),
            pixel_case("ties", 5, 40, 30, 8, 3, 0.02, 6),
            pixel_case("touching", 3, 31, 23, 32, 9, 0.3, 0),
            pixel_case("dense", 2, 17, 29, 0, 0.25, 0.7, 2),
            pixel_case("two values", 4, 24, 24, 2, 1, 0.005, 4),
            pixel_case("constant", 2, 20, 20, 1, 0, 0.05, 1),
            pixel_case("wrong way", 3, 20, 20, 16, -3, 0.02, 3),
            pixel_case("perfect", 3, 20, 20, 0, 8, 0.0, 3),
            pixel_case("one row", 4, 50, 1, 0, 1, 0.1, 0),
            pixel_case("one column", 4, 1, 50, 12, 3, 0.1, 0),
        ],
    )
    Path(__file__).with_name("metrics.json").write_text(json.dumps(golden, indent=1) + "\n")


if __name__ == "__main__":
    main()
