"""Training steps in PyTorch on the CPU, for a child process that does as many as it is told to on stdin.

Usage of a script that calls serve: SCRIPT FOLDER THREADS. FOLDER holds config.json (sizes, AdamW's settings, parameters'
names and shapes), parameters.bin and data.bin (float32). A line with a number makes so many steps and answers "done"; the
line "moments" writes AdamW's first moments to FOLDER/moments.bin and answers "done".
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch
from torch import nn

folder, threads = Path(sys.argv[1]), int(sys.argv[2])
torch.set_num_threads(threads)
config = json.loads((folder / "config.json").read_text())
data = torch.from_numpy(np.fromfile(folder / "data.bin", "<f4"))


def serve(model, loss):
    """Loads the parameters, and makes steps of loss(model) with its gradient's norm clipped."""
    flat, state, at = np.fromfile(folder / "parameters.bin", "<f4"), {}, 0
    for name, shape in config["shapes"].items():
        size = int(np.prod(shape))
        state[name] = torch.from_numpy(flat[at : at + size].reshape(shape))
        at += size
    model.load_state_dict(state)
    settings = config["adamw"]
    optimizer = torch.optim.AdamW(
        model.parameters(),
        lr=settings["lr"],
        betas=(settings["beta1"], settings["beta2"]),
        eps=settings["eps"],
        weight_decay=settings["weight_decay"],
    )
    print(torch.__version__, flush=True)
    for line in sys.stdin:
        if line.strip() == "moments":
            named = dict(model.named_parameters())
            moments = [optimizer.state[named[name]]["exp_avg"].reshape(-1) for name in config["shapes"]]
            torch.cat(moments).numpy().astype("<f4").tofile(folder / "moments.bin")
        else:
            for _ in range(int(line)):
                optimizer.zero_grad(set_to_none=True)
                loss(model).backward()
                nn.utils.clip_grad_norm_(model.parameters(), settings["clip"])
                optimizer.step()
        print("done", flush=True)
