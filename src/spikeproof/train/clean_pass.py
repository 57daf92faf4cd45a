"""One forward pass that all terms of an objective share."""

from __future__ import annotations

from functools import cached_property
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.func import functional_call

from spikeproof.base import InputError, check_labels

__all__ = ["Pass", "Term"]


class Pass:
    r"""The pass of one batch through a model, made once however many terms look at it.

    "Clean" means free of a term's own probing steps: under adversarial training its ``x`` is
    already the adversarial input.

    Args:
        model: Maps ``(N, *shape)`` to logits ``(N, K)``.
        x: Inputs, ``(N, *shape)``; kept as a leaf that requires grad, the caller's tensor is
            not marked.
        y: Class numbers, int64 ``(N,)``.
    Raises:
        InputError: the logits are not ``(N, K)`` with ``K >= 2``, or the labels do not fit them.
    Cost: 1 forward at the first look at ``logits``, none later.
    Example:
        >>> clean = Pass(nn.Linear(3, 2), torch.zeros(4, 3), torch.tensor([0, 1, 0, 1]))
        >>> clean.logits.shape, clean.rival.tolist()
        (torch.Size([4, 2]), [1, 0, 1, 0])
    """

    def __init__(self, model: nn.Module, x: Tensor, y: Tensor) -> None:
        self.model = model
        self.x = x.detach().requires_grad_(True)
        self.y = y
        self._draws: list[Tensor] = []

    @cached_property
    def logits(self) -> Tensor:
        """What the model says, ``(N, K)``, with its graph."""
        self._draws = _states(self.x.device)
        logits: Tensor = self.model(self.x)
        if logits.ndim != 2 or len(logits) != len(self.x) or logits.shape[1] < 2:
            raise InputError(
                f"The model must return logits of shape (N, K) with K >= 2 for {len(self.x)} "
                f"items; got {tuple(logits.shape)}. Average over time inside the model."
            )
        check_labels(self.y, logits.shape[1], len(self.x))
        return logits

    @cached_property
    def rival(self) -> Tensor:
        """The likeliest wrong class in this pass, int64 ``(N,)``; stays fixed afterwards."""
        logits = self.logits.detach()
        return logits.scatter(1, self.y[:, None], -torch.inf).argmax(1)

    def again(self, x: Tensor, *, frozen_statistics: bool = False) -> Tensor:
        """The logits at another input, under the random draws (dropout, noise) of this pass.

        Torch's generator is put back, so a second pass leaves no trace in later draws. With
        ``frozen_statistics`` the pass writes to copies of the model's buffers.
        """
        _ = self.logits
        device = self.x.device
        with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
            torch.set_rng_state(self._draws[0])
            if device.type == "cuda":
                torch.cuda.set_rng_state(self._draws[1], device)
            if not frozen_statistics:
                logits: Tensor = self.model(x)
                return logits
            # Restoring the buffers in place instead would touch tensors that the graph of the
            # first pass has saved.
            copies = {name: buffer.clone() for name, buffer in self.model.named_buffers()}
            frozen: Tensor = functional_call(self.model, copies, (x,))
            return frozen


def _states(device: torch.device) -> list[Tensor]:
    """Where torch's generators stand."""
    cuda = [torch.cuda.get_rng_state(device)] if device.type == "cuda" else []
    return [torch.get_rng_state(), *cuda]


class Term(Protocol):
    """One summand of an objective: frozen settings, called with the shared pass."""

    def __call__(self, clean: Pass) -> Tensor:
        """The mean over items, a scalar that can be back-propagated to the weights."""
        ...
