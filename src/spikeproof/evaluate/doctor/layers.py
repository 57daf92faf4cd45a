"""Checks inside a spiking network: does the surrogate of each layer see what its spikes do?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from spikeproof.base import computing
from spikeproof.evaluate.doctor.check import Check, Inquiry
from spikeproof.evaluate.doctor.subject import Subject
from spikeproof.evaluate.doctor.thresholds import Thresholds
from spikeproof.models import evaluating, home_of, spiking_layers
from spikeproof.neurons import Spiking, drawing, observing
from spikeproof.oracle import Passes, prediction_seeds
from spikeproof.threats import Misclassification

__all__ = ["layer_checks"]

LAYERS = Inquiry(
    name="layer-agreement",
    weight="hint",
    symptom=True,
    below=True,
    why="Moving a layer's currents along its gradient must raise the margin; where it does not, "
    "that layer's surrogate misleads all layers before it.",
    settles="The attack through a wider surrogate in that layer.",
    mend="Give that layer a surrogate as wide as its membranes are spread.",
)
WINDOW = Inquiry(
    name="window",
    weight="hint",
    symptom=True,
    why="A neuron outside the window of its surrogate passes no gradient, though its spikes may "
    "change.",
    settles="The attack through a surrogate that adapts to the membranes (ASSG).",
    mend="Use a wider surrogate, or normalise what drives the layer.",
)
CORRELATION = Inquiry(
    name="step-correlation",
    weight="hint",
    symptom=True,
    below=True,
    why="Gradients of different time steps cancel, so an attack on an input that all steps share "
    "sees less than each step does.",
    settles="The attack through gradients that flow back through fewer steps (BPTR).",
    mend="Attack with the reset detached, and through other gradient rules.",
)
DEAD = Inquiry(
    name="dead",
    weight="hint",
    symptom=True,
    why="A neuron that answers the same to everything passes nothing on, in either direction.",
    settles="A search without gradients.",
    mend="Look at the activity of the layers; normalise what drives them.",
)
_ALL = (LAYERS, WINDOW, CORRELATION, DEAD)
_EDGE = 0.01  # of the peak, below which a surrogate counts as zero
_PUSH = 0.5  # largest change of a current, in thresholds
_MOST = 64


def layer_checks(
    subject: Subject, thresholds: Thresholds, x_adv: Tensor | None = None
) -> list[Check]:
    """Return the checks of the spiking layers of a network.

    Layers of this package are looked into. A network of another library shows its gradients only
    at its input, so there these are not made.

    Args:
        subject: Network and right items; the first 64 are looked at.
        thresholds: Where checks begin to count.
        x_adv: Where the attack ended, ``(N, *shape)``; membranes are looked at there too.
    Cost:
        Two forward passes per item, one with its backward pass, and two per spiking layer.
    """
    layers = spiking_layers(subject.model)
    if not layers:
        lacking = "There is no spiking layer of this package to look into."
        return [inquiry.not_made(lacking) for inquiry in _ALL]
    few = torch.arange(min(_MOST, len(subject)))
    part = replace(subject, x=subject.x[few], y=subject.y[few], items=subject.items[few])
    inside = _Inside(part, layers)
    with evaluating(subject.model), computing(home_of(subject.model)):
        checks = [
            _agreement(inside, thresholds),
            _window(inside, None if x_adv is None else x_adv[few], thresholds),
            _correlation(inside, thresholds),
            _dead(inside, thresholds),
        ]
    subject.spend(Passes(part.passes.forward - subject.passes.forward,
                         part.passes.backward - subject.passes.backward))  # fmt: skip
    return checks


@dataclass(eq=False)
class _Inside:
    """A network, opened.

    Args:
        subject: It and the items.
        layers: Its spiking layers, by name.
    """

    subject: Subject
    layers: dict[str, Spiking]
    _seen: tuple[dict[str, Tensor], dict[str, Tensor]] | None = None

    def margin(self, x: Tensor) -> Tensor:
        """The margin of every item, with whatever graph is open, ``(N,)``."""
        home = home_of(self.subject.model)
        self.subject.spend(Passes(forward=len(x)))
        with drawing(prediction_seeds(self.subject.items)):
            logits = self.subject.model(x.to(home))
        return Misclassification(self.subject.y.to(home)).score(logits)

    def currents(self) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """What drives each layer and the gradient of the margin there, ``(T, N, ...)``."""
        if self._seen is None:
            given: dict[str, Tensor] = {}

            def keep(name: str) -> Callable[[nn.Module, tuple[Tensor, ...]], None]:
                def kept(_: nn.Module, inputs: tuple[Tensor, ...]) -> None:
                    given.setdefault(name, inputs[0])

                return kept

            x = self.subject.x.to(home_of(self.subject.model)).requires_grad_(True)
            # Observed, so that every kernel hands back the gradient of each step on its own.
            with torch.enable_grad(), observing(), _hooked(self.layers, keep):
                score = self.margin(x).sum()
                open_ = {name: each for name, each in given.items() if each.requires_grad}
                found: tuple[Tensor | None, ...] = ()
                if score.requires_grad and open_:
                    found = torch.autograd.grad(score, list(open_.values()), allow_unused=True)
                    self.subject.spend(Passes(backward=len(x)))
            grads = {
                name: grad.detach()
                for name, grad in zip(open_, found, strict=False)
                if grad is not None
            }
            self._seen = {name: each.detach() for name, each in given.items()}, grads
        return self._seen

    @torch.no_grad()
    def pushed(self, layer: str, change: Tensor) -> Tensor:
        """The margins where the currents of one layer are changed, ``(N,)``."""
        done: list[bool] = []

        def add(_: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...] | None:
            if done:  # a layer that is called again is not changed again
                return None
            done.append(True)
            return (inputs[0] + change, *inputs[1:])

        with _hooked({layer: self.layers[layer]}, lambda _: add):
            return self.margin(self.subject.x).cpu()


@contextmanager
def _hooked(layers: dict[str, Spiking], hook: Callable[[str], Any]) -> Iterator[None]:
    """Call something before each layer inside."""
    handles = [layer.register_forward_pre_hook(hook(name)) for name, layer in layers.items()]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _agreement(inside: _Inside, thresholds: Thresholds) -> Check:
    """The share of items whose margin follows the gradient of a layer's currents; worst layer."""
    _, grads = inside.currents()
    shares: dict[str, float] = {}
    for name, grad in grads.items():
        largest = grad.abs().amax(dim=(0, *range(2, grad.ndim)), keepdim=True)
        threshold = float(getattr(inside.layers[name].neuron, "threshold", 1.0))
        change = torch.where(
            largest > 0, _PUSH * threshold * grad / largest, torch.zeros_like(grad)
        )
        rise = inside.pushed(name, change) - inside.pushed(name, -change)
        shares[name] = float(((rise > 0).double() + 0.5 * (rise == 0).double()).mean())
    if not shares:
        return LAYERS.not_made("No gradient reaches the currents of any spiking layer.")
    worst = min(shares, key=lambda name: shares[name])
    return LAYERS.found(
        shares[worst],
        f"Moved along its gradient, the currents of {worst} raise the margin on "
        f"{100 * shares[worst]:.0f} % of {len(inside.subject)} items (an equal margin counts "
        f"half); it is the worst of {len(shares)} spiking layers.",
        thresholds,
        detail={"layers": shares},
    )


def _window(inside: _Inside, x_adv: Tensor | None, thresholds: Thresholds) -> Check:
    """The share of neurons where the surrogate is as good as zero; worst layer, at x and x_adv."""
    detail: dict[str, Any] = {"x": _outside(inside, inside.subject.x)}
    if x_adv is not None:
        detail["x_adv"] = _outside(inside, x_adv)
    means = [
        (sum(steps) / len(steps), layer, where)
        for where, layers in detail.items()
        for layer, steps in layers.items()
    ]
    if not means:
        return WINDOW.not_made("No spiking layer showed its membranes.")
    share, layer, where = max(means)
    at = "the items" if where == "x" else "the points where the attack ended"
    return WINDOW.found(
        share,
        f"At {at} {100 * share:.0f} % of the neurons of {layer} lie where its surrogate is below "
        f"{100 * _EDGE:.0f} % of its peak, in the mean over steps.",
        thresholds,
        detail=detail,
    )


@torch.no_grad()
def _outside(inside: _Inside, x: Tensor) -> dict[str, list[float]]:
    """Layer → share of its neurons outside the window, at every time step."""
    with observing() as traces:
        inside.margin(x)
    names = {id(layer): name for name, layer in inside.layers.items()}
    found: dict[str, list[float]] = {}
    for trace in traces:
        surrogate = inside.layers[names[id(trace.layer)]].neuron.surrogate
        grid = torch.linspace(-4, 4, 801, dtype=torch.float64) / min(1.0, surrogate.sharpness)
        peak = float(surrogate.derivative(grid).max())
        slope = surrogate.derivative(trace.membranes.double().cpu() - trace.threshold)
        outside = (slope < _EDGE * peak).double().flatten(1).mean(1)
        found.setdefault(names[id(trace.layer)], outside.tolist())
    return found


def _correlation(inside: _Inside, thresholds: Thresholds) -> Check:
    """The mean cosine of the gradients of two time steps at the first spiking layer."""
    _, grads = inside.currents()
    first = next((name for name in inside.layers if name in grads), None)
    if first is None:
        return CORRELATION.not_made("No gradient reaches the currents of any spiking layer.")
    steps = grads[first].double().flatten(2)
    if len(steps) < 2:
        return CORRELATION.not_made("There is one time step only.")
    unit = torch.nn.functional.normalize(steps, dim=2)
    cosines = torch.einsum("snd,tnd->stn", unit, unit)
    apart = ~torch.eye(len(steps), dtype=torch.bool)
    known = (steps != 0).any(2)
    pairs = (known[:, None] & known[None]) & apart[:, :, None].to(known.device)
    if not pairs.any():
        return CORRELATION.not_made("At most one time step of any item has a gradient.")
    mean = float(cosines[pairs].mean())
    return CORRELATION.found(
        mean,
        f"Gradients of the currents of {first} at two time steps have a cosine of {mean:.2f} in "
        f"the mean over {len(steps)} steps.",
        thresholds,
    )


@torch.no_grad()
def _dead(inside: _Inside, thresholds: Thresholds) -> Check:
    """The share of neurons that answer the same to every item at every step; worst layer."""
    with observing() as traces:
        inside.margin(inside.subject.x)
    names = {id(layer): name for name, layer in inside.layers.items()}
    shares = {}
    for trace in traces:
        spikes = trace.spikes.flatten(2)
        rate = spikes.double().mean((0, 1))
        shares[names[id(trace.layer)]] = float(((rate == 0) | (rate == 1)).double().mean())
    if not shares:
        return DEAD.not_made("No spiking layer showed its spikes.")
    worst = max(shares, key=lambda name: shares[name])
    return DEAD.found(
        shares[worst],
        f"{100 * shares[worst]:.0f} % of the neurons of {worst} never fire, or always do, on "
        f"{len(inside.subject)} items.",
        thresholds,
        detail={"layers": shares},
    )
