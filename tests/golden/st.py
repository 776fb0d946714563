"""Reads and writes safetensors files: 8 bytes of header length, a JSON header, the tensors' bytes one after another."""
import json

import numpy as np

DTYPES = {"F64": "<f8", "F32": "<f4", "I64": "<i8", "U8": "|u1"}


def save(path, tensors, metadata=None):
    """Writes a dict of NumPy arrays; `metadata` maps strings to strings."""
    names = {np.dtype(code): name for name, code in DTYPES.items()}
    header, end = {"__metadata__": metadata} if metadata else {}, 0
    arrays = {name: np.require(array, requirements="C") for name, array in tensors.items()}
    for name, array in arrays.items():
        start, end = end, end + array.nbytes
        header[name] = {"dtype": names[array.dtype], "shape": list(array.shape), "data_offsets": [start, end]}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text + b"".join(a.tobytes() for a in arrays.values()))


def load(path):
    """The tensors of a file as NumPy arrays by name, and its metadata."""
    with open(path, "rb") as file:
        data = file.read()
    start = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:start])
    metadata = header.pop("__metadata__", {})
    view = lambda e: np.frombuffer(data[start + e["data_offsets"][0] : start + e["data_offsets"][1]], DTYPES[e["dtype"]])
    return {name: view(entry).reshape(entry["shape"]) for name, entry in header.items()}, metadata
