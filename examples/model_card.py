"""Write a model card with its evidence, check it, and see a forged number found."""

import json
from pathlib import Path

import spikeproof as sp
from spikeproof.cards import leaderboard, verify_card, write_cards
from spikeproof.models import save_model
from spikeproof.report import write_leaderboard
from spikeproof.study import audit_plan, run

data = sp.load("digits")
model = sp.build("cnn-small", data, width=2, timesteps=2)
sp.fit(model, data, sp.Objective({"error": (1.0, sp.CrossEntropy())}), epochs=1, progress=False)
save_model(model, "model.safetensors")

plan = audit_plan(
    "model.safetensors", data, ["linf"], suite="quick", items=10, draws=1, keep_adversarials=True
)
run(plan, "kept", workers=1)
(card,) = write_cards("kept", "cards/mine", licence="apache-2.0")
print(verify_card(card.folder).sentence)

write_leaderboard(leaderboard(["cards"]), "board.html")
print("board written:", Path("board.html").stat().st_size > 1000)

path = card.folder / "card.json"
content = json.loads(path.read_text())
content["computed"]["clean"]["accuracy"] = 1.0
path.write_text(json.dumps(content))
print(verify_card(card.folder).problem)
