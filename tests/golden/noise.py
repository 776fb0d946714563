"""Random numbers as src/hash.ts has them: those that a step draws by the run's seed and the step's number."""
import numpy as np

from fill import fnv1a, mix32


def mix(x):
    return mix32(np.asarray(x, np.uint64).astype(np.uint32))


class Random:
    """A stream of random numbers, by its seed and a name for what it is used for."""

    def __init__(self, seed, stream):
        self.key = int(mix(int(mix(seed)) ^ fnv1a(stream)))
        self.counter = 0

    def bits(self):
        found = int(mix(int(mix((self.counter + self.key) & 0xFFFFFFFF)) ^ self.key))
        self.counter += 1
        return found

    def permutation(self, n):
        p = list(range(n))
        for i in range(n - 1, 0, -1):
            j = int(self.bits() / 2**32 * (i + 1))
            p[i], p[j] = p[j], p[i]
        return p


def bits_at(seed, i):
    return mix(mix((i + seed) & 0xFFFFFFFF).astype(np.uint64) ^ np.uint64(seed)).astype(np.float64)


def normals(seed, shape):
    """Standard normal numbers, `normals` of src/autograd: value i by the seed and i alone."""
    i = np.arange(int(np.prod(shape)), dtype=np.uint64)
    even = i - i % 2
    u = (np.floor(bits_at(seed, even) / 256) + 1) / 2**24
    turn = bits_at(seed, even + 1) / 2**32 - (i % 2) / 4
    return (np.sqrt(-2 * np.log(u)) * np.cos(2 * np.pi * turn)).reshape(shape)
