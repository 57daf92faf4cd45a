"""Plain torch, and spikes written by hand: which functions of autograd make them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import wraps
from typing import Any

import torch
from torch import Tensor

from spikeproof.adapters.spikes import SpikeFunction

__all__ = ["calls_of", "functions_behind", "spike_functions"]

# Membranes beyond these are no threshold anybody trained with.
_FAR = 1e4
_HALVINGS = 80
_OURS = "spikeproof.neurons."


def functions_behind(answer: Tensor) -> list[type[Any]]:
    """The ``torch.autograd.Function`` classes in the graph of a tensor, each once."""
    found: dict[type[Any], None] = {}
    waiting, seen = [answer.grad_fn], set[Any]()
    while waiting:
        node = waiting.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        kind: Any = getattr(type(node), "_forward_cls", None)
        custom = isinstance(kind, type) and issubclass(kind, torch.autograd.Function)
        if custom and not kind.__module__.startswith(_OURS):  # our layers obey by themselves
            found[kind] = None
        waiting += [parent for parent, _ in node.next_functions]
    return list(found)


@contextmanager
def calls_of(kinds: Sequence[type[Any]]) -> Iterator[dict[type[Any], tuple[Any, ...]]]:
    """Arguments and answer of the first call of each function inside."""
    calls: dict[type[Any], tuple[Any, ...]] = {}
    with ExitStack() as back:
        for kind in kinds:
            _listen(kind, calls, back)
        yield calls


def _listen(kind: Any, calls: dict[type[Any], tuple[Any, ...]], back: ExitStack) -> None:
    """Note the first call of one function."""
    apart = kind.setup_context is not torch.autograd.Function.setup_context
    own, inherited = kind.forward, "forward" not in vars(kind)
    before = vars(kind).get("forward")

    @wraps(own)  # with its signature, from which torch fills in defaults
    def forward(*args: Any, **named: Any) -> Any:
        answer = own(*args, **named)
        calls.setdefault(kind, (args if apart else args[1:], answer))
        return answer

    kind.forward = staticmethod(forward)
    if inherited:
        back.callback(delattr, kind, "forward")
    else:
        back.callback(setattr, kind, "forward", before)


def spike_functions(calls: dict[type[Any], tuple[Any, ...]]) -> tuple[SpikeFunction, ...]:
    """The functions that are steps of their first argument, and where the step is."""
    found = []
    for kind, (args, answer) in calls.items():
        function = _spike_function(kind, args, answer)
        if function is not None:
            found.append(function)
    return tuple(found)


def _spike_function(kind: type[Any], args: Any, answer: Any) -> SpikeFunction | None:
    """One function as a step, or None if it is something else."""
    x = args[0] if args else None
    if not isinstance(x, Tensor) or not isinstance(answer, Tensor) or answer.shape != x.shape:
        return None
    if not x.is_floating_point() or not ((answer == 0) | (answer == 1)).all():
        return None
    try:
        level = _level(kind, x.detach(), args[1:])
    except Exception:  # asked for something it was not made for
        return None
    if level is None:
        return None
    constant = level.flatten()[0].item() if level.numel() else 0.0
    for number, argument in enumerate(args[1:], start=1):
        if isinstance(argument, Tensor | float | int) and not isinstance(argument, bool):
            same = torch.as_tensor(argument, dtype=level.dtype, device=level.device)
            near = _fits(level, same)
            if near and not (abs(constant) < 1e-6 and _same_everywhere(level)):
                return SpikeFunction(kind, 0.0, number)
    if not _same_everywhere(level):
        return None
    return SpikeFunction(kind, 0.0 if abs(constant) < 1e-6 else constant)


def _level(kind: type[Any], like: Tensor, rest: Any) -> Tensor | None:
    """Where each element begins to fire, found by halving; None where it is no step upwards."""
    with torch.no_grad():
        low, high = torch.full_like(like, -_FAR), torch.full_like(like, _FAR)
        if kind.apply(low.clone(), *rest).any() or not kind.apply(high.clone(), *rest).all():
            return None
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            fires = kind.apply(middle.clone(), *rest) > 0
            low, high = torch.where(fires, low, middle), torch.where(fires, middle, high)
        for away in (1e-3, 1.0, 30.0):
            above, below = kind.apply(high + away, *rest), kind.apply(low - away, *rest)
            if not above.all() or below.any():
                return None
    return high


def _fits(level: Tensor, argument: Tensor) -> bool:
    """Whether an argument is the threshold of every element."""
    try:
        return torch.allclose(level, argument.expand_as(level), rtol=1e-5, atol=1e-5)
    except RuntimeError:
        return False


def _same_everywhere(level: Tensor) -> bool:
    """Whether one number is the threshold of all elements."""
    return not level.numel() or bool((level.amax() - level.amin()).abs() < 1e-5)
