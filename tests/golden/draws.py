"""The random numbers of src/hash.ts: `Random(seed, stream)` draws the same."""
import numpy as np

from fill import fnv1a, mix32


def mixed(x):
    with np.errstate(over="ignore"):
        return int(mix32(np.uint32([x & 0xFFFFFFFF]))[0])


class Random:
    def __init__(self, seed, stream=""):
        self.key = mixed(mixed(seed) ^ fnv1a(stream))
        self.counter = 0

    def bits(self):
        self.counter += 1
        return mixed(mixed(self.counter - 1 + self.key) ^ self.key)

    def uniform(self):
        return self.bits() / 2**32

    def below(self, n):
        return int(self.uniform() * n)

    def permutation(self, n):
        p = list(range(n))
        for i in range(n - 1, 0, -1):
            j = self.below(i + 1)
            p[i], p[j] = p[j], p[i]
        return p
