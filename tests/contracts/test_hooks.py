"""What every hook promises, whenever it acts."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spikeproof import train
from spikeproof.attacks import PGD
from spikeproof.base import seeds
from spikeproof.data import Domain
from spikeproof.models import ModelSpec, build
from spikeproof.threats import Linf, Threat
from spikeproof.train import HOOKS, Adversarial, Hook, Step

IMAGE = Domain(kind="image", shape=(1, 4, 4))
SPEC = ModelSpec(name="dense", domain=IMAGE, classes=3, width=12, timesteps=3)
EXAMPLES = HOOKS.examples()
each_hook = pytest.mark.parametrize("hook", EXAMPLES, ids=repr)


def stepped(index: int = 0) -> Step:
    """A step of a run that was taken: gradients are there, and a clean model beside it."""
    model = build(SPEC, seed=3).double()
    keys = seeds(index, n=5)
    x = keys.uniform(IMAGE.shape, torch.float64)
    y = torch.arange(5) % 3
    start = {name: value.clone() for name, value in model.state_dict().items()}
    F.cross_entropy(model(x), y).backward()
    natural = {}
    for number, (name, value) in enumerate(start.items()):
        if value.is_floating_point():
            draw = seeds(7, n=1).child("natural", number).normal(value.shape, torch.float64)[0]
            natural[name] = value + 0.01 * draw
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.05 * parameter.sign())
    inputs = Adversarial(PGD(steps=1), Threat(Linf(), 0.1, IMAGE))
    return Step(
        model=model, x=x, y=y, seeds=keys, inputs=inputs, epoch=2, index=index, steps=index + 1,
        start=start, clean_model=natural,
    )  # fmt: skip


def state(model: nn.Module) -> dict[str, Tensor]:
    """Weights, buffers and gradients, copied."""
    grads = {f"grad of {n}": p.grad for n, p in model.named_parameters() if p.grad is not None}
    return {name: value.detach().clone() for name, value in {**model.state_dict(), **grads}.items()}


def acted(hook: Hook, step: Step) -> dict[str, Tensor]:
    """The state after the hook has acted; what it says beside that is no concern here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        hook(step)
    return state(step.model)


def changed(before: dict[str, Tensor], after: dict[str, Tensor]) -> set[str]:
    """Names of what is not the same."""
    assert set(before) == set(after)
    return {name for name, value in before.items() if not torch.equal(value, after[name])}


def test_every_registered_hook_is_under_contract() -> None:
    shipped = {k for k in HOOKS if HOOKS[k].__module__.startswith("spikeproof.")}
    assert {HOOKS.kind(hook) for hook in EXAMPLES} == shipped
    assert {hook.when for hook in EXAMPLES} == {"before", "after", "end"}


@each_hook
def test_a_hook_changes_what_its_moment_allows_and_leaves_it_finite(hook: Hook) -> None:
    step = stepped()
    weights = {name for name, _ in step.model.named_parameters()}
    buffers = {name for name, _ in step.model.named_buffers()}
    before = state(step.model)
    after = acted(hook, step)
    assert all(value.isfinite().all() for value in after.values())
    touched = changed(before, after)
    if hook.when == "before":
        assert touched and not touched & (weights | buffers), "gradients only"
    elif getattr(hook, "moves", True):
        assert touched and touched <= weights | (buffers if hook.when == "end" else set())
    else:
        assert not touched


@each_hook
def test_mode_inputs_and_random_numbers_stay_as_they_were(hook: Hook) -> None:
    step = stepped()
    next(m for m in step.model.modules() if isinstance(m, nn.Linear)).eval()
    modes = [module.training for module in step.model.modules()]
    handles = [len(module._forward_hooks) for module in step.model.modules()]
    x, y, chance = step.x.clone(), step.y.clone(), torch.random.get_rng_state()
    acted(hook, step)
    assert [module.training for module in step.model.modules()] == modes
    assert [len(module._forward_hooks) for module in step.model.modules()] == handles
    assert all(p.requires_grad for p in step.model.parameters())
    assert torch.equal(step.x, x) and torch.equal(step.y, y)
    assert torch.equal(torch.random.get_rng_state(), chance)


@each_hook
def test_nothing_is_remembered_from_step_to_step(hook: Hook) -> None:
    """A resumed run begins with a hook that has seen nothing."""
    fresh = HOOKS.build(HOOKS.record(hook))
    acted(hook, stepped(1))
    used, new = acted(hook, stepped(2)), acted(fresh, stepped(2))
    assert not changed(used, new)
    assert HOOKS.record(hook) == HOOKS.record(fresh)


@each_hook
def test_repr_and_record_rebuild_a_hook(hook: Any) -> None:
    assert eval(repr(hook), dict(vars(train))) == hook
    assert HOOKS.build(HOOKS.record(hook)) == hook
    with pytest.raises(AttributeError):
        hook.when_else = 1
