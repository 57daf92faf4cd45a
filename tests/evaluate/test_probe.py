"""The probe: closed forms on a model whose true-class probability is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from spikeproof.base import SettingError, seeds
from spikeproof.data import Domain, Split
from spikeproof.evaluate import probe, probed
from spikeproof.models import build
from spikeproof.threats import L0, L1, L2, Counts, Linf, Threat

FREE = Domain.unbounded((5,))
NORMAL = torch.tensor([2.0, -1.0, 0.5, 0.0, 0.0], dtype=torch.float64)


class Slope(nn.Module):
    """Two classes whose probability is almost linear within a small ball."""

    def __init__(self) -> None:
        super().__init__()
        self.normal = nn.Parameter(NORMAL.clone())

    def forward(self, x: Tensor) -> Tensor:
        z = x @ self.normal
        return torch.stack([z, torch.zeros_like(z)], 1)


def items(n: int = 6) -> Split:
    x = 0.1 * seeds(0, n=n).normal((5,), torch.float64)
    return Split(x, torch.zeros(n, dtype=torch.int64), torch.arange(n))


def test_both_vulnerabilities_agree_with_first_order_theory_in_a_small_ball() -> None:
    split, radius = items(), 1e-3
    threats = [Threat(g, radius, FREE) for g in (Linf(), L2(), L1())]
    found = probe(Slope(), split, threats, seed=0, draws=400)
    p = torch.sigmoid(split.x @ NORMAL)
    grad = (p * (1 - p))[:, None] * NORMAL
    for name, dual in (("linf", 1), ("l2", 2), ("l1", torch.inf)):
        sup = (radius * grad.norm(p=dual, dim=1)).square().numpy()
        worst = found.arrays[f"rho_adv_{name}"]
        assert (worst <= sup * 1.005).all()
        assert (worst >= sup * 0.96).all()
        error = 5 * found.arrays[f"rho_random_se_{name}"]
        gap = found.arrays[f"rho_random_{name}"] - sup / found.arrays[f"theory_{name}"]
        assert (np.abs(gap) < error).all()
    assert found.arrays["theory_l2"] == pytest.approx(np.full(6, 7.0))
    assert found.arrays["g_l0"].tolist() == [3.0] * 6
    assert found.arrays["g_pr"] == pytest.approx(np.full(6, 3.5**2 / 5.25))
    assert found.norms["linf"]["theory"] == pytest.approx(3 * 3.5**2 / 5.25)
    assert found.norms["linf"]["radius"] == radius


def test_a_flat_item_has_no_ratio_and_none_becomes_null() -> None:
    class Flat(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return 0.0 * x[:, :2]

    found = probe(Flat(), items(), [Threat(L2(), 0.1, FREE)], seed=0, draws=4)
    assert np.isnan(found.arrays["ratio_l2"]).all()
    assert found.norms["l2"]["ratio"] is None
    assert found.norms["l2"]["rho_adv"] == 0.0
    assert found.gradient["pr"] is None


def test_the_middle_radius_of_every_norm_with_a_theory_is_probed() -> None:
    events = Domain(kind="events", shape=(2, 1, 3, 3), high=5.0, integer=True)
    frames = events.relaxed()
    threats = [Threat(L0(), k, frames) for k in (9, 1, 4)]
    threats += [Threat(Linf(), r, frames) for r in (0.1, 0.2)] + [Threat(Counts(), 3, events)]
    assert [(t.name, t.radius) for t in probed(threats)] == [("l0", 4.0), ("linf", 0.2)]
    split = Split(torch.ones(2, 2, 1, 3, 3), torch.zeros(2, dtype=torch.int64), torch.arange(2))
    with pytest.raises(SettingError, match="no first-order prediction for the threat 'counts'"):
        probe(nn.Sequential(nn.Flatten(), nn.Linear(18, 2)), split, threats[-1:], seed=0)


def test_a_spiking_network_is_probed_layer_by_layer_and_left_as_it_was() -> None:
    from spikeproof.data import load
    from spikeproof.evaluate import open_test

    data = load("digits")
    model = build("cnn-small", data, timesteps=2, width=4)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    threat = Threat(Linf(), 0.1, data.domain)
    found = probe(model, open_test(data, 3), [threat], seed=0, draws=2)
    assert found.activity
    assert all(0 <= layer["rate"] <= 1 for layer in found.activity.values())
    assert model.training
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())
    assert (found.arrays["rho_adv_linf"] >= 0).all()
    # 1 gradient, 1 activity, 1 + 2 draws, 3 around two attacks of 20 + 2 passes each.
    assert found.passes.forward == 3 * (1 + 1 + 3 + 3 + 2 * 22)
    assert found.passes.backward == 3 * (1 + 2 * 20)
