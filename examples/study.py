"""Run a study from a plan: two trainings, one data set; killed, the same call goes on."""

from pathlib import Path

import spikeproof as sp

PLAN = """
name = "example"
seeds = [0]
suite = "quick"
items = 10
draws = 2
probe_items = 10

[[data]]
name = "digits"
model = "dense"
timesteps = 2
width = 16
epochs = 2
threats = ["linf"]
levels = [1]

[[training]]
name = "plain"
terms = { error = { kind = "cross_entropy", weight = 1.0 } }

[[training]]
name = "SR"
[training.terms]
error = { kind = "cross_entropy", weight = 1.0 }
sparse = { kind = "sparse_gradient", weight = 0.02 }
"""

Path("plan.toml").write_text(PLAN, encoding="utf-8")
sp.run_study(sp.load_plan("plan.toml"), "runs/example")
sp.write_report("runs/example", "report.html")
print("written:", Path("report.html").exists())
