"""SSDP: connections between neurons that fire together at the same time are strengthened."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor, nn

from spikeproof.base import (
    InputError,
    SettingError,
    check_count,
    check_one_of,
    check_positive,
)
from spikeproof.models import spiking_layers
from spikeproof.neurons import stepwise
from spikeproof.train.hooks.registry import HOOKS
from spikeproof.train.loop.step import Step

__all__ = ["SSDP", "latencies"]


@HOOKS.register("ssdp")
@dataclass(frozen=True, kw_only=True)
class SSDP:
    r"""Change weights by the synchrony of first spikes, after every optimiser step (SSDP).

    With :math:`s_{ij} = 1` where pre-neuron i and post-neuron j both fire for an item, and
    :math:`\Delta t_{ij}` the distance of their first spikes (a silent neuron counts as T):

    .. math::
        \Delta w_{ji} = \frac1N \sum_n \big(A_+ s_{ij} - A_- (1 - s_{ij})\big)\,
        e^{-\Delta t_{ij}^2 / 2\sigma^2}

    (``"gaussian"``), and for ``"exponential"``

    .. math:: \Delta w_{ji} = \frac1N \sum_n s_{ij} \big(A_+ e^{-\Delta t_{ij} / \tau}
        - A_- e^{-\Delta t_{ij} / \tau^2}\big)

    both clipped to [-1, 1] and added to the weight.

    Args:
        layers: Names of the layers it acts on, at least one: linear ones, or convolutions of one
            place (1x1, not grouped), whose places count like items. Pre-spikes are the layer's
            inputs above 0; post-spikes are those of the spiking layer behind it, or for a readout
            the steps at which its answer is above 0.
        plus: :math:`A_+`, > 0.
        base: :math:`A_-`, > 0.
        width: :math:`\sigma` or :math:`\tau`, in time steps, > 0.
        start: Epochs trained before the first change.
        kernel: ``"gaussian"`` or ``"exponential"``.
        shuffled: The control: every step's changes are dealt to the layer's connections in a
            random order, so their sizes stay and what they say of synchrony is lost.
    Raises:
        SettingError: no layer, a number that is not positive, an unknown kernel; in a call, a
            layer that is neither linear nor 1x1, or not there.
        InputError: a layer that is not called once per time step.
    Cost: 1 forward per step from epoch ``start + 1`` on, and T + 1 matrix products per layer.
    Differs from the paper:
        The published code takes the last spike for the first one in places, marks real-valued
        streams as spikes, and anneals the amplitudes; here latencies are those of the first spike
        and amplitudes stay. Its 1x1 convolution lets a channel fire once it does at any place; here
        each place is paired with itself. Spikes are those of the updated weights on the unattacked
        items of the step, with batch statistics that are not recorded. The gated variant, DA-SSDP,
        is left out: its gate is fitted to losses of a long warm-up.
    Example:
        >>> latencies(torch.tensor([[0.0, 1.0], [1.0, 0.0], [1.0, 0.0]])[:, None])  # T = 3
        tensor([[1, 0]])
        >>> SSDP(layers=["readout"]).base
        5e-05

    References:
        tian2025ssdp
    """

    when: ClassVar[str] = "after"

    layers: tuple[str, ...] = ()
    plus: float = 1.5e-4
    base: float = 5e-5
    width: float = 1.0
    start: int = 10
    kernel: str = "gaussian"
    shuffled: bool = False

    def __post_init__(self) -> None:
        if isinstance(self.layers, str) or not self.layers:
            raise SettingError(
                "SSDP.layers must list the names of the linear layers it acts on, e.g. "
                f"['body.readout']; got {self.layers!r}."
            )
        object.__setattr__(self, "layers", tuple(self.layers))
        check_positive(self, "plus", "base", "width")
        check_one_of(self.kernel, ("gaussian", "exponential"), "SSDP.kernel")
        check_count(self, "start", least=0)

    @classmethod
    def exponential(cls, layers: tuple[str, ...]) -> SSDP:
        """The form of the published single-layer scripts: A = .02, τ = 20."""
        return cls(layers=layers, plus=0.02, base=0.02, width=20.0, kernel="exponential")

    @classmethod
    def examples(cls) -> tuple[SSDP, ...]:
        """Settings that the contracts try, on the last layer of a dense network."""
        late = cls.exponential(("body.readout",))
        return (replace(late, start=0), cls(layers=late.layers, start=0, shuffled=True))

    @torch.no_grad()
    def __call__(self, step: Step) -> None:
        """Change the weights of the step's model."""
        if step.epoch <= self.start:
            return
        for name, (pre, post) in self._spikes(step).items():
            weight = step.weight("SSDP", name)
            change = self.change(latencies(pre), latencies(post), len(pre))
            if self.shuffled:
                keys = step.seeds[:1].child("shuffled", name, step.index)
                order = keys.uniform((change.numel(),), torch.float64)[0].argsort(stable=True)
                change = change.flatten()[order.to(change.device)]
            weight.add_(change.to(weight.dtype).view_as(weight))

    def change(self, pre: Tensor, post: Tensor, timesteps: int) -> Tensor:
        """What is added to a weight matrix.

        Args:
            pre: First-spike latencies of the inputs, int64 ``(N, I)``; T for a silent neuron.
            post: The same of the outputs, ``(N, J)``.
            timesteps: T.
        Returns:
            float64 ``(J, I)``, in [-1, 1].
        """
        worth = self._worth(timesteps).to(pre.device)
        total = torch.zeros(post.shape[1], pre.shape[1], dtype=torch.float64, device=pre.device)
        # Summed over N items a pair of neurons adds worth[post latency, pre latency]. Item by item
        # that is an (N, J, I) tensor; sorted by the T + 1 values of the post latency it is a sum of
        # T + 1 matrix products: "post fires at t" (J, N) times "worth of pre, given t" (N, I).
        for time in range(timesteps + 1):
            total += (post == time).double().T @ worth[time][pre]
        return (total / len(pre)).clamp(-1, 1)

    def _worth(self, timesteps: int) -> Tensor:
        """What one pair adds, by post- and pre-latency, ``(T + 1, T + 1)``."""
        time = torch.arange(timesteps + 1, dtype=torch.float64)
        apart = (time[:, None] - time[None, :]).abs()
        both = ((time[:, None] < timesteps) & (time[None, :] < timesteps)).double()
        # A silent neuron has latency T, so it stands in the last row or column: `both` is 0 there.
        if self.kernel == "gaussian":
            near = (-apart.square() / (2 * self.width**2)).exp()
            return self.plus * both * near - self.base * (1 - both) * near
        rise, fall = (-apart / self.width).exp(), (-apart / self.width**2).exp()
        return both * (self.plus * rise - self.base * fall)

    def _spikes(self, step: Step) -> dict[str, tuple[Tensor, Tensor]]:
        """Spikes in front of and behind each layer, ``(T, N, ...)``, of one forward pass."""
        named = dict(step.model.named_modules())
        for name in self.layers:
            step.weight("SSDP", name)
            if not isinstance(named[name], nn.Linear) and not _pointwise(named[name]):
                raise SettingError(
                    f"SSDP acts on linear layers and 1x1 convolutions; {name!r} is {named[name]}."
                )
        calls: list[_Call] = []

        def keep(name: str | None) -> Any:
            return lambda layer, args, out: calls.append(_Call(name, layer, args[0], out))

        # Named layers and all neurons are noted in the order of their calls in one pass, so the
        # neurons behind a layer are the first ones noted after it.
        watched: dict[nn.Module, str | None] = {named[name]: name for name in self.layers}
        watched |= dict.fromkeys(spiking_layers(step.model).values())
        handles = [module.register_forward_hook(keep(name)) for module, name in watched.items()]
        try:
            with stepwise():
                step.logits()
        finally:
            for handle in handles:
                handle.remove()
        return {
            call.name: _around(call, calls[place + 1 :], len(step.x))
            for place, call in enumerate(calls)
            if call.name is not None
        }


def latencies(spikes: Tensor) -> Tensor:
    """The step of each neuron's first spike, int64 ``(N, K)`` from ``(T, N, K)``; T if silent."""
    fired = spikes > 0
    first = fired.to(torch.uint8).argmax(0)
    return torch.where(fired.any(0), first, len(spikes))


class _Call(NamedTuple):
    """One call of a layer that is watched; ``name`` is None for the neurons."""

    name: str | None
    layer: nn.Module
    before: Tensor
    after: Tensor


def _pointwise(layer: nn.Module) -> bool:
    """Whether a layer is a linear one at every place of an image."""
    return (
        isinstance(layer, nn.Conv2d)
        and layer.kernel_size == (1, 1)
        and layer.groups == 1
        and layer.padding == (0, 0)
    )


def _around(call: _Call, later: list[_Call], items: int) -> tuple[Tensor, Tensor]:
    """Spikes in front of and behind a layer, ``(T, N, K)``; places of an image become items."""
    # A layer is called with all steps at once, as (T * N, ...) or (T, N, ...): what is left of the
    # leading axes after the items is the number of steps.
    axes = 1 if isinstance(call.layer, nn.Linear) else 3  # of one item at one step
    unit, before = call.after.shape[-axes:], call.before
    if before.ndim <= axes or before.shape[:-axes].numel() <= items:
        raise InputError(
            f"SSDP: layer {call.name!r} is not called once per time step; name a layer behind the "
            "first neurons, in a network that averages with spikeproof.neurons.time_mean."
        )
    if isinstance(call.layer, nn.Conv2d):
        down, right = call.layer.stride
        before = before[..., ::down, ::right]
    behind = [other.after for other in later if other.name is None]
    answer = behind[0] if behind else call.after
    steps = before.shape[:-axes].numel() // items
    if answer.shape[-axes:] != unit or answer.numel() != steps * items * unit.numel():
        raise InputError(
            f"SSDP: no neurons follow layer {call.name!r} one to one ({tuple(unit)} outputs, "
            f"{tuple(answer.shape[-axes:])} neurons behind); name another layer."
        )
    return _rows(before, items, axes), _rows(answer, items, axes)


def _rows(x: Tensor, items: int, axes: int) -> Tensor:
    """``(T, N, K)``, or for images ``(T, N * H * W, K)``."""
    series = x.reshape(-1, items, *x.shape[-axes:])
    return series if axes == 1 else series.movedim(2, -1).flatten(1, 3)
