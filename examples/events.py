"""Attack recordings of events by inserting and deleting whole events."""

import spikeproof as sp

data = sp.load("digits-events")
model = sp.build("dense", data, width=32)
objective = sp.Objective({"error": (1.0, sp.CrossEntropy())})
sp.fit(model, data, objective, epochs=4, progress=False)

threats = [sp.Threat(sp.Counts(), radius, data.domain) for radius in (8, 32)]
print(sp.audit(model, data, threats, suite="quick", items=15).table())
