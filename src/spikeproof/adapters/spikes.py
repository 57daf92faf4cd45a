"""Where a network of others turns membranes into spikes, and gradients of ours put there.

A spike is written as a function with a derivative of its own choice: a ``torch.autograd.Function``
in snnTorch, norse and by hand, a module in SpikingJelly. What such a function answers is never
touched. While a gradient rule is in force, and only in the forward pass of one adapted network, its
derivative is replaced.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from threading import RLock
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.autograd.function import BackwardCFunction

from spikeproof.neurons import Slope

__all__ = ["Recorder", "SpikeFunction", "Watcher", "watching"]


class Watcher(Protocol):
    """Meets every spike of one forward pass, in the order of the calls."""

    def meet(self, u: Tensor) -> Slope | None:
        """The derivative to take for membranes ``u``, counted from the threshold; None its own."""
        ...


@dataclass(frozen=True, eq=False)
class SpikeFunction:
    """A ``torch.autograd.Function`` that answers 1 where its first argument passes a threshold.

    Args:
        kind: The class.
        threshold: Where it fires.
        argument: Which further argument holds the threshold; None where it is a constant.
    """

    kind: type[Any]
    threshold: float = 0.0
    argument: int | None = None

    def above(self, args: Sequence[Any]) -> Tensor:
        """Its first argument, counted from the threshold."""
        x: Tensor = args[0]
        level = self.threshold if self.argument is None else args[self.argument]
        return x if isinstance(level, float) and not level else x - level


# A context variable, so that another thread's use of the same function is left alone.
_watcher: ContextVar[Watcher | None] = ContextVar("spikeproof_watcher", default=None)
_lock = RLock()
_MISSING = object()


@contextmanager
def watching(
    functions: Sequence[SpikeFunction], swaps: Sequence[tuple[nn.Module, str]], watcher: Watcher
) -> Iterator[None]:
    """Let a watcher meet every spike of the forward pass inside.

    Args:
        functions: The functions that make spikes.
        swaps: Modules of the adapter's copy, and the name of the child that makes their spikes.
        watcher: What meets them.
    """
    token = _watcher.set(watcher)
    with _lock, ExitStack() as back:
        back.callback(_watcher.reset, token)
        for function in functions:
            _patch(function, back)
        for module, name in swaps:
            own = getattr(module, name)
            setattr(module, name, _Watched(own))
            back.callback(setattr, module, name, own)
        yield


def _patch(function: SpikeFunction, back: ExitStack) -> None:
    """Let a function of autograd make nodes of our kind for a while."""
    kind: Any = function.kind
    name = "setup_context" if _sets_up_apart(kind) else "forward"
    own = getattr(kind, name)

    def forward(ctx: Any, *args: Any, **named: Any) -> Any:
        answer = own(ctx, *args, **named)
        _note(ctx, function, args)
        return answer

    def setup_context(ctx: Any, inputs: Any, answer: Any) -> None:
        own(ctx, inputs, answer)
        _note(ctx, function, inputs)

    patched = {"forward": forward, "setup_context": setup_context}[name]
    for key, value in ((name, staticmethod(patched)), ("_backward_cls", _node(kind))):
        before = vars(kind).get(key, _MISSING)
        setattr(kind, key, value)
        if before is _MISSING:
            back.callback(delattr, kind, key)
        else:
            back.callback(setattr, kind, key, before)


def _sets_up_apart(kind: type[Any]) -> bool:
    """Whether a function's forward is written without a context."""
    return bool(kind.setup_context is not torch.autograd.Function.setup_context)


def _note(ctx: Any, function: SpikeFunction, args: Any) -> None:
    """Ask the watcher, if this thread has one, for the derivative of one call."""
    watcher = _watcher.get()
    if watcher is None:
        return
    above = function.above(args)
    slope = watcher.meet(above)
    if slope is not None:
        ctx.spikeproof_slope = slope
        ctx.spikeproof_above = function, args[0], args


@cache
def _node(kind: Any) -> type[Any]:
    """A node of the graph that hands on a slope of ours, and the function's own without one."""

    def backward(ctx: Any, *grads: Any) -> Any:
        slope = getattr(ctx, "spikeproof_slope", None)
        if slope is None:
            return kind.backward(ctx, *grads)
        function, x, args = ctx.spikeproof_above
        derivative = slope.derivative(function.above(args))
        return (grads[0] * derivative.to(x.dtype), *[None] * (len(args) - 1))

    made = {"backward": staticmethod(backward)}
    handed = type(kind.__name__, (torch.autograd.Function,), made)
    return type(f"{kind.__name__}Backward", (BackwardCFunction,), {"_forward_cls": handed})


class _Watched(nn.Module):
    """What makes the spikes of one layer, with its derivative given by a watcher."""

    def __init__(self, own: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.own = own

    def forward(self, u: Tensor) -> Tensor:
        watcher = _watcher.get()
        slope = None if watcher is None else watcher.meet(u)
        if slope is None:
            return self.own(u)
        with torch.no_grad():
            spikes = self.own(u)
        out: Tensor = _Sloped.apply(u, spikes, slope)  # type: ignore[no-untyped-call]
        return out

    def __getattr__(self, name: str) -> Any:
        try:
            return super().__getattr__(name)
        except AttributeError:
            return getattr(super().__getattr__("own"), name)  # its sharpness, say


class _Sloped(torch.autograd.Function):
    """Known spikes, with this derivative."""

    @staticmethod
    def forward(ctx: Any, u: Tensor, spikes: Tensor, slope: Slope) -> Tensor:
        ctx.save_for_backward(u)
        ctx.slope = slope
        return spikes

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        (u,) = ctx.saved_tensors
        return grads[0] * ctx.slope.derivative(u), None, None


class Recorder:
    """Membranes of one forward pass, apart by where in the code the spike was made.

    A loop over time comes by the same place at every step; two layers that a network calls from two
    lines, or that are two modules, are two places.
    """

    def __init__(self) -> None:
        self.calls: list[tuple[tuple[int, ...], Tensor]] = []

    def meet(self, u: Tensor) -> None:
        """Remember one call."""
        self.calls.append((_place(), u.detach()))

    @property
    def layers(self) -> dict[tuple[int, ...], list[int]]:
        """The calls of each place, places in the order in which they were first met."""
        found: dict[tuple[int, ...], list[int]] = {}
        for number, (place, _) in enumerate(self.calls):
            found.setdefault(place, []).append(number)
        return found


def _place() -> tuple[int, ...]:
    """Where a spike is made: the calls that lead there, and the modules they are made on."""
    place: list[int] = []
    frame = sys._getframe(2)
    while frame is not None and frame.f_code.co_filename != _PASS:
        place += (id(frame.f_code), frame.f_lasti)
        if frame.f_code.co_name == "_call_impl":
            place.append(id(frame.f_locals.get("self")))
        frame = frame.f_back  # type: ignore[assignment]
    return tuple(place)


_PASS = str(Path(__file__).with_name("adapted.py"))
