"""TET, threshold guarding, MPD-SGR, and the scopes that show them steps and membranes."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import spikeproof as sp
from spikeproof.base import InputError, SettingError
from spikeproof.neurons import (
    LIF,
    PSN,
    Firing,
    NoisyLIF,
    Recurrent,
    Spiking,
    gradient_rule,
    observing,
    stepwise,
)
from spikeproof.train import MPDSGR, TET, Forward, Objective, ThresholdGuarding, Trades


class Net(nn.Module):
    """One spiking layer whose currents are the inputs, and its rates as logits."""

    def __init__(self, neuron: Any = None, timesteps: int = 2, kernel: str = "auto") -> None:
        super().__init__()
        self.spikes = Spiking(LIF(leak=0.5) if neuron is None else neuron, kernel)
        self.timesteps = timesteps

    def forward(self, x: Tensor) -> Tensor:
        rates: Tensor = self.spikes(x.expand(self.timesteps, *x.shape)).mean(0)
        return rates


@pytest.mark.parametrize("neuron", [LIF(leak=0.5), LIF(leak=0.9, reset="soft", synapse=0.3)])
def test_observing_shows_the_membranes_of_the_recursion(neuron: LIF) -> None:
    currents = torch.rand(5, 3, 4, generator=torch.Generator().manual_seed(0)).double()
    layer = Spiking(neuron)
    with observing() as traces:
        spikes = layer(currents)
    (trace,) = traces
    torch.testing.assert_close(spikes, layer(currents))
    torch.testing.assert_close(trace.spikes, spikes)
    synapse = after = torch.zeros(3, 4, dtype=torch.float64)
    for t in range(5):
        synapse = neuron.synapse * synapse + currents[t]
        u = neuron.leak * after + synapse
        torch.testing.assert_close(trace.membranes[t], u)
        fired = (u >= 1).double()
        after = u - fired if neuron.reset == "soft" else u * (1 - fired)


def test_recurrent_and_parallel_neurons_show_theirs() -> None:
    with observing() as traces:
        Recurrent(LIF(), size=4)(torch.rand(3, 2, 4))
        Spiking(PSN(timesteps=3))(torch.rand(3, 2, 4))
    assert [trace.threshold for trace in traces] == [1.0, 0.0]
    for trace in traces:
        assert torch.equal((trace.membranes >= trace.threshold).float(), trace.spikes)


@pytest.mark.parametrize("layer", ["spiking", "recurrent", "psn"])
def test_under_a_rule_each_layer_shows_the_membranes_that_the_rule_saw(layer: str) -> None:
    made = {
        "spiking": lambda: Spiking(LIF(leak=0.5)),
        "recurrent": lambda: Recurrent(LIF(), size=4),
        "psn": lambda: Spiking(PSN(timesteps=3)),
    }
    net, currents = made[layer](), torch.rand(3, 2, 4, generator=torch.Generator().manual_seed(0))

    def rule(firing: Firing) -> Tensor:
        return firing.straight(1.0)

    with gradient_rule(rule), observing() as ruled:
        spikes = net(currents)
    with observing() as plain:
        net(currents)
    (seen,), (own,) = ruled, plain
    assert torch.equal(seen.spikes, spikes)
    torch.testing.assert_close(seen.spikes, own.spikes)
    above = (trace.membranes - trace.threshold for trace in (seen, own))
    torch.testing.assert_close(*above)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("cnn-small", "digits"),
        ("dense", "digits"),
        ("recurrent", "digits-events"),
        ("sew-resnet-18", "digits"),
        ("tcn-small", "digits-audio"),
        ("vgg-5", "digits"),
        ("wrn-16-4", "digits"),
    ],
)
def test_per_step_logits_average_to_the_logits(name: str, data: str) -> None:
    loaded = sp.load(data)
    model = sp.build(name, loaded, width=4).eval()
    x = loaded.train.x[:2]
    with torch.no_grad(), stepwise():
        steps = model(x).unflatten(0, (-1, 2))
    assert len(steps) > 1
    with torch.no_grad():
        torch.testing.assert_close(steps.mean(0), model(x), rtol=1e-4, atol=1e-5)


def test_tet_is_the_mean_of_the_losses_of_the_steps() -> None:
    data = sp.load("digits")
    model = sp.build("dense", data, width=8, timesteps=3).eval()
    x, y = data.train.x[:6], data.train.y[:6]
    with stepwise():
        steps = model(x).view(3, 6, 10)
    written = sum(
        0.8 * F.cross_entropy(z, y) + 0.2 * F.mse_loss(z, torch.full_like(z, 1.5)) for z in steps
    )
    ours = TET(pull=0.2, centre=1.5)(Forward(model, x, y))
    torch.testing.assert_close(ours, written / 3)


def test_tet_refuses_what_has_no_steps() -> None:
    x, y = torch.rand(4, 3), torch.tensor([0, 1, 0, 1])
    with pytest.raises(InputError, match="answers at more than one step"):
        TET()(Forward(nn.Linear(3, 2), x, y))
    data = sp.load("digits-av")
    with pytest.raises(InputError, match="same number of steps in every view; got image"):
        TET()(Forward(sp.build("fusion-small", data, width=2), data.train.x[:2], data.train.y[:2]))


def test_guarding_is_its_formula_on_membranes_worked_out_by_hand() -> None:
    # u = .8, 1.2 (fires), then .8 for the first unit; .2, .3, .35 for the second.
    x, y = torch.tensor([[0.8, 0.2]], dtype=torch.float64), torch.tensor([0])
    clean = Forward(Net(timesteps=3), x, y)
    near = [0.3 - 0.2, 0.3 - 0.2, 0.3 - 0.2, 0, 0, 0]
    ours = ThresholdGuarding(guard=0.3, ramp="none")(clean)
    assert ours.item() == pytest.approx(sum(near) / 6)


class Two(nn.Module):
    """Two layers of neurons of different width, one behind the other."""

    def __init__(self) -> None:
        super().__init__()
        self.early, self.late = Spiking(LIF(leak=0.5)), Spiking(LIF(leak=0.5))

    def forward(self, x: Tensor) -> Tensor:
        spikes = self.early(x.expand(2, *x.shape))
        rates: Tensor = self.late(spikes[..., :2] * 0.9).mean(0)
        return rates


def test_guarding_takes_neurons_together_or_adds_the_layers() -> None:
    # Early: u = .8, 1.2 (fires); 1 (fires), 1 (fires); 0, 0. Late: 0, .9; .9, 1.35 (fires).
    x, y = torch.tensor([[0.8, 1.0, 0.0]], dtype=torch.float64), torch.tensor([0])
    early, late = [0.1, 0.1, 0.3, 0.3, 0, 0], [0, 0.2, 0.2, 0]
    clean = Forward(Two(), x, y)
    pooled = ThresholdGuarding(guard=0.3, ramp="none")(clean)
    assert pooled.item() == pytest.approx((sum(early) + sum(late)) / 10)
    added = ThresholdGuarding.paper(guard=0.3)(clean)  # at the end of training
    assert added.item() == pytest.approx(sum(early) / 6 + sum(late) / 4)


@pytest.mark.parametrize("progress", [0.0, 0.25, 1.0])
def test_guarding_grows_with_the_training(progress: float) -> None:
    x, y = torch.tensor([[0.75, 0.0]]), torch.tensor([0])
    whole = ThresholdGuarding(ramp="none")(Forward(Net(), x, y)).item()
    now = ThresholdGuarding()(Forward(Net(), x, y, progress=progress)).item()
    assert now == pytest.approx(whole * (1 - math.cos(math.pi * progress)) / 2)


def test_guarding_sees_the_noise_of_the_very_forward_it_shares() -> None:
    x, y = torch.full((8, 2), 0.5), torch.zeros(8, dtype=torch.int64)
    net = Net(NoisyLIF(noise=0.5))
    late = Forward(net, x, y)
    _ = late.logits
    rates = torch.stack([trace.spikes.mean(0) for trace in late.traces]).squeeze(0)
    assert torch.equal(rates, late.logits), "not announced: the draws are repeated"
    told = Forward(net, x, y, looks=["membranes"])
    assert torch.equal(told.traces[0].spikes.mean(0), told.logits)
    assert rates.std() > 0


def test_mpd_sgr_is_the_mass_of_a_normal_membrane_in_the_window() -> None:
    x = torch.randn(4000, 2, generator=torch.Generator().manual_seed(0)).double() * 0.5
    x[:, 1] += 2
    ours = MPDSGR(window=0.4)(Forward(Net(timesteps=1), x, torch.zeros(4000, dtype=torch.int64)))
    normal = torch.distributions.Normal(0.0, 1.0)
    share = [
        normal.cdf((mean + 0.4) / 0.5) - normal.cdf((mean - 0.4) / 0.5)
        for mean in (torch.tensor(-1.0), torch.tensor(1.0))  # the threshold is 1
    ]
    assert ours.item() == pytest.approx(float(sum(share)) / 2, abs=0.01)


class Normed(nn.Module):
    """Independent currents at every step, through a batch norm over steps and items, into LIF."""

    def __init__(self) -> None:
        super().__init__()
        self.norm, self.spikes = nn.BatchNorm1d(3), Spiking(LIF(leak=0.5))

    def forward(self, x: Tensor) -> Tensor:
        current = self.norm(x.flatten(0, 1)).view(x.shape).transpose(0, 1)
        rates: Tensor = self.spikes(current).mean(0)
        return rates


def test_measured_statistics_are_those_that_tdbn_implies() -> None:
    # What the paper derives: with currents N(beta, lambda^2) after the norm, independent from step
    # to step, leak tau and no spikes, u[t] is N(beta D(tau, t), lambda^2 D(tau^2, t)),
    # D(tau, t) = 1 + tau + ... + tau^(t - 1).
    generator = torch.Generator().manual_seed(0)
    x = 3 + 2 * torch.randn(20000, 4, 3, generator=generator, dtype=torch.float64)
    net = Normed().double()
    beta, scale = torch.tensor([-1.0, -0.6, -0.9]), torch.tensor([0.3, 0.2, 0.1])
    net.norm.bias.data.copy_(beta)
    net.norm.weight.data.copy_(scale)
    clean = Forward(net, x, torch.zeros(20000, dtype=torch.int64))
    assert clean.traces[0].spikes.sum() == 0
    normal, shares = torch.distributions.Normal(0.0, 1.0), []
    for t in range(1, 5):
        mean = beta * sum(0.5**k for k in range(t)) - 1  # distance from the threshold
        spread = scale * math.sqrt(sum(0.25**k for k in range(t)))
        shares.append(normal.cdf((mean + 2) / spread) - normal.cdf((mean - 2) / spread))
    ours = MPDSGR(window=2.0)(clean)
    assert 0.1 < ours.item() < 0.9
    assert ours.item() == pytest.approx(float(torch.stack(shares).mean()), abs=5e-3)


@pytest.mark.parametrize("term", [MPDSGR(), ThresholdGuarding()], ids=repr)
def test_models_without_neurons_are_refused(term: MPDSGR) -> None:
    with pytest.raises(InputError, match="no spiking layer whose membranes"):
        term(Forward(nn.Linear(3, 2), torch.rand(2, 3), torch.tensor([0, 1])))


def test_an_objective_announces_what_its_terms_look_at() -> None:
    terms = {"a": (1.0, TET()), "b": (1.0, MPDSGR()), "c": (1.0, Trades())}
    clean = Objective(terms).look(nn.Linear(2, 2), torch.rand(2, 2), torch.tensor([0, 1]))
    assert clean.looks == {"steps", "membranes"}


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: TET(pull=1.5), r"TET.pull must lie in \[0, 1\]"),
        (lambda: TET(centre=0), "TET.centre must be positive"),
        (lambda: ThresholdGuarding(guard=-1), "ThresholdGuarding.guard must be positive"),
        (lambda: ThresholdGuarding(ramp="cos"), "Did you mean 'cosine'"),
        (lambda: ThresholdGuarding(over="layer"), "Did you mean 'layers'"),
        (lambda: MPDSGR(window=math.nan), "MPDSGR.window must be positive"),
    ],
)
def test_settings_that_make_no_sense_are_refused(make: Any, sentence: str) -> None:
    with pytest.raises(SettingError, match=sentence):
        make()
