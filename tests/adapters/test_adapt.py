"""What ``adapt`` makes of networks as users write them."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from adapters.hand_written import (
    STEPS,
    Apart,
    Hand,
    HandApart,
    Leaking,
    Ours,
    Spike,
    Stack,
    Stepwise,
    TimeFirst,
    items,
)
from spikeproof.adapters import Adapted, adapt
from spikeproof.base import InputError, SettingError
from spikeproof.models import evaluating

X = items()


class Wrapped(nn.Module):
    """A network whose answer is put into another form."""

    def __init__(self, form: Callable[[Tensor], Any]) -> None:
        super().__init__()
        self.net, self.form = Ours(), form

    def forward(self, x: Tensor) -> Any:
        return self.form(self.net(x))


@pytest.mark.parametrize("kind", [Hand, HandApart, Ours])
def test_logits_are_those_of_the_network(kind: type[nn.Module]) -> None:
    net = kind()
    adapted = adapt(net, example=X)
    assert torch.equal(adapted(X), net(X))
    assert adapted.reading.library == "torch" and adapted.reading.rules
    assert adapted.reading.spiking == 1 and not adapted.reading.stateful


def test_without_an_example_the_first_batch_serves() -> None:
    adapted = adapt(Hand())
    with pytest.raises(InputError, match="example="):
        _ = adapted.reading
    assert torch.equal(adapted(X), Hand()(X))
    assert adapted.reading.time == "inside"
    for where in (torch.no_grad, torch.inference_mode):
        late = adapt(Hand())
        with where():
            assert torch.equal(late(X), Hand()(X))
        assert late.reading == adapted.reading


def test_carried_state_begins_anew_before_every_call() -> None:
    net = Leaking()
    truth = Leaking()(X)
    net(X), net(X)
    assert not torch.equal(net(X), truth)
    net.v = 0.0
    adapted = adapt(net, example=X)
    assert adapted.reading.stateful
    for _ in range(3):
        assert torch.equal(adapted(X), truth)
    assert net.v == 0.0


def test_a_state_that_had_begun_is_told() -> None:
    net = Leaking()
    net(X)
    assert "had begun" in str(adapt(net, example=X).reading)


class InBuffer(Stack):
    """Writes into a buffer, a list and a dictionary, in place."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("seen", torch.zeros(()))
        self.calls: list[int] = []
        self.kept: dict[str, Tensor] = {"v": torch.zeros(3)}

    def forward(self, x: Tensor) -> Tensor:
        self.get_buffer("seen").add_(1)
        self.calls.append(1)
        self.kept["v"].add_(1)
        self.kept["new"] = x
        out: Tensor = self.fc2(self.fc1(x)) * self.get_buffer("seen") + self.kept["v"] * len(
            self.calls
        )
        return out


def test_state_is_found_wherever_modules_keep_it() -> None:
    truth = InBuffer()(X)
    adapted = adapt(InBuffer(), example=X)
    assert torch.equal(adapted(X), truth) and torch.equal(adapted(X), truth)
    moved = copy.deepcopy(adapted).to(torch.float64)
    torch.testing.assert_close(moved(X.double()).float(), truth)
    torch.testing.assert_close(moved(X.double()).float(), truth)


def facts(net: nn.Module) -> list[Any]:
    """All that an attack could leave behind in a network."""
    tensors = [(n, t.clone(), t.grad, t._version) for n, t in net.named_parameters()]
    held = [(n, b.clone(), b._version) for n, b in net.named_buffers()]
    return [
        tensors,
        held,
        [m.training for m in net.modules()],
        [set(vars(m)) for m in net.modules()],
    ]


class Normed(Stack):
    """Batch norm and dropout."""

    def __init__(self) -> None:
        super().__init__()
        self.norm, self.drop = nn.BatchNorm1d(12), nn.Dropout(0.5)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.fc2(self.drop(functional.relu(self.norm(self.fc1(x)))))
        return out


@pytest.mark.parametrize("kind", [Normed, Stepwise, InBuffer])
def test_the_users_network_stays_bit_for_bit(kind: type[nn.Module]) -> None:
    net = kind().train()
    net.fc2.eval()  # type: ignore[union-attr, operator]
    before = facts(net)
    adapted = adapt(net, example=X, steps=STEPS)
    x = X.clone().requires_grad_(True)
    adapted.train()
    adapted(x).sum().backward()  # as foolbox does
    with pytest.raises(RuntimeError):
        adapted(torch.rand(2, 5))
    after = facts(net)
    for one, other in zip(before, after, strict=True):
        assert str(one) == str(other)
    with evaluating(adapted):
        assert torch.equal(adapted(X), adapted(X))


def test_batch_norm_and_dropout_are_in_evaluation_mode_whatever_is_asked() -> None:
    net = Normed()
    truth = copy.deepcopy(net).eval()(X)
    adapted = adapt(net.train(), example=X)
    for mode in (True, False):
        assert torch.equal(adapted.train(mode)(X), truth)
        assert adapted.training is mode


class DerivedNorm(nn.BatchNorm1d):
    """Batch norm of a library that derives its layers from torch's, as SpikingJelly does."""


def test_batch_norm_that_is_derived_from_torchs_is_not_moved_by_looking_at_it() -> None:
    net = nn.Sequential(nn.Linear(6, 12), DerivedNorm(12), StepUnlessTraining(), nn.Linear(12, 3))
    before, truth = copy.deepcopy(net.state_dict()), copy.deepcopy(net).eval()(X)
    adapted = adapt(net, example=X)
    assert torch.equal(adapted(X), truth)
    for name, value in adapted.network.state_dict().items():
        assert torch.equal(value, before[name]), name
    assert "StepUnlessTraining stay in training mode" in str(adapted.reading)
    assert "DerivedNorm" not in str(adapted.reading)


def test_statistics_that_batch_norm_moves_are_put_back_though_no_version_counts_them() -> None:
    class Moves(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc, self.norm = nn.Linear(6, 3), nn.BatchNorm1d(3)

        def forward(self, x: Tensor) -> Tensor:
            mean, var = self.norm.running_mean, self.norm.running_var
            functional.batch_norm(self.fc(x), mean, var, training=True)
            out: Tensor = self.norm(self.fc(x))
            return out

    adapted = adapt(Moves(), example=X)
    first = adapted(X)
    assert torch.equal(adapted(X), first)
    norm = adapted.network.norm
    assert isinstance(norm, nn.BatchNorm1d) and norm.running_mean is not None
    assert not norm.running_mean.any()


class StepUnlessTraining(nn.Module):
    """A neuron without a gradient in evaluation mode, as SpikingJelly 0.0.0.0.14 has it."""

    def forward(self, v: Tensor) -> Tensor:
        spikes: Tensor = fire(v) if self.training else (v >= 1).to(v.dtype)
        return spikes


def fire(v: Tensor) -> Tensor:
    """At 1."""
    spikes: Tensor = Spike.apply(v, 1.0)  # type: ignore[no-untyped-call]
    return spikes


def test_surrogates_stay_on_where_only_training_mode_has_them() -> None:
    net = nn.Sequential(nn.Linear(6, 12), nn.Dropout(0.9), StepUnlessTraining(), nn.Linear(12, 3))
    adapted = adapt(net, example=X)
    x = X.clone().requires_grad_(True)
    logits = adapted(x)
    (grad,) = torch.autograd.grad(logits.sum(), x)
    assert grad.any() and torch.equal(logits, net.eval()(X))
    assert "StepUnlessTraining stay in training mode" in str(adapted.reading)


def test_a_network_may_write_into_its_input() -> None:
    class Writes(Stack):
        def forward(self, x: Tensor) -> Tensor:
            out: Tensor = self.fc2(self.fc1(x.mul_(0.9)))
            return out

    given = X.clone()
    adapted = adapt(Writes(), example=given)
    x = given.clone().requires_grad_(True)
    adapted(x).sum().backward()
    adapted(given)
    assert torch.equal(given, X) and torch.equal(x.detach(), X) and x.grad is not None


@pytest.mark.parametrize(
    ("form", "reduce", "rule"),
    [
        (lambda z: (z, None), None, "logits"),
        (lambda z: {"logits": z, "other": z + 1}, None, "logits"),
        (lambda z: {"mine": z, "other": z + 1}, "logits:mine", "logits:mine"),
        (lambda z: (torch.stack([z + 1, z - 1]), z), None, "rate"),
        (lambda z: torch.stack([z + 1, z - 1], 1), "rate", "rate"),
        (lambda z: [z + 1, z - 1], None, "rate"),
        (lambda z: torch.stack([z + 1, z]), "last", "last"),
        (lambda z: (None, torch.stack([z, z - 1], 1)), "max:1", "max:1"),
    ],
)  # fmt: skip
def test_answers_of_every_form_become_logits(form: Any, reduce: str | None, rule: str) -> None:
    adapted = adapt(Wrapped(form), example=X, reduce=reduce)
    torch.testing.assert_close(adapted(X), Ours()(X))
    assert adapted.reading.reduce == rule
    assert ("Give reduce=" in str(adapted.reading)) is (reduce is None and rule == "rate")


def test_several_named_values_are_asked_about() -> None:
    with pytest.raises(InputError, match="mine, other.*reduce='logits:KEY'"):
        adapt(Wrapped(lambda z: {"mine": z, "other": z}), example=X)
    with pytest.raises(SettingError, match="reduce is one of"):
        adapt(Ours(), reduce="mean")


@pytest.mark.parametrize("form", [lambda z: z[:, 0], lambda z: z[:, :1]])
def test_a_head_of_one_logit_is_two_classes(form: Any) -> None:
    adapted = adapt(Wrapped(form), example=X)
    z = Ours()(X)[:, 0]
    assert torch.equal(adapted(X), torch.stack([torch.zeros_like(z), z], 1))
    # The probability of the second class is the sigmoid.
    torch.testing.assert_close(adapted(X).softmax(1)[:, 1], z.sigmoid())


def test_the_time_axis_is_found() -> None:
    recordings = torch.rand(4, 7, 6)  # seven steps of six values
    net = TimeFirst()
    adapted = adapt(net, example=recordings)
    torch.testing.assert_close(adapted(recordings), net(recordings.transpose(0, 1)).mean(0))
    assert adapted.reading.time == "first" and adapted.reading.reduce == "rate"
    assert "of length 7, is its time" in str(adapted.reading)
    shown = adapt(net, example=X, steps=STEPS)
    torch.testing.assert_close(shown(X), Hand()(X))
    assert shown.reading.time == "first"


def test_as_many_items_as_steps_deceive_nobody() -> None:
    recordings = torch.rand(6, 6, 6)
    adapted = adapt(TimeFirst(), example=recordings)
    truth = TimeFirst()(recordings.transpose(0, 1)).mean(0)
    torch.testing.assert_close(adapted(recordings), truth)
    other = recordings.clone()
    other[0] += 1
    torch.testing.assert_close(adapted(other)[1:], truth[1:])


def test_one_step_a_call_needs_the_number_of_steps() -> None:
    with pytest.raises(SettingError, match="one time step a call.*steps=T"):
        adapt(Stepwise(), example=X)
    adapted = adapt(Stepwise(), example=X, steps=STEPS)
    torch.testing.assert_close(adapted(X), Hand()(X))
    assert adapted.reading.time == "none" and adapted.reading.stateful
    recordings = torch.rand(3, 5, 6)
    net = Stepwise()
    truth = torch.stack([net(recordings[:, t]) for t in range(5)]).mean(0)
    fresh = adapt(Stepwise(), example=recordings)
    torch.testing.assert_close(fresh(recordings), truth)


def test_normalisation_is_declared_once_inside() -> None:
    net = nn.Sequential(nn.Conv2d(2, 3, 3), nn.Flatten(), nn.Linear(12, 3))
    x = torch.rand(4, 2, 4, 4)
    mean, std = torch.tensor([0.4, 0.6]), torch.tensor([0.2, 0.5])
    adapted = adapt(net, mean=[0.4, 0.6], std=[0.2, 0.5], example=x)
    shown = (x - mean.view(1, 2, 1, 1)) / std.view(1, 2, 1, 1)
    torch.testing.assert_close(adapted(x), net(shown))
    for bad, word in (({"std": 0.0}, "above zero"), ({"mean": float("nan")}, "finite")):
        with pytest.raises(SettingError, match=word):
            adapt(net, **bad)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="3 channels"):
        adapt(net, mean=[0.1, 0.2, 0.3])(x)


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16])
def test_half_precision_is_attacked_in_single(kind: torch.dtype) -> None:
    net = Ours().to(kind)
    adapted = adapt(net, example=X)
    torch.testing.assert_close(adapted(X), copy.deepcopy(net).float()(X))
    assert "attacked in float32" in str(adapted.reading)
    assert next(net.parameters()).dtype == kind


def test_items_meet_a_network_of_another_type() -> None:
    adapted = adapt(Ours().double(), example=X)
    assert adapted(X).dtype == torch.float64
    x = X.clone().requires_grad_(True)
    adapted(x).sum().backward()
    assert x.grad is not None and x.grad.dtype == torch.float32
    assert torch.equal(adapt(Ours(), example=X)(X.double()), Ours()(X))


class Compiled(nn.Module):
    """What ``torch.compile`` returns, as far as it shows."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self._orig_mod = net


def test_what_compiles_or_spreads_a_network_is_taken_off() -> None:
    net = Ours()
    spread_net = nn.DataParallel(net)
    net.cpu()  # where there is an accelerator, DataParallel moves the network there
    spread = adapt(spread_net, example=X)
    compiled = adapt(Compiled(net), example=X)
    assert torch.equal(spread(X), net(X)) and torch.equal(compiled(X), net(X))
    assert "DataParallel" in str(spread.reading) and "compiled" in str(compiled.reading)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_what_cannot_be_adapted_is_refused_with_the_reason() -> None:
    with pytest.raises(InputError, match=r"got function.*forward of a torch\.nn\.Module"):
        adapt(lambda x: x)
    with pytest.raises(InputError, match="no size yet"):
        adapt(nn.Sequential(nn.LazyLinear(3)))
    with pytest.raises(InputError, match="no answer"):
        adapt(nn.Linear(5, 3), example=X)
    with pytest.raises(SettingError, match="steps must be a whole number"):
        adapt(Ours(), steps=0)
    with pytest.raises(SettingError, match="reset is for NIR"):
        adapt(Ours(), reset="soft")
    with pytest.raises(SettingError, match="time"):
        adapt(Ours(), time="third")
    scripted = torch.jit.trace(nn.Linear(6, 3), X)
    with pytest.raises(InputError, match="TorchScript"):
        adapt(scripted)


def test_a_closure_over_the_users_network_is_refused() -> None:
    class Closed(Stepwise):
        def __init__(self) -> None:
            super().__init__()
            self.run = lambda x: self.neuron(x)

        def forward(self, x: Tensor) -> Tensor:
            out: Tensor = self.fc2(self.run(self.fc1(x)))
            return out

    net = Closed()
    with pytest.raises(InputError, match="closure"):
        adapt(net, example=X, steps=STEPS)
    assert net.neuron.v == 0.0


def test_answers_that_depend_on_the_batch_are_told() -> None:
    class Mixes(Stack):
        def forward(self, x: Tensor) -> Tensor:
            z = self.fc2(self.fc1(x))
            out: Tensor = z - z.mean(0)
            return out

    adapted = adapt(Mixes(), example=X)
    assert torch.equal(adapted(X), Mixes()(X))
    assert "depends on the items beside it" in str(adapted.reading)


def test_probing_leaves_torchs_generator_alone() -> None:
    class Draws(Stack):
        def forward(self, x: Tensor) -> Tensor:
            out: Tensor = self.fc2(self.fc1(x + 0.1 * torch.randn_like(x)))
            return out

    before = torch.random.get_rng_state()
    adapted = adapt(Draws(), example=X)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert not adapted.reading.notes


def test_weights_can_be_loaded_and_the_beginning_follows() -> None:
    adapted, other = adapt(InBuffer(), example=X), adapt(InBuffer(), example=X)
    weights = {name: value + 1 for name, value in other.state_dict().items()}
    adapted.load_state_dict(weights)
    once = adapted(X)
    assert torch.equal(adapted(X), once)
    assert isinstance(adapted, Adapted) and "torch" in repr(adapted)


def test_functions_are_what_they_were_outside_a_pass() -> None:
    before = {kind: dict(vars(kind)) for kind in (Spike, Apart)}
    adapt(Hand(), example=X)(X)
    adapt(HandApart(), example=X)(X)
    assert all(dict(vars(kind)) == was for kind, was in before.items())
