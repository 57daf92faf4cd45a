"""The spiking layer, and the scope in which an attacker swaps its gradient."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace

import torch
from torch import Tensor, nn

from spikeproof.base import InputError, check_like, check_one_of
from spikeproof.neurons.drawing import draw_normal
from spikeproof.neurons.dynamics import Dynamics
from spikeproof.neurons.flow import flow_of_scope
from spikeproof.neurons.kernels import (
    KERNELS,
    Kernel,
    fastest,
    fire,
    fused,
    reference,
    refuse_non_finite,
)
from spikeproof.neurons.lif import PLIF, PSN, NoisyLIF
from spikeproof.neurons.observing import Trace, traces_of_scope
from spikeproof.neurons.registry import Neuron
from spikeproof.neurons.rule import Firing, FusedFiring, Rule
from spikeproof.neurons.surrogate import Slope, Surrogate
from spikeproof.neurons.unseen import unseen

__all__ = ["Spiking", "gradient_rule", "rule_of_scope", "second_order"]


class _Swap:
    """The rule of one scope, and how many layers obeyed it."""

    def __init__(self, rule: Surrogate | Rule | None) -> None:
        self.rule = rule
        self.served = 0

    def serve(self, surrogate: Surrogate) -> Surrogate | Rule:
        """The rule for one call of a layer; its own surrogate where the scope swaps nothing."""
        if self.rule is None:
            return surrogate
        self.served += 1
        return self.rule


# A context variable, not a field of the layers: what a gradient means never depends on who
# touched the model last, and leaving the scope cannot be forgotten.
_swapped: ContextVar[_Swap | None] = ContextVar("spikeproof_rule", default=None)
_twice: ContextVar[bool] = ContextVar("spikeproof_exact", default=False)


@contextmanager
def gradient_rule(rule: Surrogate | Rule | None) -> Iterator[_Swap]:
    """Let every spiking layer called inside use ``rule`` in its backward pass.

    Args:
        rule: A surrogate, or any function of a :class:`Firing` that returns what the layer
            returns; None keeps each layer's own surrogate.
    Returns:
        An object whose ``served`` counts the calls of layers that obeyed. Other modules, such as
        another library's neurons, know nothing of the scope and are not counted.
    Example:
        >>> import torch
        >>> from spikeproof.neurons import LIF
        >>> current = torch.full((1, 1, 1), 1.25, requires_grad=True)
        >>> with gradient_rule(Surrogate("rectangle", sharpness=1.0)) as scope:
        ...     spikes = Spiking(LIF())(current)
        >>> spikes.sum().backward()
        >>> current.grad.item(), scope.served
        (0.5, 1)
    """
    scope = _Swap(rule)
    token = _swapped.set(scope)
    try:
        yield scope
    finally:
        _swapped.reset(token)


def rule_of_scope() -> _Swap | None:
    """The innermost open scope, for layers that are not of this package; None outside.

    Whoever obeys its ``rule`` adds to its ``served``.
    """
    return _swapped.get()


@contextmanager
def second_order() -> Iterator[None]:
    """Let every spiking layer called inside be differentiated twice, with exact second derivatives.

    They run on the reference kernel, whatever kernel they were made for: the fused ones refuse a
    second derivative. Only the forward pass must be inside.

    Cost:
        The reference kernel's, several times the time and memory of a fused one.
    Example:
        >>> import torch
        >>> from spikeproof.neurons import LIF
        >>> current = torch.full((1, 1, 1), 1.25, requires_grad=True)
        >>> with second_order():
        ...     spikes = Spiking(LIF(surrogate=Surrogate("triangle", 1.0)))(current)
        >>> (slope,) = torch.autograd.grad(spikes.sum(), current, create_graph=True)
        >>> torch.autograd.grad(slope.sum(), current)[0].item()
        -1.0
    """
    token = _twice.set(True)
    try:
        yield
    finally:
        _twice.reset(token)


class Spiking(nn.Module):
    """A layer of independent neurons; it keeps no state from one call to the next.

    Args:
        neuron: What each unit computes. PLIF and PSN bring parameters of their own.
        kernel: Which program runs the loop over time: ``"auto"``, ``"fused"``, ``"reference"`` or
            ``"triton"``.
    Raises:
        SettingError: an unknown kernel; in a call, a kernel that cannot serve the tensor.
        InputError: currents that are not ``(T, N, ...)`` with at least one step, not floating
            point or not finite, or, for a PSN, of another type, device or number of
            steps than it was made for.
    Example:
        >>> import torch
        >>> from spikeproof.neurons import LIF
        >>> Spiking(LIF(leak=0.5))(torch.full((4, 1, 1), 0.75)).flatten()
        tensor([0., 1., 0., 1.])
    """

    def __init__(self, neuron: Neuron, kernel: str = "auto") -> None:
        super().__init__()
        self.neuron = neuron
        self.kernel = check_one_of(kernel, KERNELS, "kernel")
        if isinstance(neuron, PLIF):
            self.weight = nn.Parameter(torch.tensor(math.log(neuron.leak / (1 - neuron.leak))))
        elif isinstance(neuron, PSN):
            self.weight = nn.Parameter(torch.empty(neuron.timesteps, neuron.timesteps))
            self.bias = nn.Parameter(torch.full((neuron.timesteps,), -1.0))
            nn.init.kaiming_uniform_(self.weight, a=math.sqrt(5))

    def forward(self, currents: Tensor) -> Tensor:
        """Spikes ``(T, N, ...)`` for input currents ``(T, N, ...)``."""
        scope = unseen()
        if scope is None:
            return self._spikes(currents)
        with scope:
            return self._spikes(currents)

    def _spikes(self, currents: Tensor) -> Tensor:
        """The same, seen by nobody."""
        if currents.ndim < 2 or not len(currents):
            raise InputError(
                "Spiking needs currents (T, N, ...) with at least one step; "
                f"got shape {tuple(currents.shape)}."
            )
        if not currents.is_floating_point():
            raise InputError(f"Spiking needs floating-point currents; got {currents.dtype}.")
        scope = _swapped.get()
        rule = self.neuron.surrogate if scope is None else scope.serve(self.neuron.surrogate)
        if isinstance(self.neuron, PSN):
            return self._parallel(currents, self.neuron, rule)
        if isinstance(self.neuron, NoisyLIF) and self.neuron.noise:
            # In front of the leak and behind the gain: the same as noise on the membrane.
            gain = self.neuron.dynamics.gain
            currents = currents + self.neuron.noise / gain * draw_normal(currents)
        dynamics, traces = self._dynamics(), traces_of_scope()
        if not isinstance(rule, Surrogate):
            return self._ruled(rule, self._firing(currents, dynamics))
        if traces is None:
            return self._unroll(currents, dynamics, rule.slope)
        charges: list[Tensor] = []
        spikes = self._unroll(currents, dynamics, rule.slope, charges)
        traces.append(Trace(self, torch.stack(charges), spikes, dynamics.threshold))
        return spikes

    def _firing(self, currents: Tensor, dynamics: Dynamics) -> Firing:
        """This call as a rule sees it."""
        if self._kernel(currents) is fused:
            return FusedFiring(currents, dynamics)
        return Firing(currents, dynamics, lambda slope: self._unroll(currents, dynamics, slope))

    def _ruled(self, rule: Rule, firing: Firing) -> Tensor:
        """What a rule makes of a call; whoever is observing gets the membranes that it saw."""
        spikes = rule(firing)
        traces = traces_of_scope()
        if traces is not None:
            traces.append(Trace(self, firing.membranes, spikes, 0.0))
        return spikes

    def _unroll(
        self,
        currents: Tensor,
        dynamics: Dynamics,
        slope: Slope,
        charges: list[Tensor] | None = None,
    ) -> Tensor:
        """Run the loop over time; ``charges`` gets the membranes before each reset."""
        if charges is None:
            return self._kernel(currents)(currents, dynamics, slope)
        return reference(currents, dynamics, slope, charges=charges)

    def _kernel(self, currents: Tensor) -> Kernel:
        """The program that runs the loop: the reference inside scopes that only it can serve."""
        if _twice.get() or traces_of_scope() is not None:
            return reference
        return fastest(currents) if self.kernel == "auto" else KERNELS[self.kernel]

    def _dynamics(self) -> Dynamics:
        """The recursion, with the learned leak where there is one."""
        assert not isinstance(self.neuron, PSN)
        dynamics = flow_of_scope(self.neuron.dynamics)
        if not isinstance(self.neuron, PLIF):
            return dynamics
        leak = self.weight.sigmoid()
        return replace(dynamics, leak=leak, gain=1 - leak if self.neuron.decay_input else 1.0)

    def _parallel(self, currents: Tensor, neuron: PSN, rule: Surrogate | Rule) -> Tensor:
        """Spikes of parallel spiking neurons."""
        if len(currents) != neuron.timesteps:
            raise InputError(
                f"This PSN was made for {neuron.timesteps} timesteps; got {len(currents)}."
            )
        if not torch.is_autocast_enabled(self.weight.device.type):
            check_like(currents, self.weight, "The currents of a PSN")
        refuse_non_finite(currents)
        flow_of_scope(Dynamics())  # obeyed: nothing flows through a reset that is not there
        mixed = torch.addmm(self.bias[:, None], self.weight, currents.flatten(1))
        above = mixed.view_as(currents)
        if not isinstance(rule, Surrogate):
            # A rule sees neurons that keep nothing, with the threshold at 1 as everywhere else.
            forgetful = Dynamics(leak=0.0)
            return self._ruled(rule, Firing(above + 1, forgetful, lambda slope: fire(above, slope)))
        spikes = fire(above, rule.slope)
        traces = traces_of_scope()
        if traces is not None:
            traces.append(Trace(self, above, spikes, 0.0))
        return spikes

    def extra_repr(self) -> str:
        """What ``print`` shows."""
        return f"{self.neuron}, kernel={self.kernel!r}"
