"""Budgets: what they buy, what they leave, that nothing else changes; on a made-up clock."""

from __future__ import annotations

import pytest
import torch

import spikeproof as sp
from spikeproof.attacks import PGD, Budget, Member, Spending, Square, Suite
from spikeproof.attacks.suite import cost_per_item
from spikeproof.base import SettingError
from spikeproof.data import Domain
from spikeproof.oracle import Passes


def test_budgets_are_read_and_said() -> None:
    for text in ("90s", "10m", "2h", "200000p"):
        assert str(Budget.parse(text)) == text
    assert Budget.parse("1.5m").seconds == 90
    for wrong in ("10", "m", "-3s", "0p", "10 minutes"):
        with pytest.raises(SettingError, match="budget|Budget"):
            Budget.parse(wrong)
    with pytest.raises(SettingError, match="either"):
        Budget()


def test_time_is_turned_into_items_at_the_pace_that_was_measured() -> None:
    now = 100.0
    spending = Spending(Budget(seconds=60), clock=lambda: now)
    assert spending.room(10) == float("inf")  # nothing measured yet
    now = 120.0
    spending.spend(Passes(forward=150, backward=50))  # a tenth of a second a pass
    assert spending.used == 20
    assert spending.room(10) == 40
    half = spending.part(2)
    assert half.room(10) == 20
    half.owe(7, 10)
    assert spending.owed == pytest.approx(7)
    now = 170.0
    assert spending.room(1) == 0


def toy() -> tuple[torch.nn.Module, torch.Tensor, torch.Tensor, sp.Threat]:
    """A linear model on 12 items whose margins are known: item i is -i / 12."""
    linear = torch.nn.Linear(1, 2)
    with torch.no_grad():
        linear.weight.copy_(torch.tensor([[1.0], [0.0]]))
        linear.bias.zero_()
    model = torch.nn.Sequential(torch.nn.Flatten(), linear)
    x = (torch.arange(1, 13).float() / 12).view(12, 1, 1, 1)
    domain = Domain(kind="image", shape=(1, 1, 1))
    return model, x, torch.zeros(12, dtype=torch.long), sp.Threat(sp.Linf(), 0.02, domain)


SUITE = Suite(
    (
        Member(attack=PGD(steps=3, stop=False)),
        Member(attack=PGD(steps=4, stop=False), loss="cross_entropy"),
        Member(attack=Square(steps=10)),
    )
)


def test_a_budget_of_passes_attacks_the_items_nearest_the_boundary() -> None:
    model, x, y, threat = toy()
    costs = [cost_per_item(member, threat) for member in SUITE.members]
    whole = SUITE(model, x, y, threat, seeds=sp.seeds(0, n=12))
    assert whole.unsettled is None
    # The clean look, the first member whole, and 5 items of the second.
    limit = 12 + whole.stats[0].passes.forward + whole.stats[0].passes.backward + int(5 * costs[1])
    found = [
        SUITE(
            model, x, y, threat,
            seeds=sp.seeds(0, n=12), spending=Spending(Budget(passes=limit)),
        )
        for _ in range(2)
    ]  # fmt: skip
    one = found[0]
    # Item i has a logit (i + 1) / 12 ahead: no attack of radius .02 reaches any of them.
    assert [stat.tried for stat in one.stats] == [12, 5, 0]
    assert one.stats[1].unaffordable == 7
    assert one.unsettled is not None
    # The five nearest met the second member; none met the third.
    assert one.unsettled.all()
    assert [stat.unaffordable for stat in one.stats] == [0, 7, 12]
    assert torch.equal(one.x_adv, found[1].x_adv)
    assert torch.equal(one.unsettled, found[1].unsettled)
    assert one.stats[0].record() == whole.stats[0].record()


def test_a_budget_that_is_enough_changes_nothing() -> None:
    model, x, y, threat = toy()
    whole = SUITE(model, x, y, threat, seeds=sp.seeds(0, n=12))
    rich = Spending(Budget(passes=10**9))
    found = SUITE(model, x, y, threat, seeds=sp.seeds(0, n=12), spending=rich)
    assert torch.equal(found.x_adv, whole.x_adv)
    assert found.stats == whole.stats
    assert found.unsettled is not None
    assert not found.unsettled.any()
    assert rich.used == whole.passes.forward + whole.passes.backward
    assert rich.owed == 0


def test_an_audit_under_a_budget_says_what_it_left(tmp_path: object) -> None:
    data = sp.load("digits")
    model = sp.build("cnn-small", data, timesteps=1, width=2)
    model.eval()
    threats = [sp.Threat(sp.Linf(), radius, data.domain) for radius in (0.02, 0.05)]
    ask = {"threats": threats, "suite": SUITE, "items": 30, "draws": 1}
    whole = sp.audit(model, data, **ask)
    assert whole.title == "custom"
    assert "budget" not in whole.to_dict()
    poor = sp.audit(model, data, budget="40p", **ask)
    content = poor.to_dict()
    assert content["budget"]["unsettled"] > 0
    assert content["budget"]["reproducible"]
    assert content["suite"].startswith("custom, 40p of ~")
    assert "Stopped by the budget" in poor.table()
    assert all("unsettled" in row for row in content["threats"][0]["rows"])
    assert poor.to_dict() == sp.audit(model, data, budget="40p", **ask).to_dict()
    rich = sp.audit(model, data, budget="100000000p", **ask)
    assert rich.title == "custom"
    assert "was enough" in rich.table()
    for name in ("union_accuracy", "clean_accuracy", "n"):
        assert rich.to_dict()[name] == whole.to_dict()[name]
