"""Bound robust accuracy from below, on a network and radius small enough for a proof."""

import spikeproof as sp

data = sp.load("digits")
model = sp.build("dense", data, timesteps=2, width=16)
objective = sp.Objective({"error": (1.0, sp.CrossEntropy())})
sp.fit(model, data, objective, epochs=4, progress=False)

x, y = data.validation.x[:40], data.validation.y[:40]
threat = sp.Threat(sp.Linf(), 0.005, data.domain)
proved = sp.certify(model, x, y, threat)
attacked = sp.robust_accuracy(model, x, y, threats="linf:0.005", suite="quick")
print(
    f"between {100 * proved.accuracy:.0f} % (proved) and {100 * float(attacked):.0f} % (attacked)"
)
