"""Find how far each item is from being misread, instead of a verdict at one radius."""

import numpy as np

import spikeproof as sp
from spikeproof.attacks import FMN

data = sp.load("digits")
model = sp.build("dense", data, timesteps=4, width=32)
objective = sp.Objective({"error": (1.0, sp.CrossEntropy())})
sp.fit(model, data, objective, epochs=4, progress=False)

x, y = data.validation.x[:20], data.validation.y[:20]
for norm, most in (("linf", 0.5), ("l2", 4.0)):
    found = sp.attack(model, x, y, norm=norm, eps=most, attack=FMN(steps=40))
    fell = found.success & found.correct
    print(f"{norm}: {fell.sum()} of {found.correct.sum()} fell", end="")
    print(f", half of them within {np.median(found.distance[fell]):.3f}")
