"""The same numbers as tests/fill.ts: entry i of the tensor `name` is a hash of both."""
import numpy as np


def fnv1a(text):
    h = 0x811C9DC5
    for byte in text.encode():
        h = ((h ^ byte) * 0x01000193) & 0xFFFFFFFF
    return h


def mix32(x):
    x = x.astype(np.uint32)
    x ^= x >> np.uint32(16)
    x *= np.uint32(0x7FEB352D)
    x ^= x >> np.uint32(15)
    x *= np.uint32(0x846CA68B)
    x ^= x >> np.uint32(16)
    return x


def fill(name, shape, low=-1.0, high=1.0):
    """Uniform in [low, high), float32, as a NumPy array of that shape."""
    count = int(np.prod(shape))
    with np.errstate(over="ignore"):
        u = mix32(np.uint32(fnv1a(name)) + np.arange(count, dtype=np.uint32)).astype(np.float64) / 2**32
    return (low + (high - low) * u).astype(np.float32).reshape(shape)
