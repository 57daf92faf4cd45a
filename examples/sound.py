"""Attack sounds, and say in decibels how loud the change is."""

import torch

import spikeproof as sp

data = sp.load("digits-audio")
model = sp.build("tcn-small", data)
objective = sp.Objective({"error": (1.0, sp.CrossEntropy())})
sp.fit(model, data, objective, epochs=6, progress=False)

x, y = data.validation.x[:15], data.validation.y[:15]
found = sp.attack(model, x, y, norm="l2", eps=1.0, attack="pgd", kind="audio")
change = found.x_adv - x
ratio = 10 * torch.log10(x.square().mean(1) / change.square().mean(1).clamp(min=1e-12))
fell = torch.as_tensor(found.success & found.correct)
print(f"{int(fell.sum())} of {int(found.correct.sum())} fell")
print(f"the change is {ratio[fell].median():.1f} dB below the sound in the median")
