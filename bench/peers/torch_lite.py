"""EfficientNet-Lite0 up to its fifth stage in PyTorch on the CPU, beside `adtr bench --only lite0`.

    pip install --no-deps efficientnet_lite_pytorch==0.1.0
    python3 bench/peers/torch_lite.py [THREADS]

Weights are made up, which costs nothing: speed does not depend on them. Prints medians of five runs, as Markdown rows.
"""
import statistics
import sys
import time

import torch
from efficientnet_lite_pytorch import EfficientNet

torch.set_num_threads(int(sys.argv[1]) if len(sys.argv) > 1 else 1)
model = EfficientNet.from_name("efficientnet-lite0").eval()
# The blocks of the first five stages: 1, 2, 2, 3 and 3.
blocks = model._blocks[: 1 + 2 + 2 + 3 + 3]


@torch.no_grad()
def features(x):
    x = model._swish(model._bn0(model._conv_stem(x)))
    for block in blocks:
        x = block(x)
    return x


for S in (128, 256):
    for B in (1, 8):
        x, times = torch.randn(B, 3, S, S), []
        assert features(x).shape == (B, 112, S // 16, S // 16)
        for _ in range(5):
            began = time.perf_counter()
            for _ in range(4):
                features(x)
            times.append((time.perf_counter() - began) / 4)
        ms = 1000 * statistics.median(times)
        print(f"| {B}x{S}x{S}x3 | PyTorch {torch.__version__}, {torch.get_num_threads()} thread(s) | {ms:.1f} | {1000 * B / ms:.1f} |")
