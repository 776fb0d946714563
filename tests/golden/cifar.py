"""The files of CIFAR's python version, small, as Python 3 pickles them for Python 2 (protocol 2).

    python3 tests/golden/cifar.py        (NumPy 1.24.2; writes cifar_*.pkl)

`cifar_batch.pkl` is a file like data_batch_1 with 3 images, `cifar_fortran.pkl` the same with its array column-major,
`cifar_meta.pkl` like batches.meta, `cifar_fine.pkl` like CIFAR-100's train with 2 images. Byte i of the images named
NAME is floor(fill(NAME, ..., 0, 256)), see `fill.py`. With keys and strings as str, and as bytes in `cifar_bytes.pkl`.
`cifar_fine4.pkl` and `cifar_fine5.pkl` are the latter of protocols 4 and 5, in the last column-major.
"""
import pickle
from pathlib import Path

import numpy as np

from fill import fill

HERE = Path(__file__).parent
CLASSES = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]

if __name__ == "__main__":
    images = lambda name, n: np.floor(fill(name, (n, 3072), 0, 256)).astype(np.uint8)
    batch = {"batch_label": "training batch 1 of 5", "labels": [6, 9, 0], "data": images("batch", 3),
             "filenames": ["leptodactylus_pentadactylus_s_000004.png", "camion_s_000148.png", "a.png"]}
    files = {
        "batch": batch,
        "fortran": {**batch, "data": np.asfortranarray(batch["data"])},
        "bytes": {key.encode(): value for key, value in batch.items()},
        "meta": {"num_cases_per_batch": 10000, "label_names": CLASSES, "num_vis": 3072},
        "fine": {"filenames": ["a.png", "b.png"], "batch_label": "training batch 1 of 1", "fine_labels": [99, 0],
                 "coarse_labels": [19, 0], "data": images("fine", 2)},
    }
    for name, content in files.items():
        (HERE / f"cifar_{name}.pkl").write_bytes(pickle.dumps(content, protocol=2))
    fine = files["fine"]
    (HERE / "cifar_fine4.pkl").write_bytes(pickle.dumps(fine, protocol=4))
    fine = {**fine, "data": np.asfortranarray(fine["data"])}
    (HERE / "cifar_fine5.pkl").write_bytes(pickle.dumps(fine, protocol=5))
