"""Flags before the attacks: every fault is named with its numbers, and nothing is left changed."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import spikeproof as sp
from spikeproof.base import InputError
from spikeproof.data import Domain
from spikeproof.evaluate import FLAGS, Flag, flags_before
from spikeproof.models import Poisson
from spikeproof.neurons import NoisyLIF
from support.faults import (
    DOMAIN,
    Carry,
    Foreign,
    Moves,
    Sum,
    X,
    Y,
    only_in_training,
)


def noise(x: Tensor) -> Tensor:
    return x + 0.2 * torch.randn_like(x)


def placed(x: Tensor) -> Tensor:
    """Noise from a generator that every call begins anew: an item's noise is its place's."""
    return x + 0.2 * torch.randn(x.shape, generator=torch.Generator().manual_seed(0))


class OwnGenerator(nn.Module):
    """Noise from a generator that the network holds."""

    def __init__(self) -> None:
        super().__init__()
        self.source, self.net = torch.Generator().manual_seed(0), Sum()

    def forward(self, x: Tensor) -> Any:
        return self.net(x + torch.rand(x.shape, generator=self.source))


class Hidden(nn.Module):
    """State that no attribute holds."""

    def __init__(self) -> None:
        super().__init__()
        self.net, calls = Sum(), [0.0]

        def more() -> float:
            calls[0] += 0.25
            return calls[0]

        self.more = more

    def forward(self, x: Tensor) -> Any:
        return self.net(x) * self.more()


class TimeFirst(nn.Module):
    """Takes (T, N, ...) and averages over the first axis."""

    def forward(self, x: Tensor) -> Tensor:
        z = x.flatten(2).sum(2).mean(0)
        return torch.stack([-z, z], 1)


def found(model: nn.Module, x: Tensor = X, y: Tensor = Y, domain: Domain = DOMAIN) -> list[Flag]:
    """The flags of a network, but for the one that every foreign network has."""
    return [flag for flag in flags_before(model, x, y, domain) if flag.name != "rules"]


def test_a_sound_network_has_no_flag_and_a_foreign_one_is_told_that_rules_do_nothing() -> None:
    assert found(Sum()) == []
    (rules,) = flags_before(Foreign(), X, Y, DOMAIN)
    assert (rules.name, rules.stop) == ("rules", False)
    assert rules.seen == "None of the 3 modules of the network obeys a gradient rule."


FAULTS: list[tuple[Callable[[], nn.Module], dict[str, bool], str]] = [
    (Carry, {"state": True}, "4 answers differ, by up to 0.4, 0 in their class; v kept"),
    (lambda: Sum(before=lambda x: x.mul_(0.9)), {"input-written": False}, "16 of 16 values"),
    (
        lambda: Sum(before=noise),
        {"randomness": False, "torch-generator": False},
        "draws from the generator of torch do",
    ),
    (
        lambda: Sum(before=lambda x: nn.functional.dropout(x)),
        {"randomness": False, "torch-generator": False},
        "One call drew from the global generator of torch.",
    ),
    (
        lambda: Sum(before=lambda x: x + float(np.random.random())),  # noqa: NPY002
        {"randomness": False, "torch-generator": False},
        "One call drew from the global generator of NumPy.",
    ),
    (OwnGenerator, {"randomness": False}, "the generator of source do"),
    (Hidden, {"randomness": True}, "neither its attributes nor any global generator"),
    (lambda: Sum(after=lambda z: z - z.mean(0) + 1e-3 * z), {"batch": True}, "2 of 2 items"),
    (
        lambda: Sum(before=placed),
        {"batch": True},
        "In other places of the batch, 4 of 4 items",
    ),
    (
        Moves,
        {"batch": True, "buffers": False, "zero-gradient": True},
        "moved bn.running_mean, bn.running_var",
    ),
    (
        lambda: Sum(1000.0, lambda z: z.softmax(1)),
        {"probabilities": False},
        "4 of 4 hold an exact 0",
    ),
    (
        lambda: Sum(1000.0, lambda z: 1.0 * z.softmax(1)),  # not the last operation any more
        {"probabilities": True, "zero-gradient": True},
        "exactly zero on 4 of 4 items (100 %)",
    ),
    (
        only_in_training,
        {"no-gradient": True},
        "one does where StepNeuron (2) is in training mode",
    ),
    (
        lambda: Sum(before=lambda x: x.detach()),
        {"no-gradient": True},
        "neither in evaluation mode nor in training mode",
    ),
    (lambda: Foreign(width=1e-6), {"zero-gradient": True}, "exactly zero on"),
]


@pytest.mark.parametrize(("make", "names", "seen"), FAULTS)
def test_each_fault_is_named_with_its_numbers(
    make: Callable[[], nn.Module], names: dict[str, bool], seen: str
) -> None:
    flags = found(make())
    assert {flag.name: flag.stop for flag in flags} == names
    assert seen in " ".join(flag.seen for flag in flags)
    assert all(flag.why and flag.mend.endswith(".") for flag in flags)
    order = [FLAGS.index(flag.name) for flag in flags]
    assert order == sorted(order)


def test_the_same_network_is_described_by_the_same_words_again() -> None:
    model = Sum(before=noise)
    assert flags_before(model, X, Y, DOMAIN) == flags_before(model, X, Y, DOMAIN)
    assert flags_before(model, X, Y, DOMAIN) != flags_before(model, X, Y, DOMAIN, seed=1)


class Everything(nn.Module):
    """Keeps things in every way there is, and changes all of them at every call."""

    def __init__(self, *, fails: bool) -> None:
        super().__init__()
        self.net, self.fails = Carry(), fails
        self.drop, self.bn = nn.Dropout(0.5).train(), nn.BatchNorm1d(4)
        self.register_buffer("mean", torch.zeros(4))
        self.seen: list[Any] = [0]
        self.table = {"a": torch.ones(2), "b": (torch.zeros(1), [1])}
        self.array = np.zeros(3)
        self.source = np.random.default_rng(3)
        self.lucky = random.Random(3)
        self.plain = Holder()

    def forward(self, x: Tensor) -> Any:
        answer = self.net(x)
        assert isinstance(self.mean, Tensor)
        self.mean += x.flatten(1).mean(0)
        self.seen.append(x)
        self.table["a"].add_(1)  # type: ignore[union-attr]
        self.table["b"][1].append(2)  # type: ignore[union-attr, index]
        self.table["c"] = x
        self.array += self.source.random()
        self.plain.v = torch.full((1,), self.lucky.random() + random.random())
        self.late = x
        torch.rand(3), np.random.random(3)  # noqa: NPY002
        self.net.net.k.data.add_(1e-7)
        x.zero_()
        return (answer, answer) if self.fails else answer


class Holder:
    """An object that is no module."""

    def __init__(self) -> None:
        self.v = torch.zeros(1)


def stated(model: Everything) -> list[Any]:
    """Everything that a call changes, as plain data."""
    torch_state, numpy_state = torch.get_rng_state().tolist(), np.random.get_state()  # noqa: NPY002
    return [
        {key: value.tolist() for key, value in model.state_dict().items()},
        [module.training for module in model.modules()],
        (model.net.v is None, len(model.seen), model.table["a"].tolist(), sorted(model.table)),  # type: ignore[union-attr]
        (model.table["b"][1], model.array.tolist(), model.plain.v.tolist()),  # type: ignore[index]
        (model.source.bit_generator.state, model.lucky.getstate(), hasattr(model, "late")),
        (torch_state, str(numpy_state), random.getstate()),
        [parameter.grad for parameter in model.parameters()],
    ]


@pytest.mark.parametrize("fails", [False, True])
def test_network_items_and_generators_are_bit_for_bit_what_they_were(fails: bool) -> None:
    model, x = Everything(fails=fails), X.clone()
    before, kept = stated(model), model.table["a"]
    if fails:
        with pytest.raises(InputError, match="a tuple of 2"):
            flags_before(model, x, Y, DOMAIN)
    else:
        names = {flag.name for flag in flags_before(model, x, Y, DOMAIN)}
        assert names >= {"state", "torch-generator", "input-written", "buffers"}
    assert stated(model) == before
    assert model.table["a"] is kept
    assert torch.equal(x, X)
    assert torch.is_grad_enabled()


HEADS: list[tuple[Callable[[Tensor], Any], str]] = [
    (lambda z: z[:, 1:], r"got one logit, shape \(4, 1\), for 4 items: return torch.cat"),
    (lambda z: z[:, 1], r"got one logit, shape \(4,\).*z\[:, None\]"),
    (lambda z: (z, z), r"a tuple of 2 \(\(4, 2\), \(4, 2\)\): return output\[0\]"),
    (lambda z: {"logits": z}, r"a table with the keys 'logits': return output\['logits'\]"),
    (lambda z: (10 * z).long(), r"torch.int64 of shape \(4, 2\), which no gradient can pass"),
    (lambda z: torch.stack([z, z]), r"\(2, 4, 2\) for 4 items, an answer per step.*mean\(0\)"),
    (lambda z: torch.stack([z, z], 1), r"an answer per step.*mean\(1\)"),
    (lambda z: None, r"got NoneType"),
]


@pytest.mark.parametrize(("after", "sentence"), HEADS)
def test_heads_that_are_no_logits_are_named_with_the_line_that_wraps_them(
    after: Callable[[Tensor], Any], sentence: str
) -> None:
    with pytest.raises(InputError, match=sentence) as caught:
        flags_before(Sum(after=after), X, Y, DOMAIN)
    assert "time axis" not in str(caught.value)


@pytest.mark.parametrize(
    ("model", "sentence"),
    [
        (Sum().state_dict(), r"weights alone \(a table of 1 tensors, 'k' first\).*load_state_dict"),
        (torch.sigmoid, r"the function sigmoid: call it in the forward"),
        (Sum, r"the class Sum: make a network of it, Sum\(...\)"),
        (3, r"got int"),
    ],
)
def test_what_is_no_network_is_named(model: Any, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        flags_before(model, X, Y, DOMAIN)


def test_time_first_is_seen_where_items_and_steps_are_as_many_too() -> None:
    domain = Domain(kind="events", shape=(8, 2, 2, 2))
    for n in (5, 8, 20):
        x = torch.rand(n, *domain.shape, generator=torch.Generator().manual_seed(0))
        (flag,) = found(TimeFirst(), x, torch.ones(n).long(), domain)
        assert (flag.name, flag.stop) == ("time-axis", True)
        assert "for each of 8 entries of its second axis" in flag.seen
        assert "transpose(0, 1)" in flag.mend


RANGES: list[tuple[Tensor, dict[str, Any], bool | None, str]] = [
    (torch.tensor([0.0, 1.0]), {}, None, ""),
    (torch.tensor([0.0, 255.0]), {}, True, "between 0 and 255"),
    (torch.tensor([-1.0, 1.0]), {}, True, "look normalised"),
    (torch.tensor([0.0, 1.0]), {"high": 255.0}, False, r"[0, 255]"),
    (torch.tensor([-1.0, 1.0]), {"low": -3.0, "high": 3.0}, False, "look normalised"),
    (torch.tensor([-1.0, 1.0]), {"low": -1.0}, False, "look normalised"),
]


@pytest.mark.parametrize(("values", "settings", "stop", "seen"), RANGES)
def test_items_beside_the_declared_range(
    values: Tensor, settings: dict[str, Any], stop: bool | None, seen: str
) -> None:
    x = values.repeat(8, 1, 2, 1)
    flags = found(Sum(), x, Y.repeat(2), Domain(**{**vars(DOMAIN), **settings}))
    ranges = [flag for flag in flags if flag.name == "range"]
    assert [flag.stop for flag in ranges] == ([] if stop is None else [stop])
    assert seen in "".join(flag.seen for flag in ranges)


def test_clean_accuracy_at_chance_is_told_from_one_above_it() -> None:
    x = torch.rand(64, 1, 2, 2, generator=torch.Generator().manual_seed(0))
    y = (x.flatten(1).sum(1) > 2).long()
    assert found(Sum(), x, y) == []
    (flag,) = found(Sum(), x, torch.where(torch.arange(64) % 2 > 0, y, 1 - y))
    assert flag.name == "chance"
    assert "8 of 16 items are answered right when clean (50 %)" in flag.seen
    assert "guessing among 2 classes (50 %)" in flag.seen


OWN = [
    ("cnn-small", "digits", {}),
    ("cnn-small", "digits", {"encoder": Poisson()}),
    ("cnn-small", "digits", {"neuron": NoisyLIF()}),
    ("dense", "digits", {}),
    ("cnn-small", "digits-events", {}),
    ("recurrent", "digits-events", {}),
    ("tcn-small", "digits-audio", {}),
    ("fusion-small", "digits-av", {}),
    ("sew-resnet-18", "digits", {}),
]


@pytest.mark.parametrize(("name", "data", "settings"), OWN)
def test_the_networks_of_the_package_raise_no_flag(
    name: str, data: str, settings: dict[str, Any]
) -> None:
    items = sp.load(data)
    model = sp.build(name, items, timesteps=3, width=4, **settings)
    x = items.validation.x[:64]
    y = sp.evaluate.plain_logits(model, x).argmax(1)  # untrained, so its answers are the truth
    state = torch.get_rng_state()
    flags = flags_before(model, x, y, items.domain)
    assert flags == (), [flag.sentence for flag in flags]
    assert torch.equal(torch.get_rng_state(), state)
