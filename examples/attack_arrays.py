"""Attack any torch network on arrays, in one call."""

import torch
from torch import nn

import spikeproof as sp

torch.manual_seed(0)
model = nn.Sequential(nn.Flatten(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
images = torch.rand(50, 1, 8, 8)
labels = model(images).argmax(1)  # the network is right on all of them

found = sp.attack(model, images, labels, norm="linf", eps=8 / 255, attack="pgd")
print(
    f"right before: {100 * found.clean_accuracy:.0f} %, after: {100 * found.robust_accuracy:.0f} %"
)
print(
    "adversarial inputs:",
    tuple(found.x_adv.shape),
    "largest change:",
    found.distance.max().round(4),
)
