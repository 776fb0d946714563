"""`arnet` in PyTorch (PyTorch 1.13.0, NumPy 1.24.2): writes arnet.*. The turns are drawn by the numbers of src/hash.ts."""
import torch
from torch import nn
from torch.nn import functional as F

from draws import Random
from filled import filled
from twin import BATCH, TEST, TRAIN, descend, images, train, write
from unet import Unet

S, WIDTH = 32, 4


class Arnet(nn.Module):
    def __init__(self):
        super().__init__()
        self.unet = Unet(1, 3, [WIDTH * times for times in (1, 2, 4, 8, 8)])

    def forward(self, x, turns):
        gray = (x * torch.tensor([0.299, 0.587, 0.114])[:, None, None]).sum(1, keepdim=True)
        turned = [torch.rot90(image, turn, (1, 2)) for image, turn in zip(gray, turns)]
        return self.unet(torch.stack(turned))


settings = dict(image_size=S, width=WIDTH, batch_size=BATCH, lr=1e-2, weight_decay=1e-3)
model, shapes = filled(Arnet())
shapes = {k: v for k, v in shapes.items() if not k.endswith("num_batches_tracked")}
known, test = images("train", TRAIN, S), images("test", TEST, S)
with torch.no_grad():
    maps = sum(((model(test, [turn] * TEST) - test) ** 2).mean(1) for turn in range(4)) / 4
optimizer = torch.optim.Adam(model.parameters(), settings["lr"], weight_decay=settings["weight_decay"])


def loss_of(some, step):
    random = Random(0, f"turns {step}")
    return F.mse_loss(model(known[some], [random.below(4) for _ in some]), known[some])


write("arnet", shapes, settings, train(known, descend(model, optimizer, loss_of)), maps)
