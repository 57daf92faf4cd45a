"""What a few forward passes say of a network: its axes, its steps, its state, its spikes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from spikeproof.adapters.adapted import Adapted
from spikeproof.adapters.feeding import Exit, Feed, part_of
from spikeproof.adapters.memory import Memory
from spikeproof.adapters.plain import calls_of, functions_behind, spike_functions
from spikeproof.adapters.protocol import Reading
from spikeproof.adapters.spikes import Recorder
from spikeproof.base import InputError, SettingError

__all__ = ["Wanted", "learn"]

_COLOURS = 4


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
class _Trial:
    """One way to show items that a network answered to."""

    feed: Feed
    exit: Exit
    apart: bool  # whether each item's answer is its own
    steps: int  # most calls that one place in the code made a spike in
    moved: tuple[str, ...]
    deep: bool  # whether answers come per step


def learn(adapted: Adapted, x: Tensor, wanted: Wanted) -> None:
    """Find out how a network is to be asked, and write it on the adapted one.

    Args:
        adapted: The network; nothing is known of it yet.
        x: A batch of legal items, at least one.
        wanted: What is known.
    Raises:
        InputError: no way of showing it items brings answers, one for each.
        SettingError: it takes one step a call, and nobody said how many there are.
    """
    if not isinstance(x, Tensor) or x.ndim < 2 or not len(x):
        got = tuple(x.shape) if isinstance(x, Tensor) else type(x).__name__
        raise InputError(f"adapt needs items (N, ...) with at least one item; got {got}.")
    items = _items(x, wanted.steps)
    with torch.random.fork_rng(devices=[]):
        _find_functions(adapted, items, wanted)
        trial = _chosen(adapted, items, wanted)
        adapted._feed, adapted._exit = trial.feed, trial.exit
        notes = (*wanted.notes, *_rescued(adapted, items), *_said(adapted, items, trial))
    neurons = adapted._library.neurons(adapted.network)
    adapted._reading = Reading(
        library=adapted._library.name,
        version=adapted._library.version,
        spiking=len(neurons) or _places(adapted, items),
        rules=adapted._obeys(),
        resets=adapted._resets,
        time=_time(trial, items, wanted, spiking=adapted._obeys() or bool(neurons)),
        reduce=trial.exit.rule if trial.deep else "logits",
        stateful=bool(trial.moved),
        notes=notes,
    )


def _items(x: Tensor, steps: int | None) -> Tensor:
    """A few items, all different, and never as many as there are steps."""
    taken = {steps, x.shape[1] if x.ndim > 2 else None}
    n = next(n for n in (3, 2, 4, 5) if n not in taken)
    idx = torch.arange(n) % len(x)
    items = x.detach()[idx.to(x.device)].clone()
    for number in range(len(x), n):  # too few of them: the same, the other way round
        items[number] = items[number].flatten().flip(0).view(items[number].shape)
    return items


def _run(adapted: Adapted, feed: Feed, x: Tensor, watcher: Any = None, **more: Any) -> Any:
    """One answer of the network, always with the same random numbers."""
    before, adapted._feed = adapted._feed, feed
    try:
        torch.manual_seed(0)
        return adapted._answer(x, watcher, **more)
    finally:
        adapted._feed = before


def _feeds(x: Tensor, wanted: Wanted, state: bool) -> list[Feed]:
    """The ways to show items, in the order in which they are tried."""
    steps = wanted.steps or 1
    # The axis behind the items may be their time, but not the colours of an image.
    axis = x.ndim > 2 and not (x.ndim == 4 and x.shape[1] <= _COLOURS)
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


def _chosen(adapted: Adapted, x: Tensor, wanted: Wanted) -> _Trial:
    """The first way that keeps items apart; else the first that brings one answer for each."""
    state = _hands_on_state(adapted.network)
    said: list[str] = []
    trials = []
    for feed in _feeds(x, wanted, state):
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
) -> _Trial | None:
    """What becomes of one way to show items; None where the network does not take it."""
    seen = Recorder()
    other = x.clone()
    other[0] = x[1:].mean(0) if x.is_floating_point() else x[-1]
    try:
        with torch.no_grad():
            answer = _run(adapted, feed, x, seen)
            moved = _moved(adapted, feed, x)
            leaving = Exit.parse(wanted.reduce)
            found = part_of(answer, leaving.part)
            second = part_of(_run(adapted, feed, other), leaving.part)
    except InputError:
        raise
    except Exception as problem:
        line = str(problem).strip().splitlines()
        said.append(f"{feed.how}: {line[0][:120] if line else type(problem).__name__}")
        return None
    placed = _placed(found, second, len(x), feed)
    if placed is None:
        said.append(f"{feed.how}: answers of shape {tuple(found.shape)}")
        return None
    apart, axis = placed
    if axis is not None:
        rule = leaving.rule if leaving.rule != "logits" else "rate"
        leaving = replace(leaving, rule=rule, axis=axis)
    most = max((len(numbers) for numbers in seen.layers.values()), default=0)
    return _Trial(feed, leaving, apart, most, moved, axis is not None)


def _placed(found: Tensor, other: Tensor, n: int, feed: Feed) -> tuple[bool, int | None] | None:
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
    fits = [axis for axis in axes if found.shape[axis] == n]
    for axis in fits:
        one, two = found.movedim(axis, 0)[1:], other.movedim(axis, 0)[1:]
        if torch.allclose(one.double(), two.double(), rtol=1e-4, atol=1e-6, equal_nan=True):
            return True, _beside(found, axis)
    return (False, _beside(found, fits[0])) if fits else None


def _beside(found: Tensor, axis: int) -> int | None:
    """The time axis of an answer, next to the axis of its items."""
    if axis == 1:
        return 0
    return 1 if found.ndim == 3 else None


def _moved(adapted: Adapted, feed: Feed, x: Tensor) -> tuple[str, ...]:
    """What one forward pass leaves behind in the modules."""
    memory: Memory = adapted._memory
    memory.restore()
    adapted._set_modes()
    torch.manual_seed(0)
    try:
        feed(adapted.network, adapted.entrance(x).clone())
        return tuple(memory.moved())
    finally:
        memory.restore()


def _find_functions(adapted: Adapted, x: Tensor, wanted: Wanted) -> None:
    """Find the functions of autograd that make spikes, by every way that brings an answer."""
    state = _hands_on_state(adapted.network)
    for feed in _feeds(x, wanted, state):
        try:
            with torch.enable_grad():
                start = x.clone().requires_grad_(x.is_floating_point())
                answer = part_of(_run(adapted, feed, start), Exit.parse(wanted.reduce).part)
                kinds = functions_behind(answer)
            with calls_of(kinds) as calls, torch.no_grad():
                _run(adapted, feed, x)
        except Exception:
            continue
        adapted._functions = spike_functions(calls)
        if kinds:
            return


def _hands_on_state(network: nn.Module) -> bool:
    """Whether the forward takes a state beside its input, as norse's containers do."""
    code = getattr(type(network).forward, "__code__", None)
    names: Sequence[str] = code.co_varnames[1 : code.co_argcount] if code is not None else ()
    return len(names) > 1 and names[1] == "state"


def _rescued(adapted: Adapted, x: Tensor) -> tuple[str, ...]:
    """Leave neurons in training mode where only that turns their surrogate on."""
    network = adapted.network
    own = [m for m in network.modules() if not type(m).__module__.startswith("torch.")]
    plain = _gradient(adapted, x)
    adapted._trained = tuple(own)
    try:
        trained = _gradient(adapted, x)
    except Exception:
        trained = None
    adapted._trained = ()
    if trained is None or plain is None or not torch.equal(plain[0], trained[0]):
        return ()
    if torch.allclose(plain[1], trained[1], rtol=1e-3, atol=0) or not trained[1].any():
        return ()
    adapted._trained = tuple(own)
    names = ", ".join(sorted({type(m).__name__ for m in own}))
    return (
        f"In evaluation mode its gradient differs while its answers do not, so {names} stay in "
        "training mode, where surrogates are on; batch norm and dropout do not.",
    )


def _gradient(adapted: Adapted, x: Tensor) -> tuple[Tensor, Tensor] | None:
    """Logits, and the gradient of their largest; zero where none reaches the input."""
    if not x.is_floating_point():
        return None
    start = x.clone().requires_grad_(True)
    torch.manual_seed(0)
    with torch.enable_grad():
        logits = adapted._pass(start)
        value = logits.amax(1).sum()
        grad = None
        if value.requires_grad:
            (grad,) = torch.autograd.grad(value, start, allow_unused=True)
    return logits.detach(), torch.zeros_like(x) if grad is None else grad


def _said(adapted: Adapted, x: Tensor, trial: _Trial) -> list[str]:
    """Sentences about what was found."""
    notes = []
    how = trial.feed.how
    if how in ("steps", "slices"):
        source = "the same items" if how == "steps" else "one step of the items"
        notes.append(f"It takes one step a call: {trial.feed.steps} calls, each with {source}.")
    elif how == "first":
        notes.append(
            f"The second axis of its items, of length {x.shape[1]}, is its time; it is moved to "
            "the front."
        )
    elif how.startswith("repeat"):
        notes.append(f"Items have no time axis; each is shown {trial.feed.steps} times.")
    if trial.deep:
        word = {"rate": "mean", "last": "last", "max": "largest"}[trial.exit.rule]
        notes.append(
            f"It answers once per step; the logits are the {word} over the steps. Give reduce= to "
            "choose another rule."
        )
    begun = adapted._memory.tensors(list(trial.moved))
    if begun:
        notes.append(
            f"Its state {', '.join(begun[:3])} had begun when it was adapted, and every call here "
            "begins with it; adapt a fresh network, or one that was reset, to begin with none."
        )
    if not trial.apart:
        notes.append("An item's answer depends on the items beside it.")
    with torch.no_grad():
        one, two = (adapted._exit(_run(adapted, trial.feed, x)) for _ in range(2))
    if not torch.equal(one, two):
        notes.append("Two calls differ: it keeps a state that is not in its modules.")
    return notes


def _places(adapted: Adapted, x: Tensor) -> int:
    """How many places in the code make spikes."""
    seen = Recorder()
    with torch.no_grad():
        _run(adapted, adapted._feed, x, seen)
    return len(seen.layers)


def _time(trial: _Trial, x: Tensor, wanted: Wanted, *, spiking: bool) -> str:
    """Where the time axis of the input is."""
    if wanted.time is not None:
        return wanted.time
    how = trial.feed.how
    if how in ("steps", "slices"):
        return "none"
    if how != "whole":
        return "first" if "first" in how else "second"
    if not spiking or trial.steps < 2:
        return "none"
    image = x.ndim == 4 and x.shape[1] <= _COLOURS
    return "second" if x.ndim > 2 and x.shape[1] == trial.steps and not image else "inside"
