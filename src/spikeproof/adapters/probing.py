"""What a few forward passes say of a network: its axes, its steps, its state, its spikes."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from spikeproof.adapters.adapted import Adapted, devices_of
from spikeproof.adapters.begun import begin_anew
from spikeproof.adapters.feeding import Exit, Feed, part_of
from spikeproof.adapters.plain import calls_of, functions_behind, spike_functions
from spikeproof.adapters.protocol import RESETS, Reading
from spikeproof.adapters.spikes import Recorder
from spikeproof.adapters.trials import (
    COLOURS,
    Trial,
    Wanted,
    chosen_trial,
    feeds,
    hands_on_state,
    probe_items,
    run,
)
from spikeproof.base import InputError
from spikeproof.models import spiking_layers

__all__ = ["learn"]

# Batch norm and dropout stay in evaluation mode, also those that a library derives from torch's.
_SETTLED = (nn.modules.batchnorm._NormBase, nn.modules.dropout._DropoutNd)


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
    # The first batch may come where nobody wants gradients; what is learned needs them.
    with (
        torch.inference_mode(mode=False),
        torch.enable_grad(),
        torch.random.fork_rng(devices=devices_of(x)),
    ):
        items = probe_items(x, wanted.steps)
        begun = _begun(adapted, items, wanted)
        _find_functions(adapted, items, wanted)
        trial = chosen_trial(adapted, items, wanted)
        adapted._feed, adapted._exit = trial.feed, trial.exit
        notes = (*wanted.notes, *_rescued(adapted, items))
        notes += (*begun, *_said(adapted, items, trial, wanted))
        places = _places(adapted, items)
    library, network = adapted._library, adapted.network
    ours, neurons = spiking_layers(network), library.neurons(network)
    obeys = adapted._obeys()
    spiking = len(ours) + (len(neurons) or places)
    adapted._reading = Reading(
        library=library.name,
        version=library.version,
        spiking=spiking,
        rules=obeys or bool(ours),
        resets=RESETS if ours and not obeys and not neurons else adapted._resets,
        time=_time(trial, items, wanted, spiking=spiking > 0),
        reduce=trial.exit.said,
        stateful=bool(trial.moved),
        state=trial.moved,
        notes=(*notes, *library.notes(network)),
    )


def _begun(adapted: Adapted, x: Tensor, wanted: Wanted) -> tuple[str, ...]:
    """Let state of an earlier batch begin anew, by the first way in which it shows; a sentence."""
    adapted._set_modes()
    for feed in feeds(x, wanted, hands_on_state(adapted.network)):

        def ask(rows: int, feed: Feed = feed) -> None:
            torch.manual_seed(0)
            with torch.no_grad():
                feed(adapted.network, adapted.entrance(x[torch.arange(rows) % len(x)]).clone())

        if found := begin_anew(adapted._memory, ask, len(x)):
            return (
                f"It held {', '.join(found[:3])}, the state of an earlier batch; every call here "
                "begins with zeros instead.",
            )
        if adapted._memory.fitted:
            break
    return ()


def _find_functions(adapted: Adapted, x: Tensor, wanted: Wanted) -> None:
    """Find the functions of autograd that make spikes, by every way that brings an answer."""
    state = hands_on_state(adapted.network)
    for feed in feeds(x, wanted, state):
        try:
            with torch.enable_grad():
                start = x.clone().requires_grad_(x.is_floating_point())
                answer = part_of(run(adapted, feed, start), Exit.parse(wanted.reduce).part)
                kinds = functions_behind(answer)
            with calls_of(kinds) as calls, torch.no_grad():
                run(adapted, feed, x)
        except Exception:
            continue
        adapted._functions = spike_functions(calls)
        if kinds:
            return


def _rescued(adapted: Adapted, x: Tensor) -> tuple[str, ...]:
    """Leave neurons in training mode where only that turns their surrogate on."""
    network = adapted.network
    own = [
        module
        for module in network.modules()
        if not (type(module).__module__.startswith("torch.") or isinstance(module, _SETTLED))
    ]
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


def _said(adapted: Adapted, x: Tensor, trial: Trial, wanted: Wanted) -> list[str]:
    """Sentences about what was found."""
    notes = []
    how = trial.feed.how
    if how in ("steps", "slices"):
        source = "the same items" if how == "steps" else "one step of the items"
        state = " and the state that the last one returned" if trial.feed.state else ""
        notes.append(
            f"It takes one step a call: {trial.feed.steps} calls, each with {source}{state}."
        )
    elif how == "first":
        notes.append(
            f"The second axis of its items, of length {x.shape[1]}, is its time; it is moved to "
            "the front."
        )
    elif how.startswith("repeat"):
        notes.append(f"Items have no time axis; each is shown {trial.feed.steps} times.")
    if trial.deep:
        word = {"rate": "mean", "last": "last", "max": "largest"}[trial.exit.rule]
        chosen = Exit.parse(wanted.reduce).rule == trial.exit.rule
        notes.append(
            f"It answers once per step; the logits are the {word} over the steps"
            f"{'.' if chosen else '. Give reduce= to choose another rule.'}"
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
        one, two = (adapted._exit(run(adapted, trial.feed, x)) for _ in range(2))
    if not torch.equal(one, two):
        notes.append("Two calls differ: it keeps a state that is not in its modules.")
    return notes


def _places(adapted: Adapted, x: Tensor) -> int:
    """How many places in the code make spikes."""
    seen = Recorder()
    with torch.no_grad():
        run(adapted, adapted._feed, x, seen)
    return len(seen.layers)


def _time(trial: Trial, x: Tensor, wanted: Wanted, *, spiking: bool) -> str:
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
    image = x.ndim == 4 and x.shape[1] <= COLOURS
    return "second" if x.ndim > 2 and x.shape[1] == trial.steps and not image else "inside"
