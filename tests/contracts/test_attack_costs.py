"""Every attack takes the passes that its page says."""

from __future__ import annotations

import pytest

from spikeproof.attacks import APGD, Attack, MinimumNorm, Restarts, passes
from spikeproof.base import seeds
from spikeproof.oracle import Oracle
from spikeproof.threats import L0, L1, Misclassification, Threat
from support.contract_cases import IMAGE, inputs, labels, network
from support.examples import attack_costs

pytestmark = pytest.mark.usefixtures("models_at_hand")


@pytest.mark.parametrize(("attack", "forward", "backward"), attack_costs(), ids=repr)
def test_passes_equal_the_documented_cost(attack: Attack, forward: int, backward: int) -> None:
    threat = Threat(L0(), 3, IMAGE)
    model, x = network(threat), inputs(threat)
    y = labels(model, x)
    with Oracle(model) as oracle:
        attack(oracle, x, Misclassification(y), threat, seeds=seeds(0, n=5))
        extra = oracle.passes.forward - 5 * forward
    if isinstance(attack, MinimumNorm):  # "at most": items won within the radius are left alone
        assert extra <= 0 and 0 < oracle.passes.backward <= 5 * backward
        return
    assert oracle.passes.backward == 5 * backward
    # Restarts may look once more at what each run returned.
    assert extra == (5 * 3 if isinstance(attack, Restarts) and extra else 0)


def test_attacks_say_what_they_cost_at_most() -> None:
    for attack, forward, backward in attack_costs():
        again = 3 if isinstance(attack, Restarts) else 0  # the look at what each run returned
        assert passes(attack, Threat(L0(), 3, IMAGE)) == (forward + again, backward), attack


@pytest.mark.parametrize("wide", [False, True])
def test_passes_of_apgd_equal_the_documented_cost(wide: bool) -> None:
    threat = Threat(L1(), 4, IMAGE)
    model, x = network(threat), inputs(threat)
    y = labels(model, x)
    with Oracle(model) as oracle:
        APGD(steps=7, wide=wide)(oracle, x, Misclassification(y), threat, seeds=seeds(0, n=5))
        assert (oracle.passes.forward, oracle.passes.backward) == (5 * 9, 5 * 7)
