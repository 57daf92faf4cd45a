"""SparsePGD and Saliency: what they refuse, and what true gains see where gradients do not."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from spikeproof.attacks import Attack, Saliency, SparsePGD, SparseRS
from spikeproof.base import SettingError, seeds
from spikeproof.data import Domain
from spikeproof.oracle import Oracle
from spikeproof.threats import L0, Counts, Linf, Misclassification, Threat

SOUND = Domain(kind="audio", shape=(8,))
EVENTS = Domain(kind="events", shape=(2, 1, 2, 2), high=3.0, integer=True)


class Step(nn.Module):
    """Class 1 where feature 5 is above one half; gradient zero everywhere."""

    def forward(self, x: Tensor) -> Tensor:
        """Logits."""
        flat = x.flatten(1)
        value = (flat[:, 5] > 0.5).to(x) + 0 * flat.sum(1)
        return torch.stack([torch.full_like(value, 0.5), value], dim=1)


def won(attack: Attack, threat: Threat, x: Tensor) -> Tensor:
    """Which items the attack breaks."""
    goal = Misclassification(torch.zeros(len(x), dtype=torch.int64))
    with Oracle(Step()) as oracle:
        x_adv = attack(oracle, x, goal, threat, seeds=seeds(0, n=len(x)))
        return goal.margin(oracle.logits(x_adv)) > 0


def test_true_gains_find_what_a_gradient_of_zero_hides() -> None:
    threat, x = Threat(L0(), 1.0, SOUND), torch.full((40, 8), 0.5)
    assert not won(Saliency(), threat, x).any()
    # All eight places are tried, each in one of two directions drawn at random.
    assert 8 <= int(won(Saliency(candidates=8), threat, x).sum()) <= 32


def test_an_attack_on_counts_refuses_a_length() -> None:
    x = torch.full((1, 8), 0.5)
    for attack in (Saliency(), SparseRS(), SparsePGD()):
        assert not attack.serves(Threat(Linf(), 0.1, SOUND))
    with pytest.raises(SettingError, match="is a length, not a count of units"):
        won(SparseRS(), Threat(Linf(), 0.1, SOUND), x)


def test_sparse_pgd_refuses_events() -> None:
    with pytest.raises(SettingError, match="counts measures otherwise. Use Swap for events"):
        won(SparsePGD(), Threat(Counts(), 2.0, EVENTS), torch.ones(1, 2, 1, 2, 2))


@pytest.mark.parametrize(
    ("kind", "settings", "said"),
    [
        (SparsePGD, {"steps": 0}, "SparsePGD.steps must be a whole number >= 1; got 0"),
        (SparsePGD, {"patience": 0}, "SparsePGD.patience must be a whole number >= 1; got 0"),
        (SparsePGD, {"score_step": 0.0}, "SparsePGD.score_step must be positive"),
        (Saliency, {"candidates": 0}, "Saliency.candidates must be a whole number >= 1; got 0"),
    ],
)
def test_settings_that_make_no_sense_are_refused(
    kind: type, settings: dict[str, float], said: str
) -> None:
    with pytest.raises(SettingError, match=said):
        kind(**settings)
