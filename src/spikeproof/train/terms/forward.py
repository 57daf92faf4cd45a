"""One forward pass that all terms of an objective share."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager, ExitStack, nullcontext
from functools import cached_property
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.func import functional_call

from spikeproof.base import InputError, Seeds, check_labels, check_one_of
from spikeproof.models import check_logits
from spikeproof.neurons import Trace, drawing, observing, stepwise

__all__ = ["LOOKS", "Forward", "Term", "looks_of"]

LOOKS = ("membranes", "second", "steps")
"""What a term may ask of the shared forward beyond the logits: the membranes of every spiking
layer, second derivatives, or the logits of every time step."""


class Forward:
    r"""The pass of one batch through a model, made once however many terms look at it.

    Under adversarial training its ``x`` is the adversarial input, and :attr:`clean` the pass of the
    items before the attack.

    Args:
        model: Maps ``(N, *shape)`` to logits ``(N, K)``.
        x: Inputs, ``(N, *shape)``; kept as a leaf that requires grad, the caller's tensor is
            not marked. Under several threats at once, one block of the whole batch per threat.
        y: Class numbers, int64 ``(N,)``.
        origin: Items before the attack, ``(N / copies, *shape)``; None where ``x`` is unattacked.
        copies: How many blocks ``x`` holds.
        looks: What terms will ask for beyond the logits, of ``LOOKS``; the shared forward then
            provides it, and no term has to make a forward of its own.
        progress: Share of the training that is done, in [0, 1].
        seeds: One key per item before the attack, ``(N / copies,)``, from which the network draws
            in this pass, in :meth:`forward_again` and in :attr:`clean`, the same for every copy of
            an item; None leaves the draws to whatever scope the pass is in.
    Raises:
        InputError: the logits are not ``(N, K)`` with ``K >= 2``, or the labels do not fit them.
    Cost: 1 forward at the first look at ``logits``, none later; 1 more for ``clean.logits``, and
        for what was not announced in ``looks``.
    Example:
        >>> forward = Forward(nn.Linear(3, 2), torch.zeros(4, 3), torch.tensor([0, 1, 0, 1]))
        >>> forward.logits.shape, forward.rival.tolist()
        (torch.Size([4, 2]), [1, 0, 1, 0])
    """

    def __init__(
        self,
        model: nn.Module,
        x: Tensor,
        y: Tensor,
        *,
        origin: Tensor | None = None,
        copies: int = 1,
        looks: Iterable[str] = (),
        progress: float = 1.0,
        seeds: Seeds | None = None,
    ) -> None:
        self.model = model
        self.x = x.detach().requires_grad_(True)
        self.y = y
        self.origin = origin
        self.copies = copies
        self.looks = frozenset(check_one_of(look, LOOKS, "look") for look in looks)
        self.progress = progress
        self.seeds = seeds
        self._generators: list[Tensor] = []
        self._steps: Tensor | None = None
        self._traces: list[Trace] = []

    @cached_property
    def logits(self) -> Tensor:
        """What the model says, ``(N, K)``, with its graph."""
        self._generators = _states(self.x.device)
        with ExitStack() as scopes:
            scopes.enter_context(self._drawing())
            if self.looks & {"membranes", "second"}:
                traces = scopes.enter_context(observing())
            if "steps" in self.looks:
                scopes.enter_context(stepwise())
            logits: Tensor = self.model(self.x)
        if "membranes" in self.looks:
            self._traces = traces
        if "steps" in self.looks:
            self._steps = _split(logits, len(self.x))
            logits = self._steps.mean(0)
        # Not refused where they are not finite: fit names the step and the layer that did it.
        logits = check_logits(logits, len(self.x), classes=2, finite=False)
        check_labels(self.y, logits.shape[1], len(self.x))
        return logits

    @cached_property
    def rival(self) -> Tensor:
        """The likeliest wrong class in this pass, int64 ``(N,)``; stays fixed afterwards."""
        logits = self.logits.detach()
        return logits.scatter(1, self.y[:, None], -torch.inf).argmax(1)

    @cached_property
    def clean(self) -> Forward:
        """The pass of the items before the attack; this very pass where there was none."""
        if self.origin is None:
            return self
        return Forward(self.model, self.origin, self.y[: len(self.origin)], seeds=self.seeds)

    @cached_property
    def steps(self) -> Tensor:
        """The logits of every time step, ``(T, N, K)``; their mean over time is ``logits``."""
        _ = self.logits
        if self._steps is not None:
            return self._steps
        with stepwise():
            return _split(self.forward_again(self.x, frozen_statistics=True), len(self.x))

    @cached_property
    def traces(self) -> list[Trace]:
        """Membranes and spikes of every spiking layer, in the order of the calls."""
        _ = self.logits
        traces = self._traces
        if "membranes" not in self.looks:
            with observing() as traces:
                self.forward_again(self.x, frozen_statistics=True)
        if not traces:
            raise InputError(
                "The model has no spiking layer whose membranes could be looked at. Build it from "
                "spikeproof.neurons.Spiking, or leave out the terms that look at membranes."
            )
        return traces

    def twice_differentiable_logits(self) -> Tensor:
        """The logits through layers that have second derivatives, ``(N, K)``."""
        _ = self.logits
        if self.looks & {"membranes", "second"}:
            return self.logits
        with observing():
            return self.forward_again(self.x, frozen_statistics=True)

    def forward_again(self, x: Tensor, *, frozen_statistics: bool = False) -> Tensor:
        """The logits at another input, under the random draws (dropout, noise) of this pass.

        Torch's generator is put back, so a second pass leaves no trace in later draws. With
        ``frozen_statistics`` the pass writes to copies of the model's buffers.
        """
        _ = self.logits
        device = self.x.device
        forked = torch.random.fork_rng(devices=[device] if device.type == "cuda" else [])
        with forked, self._drawing():
            torch.set_rng_state(self._generators[0])
            if device.type == "cuda":
                torch.cuda.set_rng_state(self._generators[1], device)
            if not frozen_statistics:
                logits: Tensor = self.model(x)
                return logits
            # Restoring the buffers in place instead would touch tensors that the graph of the
            # first pass has saved.
            copies = {name: buffer.clone() for name, buffer in self.model.named_buffers()}
            frozen: Tensor = functional_call(self.model, copies, (x,))
            return frozen

    def _drawing(self) -> AbstractContextManager[object]:
        """A scope in which the network's draws are those of the items, from the first one on."""
        keys = self.seeds
        if keys is None:
            return nullcontext()
        # Made at the first draw: deterministic networks do not pay for it.
        rows = range(len(keys))
        return drawing(lambda: keys.child("network")[torch.tensor([*rows] * self.copies)])


def _split(logits: Tensor, n: int) -> Tensor:
    """Logits ``(T * N, K)`` as ``(T, N, K)``."""
    if logits.ndim != 2 or len(logits) % n or len(logits) == n:
        raise InputError(
            "A per-step loss needs a network that answers at more than one step and averages with "
            f"spikeproof.neurons.time_mean; this one gave {tuple(logits.shape)} for {n} items."
        )
    return logits.view(-1, n, logits.shape[1])


def _states(device: torch.device) -> list[Tensor]:
    """Where torch's generators stand."""
    cuda = [torch.cuda.get_rng_state(device)] if device.type == "cuda" else []
    return [torch.get_rng_state(), *cuda]


class Term(Protocol):
    """One summand of an objective: frozen settings, called with the shared pass.

    A class attribute ``looks`` names what it asks of the shared forward beyond the logits, another,
    ``passes``, how many forwards and backwards to the input a call adds to it (none where absent),
    and a classmethod ``examples()`` the settings that the contracts try. A method
    ``check(inputs)``, if there is one, raises SettingError where the term makes no sense on an
    objective's inputs (None for clean items), before anything is trained.
    """

    def __call__(self, forward: Forward) -> Tensor:
        """The mean over items, a scalar that can be back-propagated to the weights."""
        ...


def looks_of(term: Term) -> frozenset[str]:
    """What a term asks of the shared forward; nothing where it does not say."""
    return frozenset(getattr(term, "looks", ()))
