"""Threats: legality, steepest steps, uniform draws and refusals, against known answers."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from spikeproof.base import SettingError, seeds
from spikeproof.data import Domain
from spikeproof.threats import (
    L0,
    L1,
    L2,
    Counts,
    Flips,
    Geometry,
    Joint,
    Linf,
    Retiming,
    Threat,
)
from support.event_judge import event_lengths
from support.threat_cases import AUDIO, BITS, DOMAINS, EVENTS, IMAGE, THREATS, VIEWS, draw, label

each_threat = pytest.mark.parametrize("threat", THREATS, ids=label)


def legal(threat: Threat, x_adv: Tensor, x: Tensor) -> bool:
    """Ball, box and grid, written out again in numpy."""
    z, clean = x_adv.double().numpy(), x.double().numpy()
    low, high = (b.double().numpy() for b in threat.domain.bounds(x))
    inside = np.isfinite(z).all() and (z >= low).all() and (z <= high).all()
    if threat.domain.kind == "events" and threat.domain.integer:
        inside = inside and (z == np.round(z)).all()
    d = (z - clean).reshape(len(z), -1)
    if threat.name == "joint":
        where = threat.domain.slices()
        for name, part in where.items():
            if name not in threat.geometry.views:
                inside = inside and (d[:, part] == 0).all()
                continue
            geometry, radius = threat.geometry.views[name]
            domain = dict(threat.domain.parts)[name]
            radius *= threat.radius
            radius = math.floor(radius) if geometry.name == "l0" else radius
            inside = inside and (length(geometry.name, d[:, part], domain) <= slack(radius)).all()
        return bool(inside)
    if threat.name.startswith(("flips", "retiming")):
        far = event_lengths(threat.name, threat.domain.shape, z, clean)
        return bool(inside and (far <= threat.radius).all())
    exact = threat.name in ("l0", "l0-features", "counts")
    bound = threat.radius if exact else slack(threat.radius)
    return bool(inside and (length(threat.name, d, threat.domain) <= bound).all())


def slack(radius: float) -> float:
    """What rounding to float32 may add."""
    return radius * (1 + 1e-6)


def length(name: str, d: np.ndarray, domain: object) -> np.ndarray:
    """The norm of flat changes."""
    if name == "linf":
        return np.abs(d).max(1)
    if name == "l2":
        return np.sqrt((d**2).sum(1))
    if name in ("l1", "counts"):
        return np.abs(d).sum(1)
    if name == "l0-features":
        return (d != 0).sum(1)
    index, count = domain.pixels()  # type: ignore[attr-defined]
    hit = np.zeros((len(d), count), dtype=bool)
    for i in range(len(d)):
        hit[i, index.numpy()[d[i] != 0]] = True
    return hit.sum(1)


def test_a_position_counts_once_however_many_channels_change() -> None:
    for domain, channels in ((IMAGE, 3), (EVENTS, 2)):
        index, count = domain.pixels()
        assert count == domain.size // channels
        assert np.bincount(index.numpy()).tolist() == [channels] * count
    x = torch.zeros(1, 3, 4, 4)
    moved = x.clone()
    moved[0, :, 1, 2] = 0.5
    moved[0, 0, 3, 3] = 0.5
    assert Threat(L0(), 2, IMAGE).distance(moved, x).tolist() == [2]
    assert Threat(L0(pixels=False), 4, IMAGE).distance(moved, x).tolist() == [4]


@each_threat
def test_projections_and_samples_are_legal_also_from_far_away(threat: Threat) -> None:
    """2,000 cases per threat and type: wild points, bounds, zero changes."""
    for dtype, seed in itertools.product((torch.float32, torch.float64), range(10)):
        x = draw(threat.domain, 50, seed, dtype)
        generator = torch.Generator().manual_seed(100 + seed)
        for scale in (1e-9, 0.03, 1.0, 1e6):
            z = x + scale * torch.randn(x.shape, generator=generator, dtype=dtype)
            assert legal(threat, threat.project(z, x), x)
        sample = threat.sample(x, seeds(seed, n=len(x)))
        assert sample.dtype == dtype and legal(threat, sample, x)


def test_clean_points_stay_where_they_are() -> None:
    for threat in THREATS:
        x = draw(threat.domain, 20, 0)
        assert torch.equal(threat.project(x, x), x), label(threat)
        assert threat.distance(x, x).eq(0).all(), label(threat)


def test_radius_zero_allows_nothing() -> None:
    for threat in THREATS:
        x = draw(threat.domain, 8, 0)
        still = threat.at(0.0)
        assert torch.equal(still.project(x + 0.3, x), x), label(threat)
        assert torch.equal(still.sample(x, seeds(0, n=8)), x), label(threat)


@each_threat
def test_projecting_twice_changes_nothing_more(threat: Threat) -> None:
    x = draw(threat.domain, 50, 1)
    once = threat.project(x + torch.randn(x.shape), x)
    torch.testing.assert_close(threat.project(once, x), once, rtol=0, atol=2e-7)


@each_threat
def test_the_relaxation_contains_the_legal_points(threat: Threat) -> None:
    x = draw(threat.domain, 50, 2, torch.float64)
    point = threat.project(x + torch.randn(x.shape, dtype=x.dtype), x)
    torch.testing.assert_close(threat.relax(point, x), point, rtol=0, atol=1e-9)


@each_threat
def test_a_step_is_finite_ascends_and_is_no_longer_than_the_radius(threat: Threat) -> None:
    x = draw(threat.domain, 40, 3, torch.float64)
    grad = torch.randn(x.shape, dtype=x.dtype)
    step = threat.step(grad, x, x)
    assert torch.isfinite(step).all()
    assert ((grad * step).flatten(1).sum(1) > 0).all()
    assert (threat.distance(x + step, x) <= threat.radius * (1 + 1e-6)).all()
    low, high = threat.domain.bounds(x)
    stuck = ((x <= low) & (grad < 0)) | ((x >= high) & (grad > 0))
    if not threat.name.startswith(
        "retiming"
    ):  # where an event must go, it goes where least is lost
        assert (step[stuck] == 0).all()


def test_a_zero_gradient_gives_a_zero_step() -> None:
    for threat in THREATS:
        zero = torch.zeros_like(x := draw(threat.domain, 5, 3))
        assert torch.equal(threat.step(zero, x, x), zero), label(threat)


@pytest.mark.parametrize("geometry", [Linf(), L2(), L1(), L0()], ids=repr)
def test_steps_do_not_depend_on_the_size_of_the_gradient(geometry: Geometry) -> None:
    threat = Threat(geometry, 1.0, AUDIO)
    x, grad = draw(AUDIO, 6, 4), torch.randn(6, 40)
    for scale in (1e-38, 1e-20, 1e20):
        torch.testing.assert_close(
            threat.step(grad * scale, x, x), threat.step(grad, x, x), rtol=1e-3, atol=1e-6
        )


@each_threat
def test_draws_belong_to_the_item(threat: Threat) -> None:
    x, keys = draw(threat.domain, 6, 5), seeds(7, n=6)
    order = torch.tensor([4, 1, 5])
    assert torch.equal(threat.sample(x, keys)[order], threat.sample(x[order], keys[order]))
    assert not torch.equal(threat.draw(x, keys), threat.draw(x, seeds(8, n=6)))


@pytest.mark.parametrize(("geometry", "p"), [(Linf(), math.inf), (L2(), 2.0), (L1(), 1.0)])
def test_draws_have_the_second_moment_of_the_uniform_ball(geometry: Geometry, p: float) -> None:
    n, draws = 12, 40_000
    threat = Threat(geometry, 2.0, Domain.unbounded((n,)))
    delta = threat.draw(torch.zeros(draws, n), seeds(0, n=draws)).double()
    gamma = math.gamma
    if p == math.inf:
        moment = 1 / 3
    else:
        moment = gamma(3 / p) * gamma(n / p + 1) / (gamma(1 / p) * gamma((n + 2) / p + 1))
    measured = delta.square().mean(0) / 4.0
    assert measured.mean().item() == pytest.approx(moment, rel=0.02)
    assert delta.mean().abs().item() < 0.01
    # Uniform in the ball: the share within half the radius is 2^-n; within .9, .9^n.
    inside = (threat.distance(delta, torch.zeros_like(delta)) <= 0.9 * 2.0).double().mean()
    assert inside.item() == pytest.approx(0.9**n, abs=0.01)


@pytest.mark.parametrize(
    ("geometry", "radius", "domain", "sentence"),
    [
        (Linf(), 8.0, IMAGE, "did you mean 8/255"),
        (Linf(), -0.1, IMAGE, "radius"),
        (Linf(), float("nan"), IMAGE, "radius"),
        (L2(), 1e-4, IMAGE, "wrong unit"),
        (L2(), 1e9, IMAGE, "larger than"),
        (L2(), 0.5, EVENTS, "smaller than one event"),
        (L1(), 0.5, EVENTS, "smaller than one event"),
        (L0(), 2.5, IMAGE, "whole number"),
        (L0(), 17.0, IMAGE, "16 pixels"),
        (Counts(), 2.5, EVENTS, "whole number"),
        (Counts(), 2.0, IMAGE, "continuous"),
        (Flips(), 2.5, BITS, "whole number"),
        (Flips(), 97.0, BITS, "96 cells"),
        (Flips(), 2.0, EVENTS, "grid of bits"),
        (Flips(), 2.0, BITS.relaxed(), "grid of bits"),
        (Flips(exclusive=True), 2.0, replace(BITS, shape=(4, 1, 3, 4)), "two polarities"),
        (Retiming(), 1.5, BITS, "whole number"),
        (Retiming(), 4.0, BITS, "3 steps between first and last"),
        (Retiming("l0"), 1.5, BITS, "counts events"),
        (Retiming("l1"), 1.5, BITS, "counts steps"),
        (Retiming("l1"), 2.0, IMAGE, "steps of time"),
        (Retiming("l1"), 2.0, BITS.relaxed(), "whole events"),
        (Retiming("l1"), 2.0, replace(EVENTS, low=1.0), "can be empty"),
        (Joint({"video": (Linf(), 0.1)}), 1.0, VIEWS, "video"),
        (Joint({"image": (Linf(), 0.1)}), 1.0, IMAGE, "view"),
    ],
)
def test_a_radius_that_makes_no_sense_is_one_clear_sentence(
    geometry: Geometry, radius: float, domain: Domain, sentence: str
) -> None:
    with pytest.raises(SettingError, match=sentence):
        Threat(geometry, radius, domain)


def test_records_rebuild_the_threat() -> None:
    # The record says whether it lives in frame space; the data set knows only the grid.
    for threat in THREATS:
        domain = BITS if threat.domain == BITS else DOMAINS[threat.domain.kind]
        assert Threat.from_record(threat.record(), domain) == threat


def test_the_reach_of_a_joint_budget_leaves_out_views_without_one() -> None:
    x = draw(VIEWS, 3, 0)
    reach = Threat(Joint({"audio": (Linf(), 0.5)}), 1.0, VIEWS).reach(x)
    audio = VIEWS.unpack(x)["audio"].double()
    far = torch.maximum(AUDIO.high - audio, audio - AUDIO.low).flatten(1).amax(1)
    assert torch.allclose(reach, far / 0.5)
