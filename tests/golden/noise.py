"""What a step draws by the run's seed and the step's number: `normals` of src/autograd, and Random of src/hash.ts."""
import numpy as np

from draws import Random  # noqa: F401 -- for who imports this
from fill import mix32


def mix(x):
    return mix32(np.asarray(x, np.uint64).astype(np.uint32))


def bits_at(seed, i):
    return mix(mix((i + seed) & 0xFFFFFFFF).astype(np.uint64) ^ np.uint64(seed)).astype(np.float64)


def normals(seed, shape):
    """Standard normal numbers, `normals` of src/autograd: value i by the seed and i alone."""
    i = np.arange(int(np.prod(shape)), dtype=np.uint64)
    even = i - i % 2
    u = (np.floor(bits_at(seed, even) / 256) + 1) / 2**24
    turn = bits_at(seed, even + 1) / 2**32 - (i % 2) / 4
    return (np.sqrt(-2 * np.log(u)) * np.cos(2 * np.pi * turn)).reshape(shape)
