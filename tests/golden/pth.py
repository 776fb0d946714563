"""Small checkpoints as torch.save writes them, in both of its formats, for the reader of .pth files.

    python3 tests/golden/pth.py        (PyTorch 1.13.0; writes pth_*.pth)

`pth_zip.pth`, `pth_legacy.pth` (pickles of protocol 2), and the same with the protocol behind their names, 3 to 5, hold the
same state dict, `state()` below: tests/formats/pth_test.ts states it once more. `pth_nested.pth` is a training script's
checkpoint with one state dict, `pth_sets.pth` one with sets and bytes among its values, `pth_several.pth` one with more
state dicts than one.
"""
from collections import OrderedDict
from pathlib import Path

import torch
from torch import nn

HERE = Path(__file__).parent


def state():
    """Every dtype, layout and wrapping that a state dict may come with."""
    grid = torch.arange(12, dtype=torch.float32).reshape(3, 4) / 8 - 1
    state = OrderedDict(
        float=grid,
        double=grid.double(),
        half=grid.half(),
        bfloat16=grid.bfloat16(),
        long=torch.tensor([-1, 2**40]),
        int=torch.tensor([-5], dtype=torch.int32),
        short=torch.tensor([-6], dtype=torch.int16),
        char=torch.tensor([-7], dtype=torch.int8),
        byte=torch.tensor([255], dtype=torch.uint8),
        bool=torch.tensor([True, False]),
        transposed=grid.t(),  # shares the storage of `float`
        window=grid[1:, 1::2],
        expanded=torch.tensor([3.0]).expand(2, 2),
        scalar=torch.tensor(7, dtype=torch.int64),
        empty=torch.zeros(0, 4),
        parameter=nn.Parameter(grid[0].clone()),
    )
    state._metadata = OrderedDict({"": {"version": 1}})  # as Module.state_dict() has it, pickled by BUILD
    return state


if __name__ == "__main__":
    torch.save(state(), HERE / "pth_zip.pth")
    torch.save(state(), HERE / "pth_legacy.pth", _use_new_zipfile_serialization=False)
    torch.save(state(), HERE / "pth_zip4.pth", pickle_protocol=4)
    torch.save(state(), HERE / "pth_zip5.pth", pickle_protocol=5)
    for protocol in (3, 4, 5):
        path = HERE / f"pth_legacy{protocol}.pth"
        torch.save(state(), path, pickle_protocol=protocol, _use_new_zipfile_serialization=False)
    checkpoint = dict(
        epoch=3, best=0.5, arch="tiny", done=True, none=None, sizes=[1, (2, 300, 70000, -1, 2**40)], shape=torch.Size([2]),
        state_dict={"module.weight": torch.tensor([[1.0, 2.0]]), "module.steps": torch.tensor(4)},
        optimizer=dict(state={0: dict(step=1)}, param_groups=[dict(lr=1e-4, params=[0])]),
    )
    torch.save(checkpoint, HERE / "pth_nested.pth")
    sets = dict(
        classes={"good", "bad"}, frozen=frozenset([1, 2]), hash=b"\x00\xff", long_hash=b"\x01" * 300,
        buffer=bytearray(b"in band"), text="é" * 200, net={"weight": torch.tensor([1.0, 2.0])},
    )
    recursive = ([],)
    recursive[0].append(recursive)  # a tuple in itself takes POP and POP_MARK
    torch.save(dict(sets, recursive=recursive), HERE / "pth_sets.pth", pickle_protocol=5)
    average = {"n_averaged": torch.tensor(3), "module.weight": torch.tensor([[3.0, 4.0]]), "module.bias": torch.ones(1)}
    several = dict(
        epoch=3, net={"_orig_mod.weight": torch.tensor([[1.0, 2.0]]), "_orig_mod.bias": torch.zeros(1)},
        ema=dict(decay=0.999, state_dict=average), optimizer=dict(state={0: dict(exp_avg=torch.ones(2))}),
    )
    torch.save(several, HERE / "pth_several.pth", pickle_protocol=5)
