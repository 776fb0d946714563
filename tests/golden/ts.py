"""Uninformed students in PyTorch (PyTorch 1.13.0, NumPy 1.24.2): writes ts.*, and ts_17.* and ts_65.* of other patches."""
import torch
from torch import nn

from filled import filled
from teacher import Taught, enlarged
from twin import TEST, TRAIN, descend, features, images, train, write

C, S = 6, 32
MEASURES = ["error", "variance"]


def student(patch, w):
    leaky = lambda: nn.LeakyReLU(0.005)
    conv = lambda i, o, k, padding: (nn.Conv2d(i, o, k, padding=padding), leaky())
    half = lambda: (nn.MaxPool2d(2),)
    layers = {
        17: lambda: [*conv(3, w, 6, 2), *conv(w, 2 * w, 5, 2), *conv(2 * w, 2 * w, 5, 2), nn.Conv2d(2 * w, C, 4, padding=2)],
        33: lambda: [
            *(*conv(3, w, 5, 2), *half()),
            *(*conv(w, 2 * w, 5, 2), *half()),
            *(*conv(2 * w, 2 * w, 2, 1), nn.Conv2d(2 * w, C, 4, padding=1)),
        ],
        65: lambda: [
            *(*conv(3, w, 5, 2), *half()),
            *(*conv(w, w, 5, 2), *half()),
            *(*conv(w, w, 5, 2), *half()),
            *(*conv(w, 2 * w, 4, 2), nn.Conv2d(2 * w, C, 1)),
        ],
    }
    return nn.Sequential(*layers[patch]())


class Ts(Taught):
    def __init__(self, students, patch, w, H):
        super().__init__(C)
        self.H, self.names = H, [f"student{i}" for i in range(students)]
        for name in self.names:
            setattr(self, name, student(patch, w))
        for measure in MEASURES:
            for name in ["mean", "scale"]:
                self.register_buffer(f"{measure}_{name}", torch.zeros(1))

    def said(self, x):
        all = [getattr(self, name)(x) for name in self.names]
        return torch.stack([y if y.shape[-1] == self.H else enlarged(y, self.H) for y in all])

    def loss(self, x, y):
        return ((self.said(x) - self.taught(y)) ** 2).sum(2).mean((1, 2, 3)).sum()

    def measures(self, x, y):
        said = self.said(x)
        mean = said.mean(0)
        return ((mean - self.taught(y)) ** 2).sum(1), ((said - mean) ** 2).sum(2).mean(0)

    def finish(self, x, y):
        for name, values in zip(MEASURES, self.measures(x, y)):
            getattr(self, f"{name}_mean")[:] = values.mean()
            getattr(self, f"{name}_scale")[:] = 1 / values.std(unbiased=False)

    def score(self, x, y):
        of = lambda name, values: (values - getattr(self, f"{name}_mean")) * getattr(self, f"{name}_scale")
        return sum(of(name, values) for name, values in zip(MEASURES, self.measures(x, y)))


for name, patch, H in [("ts", 33, 8), ("ts_17", 17, 4), ("ts_65", 65, 4)]:
    settings = dict(image_size=S, feature_size=H, students=3, width=4, receptive_field=patch, batch_size=4, lr=1e-3)
    settings["weight_decay"] = 1e-3
    model, shapes = filled(Ts(settings["students"], patch, settings["width"], H))
    x, y = images("train", TRAIN, S), features("train", TRAIN, H, C)
    test = images("test", TEST, S), features("test", TEST, H, C)
    model.measure(y)
    optimizer = torch.optim.Adam(model.parameters(), settings["lr"], weight_decay=settings["weight_decay"])
    losses = train(x, descend(model, optimizer, lambda some, _: model.loss(x[some], y[some])))
    with torch.no_grad():
        model.finish(x, y)
        maps = enlarged(model.score(*test)[:, None], S)[:, 0]
    write(name, shapes, settings, losses, maps, maps.mean((1, 2)))
