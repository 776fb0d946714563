"""ADTR's training step in PyTorch on the CPU: see torch_training.py. FOLDER's data.bin holds the features."""

from torch import nn

from torch_adtr import Adtr
from torch_training import config, data, serve

features = data.reshape(config["B"], config["H"] * config["W"], config["C"])
sizes = {**config, "dropout": 0}  # engines without dropout are beside it
serve(Adtr(sizes), lambda model: nn.functional.mse_loss(model(features), features))
