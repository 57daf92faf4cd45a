"""Train one network plainly, with sparse gradients and adversarially; compare."""

import spikeproof as sp

data = sp.load("digits")
threat = sp.Threat(sp.Linf(), 0.1, data.domain)
error = (1.0, sp.CrossEntropy())
attacked = sp.Adversarial(sp.PGD(steps=2, step_size=0.7), threat)
objectives = {
    "plain": sp.Objective({"error": error}),
    "SR": sp.Objective({"error": error, "sparse": (0.02, sp.SparseGradient())}),
    "AT": sp.Objective({"error": error}, inputs=attacked),
}
x, y = data.validation.x[:30], data.validation.y[:30]  # choose on validation items
for name, objective in objectives.items():
    model = sp.build("dense", data, timesteps=4, width=32)
    sp.fit(model, data, objective, epochs=5, progress=False)
    found = sp.robust_accuracy(model, x, y, threats="linf:0.1", suite="quick")
    clean, robust = 100 * found.clean_accuracy, 100 * float(found)
    print(f"{name:6} clean {clean:.0f} %, robust {robust:.0f} %")
