"""Steps of torch.optim's optimizers and values of its schedules.

    python3 tests/golden/optim.py        (PyTorch 1.13.0, NumPy 1.24.2; writes optim.safetensors and optim.json)

`CASES`: a linear layer [5, 3] learns fill("target", (4, 5)) from fill("x", (4, 3)) by the mean squared error, five
steps from fill("weight", (5, 3)) and fill("bias", (5,)): `CASE.weight`, `CASE.bias` afterwards, and `CASE.norms`, the
gradients' norms before clipping. `SCHEDULES`: learning rates of ten epochs from 0.1 on.

`gan.*`: two optimizers in a step. A critic [1, 4] over [2, 4], Sgd, learns to give 1 of fill("real", (6, 2)) and 0 of
what a generator [2, 3], Adam, makes of fill("z", (6, 3)); then the generator to make what it gives 1 of: five such
steps, all by the mean squared error.
"""
import json
from pathlib import Path

import torch
from torch.nn import functional as F
from torch.optim import lr_scheduler as schedule

from fill import fill
from st import save

HERE = Path(__file__).parent
STEPS = 5
# case: optimizer, its options, the largest norm of the gradients
CASES = {
    "adam": ("Adam", dict(lr=0.05), 0),
    "adam decayed": ("Adam", dict(lr=0.05, weight_decay=0.3, betas=(0.5, 0.9), eps=1e-3), 0.05),
    "adamw": ("AdamW", dict(lr=0.05, weight_decay=0.3), 0.05),
    "sgd": ("SGD", dict(lr=0.1), 0),
    "sgd momentum": ("SGD", dict(lr=0.1, momentum=0.9, weight_decay=0.1), 0.2),
    "sgd nesterov": ("SGD", dict(lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.1), 0),
}
SCHEDULES = {
    "multiStep": lambda optimizer: schedule.MultiStepLR(optimizer, [3, 3, 7]),
    "multiStep half": lambda optimizer: schedule.MultiStepLR(optimizer, [1, 4], gamma=0.5),
    "exponential": lambda optimizer: schedule.ExponentialLR(optimizer, 0.95),
    "cosine": lambda optimizer: schedule.CosineAnnealingLR(optimizer, 10),
}


def filled(name, *shape):
    return torch.tensor(fill(name, shape).astype("float64"), requires_grad=True)


def regression(name, options, clip):
    weight, bias = filled("weight", 5, 3), filled("bias", 5)
    optimizer = getattr(torch.optim, name)([weight, bias], **options)
    norms = []
    for _ in range(STEPS):
        optimizer.zero_grad()
        F.mse_loss(F.linear(filled("x", 4, 3), weight, bias), filled("target", 4, 5).detach()).backward()
        norms.append(torch.nn.utils.clip_grad_norm_([weight, bias], clip or float("inf")))
        optimizer.step()
    return dict(weight=weight, bias=bias, norms=torch.stack(norms))


def gan():
    generator = {"g.weight": filled("g.weight", 2, 3), "g.bias": filled("g.bias", 2)}
    critic = {name: filled(name, *shape) for name, shape in
              {"c1.weight": (4, 2), "c1.bias": (4,), "c2.weight": (1, 4), "c2.bias": (1,)}.items()}
    judged = lambda x: F.linear(F.relu(F.linear(x, critic["c1.weight"], critic["c1.bias"])),
                                critic["c2.weight"], critic["c2.bias"])
    real, z = filled("real", 6, 2).detach(), filled("z", 6, 3).detach()
    one, zero = torch.ones(6, 1, dtype=torch.float64), torch.zeros(6, 1, dtype=torch.float64)
    of_generator = torch.optim.Adam(generator.values(), lr=0.05, betas=(0.5, 0.999))
    of_critic = torch.optim.SGD(critic.values(), lr=0.1, momentum=0.9, nesterov=True)
    for _ in range(STEPS):
        made = F.linear(z, generator["g.weight"], generator["g.bias"])
        of_critic.zero_grad()
        (F.mse_loss(judged(real), one) + F.mse_loss(judged(made.detach()), zero)).backward()
        of_critic.step()
        of_generator.zero_grad()
        F.mse_loss(judged(made), one).backward()
        of_generator.step()
    return generator | critic


def rates(make):
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)
    schedule, rates = make(optimizer), []
    for _ in range(10):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return rates


if __name__ == "__main__":
    torch.set_num_threads(1)
    found = {case: regression(*how) for case, how in CASES.items()} | {"gan": gan()}
    tensors = {f"{case}.{name}": value.detach().numpy().astype("float32")
               for case, values in found.items() for name, value in values.items()}
    save(HERE / "optim.safetensors", tensors)
    cases = {case: dict(optimizer=name, options=options, clip=clip) for case, (name, options, clip) in CASES.items()}
    schedules = {name: rates(make) for name, make in SCHEDULES.items()}
    (HERE / "optim.json").write_text(json.dumps(dict(cases=cases, schedules=schedules), indent=2) + "\n")
    print({name: value.tolist() for name, value in tensors.items() if name.endswith("norms")})
