"""Attack one network through several gradients of its spikes."""

import spikeproof as sp
from spikeproof.oracle import ASSG, Backward

data = sp.load("digits")
model = sp.build("dense", data, timesteps=4, width=32)
objective = sp.Objective({"error": (1.0, sp.CrossEntropy())})
sp.fit(model, data, objective, epochs=4, progress=False)

x, y = data.validation.x[:30], data.validation.y[:30]
rules = {
    "arctan 5": sp.Surrogate("arctan", sharpness=5.0),
    "rectangle 20": sp.Surrogate("rectangle", sharpness=20.0),
    "ASSG": ASSG(),
    "ASSG, reset detached": Backward(gradient=ASSG(), reset="detached"),
}
for name, rule in rules.items():
    found = sp.attack(model, x, y, eps=0.1, gradient=rule)
    print(f"{name:21} leaves {100 * found.robust_accuracy:.0f} %")
