"""Shifts of spikes over channels and in milliseconds: every possibility, and a second opinion."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from spikeproof.attacks import PGD, Random
from spikeproof.base import IllegalAdversarial, SettingError, seeds
from spikeproof.data import Domain, load
from spikeproof.evaluate import verify
from spikeproof.models import MelBank, Onsets, raster
from spikeproof.oracle import Oracle
from spikeproof.rescore import illegal
from spikeproof.threats import (
    ChannelShift,
    Misclassification,
    Retiming,
    Threat,
    TimestampShift,
    threat_from,
)

RASTER = Domain(kind="events", shape=(3, 5), integer=True)
RECORD = {"kind": "events", "shape": [3, 5], "low": 0.0, "high": 1.0, "integer": True}


def rasters(n: int) -> Tensor:
    """Sparse spikes."""
    draws = torch.Generator().manual_seed(4)
    return (torch.rand(n, 3, 5, generator=draws) < 0.4).float()


def shifts(row: list[int], to: tuple[int, ...]) -> list[int]:
    """How far the spikes of one line go, in their order."""
    return [abs(a - b) for a, b in zip([i for i, s in enumerate(row) if s], to, strict=True)]


def best_rows(row: list[int], worth: list[float], reach: int) -> float:
    """The best that the spikes of one line can do, by trying everything."""
    k = sum(row)
    legal = (
        to for to in itertools.combinations(range(5), k) if max(shifts(row, to), default=0) <= reach
    )
    return max(sum(worth[i] for i in to) for to in legal)


@pytest.mark.parametrize("reach", [1, 2])
def test_a_step_over_channels_is_the_best_of_all(reach: int) -> None:
    x = rasters(4)
    grad = torch.randn(4, 3, 5, generator=torch.Generator().manual_seed(0))
    threat = Threat(ChannelShift(), reach, RASTER)
    moved = threat.project(x + threat.step(grad, x, x), x)
    assert (threat.distance(moved, x) <= reach).all()
    assert torch.equal(moved.sum(2), x.sum(2))  # every step keeps its spikes
    for n, t in itertools.product(range(4), range(3)):
        best = best_rows(x[n, t].int().tolist(), grad[n, t].tolist(), reach)
        assert float((moved[n, t] * grad[n, t]).sum()) == pytest.approx(best, abs=1e-5)


def test_milliseconds_are_steps_of_the_raster() -> None:
    domain, x = Domain(kind="events", shape=(6, 2), integer=True), torch.zeros(1, 6, 2)
    x[0, 2, 0] = 1
    z = torch.zeros(1, 6, 2)
    z[0, 5, 0] = 1
    for radius, steps in ((10, 2), (14, 2), (15, 3)):
        threat = Threat(TimestampShift(step_ms=5), radius, domain)
        same = Threat(Retiming("inf"), steps, domain)
        assert torch.equal(threat.project(z, x), same.project(z, x))
        grad = torch.randn(1, 6, 2, generator=torch.Generator().manual_seed(radius))
        moved = threat.project(x + threat.step(grad, x, x), x)
        assert threat.distance(moved, x).item() == 5 * same.distance(moved, x).item() <= radius
    assert threat_from("timestamps:5", None, domain) == Threat(TimestampShift(), 5, domain)


@pytest.mark.parametrize("measure", ["inf", "l1", "l0"])
def test_lengths_agree_with_those_that_share_no_code(measure: str) -> None:
    x = rasters(6)
    threat = Threat(ChannelShift(measure), 3, RASTER)
    moved = threat.sample(x, seeds(1, n=6))
    record = {"geometry": {"kind": "channels", "measure": measure}, "space": "counts"}
    distance = threat.distance(moved, x)
    assert (distance <= 3).all() and (distance > 0).any()
    verify(Sums(), x, moved, torch.zeros(6, dtype=torch.int64), threat)
    fits = illegal(record, RECORD, distance.numpy(), moved.numpy(), x.numpy())
    assert fits == [""] * 6
    short = illegal(record, RECORD, distance.numpy() - 0.5, moved.numpy(), x.numpy())
    assert all(reason.startswith("moved") for reason in short)
    lost = moved.clone()
    lost[:, 0] = 0
    some = (lost != moved).flatten(1).any(1)
    assert (threat.distance(lost, x)[some] == math.inf).all()
    reasons = illegal(record, RECORD, np.full(6, 9.0), lost.numpy(), x.numpy())
    assert [bool(reason) for reason in reasons] == some.tolist()
    late = {"geometry": {"kind": "timestamps", "step_ms": 4}, "space": "counts"}
    shift = Threat(TimestampShift(step_ms=4), 4, RASTER).sample(x, seeds(2, n=6))
    assert illegal(late, RECORD, np.full(6, 4.0), shift.numpy(), x.numpy()) == [""] * 6
    if (shift != x).any():
        assert any(illegal(late, RECORD, np.full(6, 3.0), shift.numpy(), x.numpy()))


class Sums(nn.Module):
    """Low channels against high ones, early spikes count more."""

    def forward(self, x: Tensor) -> Tensor:
        """Logits."""
        half, early = x.shape[2] // 2, torch.linspace(2, 1, x.shape[1])
        sums = (x * early[:, None]).sum(1)
        return torch.stack([sums[:, :half].sum(1), sums[:, half:].sum(1)], 1)


def test_onsets_of_sounds_are_attacked_as_rasters() -> None:
    data = load("digits-audio")
    front = Onsets(MelBank(bands=12, hop=40), threshold=0.4, offsets=True)  # steps of 5 ms
    x = raster(front, data.validation.x[:6])
    assert x.shape[2] == 24 and set(x.unique().tolist()) == {0.0, 1.0}
    domain = Domain(kind="events", shape=tuple(x.shape[1:]), integer=True)
    net = Sums()
    y = net(x).argmax(1)
    for geometry, radius in ((ChannelShift(), 3), (TimestampShift(step_ms=5), 15)):
        threat = Threat(geometry, radius, domain)
        gained = []
        for attack in (PGD(steps=5, step_size=1.0), Random(draws=3)):
            goal = Misclassification(y)
            with Oracle(net) as oracle:
                x_adv = attack(oracle, x, goal, threat, seeds=seeds(0, n=6))
                gained.append(float(goal.margin(oracle.logits(x_adv)).mean()))
            verify(net, x, x_adv, y, threat)
        assert gained[0] >= gained[1]


def test_what_makes_no_sense_is_refused() -> None:
    with pytest.raises(SettingError, match="needs a raster of whole spikes, .T, channels."):
        Threat(ChannelShift(), 1, Domain(kind="audio", shape=(5,)))
    with pytest.raises(SettingError, match="must be whole milliseconds, at least one step .*4 ms"):
        Threat(TimestampShift(step_ms=4), 2, RASTER)
    with pytest.raises(SettingError, match="must be whole milliseconds"):
        Threat(TimestampShift(), 1.5, RASTER)
    with pytest.raises(SettingError, match="ChannelShift.measure"):
        ChannelShift("l2")
    x = rasters(1)
    moved = x.roll(2, 2)
    with pytest.raises(IllegalAdversarial, match="under channels-inf"):
        verify(
            Sums(), x, moved, torch.zeros(1, dtype=torch.int64), Threat(ChannelShift(), 1, RASTER)
        )
