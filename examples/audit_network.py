"""Audit a network on the test items of a data set, into a folder that a report can be made of."""

import spikeproof as sp

data = sp.load("digits")
model = sp.build("dense", data, timesteps=4, width=32)
objective = sp.Objective({"error": (1.0, sp.CrossEntropy())})
sp.fit(model, data, objective, epochs=4, progress=False)

threats = [sp.Threat(sp.Linf(), 0.1, data.domain), sp.Threat(sp.L2(), 0.5, data.domain)]
audit = sp.audit(model, data, threats, suite="quick", items=20, folder="runs/audit")
print(audit.table())
