"""Synaptic operations against counts by hand, and the attack that raises them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from spikeproof.attacks import PGD, Random
from spikeproof.base import InputError, SettingError, seeds
from spikeproof.data import Domain, load
from spikeproof.evaluate import plain_logits, sponge
from spikeproof.metrics import Metered, synops
from spikeproof.models import OverTime, SpikePool, build
from spikeproof.neurons import LIF, Recurrent, Spiking, time_mean
from spikeproof.oracle import Oracle
from spikeproof.threats import Energy, Linf, Threat


class Timed(nn.Module):
    """Layers over time-major events, then the mean over time and a readout."""

    def __init__(self, *layers: nn.Module, out: nn.Module) -> None:
        super().__init__()
        self.layers, self.out = nn.Sequential(*layers), out

    def forward(self, x: Tensor) -> Tensor:
        """Logits ``(N, K)`` of ``(N, T, ...)``."""
        spikes = self.layers(x.transpose(0, 1))
        return self.out(time_mean(spikes).flatten(1))


def fixed(layer: nn.Module, weight: object) -> nn.Module:
    """A layer with these weights."""
    layer.weight.data = torch.as_tensor(weight, dtype=torch.float32)  # type: ignore[union-attr]
    return layer


def test_a_dense_network_by_hand() -> None:
    # Input events 2 + 1 = 3 reach 2 neurons each, but one weight is 0: cell 0 reaches only one.
    first = fixed(nn.Linear(2, 2, bias=False), [[1.0, 1.0], [0.0, 1.0]])
    net = Timed(first, Spiking(LIF(leak=0.0)), out=fixed(nn.Linear(2, 3), torch.ones(3, 2)))
    # One item, two steps: step 0 has events (2, 0), step 1 has (0, 1).
    x = torch.tensor([[[2.0, 0.0], [0.0, 1.0]]])
    found = synops(net, x)
    # Events: 2 * 1 + 1 * 2. Spikes: step 0 drives (2, 0), so 1 spike; step 1 drives (1, 1), 2.
    assert {k: v.tolist() for k, v in found.layers.items()} == {
        "layers.0": [4.0],
        "out": [3 * 3.0],
    }
    assert found.total.tolist() == [13.0] and found.left_out == ()


def test_a_convolution_by_hand_has_less_synapses_at_the_border() -> None:
    conv = fixed(nn.Conv2d(1, 2, 3, padding=1, bias=False), torch.full((2, 1, 3, 3), 9.0))
    net = Timed(
        Spiking(LIF(leak=0.0)), OverTime(conv), Spiking(LIF(leak=0.0)),
        out=fixed(nn.Linear(18, 2), torch.ones(2, 18)),
    )  # fmt: skip
    x = torch.zeros(3, 1, 1, 3, 3)
    x[0, 0, 0, 0, 0] = 1  # a corner reaches 4 places, an edge 6, the middle 9; 2 maps each
    x[1, 0, 0, 0, 1] = 1
    x[2, 0, 0, 1, 1] = 1
    found = synops(net, x)
    assert found.layers["layers.1.layers.0"].tolist() == [8.0, 12.0, 18.0]
    assert found.layers["out"].tolist() == [16.0, 24.0, 36.0]  # those spikes, 2 classes each
    assert synops(net, x[1:2]).total.tolist() == [36.0]


def test_strides_and_groups_by_hand() -> None:
    conv = fixed(nn.Conv1d(2, 2, 2, stride=2, groups=2, bias=False), torch.ones(2, 1, 2))

    class Line(nn.Module):
        """Spikes on (N, C, L), time last as in a network of sound."""

        def __init__(self) -> None:
            super().__init__()
            self.spikes, self.conv = Spiking(LIF(leak=0.0)), conv

        def forward(self, x: Tensor) -> Tensor:
            """Logits."""
            spikes = self.spikes(x.permute(2, 0, 1)).permute(1, 2, 0)
            return self.conv(spikes).mean(2)

    x = torch.ones(1, 2, 5)  # five samples, windows at 0 and 2: the fifth reaches nothing
    assert synops(Line(), x).total.tolist() == [2 * 4.0]


def test_a_recurrent_layer_by_hand() -> None:
    layer = Recurrent(LIF(leak=0.0), size=2)
    layer.feedback.weight.data = torch.tensor([[0.0, 1.0], [0.0, 1.0]])
    net = Timed(layer, out=fixed(nn.Linear(2, 2), torch.ones(2, 2)))
    # Unit 1 fires at step 0 and drives both at step 1, which has no input; these drive on.
    x = torch.tensor([[[0.0, 1.0], [0.0, 0.0], [0.0, 0.0]]])
    found = synops(net, x)
    # Spikes: (0, 1), (1, 1), (1, 1). Unit 0 reaches nobody, unit 1 both; the last step too late.
    assert found.layers["layers.0.feedback"].tolist() == [2.0 + 2.0]
    assert found.layers["out"].tolist() == [5 * 2.0]


def test_an_average_of_spikes_is_sent_on_once_and_a_sum_as_often_as_it_counts() -> None:
    net = Timed(
        Spiking(LIF(leak=0.0)), OverTime(SpikePool(2)), out=fixed(nn.Linear(1, 5), torch.ones(5, 1))
    )
    x = torch.zeros(2, 1, 1, 2, 2)
    x[0, 0, 0, 0, 0] = 1
    x[1] = 1
    assert synops(net, x).total.tolist() == [5.0, 5.0]
    both = Timed(Doubled(), out=fixed(nn.Linear(1, 5), torch.ones(5, 1)))
    assert synops(both, torch.ones(1, 1, 1)).total.tolist() == [10.0]


class Doubled(nn.Module):
    """A residual sum of spikes."""

    def __init__(self) -> None:
        super().__init__()
        self.spikes = Spiking(LIF(leak=0.0))

    def forward(self, x: Tensor) -> Tensor:
        """Twice the spikes."""
        spikes: Tensor = self.spikes(x)
        return spikes + spikes


def test_a_layer_that_reads_pixels_is_left_out_and_the_batch_does_not_matter() -> None:
    data = load("digits")
    net, x = build("cnn-small", data, timesteps=3), data.validation.x[:6]
    found = synops(net, x)
    assert found.left_out == ("body.stem.0",) and "body.stem.0" not in found.layers
    assert synops(net, x, batch_size=2).total.tolist() == found.total.tolist()
    with torch.no_grad():
        answer = Metered(net.eval(), x)(x)
        assert torch.allclose(answer[:, :-1], net(x), atol=1e-6)
    assert answer[:, -1].double().tolist() == found.total.tolist()


def test_the_gradient_of_the_count_is_the_fan_out_of_every_spike() -> None:
    net = Timed(Spiking(LIF(leak=0.0)), out=fixed(nn.Linear(2, 3), [[1.0, 0.0]] * 3))
    x = torch.tensor([[[1.25, 1.25]]], requires_grad=True)
    spent = Metered(net, x.detach() * 0.9)(x)[:, -1]
    slope = LIF().surrogate.slope.derivative(torch.tensor(0.25))
    (grad,) = torch.autograd.grad(spent.sum(), x)
    # Unit 0 has three synapses, unit 1 has weights of 0 only.
    assert grad.flatten().tolist() == pytest.approx([3 * float(slope), 0.0])


def test_the_goal_prefers_a_kept_answer_and_then_operations() -> None:
    goal = Energy(torch.tensor([0]), torch.tensor([10.0]), ratio=1.5)
    kept, dear, lost, tied = (
        torch.tensor([row])
        for row in ([2.0, 1.0, 12.0], [2.0, 1.0, 30.0], [1.0, 2.0, 90.0], [1.0, 1.0, 90.0])
    )
    margins = [float(goal.margin(a)) for a in (lost, kept, dear)]
    assert (
        margins == sorted(margins) and margins[2] == 1.5 and goal.margin(tied) == goal.margin(lost)
    )
    assert goal.margin(kept) < 0 < goal.margin(dear)
    assert float(goal.score(lost)) == pytest.approx(9 - 10)


def test_the_optimum_of_a_network_that_can_be_searched_is_found() -> None:
    # One spike per pixel above 1, of which each costs its fan-out; class 0 must keep its lead.
    out = fixed(nn.Linear(4, 2, bias=False), [[1.0, 0.0, 0.0, 0.5], [0.0, 0.0, 0.0, 1.0]])
    net = Timed(Spiking(LIF(leak=0.0)), out=out)
    x = torch.tensor([[[1.2, 0.9, 0.9, 0.9]]])
    domain = Domain(kind="real", shape=(1, 4), low=0.0, high=2.0)
    threat = Threat(Linf(), 0.3, domain)
    # Fan-outs 1, 0, 0, 2. All spikes: margin 1.5 - 1 > 0, so the best is 3 operations, from 1.
    assert synops(net, x).total.tolist() == [1.0]
    for attack in (PGD(steps=40), Random(draws=200)):
        goal = Energy(torch.tensor([0]), torch.tensor([1.0]))
        with Oracle(Metered(net, x)) as oracle:
            x_adv = attack(oracle, x, goal, threat, seeds=seeds(0, n=1))
        assert synops(net, x_adv).total.tolist() == [3.0]
    out.weight.data[0, 3] = -1.0  # now that spike costs class 0 its lead
    with Oracle(Metered(net, x)) as oracle:
        x_adv = PGD(steps=40)(oracle, x, goal, threat, seeds=seeds(0, n=1))
    assert synops(net, x_adv).total.tolist() == [1.0] and plain_logits(net, x_adv).argmax() == 0


def test_the_front_door_keeps_every_answer_and_measures_again() -> None:
    events = load("digits-events")
    net = build("recurrent", events, width=16, seed=1)
    x = events.validation.x[:8]
    y = plain_logits(net, x).argmax(1)
    y[0] = (y[0] + 1) % 10  # wrong when clean: left alone
    found = sponge(
        net, x, y, norm="counts", radius=4, kind="events", integer=True, high=events.domain.high,
        attack=PGD(steps=8), batch_size=3,
    )  # fmt: skip
    answers = plain_logits(net, found.x_adv).argmax(1)
    assert answers[1:].tolist() == y[1:].tolist() and not found.correct[0]
    assert torch.equal(found.x_adv[0], x[0]) and (found.distance <= 4).all()
    assert (found.after >= found.before).all() and found.median_ratio > 1
    assert found.after.tolist() == synops(net, found.x_adv).total.tolist()
    assert f"{np.median(found.after[1:] / found.before[1:]):.2f} times" in repr(found)


@pytest.mark.parametrize(
    ("ask", "error", "sentence"),
    [
        (lambda: synops(nn.Linear(2, 2), torch.ones(1, 2)), InputError, "has no Spiking layer"),
        (
            lambda: synops(Timed(Spiking(LIF()), nn.GRU(2, 2), out=nn.Linear(2, 2)), torch.ones(1)),
            SettingError,
            "The synapses of layers.1, a GRU, cannot be counted",
        ),
        (lambda: synops(Doubled(), torch.ones(0, 2)), InputError, "at least one item"),
        (
            lambda: Energy(torch.tensor([0]), torch.ones(2)),
            InputError,
            "the operations of every clean item",
        ),
        (
            lambda: Energy(torch.tensor([0]), torch.ones(1), weight=-1.0),
            SettingError,
            "Energy.weight must be a number of at least 0; got -1.0",
        ),
        (
            lambda: Energy(torch.tensor([0]), torch.ones(1)).margin(torch.ones(1, 2)),
            InputError,
            "the operations behind them",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(
    ask: Callable[[], object], error: type[Exception], sentence: str
) -> None:
    with pytest.raises(error) as problem:
        ask()
    assert sentence in str(problem.value)
