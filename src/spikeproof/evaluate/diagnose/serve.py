"""A network as attacks can look at it: its input kept safe, its probabilities as logarithms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from spikeproof.evaluate.diagnose.carried import Refitted
from spikeproof.evaluate.diagnose.flag import Flag

__all__ = ["InputKept", "LogSpace", "are_probabilities", "served"]

_SOFTMAX = {torch.softmax, torch.nn.functional.softmax, Tensor.softmax, torch.special.softmax}
_SUM = 1e-3


class InputKept(nn.Module):
    """A network that is given a copy of its input, so that it can write into it.

    Args:
        network: Any network.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> Any:
        """What the network answers to a copy."""
        return self.network(x.clone())


class LogSpace(nn.Module):
    r"""A network that ends in a softmax, with the logarithms of its probabilities for logits.

    .. math:: \log p_k = z_k - \log \sum_j e^{z_j}

    Differences of logits stay what they are, so every margin and every decision does; and where
    the softmax is the last operation its argument is taken, so nothing is lost where probabilities
    round to 0 and 1. Another last operation is followed by a logarithm.

    Args:
        network: Any network that answers probabilities, ``(N, K)``.
    Example:
        >>> network = nn.Sequential(nn.Linear(1, 2), nn.Softmax(dim=1))
        >>> with torch.no_grad():
        ...     network[0].weight.copy_(torch.tensor([[1000.0], [-1000.0]])).sum().item()
        0.0
        >>> model = LogSpace(network)
        >>> model(torch.ones(1, 1)).round().tolist()[0][1] < -1990, model.exact
        (True, True)
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        self.exact = False  # whether the last answer was that of a softmax

    def forward(self, x: Tensor) -> Tensor:
        """The logarithms of what the network answers, ``(N, K)``."""
        with _Softmax() as calls:
            answer: Tensor = self.network(x)
        self.exact = answer is calls.result
        if self.exact and calls.given is not None:
            given = calls.given if calls.dtype is None else calls.given.to(calls.dtype)
            return torch.log_softmax(given, calls.dim)
        return answer.clamp_min(torch.finfo(answer.dtype).tiny).log()


class _Softmax(TorchFunctionMode):
    """Remembers the last softmax: what it was given, and what came out."""

    def __init__(self) -> None:
        super().__init__()
        self.given: Tensor | None = None
        self.result: object = self
        self.dim, self.dtype = 1, None

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        if func in _SOFTMAX:
            dim = args[1] if len(args) > 1 else kwargs.get("dim")
            given = args[0] if args else kwargs.get("input")
            if isinstance(dim, int) and isinstance(given, Tensor):
                self.given, self.result, self.dim = given, result, dim
                self.dtype = kwargs.get("dtype")
        return result


def are_probabilities(logits: Tensor) -> bool:
    """Whether every row is a distribution over the classes.

    Example:
        >>> are_probabilities(torch.tensor([[0.25, 0.75]])), are_probabilities(torch.ones(1, 2))
        (True, False)
    """
    z = logits.detach().double()
    inside = bool((z >= 0).all() and (z <= 1).all())
    return inside and z.shape[1] > 1 and bool(((z.sum(1) - 1).abs() < _SUM).all())


def served(model: nn.Module, flags: Sequence[Flag]) -> nn.Module:
    """Return the network as attacks are to look at it, the one of the caller inside.

    Args:
        model: The network.
        flags: What ``flags_before`` said of it. State of one that carries it begins anew where it
            does not fit; one that writes into its input is given copies; one whose probabilities
            can be taken to logarithms exactly is attacked there.
    Returns:
        The network itself where nothing is needed.
    """
    names = {flag.name: flag for flag in flags}
    if "state" in names:
        model = Refitted(model)
    if "input-written" in names:
        model = InputKept(model)
    if "probabilities" in names and not names["probabilities"].stop:
        model = LogSpace(model)
    return model
