"""Every attack takes the passes that its page says."""

from __future__ import annotations

import pytest

from spikeproof.attacks import (
    APGD,
    FGSM,
    FMN,
    PDPGD,
    PGD,
    RFGSM,
    SAPGD,
    Attack,
    MinimumNorm,
    Random,
    Restarts,
    Saliency,
    SigmaZero,
    SparsePGD,
    SparseRS,
    Swap,
    Targeted,
    Transfer,
)
from spikeproof.base import seeds
from spikeproof.oracle import Oracle
from spikeproof.threats import L0, L1, Misclassification, Threat
from support.contract_cases import IMAGE, inputs, labels, network

pytestmark = pytest.mark.usefixtures("models_at_hand")


@pytest.mark.parametrize(
    ("attack", "forward", "backward"),
    [
        (PGD(steps=7), 9, 7),
        (PGD(steps=7, random_start=False), 8, 7),
        (PGD(steps=7, keep="last"), 7, 7),
        (PGD(steps=7, random_start=False, keep="last"), 7, 7),
        (Random(draws=6), 7, 0),
        (Restarts(attack=PGD(steps=3), times=2), 10, 6),
        (Swap(steps=5), 7, 6),
        (FMN(steps=5), 8, 5),
        (SigmaZero(steps=5), 8, 5),
        (PDPGD(steps=5), 8, 5),
        (FGSM(), 2, 1),
        (RFGSM(steps=3), 5, 3),
        (SAPGD(steps=4), 6, 4),
        (Targeted(attack=PGD(steps=3), rivals=2), 13, 6),
        (SparseRS(steps=5, stop=False), 7, 0),
        (SparsePGD(steps=5), 7, 5),
        (Saliency(), 5, 3),
        (Saliency(steps=2, candidates=4), 12, 2),
        (Transfer(source="image.safetensors"), 2, 0),
    ],
    ids=repr,
)
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


@pytest.mark.parametrize("wide", [False, True])
def test_passes_of_apgd_equal_the_documented_cost(wide: bool) -> None:
    threat = Threat(L1(), 4, IMAGE)
    model, x = network(threat), inputs(threat)
    y = labels(model, x)
    with Oracle(model) as oracle:
        APGD(steps=7, wide=wide)(oracle, x, Misclassification(y), threat, seeds=seeds(0, n=5))
        assert (oracle.passes.forward, oracle.passes.backward) == (5 * 9, 5 * 7)
