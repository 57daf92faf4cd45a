"""The way in: from a network of anybody to one that attacks, audits and other libraries can ask."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from torch import Tensor, nn

from spikeproof.adapters.adapted import Adapted
from spikeproof.adapters.agreement import agreement
from spikeproof.adapters.copies import copy_of, tensor_type, unwrapped
from spikeproof.adapters.feeding import Entrance, Exit
from spikeproof.adapters.memory import ModuleState
from spikeproof.adapters.nir import Nir, from_nir, is_nir
from spikeproof.adapters.norse import Norse
from spikeproof.adapters.probing import learn
from spikeproof.adapters.protocol import TIMES, Library
from spikeproof.adapters.snntorch import SnnTorch
from spikeproof.adapters.spikingjelly import SpikingJelly
from spikeproof.adapters.trials import Wanted
from spikeproof.base import InputError, SettingError, check_one_of

__all__ = ["LIBRARIES", "adapt"]

LIBRARIES: tuple[Library, ...] = (Nir(), SpikingJelly(), SnnTorch(), Norse(), Library())
_COMPARED = 16


def adapt(
    model: nn.Module | str | Path | object,
    *,
    library: str | None = None,
    time: str | None = None,
    reduce: str | None = None,
    steps: int | None = None,
    mean: float | Sequence[float] | None = None,
    std: float | Sequence[float] | None = None,
    example: Tensor | None = None,
    reset: str | None = None,
    original: nn.Module | None = None,
) -> Adapted:
    """Return a network of anybody as a function from legal items ``(N, ...)`` to logits ``(N, K)``.

    What is returned is a copy that begins anew before every forward pass. Its batch norm and
    dropout are in evaluation mode, its surrogates stay on, and its spikes obey the gradient rules
    that reach them; ``reading`` of the result says what was found and what is not possible. The
    network that was given keeps its weights, gradients, buffers, state and modes. One in half
    precision is attacked in single, since gradients of surrogates vanish in half; one that was
    compiled or spread over devices is attacked as the module inside.

    Args:
        model: A torch module, with layers of SpikingJelly 2.x, snnTorch 1.x, norse 1.x, of
            spikeproof, or with spikes written by hand; or a NIR graph, or the path of one.
        library: One of ``"spikingjelly"``, ``"snntorch"``, ``"norse"``, ``"nir"``, ``"torch"``;
            found by its layers where absent.
        time: Where its input has its time axis, one of ``"none"``, ``"first"``, ``"second"``,
            ``"inside"`` (see :class:`Reading`); found by probing where absent.
        reduce: How answers become logits, ``"logits"``, ``"rate"``, ``"last"`` or ``"max"``; with
            ``":1"`` or ``":key"`` behind it for another than the first of several values. Absent,
            answers per step are averaged.
        steps: How often a network without steps of its own is shown an item that has no time axis.
        mean: What to subtract from items, one number or one per channel: the normalisation of its
            training, declared here once.
        std: What to divide by, the same.
        example: A few legal items, to find out all this now; absent, the first batch serves.
        reset: For NIR graphs, ``"zero"`` or ``"soft"`` (see :func:`from_nir`).
        original: For NIR graphs, the network that was exported; both are asked about the first 16
            items of ``example``, and a note says how far they agree.
    Returns:
        The network, adapted.
    Raises:
        SettingError: an unknown word, a network of one step a call without ``steps``, SpikingJelly
            before 2, a NIR graph without ``reset``.
        InputError: no torch module, one that cannot be copied (TorchScript, lazy weights), or one
            that gives no answer per item however it is shown them.
        FileProblem: a NIR file that cannot be read.
    Cost:
        About twenty passes of three items.
    Example:
        >>> import torch
        >>> class Twice(nn.Module):
        ...     def forward(self, x):
        ...         return torch.stack([x, 2 * x]), None  # answers per step, and a state
        >>> net = adapt(Twice(), example=torch.rand(4, 3))
        >>> net(torch.ones(2, 3)).tolist(), net.reading.reduce
        ([[1.5, 1.5, 1.5], [1.5, 1.5, 1.5]], 'rate')
    """
    notes: tuple[str, ...] = ()
    if is_nir(model):
        model = from_nir(model, reset=reset)
    elif reset is not None:
        raise SettingError(
            f"adapt: reset is for NIR graphs, which do not say it; got {reset!r} for a network "
            "that has its own. Leave it out."
        )
    inside, more = unwrapped(model)
    notes += more
    _check(time, reduce, steps)
    network, more = copy_of(inside)
    chosen = _library(inside, library)
    chosen.prepare(network)
    adapted = Adapted(network, chosen, Entrance(mean, std, tensor_type(network)))
    wanted = Wanted(time=time, reduce=reduce, steps=steps, notes=(*notes, *more))
    adapted._learn = partial(_learn, wanted=wanted, inside=inside)
    if example is not None:
        adapted._learn(adapted, example)
    if original is not None:
        _compare(adapted, original, example)
    return adapted


def _learn(adapted: Adapted, x: Tensor, *, wanted: Wanted, inside: nn.Module) -> None:
    """Find out about a copy, and see that it is one.

    Raises:
        InputError: the copy still runs parts of the user's network.
    """
    memory = ModuleState(inside)
    learn(adapted, x, wanted)
    moved = memory.moved()
    memory.restore()
    if moved:
        raise InputError(
            f"A function that {type(inside).__name__} keeps still runs your own network, whose "
            f"{moved[0]} moved when a copy of it was called; got a lambda or a closure where a "
            "method was expected. Write it as a method of the module and adapt that."
        )
    adapted._learn = None


def _check(time: str | None, reduce: str | None, steps: int | None) -> None:
    """Refuse words that mean nothing."""
    if time is not None:
        check_one_of(time, TIMES, "time")
    Exit.parse(reduce)
    whole = steps is None or (isinstance(steps, int) and not isinstance(steps, bool))
    if not whole or (steps is not None and steps < 1):
        raise SettingError(f"adapt: steps must be a whole number of at least 1; got {steps!r}.")


def _library(model: nn.Module, name: str | None) -> Library:
    """The library of a name, or the first whose layers a network holds."""
    if name is None:
        return next(one for one in LIBRARIES if one.name == "torch" or one.claims(model))
    known = {one.name: one for one in LIBRARIES}
    return known[check_one_of(name, known, "library")]


def _compare(adapted: Adapted, original: nn.Module, example: Tensor | None) -> None:
    """Note how far an imported network agrees with the one that it came from."""
    if example is None:
        raise SettingError(
            "adapt: original is compared on items; got no example. Give example=x, 16 items of "
            "yours."
        )
    x = example[:_COMPARED]
    theirs = original if isinstance(original, Adapted) else adapt(original, example=x)
    adapted.note(str(agreement(theirs, adapted, x)))
