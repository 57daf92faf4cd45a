"""SSDP, retraction and the overfitting watch by hand, and that a run with them resumes exactly."""

from __future__ import annotations

import math
import warnings
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor, nn

import spikeproof as sp
from spikeproof.attacks import PGD
from spikeproof.base import Diverged, InputError, SettingError, seeds
from spikeproof.data import Dataset, Domain
from spikeproof.models import model_digest, read_tensors
from spikeproof.neurons import IF, Spiking, time_mean
from spikeproof.threats import L1, Linf, Threat
from spikeproof.train import (
    EAT,
    RULES,
    SSDP,
    Adversarial,
    Assignment,
    CrossEntropy,
    Moment,
    NaturalFusion,
    Objective,
    OverfittingWatch,
    Retraction,
    SparseGradient,
    Training,
    fit,
)
from spikeproof.train.rules.ssdp import latencies
from spikeproof.train.run import Run

ERROR = {"error": (1.0, CrossEntropy())}


def moment(model: nn.Module, x: Tensor, **settings: Any) -> Moment:
    """A moment of a training on ``x``, all of class 0."""
    given = {"y": torch.zeros(len(x), dtype=torch.int64), "seeds": seeds(0, n=len(x)), "epoch": 99}
    return Moment(model=model, x=x, **{**given, **settings})


def test_ssdp_by_hand() -> None:
    # T = 3. Pre fires at 0 or never, post at 1 or never.
    pre, post = torch.tensor([[0, 3]]), torch.tensor([[1, 3]])
    near = [math.exp(-(dt**2) / 2) for dt in range(4)]
    change = SSDP(layers=("a",), plus=0.3, base=0.1).change(pre, post, 3)
    expected = [
        [0.3 * near[1], -0.1 * near[2]],  # post at 1: with pre at 0, with silent pre
        [-0.1 * near[3], -0.1 * near[0]],  # silent post: with pre at 0, both silent
    ]
    torch.testing.assert_close(change, torch.tensor(expected, dtype=torch.float64))
    # Another item in which everything fires at once: the mean of the two.
    both = SSDP(layers=("a",), plus=0.3, base=0.1).change(
        torch.cat([pre, torch.zeros_like(pre)]), torch.cat([post, torch.zeros_like(post)]), 3
    )
    torch.testing.assert_close(both, (change + 0.3) / 2)


def test_ssdp_in_its_exponential_form_by_hand() -> None:
    pre, post = torch.tensor([[0, 3]]), torch.tensor([[1, 3]])
    change = SSDP.exponential(("a",)).change(pre, post, 3)
    fired = 0.02 * (math.exp(-1 / 20) - math.exp(-1 / 400))
    expected = torch.tensor([[fired, 0.0], [0.0, 0.0]], dtype=torch.float64)
    torch.testing.assert_close(change, expected)
    assert fired == pytest.approx(-0.0463 * 0.02, rel=1e-2), "always depression, as published"


def test_a_change_is_cut_at_one() -> None:
    fired = torch.zeros(2, 3, dtype=torch.int64)
    assert SSDP(layers=("a",), plus=7.0).change(fired, fired, 4).tolist() == [[1.0] * 3] * 3


class Chain(nn.Module):
    """Neurons, a linear layer, neurons, a readout; currents are the inputs."""

    def __init__(self) -> None:
        super().__init__()
        self.early, self.late = Spiking(IF()), Spiking(IF())
        self.middle, self.readout = nn.Linear(2, 2, bias=False), nn.Linear(2, 2, bias=False)
        self.middle.weight.data.copy_(torch.tensor([[1.0, 0.0], [0.0, 0.5]]))
        self.readout.weight.data.copy_(torch.tensor([[1.0, 0.0], [0.0, -1.0]]))

    def forward(self, x: Tensor) -> Tensor:
        spikes = self.early(x.expand(4, *x.shape))
        logits: Tensor = self.readout(time_mean(self.late(self.middle(spikes))))
        return logits


def test_ssdp_takes_first_spikes_in_front_of_and_behind_a_layer() -> None:
    # Inputs .5 and 1: early neurons fire at 1, 3 and at 0, 1, 2, 3; late ones at 1, 3 and at 1, 3.
    # The readout is above 0 at 1 and 3 for class 0, and never for class 1.
    net, x = Chain(), torch.tensor([[0.5, 1.0]])
    before = {name: p.detach().clone() for name, p in net.named_parameters()}
    rule = SSDP(layers=("middle", "readout"), plus=0.3, base=0.1, start=0)
    rule(moment(net, x))
    near = [math.exp(-(dt**2) / 2) for dt in range(5)]
    middle = torch.tensor([[0.3, 0.3 * near[1]], [0.3, 0.3 * near[1]]])
    # Latencies behind: 1 and silent (4); in front: 1 and 1.
    readout = torch.tensor([[0.3, 0.3], [-0.1 * near[3], -0.1 * near[3]]])
    torch.testing.assert_close(net.middle.weight.data, before["middle.weight"] + middle)
    torch.testing.assert_close(net.readout.weight.data, before["readout.weight"] + readout)


def test_the_shuffled_control_keeps_sizes_and_forgets_whose_they_were() -> None:
    x = torch.rand(6, 2, generator=torch.Generator().manual_seed(3)) + 0.2
    moved = {}
    for shuffled in (False, True):
        for step in range(8):
            net = Chain()
            before = net.middle.weight.detach().clone()
            settings = {"plus": 0.3, "base": 0.1, "start": 0, "shuffled": shuffled}
            SSDP(layers=("middle",), **settings)(moment(net, x, step=step))
            moved[shuffled, step] = net.middle.weight.detach() - before
    own = moved[False, 0]
    assert own.unique().numel() > 2
    assert all(torch.equal(moved[False, step], own) for step in range(8))
    orders = [moved[True, step] for step in range(8)]
    for change in orders:  # the same four numbers, up to the rounding of the sum
        torch.testing.assert_close(change.flatten().sort()[0], own.flatten().sort()[0])
    assert any(not torch.allclose(change, own, atol=1e-3) for change in orders)
    assert any(not torch.allclose(change, orders[0], atol=1e-3) for change in orders)


@dataclass(frozen=True, kw_only=True)
class Push:
    """Adds 3 to the first weight of the readout, from the second epoch on."""

    when: ClassVar[str] = "after"

    def __call__(self, at: Moment) -> None:
        if at.epoch > 1:
            at.weight("Push", "readout").data[0, 0] += 3.0


def test_the_history_tells_how_far_rules_move_weights(data: Dataset) -> None:
    settings = Training(
        batch_size=len(data.train), optimizer="sgd", momentum=0.0, schedule="constant"
    )
    net = nn.Sequential(OrderedDict(readout=nn.Linear(4, 2)))
    objective = Objective(ERROR, rules=(Push(),))
    run = Run(net, data, Assignment(objective=objective, epochs=2, settings=settings))
    assert run.step_epoch().shift == {}
    before = net.readout.weight.detach().clone()
    found = run.step_epoch().shift
    step = net.readout.weight.detach() - before
    step[0, 0] -= 3.0
    assert found["rules"] == pytest.approx(3.0, rel=1e-5)
    assert found["optimizer"] == pytest.approx(float(step.norm()), rel=1e-3)
    assert found["weights"] == pytest.approx(float((before + step).norm()), rel=1e-5)


class Images(nn.Module):
    """Neurons, a 1x1 convolution that skips every other column, neurons, a readout."""

    def __init__(self) -> None:
        super().__init__()
        self.early, self.late = Spiking(IF()), Spiking(IF())
        self.mix = nn.Conv2d(2, 3, 1, stride=(1, 2), bias=False)
        self.readout = nn.Linear(3, 2)

    def forward(self, x: Tensor) -> Tensor:
        spikes = self.early(x.expand(4, *x.shape))
        current = self.mix(spikes.flatten(0, 1)).unflatten(0, spikes.shape[:2])
        logits: Tensor = self.readout(time_mean(self.late(current).mean((3, 4))))
        return logits


def test_at_a_1x1_convolution_every_place_is_a_linear_layer() -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        net = Images()
    net.mix.weight.data.abs_().add_(0.4)
    x = torch.rand(5, 2, 2, 4, generator=torch.Generator().manual_seed(1))
    weight = net.mix.weight.detach().clone()
    rule = SSDP(layers=("mix",), plus=0.3, base=0.1, start=0)
    rule(moment(net, x))
    # The same by hand: places that the stride keeps, as items of a linear layer.
    spikes = Spiking(IF())(x.expand(4, *x.shape))[..., ::2]
    pre = spikes.permute(0, 1, 3, 4, 2).reshape(4, -1, 2)
    post = Spiking(IF())(pre @ weight[:, :, 0, 0].T)
    change = rule.change(latencies(pre), latencies(post), 4)
    assert change.unique().numel() > 2
    torch.testing.assert_close(net.mix.weight.data[:, :, 0, 0], weight[:, :, 0, 0] + change.float())


def test_ssdp_waits_for_its_start_and_leaves_hooks_modes_and_buffers_alone() -> None:
    data = sp.load("digits")
    model = sp.build("dense", data, width=8, timesteps=3)
    x = data.train.x[:8]
    state = {name: value.clone() for name, value in model.state_dict().items()}
    rule = SSDP(layers=("body.readout", "body.layers.1.layers.0"), start=10)
    rule(moment(model, x, epoch=10))
    assert all(torch.equal(v, state[n]) for n, v in model.state_dict().items())
    rule(moment(model, x, epoch=11))
    changed = {n for n, v in model.state_dict().items() if not torch.equal(v, state[n])}
    assert changed == {"body.readout.weight", "body.layers.1.layers.0.weight"}
    assert model.training
    assert not any(module._forward_hooks for module in model.modules())


@pytest.mark.parametrize(
    ("layer", "error", "sentence"),
    [
        ("body.readot", SettingError, "no linear or convolutional layer 'body.readot'; it has"),
        (
            "body.stem.0",
            SettingError,
            "SSDP acts on linear layers and 1x1 convolutions; 'body.stem.0' is Conv2d",
        ),
    ],
)
def test_ssdp_names_the_layers_it_could_act_on(
    layer: str, error: type[Exception], sentence: str
) -> None:
    data = sp.load("digits")
    model = sp.build("cnn-small", data, width=2)
    with pytest.raises(error, match=sentence):
        SSDP(layers=(layer,), start=0)(moment(model, data.train.x[:2]))


def test_ssdp_refuses_a_layer_in_front_of_the_first_neurons() -> None:
    data = sp.load("digits")
    model = sp.build("dense", data, width=4)
    with pytest.raises(InputError, match="is not called once per time step"):
        SSDP(layers=("body.stem.1",), start=0)(moment(model, data.train.x[:2]))


def test_retraction_by_hand_and_its_fixed_point() -> None:
    layer = nn.Linear(3, 2, bias=False).double()
    weight = layer.weight.detach().clone()
    Retraction(strength=0.05)(moment(layer, torch.zeros(1, 3).double()))
    expected = 1.05 * weight - 0.05 * weight @ weight.T @ weight
    torch.testing.assert_close(layer.weight.data, expected)
    for _ in range(400):
        Retraction(strength=0.05)(moment(layer, torch.zeros(1, 3).double()))
    torch.testing.assert_close(layer.weight.data @ layer.weight.data.T, torch.eye(2).double())


def test_convolutions_are_retracted_as_one_row_per_channel() -> None:
    conv = nn.Conv2d(2, 3, 3).double()
    flat = conv.weight.detach().flatten(1).clone()
    Retraction(strength=0.01)(moment(conv, torch.zeros(1, 2, 3, 3).double()))
    expected = 1.01 * flat - 0.01 * flat @ flat.T @ flat
    torch.testing.assert_close(conv.weight.data.flatten(1), expected)


def test_of_a_large_layer_a_random_share_of_rows_is_retracted() -> None:
    layer = nn.Linear(4, 50, bias=False)
    before = layer.weight.detach().clone()
    rule, x = Retraction(strength=0.1, rows=20, share=0.3), torch.zeros(1, 4)
    rule(moment(layer, x, step=0))
    first = (layer.weight.data != before).any(1)
    assert int(first.sum()) == 15
    some = before[first]
    torch.testing.assert_close(layer.weight.data[first], 1.1 * some - 0.1 * some @ some.T @ some)
    between = layer.weight.detach().clone()
    rule(moment(layer, x, step=1))
    assert not torch.equal((layer.weight.data != between).any(1), first), "other rows each step"


def watched(steps: int, step_size: float) -> Moment:
    """A linear model at the end of an epoch, trained on an attack of that strength."""
    domain = Domain(kind="audio", shape=(2,))
    model = nn.Linear(2, 2, bias=False)
    model.weight.data.copy_(torch.tensor([[1.0, 0.0], [0.0, 1.0]]))
    attack = PGD(steps=steps, step_size=step_size, random_start=False)
    inputs = Adversarial(attack, Threat(Linf(), 0.2, domain))
    return moment(model, torch.tensor([[0.6, 0.4]] * 8), inputs=inputs, last=True, epoch=3)


def test_the_watch_tells_an_attack_that_no_longer_works() -> None:
    assert OverfittingWatch().accuracies(watched(1, 0.1)) == (1.0, 0.0)
    assert OverfittingWatch().accuracies(watched(1, 1.0)) == (0.0, 0.0)
    with pytest.warns(UserWarning, match="Catastrophic overfitting after epoch 3: accuracy 1.00"):
        OverfittingWatch()(watched(1, 0.1))
    with pytest.raises(Diverged, match="0.00 under PGD with 10 steps"):
        OverfittingWatch(action="stop")(watched(1, 0.1))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        OverfittingWatch()(watched(1, 1.0))


class Counted(nn.Module):
    """Counts the items a model answers and whose weight gradient is asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.forwards, self.backwards = Chain(), 0, 0

    def forward(self, x: Tensor) -> Tensor:
        self.forwards += len(x)
        logits: Tensor = self.body(x)
        if logits.requires_grad:
            logits.register_hook(lambda grad: self._back(len(x)))
        return logits

    def _back(self, items: int) -> None:
        self.backwards += items


@pytest.mark.parametrize(
    ("rule", "passes"),
    [
        (Retraction(), (0, 0)),
        (SSDP(layers=("body.readout",), start=0), (1, 0)),
        (NaturalFusion(), (1, 1)),
        # PGD of 3 steps: its own 5 and 3, one look, and a PGD of 10 steps with its look.
        (OverfittingWatch(gap=0.99), (5 + 1 + 13, 3 + 10)),
    ],
    ids=repr,
)
def test_a_rule_costs_what_its_page_says(rule: Any, passes: tuple[int, int]) -> None:
    net, domain = Counted(), Domain(kind="audio", shape=(2,))
    for parameter in net.parameters():
        parameter.grad = torch.ones_like(parameter)
    inputs = Adversarial(PGD(steps=3), Threat(Linf(), 0.1, domain))
    rule(moment(net, torch.rand(4, 2), inputs=inputs, last=True))
    assert (net.forwards, net.backwards) == (4 * passes[0], 4 * passes[1])


class Stop(Exception):
    """Raised by the hook to break a run off."""


def test_a_run_with_memory_and_rules_resumes_exactly(
    model: Callable[..., Any], data: Dataset, tmp_path: Path
) -> None:
    attack = PGD(steps=1, step_size=1.0)
    threats = Threat(Linf(), 0.1, data.domain), Threat(L1(), 0.3, data.domain)
    objective = Objective(
        {"error": (1.0, CrossEntropy()), "sparse": (0.1, SparseGradient())},
        inputs=EAT(tuple(Adversarial(attack, threat) for threat in threats)),
        rules=(Retraction(strength=0.01), NaturalFusion()),
    )
    settings = Training(batch_size=16, learning_rate=0.05)

    def run(folder: Path | None, progress: Any = None) -> nn.Module:
        net: nn.Module = model()
        fit(
            net,
            data,
            objective,
            epochs=4,
            settings=settings,
            directory=folder,
            progress=progress or (lambda *_: None),
        )
        return net

    def stop(epoch: int, *_: Any) -> None:
        if epoch == 2:
            raise Stop

    whole = run(tmp_path / "whole")
    with pytest.raises(Stop):
        run(tmp_path / "broken", stop)
    tensors, _ = read_tensors(tmp_path / "broken" / "training.safetensors")
    assert int(tensors["memory.eat.seen"].sum()) == 2 * len(data.train)
    assert model_digest(run(tmp_path / "broken")) == model_digest(whole)
    name = "training.safetensors"
    assert (tmp_path / "broken" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


@pytest.mark.parametrize(
    "rule",
    [SSDP(layers=("a", "b")), Retraction(layers=("a",)), NaturalFusion(), OverfittingWatch()],
    ids=repr,
)
def test_rules_rebuild_from_repr_and_record(rule: Any) -> None:
    assert eval(repr(rule)) == rule
    objective = Objective(ERROR, rules=(rule,))
    assert Objective.from_record(objective.record()) == objective
    assert RULES.kind(rule) in RULES


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: SSDP(), "SSDP.layers must list the names"),
        (lambda: SSDP(layers="readout"), "SSDP.layers must list the names"),
        (lambda: SSDP(layers=("a",), width=0), "SSDP.width must be positive"),
        (lambda: SSDP(layers=("a",), start=-1), "SSDP.start must be a whole number >= 0"),
        (lambda: SSDP(layers=("a",), kernel="gauss"), "Did you mean 'gaussian'"),
        (lambda: Retraction(strength=-1), "Retraction.strength must be positive"),
        (lambda: Retraction(share=2), r"Retraction.share must lie in \[0, 1\]"),
        (lambda: OverfittingWatch(action="halt"), "Unknown OverfittingWatch.action 'halt'"),
    ],
)
def test_settings_that_make_no_sense_are_refused(make: Any, sentence: str) -> None:
    with pytest.raises(SettingError, match=sentence):
        make()
