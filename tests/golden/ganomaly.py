"""`ganomaly` in PyTorch (PyTorch 1.13.0, NumPy 1.24.2): writes ganomaly.*."""
import torch
from torch import nn
from torch.nn import functional as F

from dcgan import generator, pyramid, summit
from filled import filled
from twin import TEST, TRAIN, images, train, write

S, WIDTH, LATENT = 32, 4, 6


class Ganomaly(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder1, self.code1 = pyramid(S, WIDTH), summit(S, WIDTH, LATENT)
        self.decoder = generator(S, WIDTH, LATENT)
        self.encoder2, self.code2 = pyramid(S, WIDTH), summit(S, WIDTH, LATENT)
        self.features, self.classifier = pyramid(S, WIDTH), summit(S, WIDTH, 1)

    def forward(self, x):
        x = 2 * x - 1
        z = self.code1(self.encoder1(x))
        fake = self.decoder(z)
        return x, fake, z, self.code2(self.encoder2(fake))


settings = dict(image_size=S, width=WIDTH, latent=LATENT, batch_size=4, lr=1e-2, w_adv=2, w_con=20, w_enc=3)
model, shapes = filled(Ganomaly())
shapes = {k: v for k, v in shapes.items() if not k.endswith("num_batches_tracked")}
known, test = images("train", TRAIN, S), images("test", TEST, S)
with torch.no_grad():
    _, _, z, z2 = model(test)
    scores = ((z - z2) ** 2).mean((1, 2, 3))
of = lambda *names: [p for name in names for p in getattr(model, name).parameters()]
adam = lambda parameters: torch.optim.Adam(parameters, settings["lr"], betas=(0.5, 0.999))
generators = adam(of("encoder1", "code1", "decoder", "encoder2", "code2"))
critics = adam(of("features", "classifier"))


def step(some, _):
    model.train()
    x, fake, z, z2 = model(known[some])
    adversarial = F.mse_loss(model.features(fake), model.features(x))
    loss = 2 * adversarial + 20 * F.l1_loss(fake, x) + 3 * F.mse_loss(z2, z)
    generators.zero_grad()
    loss.backward()
    critics.zero_grad()
    judge = lambda x: model.classifier(model.features(x))
    real, false = judge(x), judge(fake.detach())
    bce = F.binary_cross_entropy_with_logits
    (0.5 * bce(real, torch.ones_like(real)) + 0.5 * bce(false, torch.zeros_like(false))).backward()
    generators.step()
    critics.step()
    return loss


write("ganomaly", shapes, settings, train(known, step), scores=scores)
