"""Random numbers as src/hash.ts has them: those that a step draws by the run's seed and the step's number."""
import numpy as np

from fill import fnv1a, mix32


def mix(x):
    return mix32(np.asarray(x, np.uint64).astype(np.uint32))


def random_bits(seed, stream):
    """The first of `new Random(seed, stream).bits()`."""
    key = mix(int(mix(seed)) ^ fnv1a(stream))
    return int(mix(int(mix(key)) ^ int(key)))


def bits_at(seed, i):
    return mix(mix((i + seed) & 0xFFFFFFFF).astype(np.uint64) ^ np.uint64(seed)).astype(np.float64)


def normals(seed, shape):
    """Standard normal numbers, `normals` of src/autograd: value i by the seed and i alone."""
    i = np.arange(int(np.prod(shape)), dtype=np.uint64)
    even = i - i % 2
    u = (np.floor(bits_at(seed, even) / 256) + 1) / 2**24
    turn = bits_at(seed, even + 1) / 2**32 - (i % 2) / 4
    return (np.sqrt(-2 * np.log(u)) * np.cos(2 * np.pi * turn)).reshape(shape)
