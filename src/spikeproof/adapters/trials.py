"""Ways to show items to a network, tried one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from spikeproof.adapters.adapted import Adapted
from spikeproof.adapters.feeding import Exit, Feed, part_of
from spikeproof.adapters.spikes import Recorder
from spikeproof.base import InputError, SettingError

__all__ = [
    "COLOURS",
    "Trial",
    "Wanted",
    "chosen_trial",
    "feeds",
    "hands_on_state",
    "probe_items",
    "run",
]

COLOURS = 4
_LOUD = 1e3  # far above any threshold


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What the user has said of a network.

    Args:
        time: One of ``TIMES``; None finds out.
        reduce: One of ``REDUCTIONS``, with ``:PART`` for one of several values; None finds out.
        steps: How often a network is shown an item that has no time axis of its own.
        notes: What is known already.
    """

    time: str | None = None
    reduce: str | None = None
    steps: int | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Trial:
    """One way to show items that a network answered to."""

    feed: Feed
    exit: Exit
    apart: bool  # whether each item's answer is its own
    steps: int  # most calls that one place in the code made a spike in
    moved: tuple[str, ...]  # what a call moves and the next one reads
    deep: bool  # whether answers come per step


def probe_items(x: Tensor, steps: int | None) -> Tensor:
    """A few items, all different, and never as many as there are steps."""
    taken = {steps, x.shape[1] if x.ndim > 2 else None}
    n = next(n for n in (3, 2, 4, 5) if n not in taken)
    idx = torch.arange(n) % len(x)
    items = x.detach()[idx.to(x.device)].clone()
    for number in range(len(x), n):  # too few of them: the same, the other way round
        items[number] = items[number].flatten().flip(0).view(items[number].shape)
    return items


def run(adapted: Adapted, feed: Feed, x: Tensor, watcher: Any = None, **more: Any) -> Any:
    """One answer of the network, always with the same random numbers."""
    before, adapted._feed = adapted._feed, feed
    try:
        torch.manual_seed(0)
        return adapted._answer(x, watcher, **more)
    finally:
        adapted._feed = before


def feeds(x: Tensor, wanted: Wanted, state: bool) -> list[Feed]:
    """The ways to show items, in the order in which they are tried."""
    steps = wanted.steps or 1
    # The axis behind the items may be their time, but not the colours of an image.
    axis = x.ndim > 2 and not (x.ndim == 4 and x.shape[1] <= COLOURS)
    own = axis and wanted.steps in (None, x.shape[1])
    repeated = [Feed("repeat first", steps), Feed("repeat second", steps)]
    if wanted.time == "none":
        return [Feed("steps", steps, state)] if wanted.steps else [Feed()]
    if wanted.time == "inside":
        return [Feed()]
    if wanted.time == "first":
        return [Feed("first")] if own else repeated[:1]
    if wanted.time == "second":
        return [Feed()] if wanted.steps is None else repeated[1:]
    found = [Feed(), *([Feed("first")] if own else [])]
    if wanted.steps is not None:
        found += repeated
    return [*found, *([Feed("slices", x.shape[1], state)] if own else [])]


def chosen_trial(adapted: Adapted, x: Tensor, wanted: Wanted) -> Trial:
    """The first way that keeps items apart; else the first that brings one answer for each."""
    state = hands_on_state(adapted.network)
    said: list[str] = []
    trials = []
    for feed in feeds(x, wanted, state):
        trial = _tried(adapted, feed, x, wanted, said)
        if trial is not None:
            trials.append(trial)
            if trial.apart:
                break
    if not trials:
        need = "" if wanted.steps else " If it wants a time axis that your items lack, give steps=."
        raise InputError(
            f"{type(adapted.network).__name__} gives no answer (N, K) to items of shape "
            f"{tuple(x.shape[1:])}, whether shown whole or step by step: {'; '.join(said)}.{need}"
        )
    trial = next((t for t in trials if t.apart), trials[0])
    single = trial.feed.how == "whole" and wanted.time in (None, "none")
    if not single or trial.steps > 1 or not adapted._library.one_step(adapted.network):
        return trial
    if not (trial.steps and (trial.moved or state)):
        return trial
    if wanted.steps is None:
        raise SettingError(
            f"{type(adapted.network).__name__} takes one time step a call and keeps its membranes "
            "in between; got no number of steps. Give steps=T, how often it was shown an item in "
            "training (1 if once)."
        )
    again = _tried(adapted, Feed("steps", wanted.steps, state), x, wanted, said)
    return trial if again is None else again


def _tried(
    adapted: Adapted, feed: Feed, x: Tensor, wanted: Wanted, said: list[str]
) -> Trial | None:
    """What becomes of one way to show items; None where the network does not take it."""
    seen, leaving = Recorder(), Exit.parse(wanted.reduce)
    other, start = x.clone(), x.clone().requires_grad_(x.is_floating_point())
    other[0] = x.amax() + x.amin() - x[0]
    try:
        with torch.no_grad():
            run(adapted, feed, x, seen)
            changed = run(adapted, feed, other)
            moved = _carried(adapted, feed, x, leaving.part)
        with torch.enable_grad():
            answer = run(adapted, feed, start)
    except Exception as problem:  # whatever a network makes of items that it does not expect
        line = str(problem).strip().splitlines()
        said.append(f"{feed.how}: {line[0][:120] if line else type(problem).__name__}")
        return None
    found, second = (part_of(one, leaving.part) for one in (answer, changed))
    placed = _placed(found, second, start, feed)
    if placed is None:
        said.append(f"{feed.how}: answers of shape {tuple(found.shape)}")
        return None
    apart, axis = placed
    if axis is not None:
        rule = leaving.rule if leaving.rule != "logits" else "rate"
        leaving = replace(leaving, rule=rule, axis=axis)
    most = max((len(numbers) for numbers in seen.layers.values()), default=0)
    return Trial(feed, leaving, apart, most, moved, axis is not None)


def _placed(
    found: Tensor, other: Tensor, start: Tensor, feed: Feed
) -> tuple[bool, int | None] | None:
    """Whether items are apart in an answer, and where its time axis is; None if not one for each.

    The first item was another one the second time, so its row alone may differ.
    """
    if other.shape != found.shape or not 1 <= found.ndim <= 3:
        return None
    stepwise = feed.how in ("steps", "slices")
    if found.ndim < 3 and not (stepwise and found.ndim == 2 and len(found) == feed.steps):
        axes = [0]
    else:
        axes = [1] if stepwise else [0, 1]
    fits = [axis for axis in axes if found.shape[axis] == len(start)]
    for axis in fits:
        one, two = found.movedim(axis, 0)[1:], other.movedim(axis, 0)[1:]
        same = torch.allclose(one.double(), two.double(), rtol=1e-4, atol=1e-6, equal_nan=True)
        if same and not _reaches(one, start):
            return True, _beside(found, axis)
    return (False, _beside(found, fits[0])) if fits else None


def _reaches(others: Tensor, start: Tensor) -> bool:
    """Whether a gradient of the other items' answers reaches the first item.

    Spikes may hide that one step follows from another; surrogate gradients do not.
    """
    if not others.requires_grad or not start.requires_grad:
        return False
    (grad,) = torch.autograd.grad(others.sum(), start, retain_graph=True, allow_unused=True)
    return grad is not None and bool(grad[0].abs().amax() > 1e-6 * grad.abs().amax())


def _beside(found: Tensor, axis: int) -> int | None:
    """The time axis of an answer, next to the axis of its items."""
    if axis == 1:
        return 0
    return 1 if found.ndim == 3 else None


def _carried(adapted: Adapted, feed: Feed, x: Tensor, part: str | None) -> tuple[str, ...]:
    """What one call leaves behind in the modules that has a say in the next one's answer."""
    memory = adapted._memory

    def asked() -> Tensor:
        torch.manual_seed(0)
        return part_of(feed(adapted.network, adapted.entrance(x).clone()), part).detach()

    memory.restore(len(x))
    adapted._set_modes()
    try:
        first, moved = asked(), tuple(memory.moved())
        if not moved:
            return ()
        try:
            second = asked()
            if not _alike(first, second):
                return moved
            # A network that is silent may carry what nobody hears; raised, it is heard.
            memory.change(_loud)
            return () if _alike(second, asked()) else moved
        except Exception:  # one call is answered and the next is not
            return moved
    finally:
        memory.restore()


def _loud(state: Tensor) -> Tensor:
    """State that any threshold is below of."""
    return state.detach() + _LOUD if state.is_floating_point() else state


def _alike(one: Tensor, two: Tensor) -> bool:
    """Whether two answers are equal, NaN in the same places."""
    return one.shape == two.shape and bool(((one == two) | (one != one) & (two != two)).all())


def hands_on_state(network: nn.Module) -> bool:
    """Whether the forward takes a state beside its input, as norse's containers do."""
    code = getattr(type(network).forward, "__code__", None)
    names: Sequence[str] = code.co_varnames[1 : code.co_argcount] if code is not None else ()
    return len(names) > 1 and names[1] == "state"
