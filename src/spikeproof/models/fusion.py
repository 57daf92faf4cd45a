"""Late fusion of views, each read by its own small spiking network."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from spikeproof.base import InputError, check_one_of
from spikeproof.data import Domain, Views
from spikeproof.models.cnn import SmallCNN
from spikeproof.models.network import ModelSpec
from spikeproof.models.recurrent import RecurrentNetwork
from spikeproof.models.tcn import SmallTCN
from spikeproof.models.views import Twin

__all__ = ["SmallFusion"]


class SmallFusion(nn.Module):
    """Add the logits of one network per view, each with a learned weight.

    Args:
        spec: Applies to every branch; its domain must be ``Views``.
        views: The packed views.
    """

    def __init__(self, spec: ModelSpec, views: Views) -> None:
        super().__init__()
        self.views = views
        branches: dict[str, nn.Module] = {}
        for name, domain in views.parts:
            branches[name] = _branch_of(domain)(spec, domain)
        self.branches = nn.ModuleDict(branches)
        self.weights = nn.Parameter(torch.ones(len(branches)))

    def forward(self, x: Tensor) -> Tensor:
        """Logits ``(N, K)`` for packed items ``(N, D)``."""
        views = self.views.unpack(x)
        each = [branch(views[name]) for name, branch in self.branches.items()]
        if len({len(logits) for logits in each}) > 1:  # only under stepwise()
            steps = [f"{name}: {len(z) // len(x)}" for name, z in zip(views, each, strict=True)]
            raise InputError(
                "Per-step logits of a fusion need the same number of steps in every view; got "
                f"{', '.join(steps)}. Use a loss on the average over time, such as CrossEntropy."
            )
        return torch.einsum("v,vnk->nk", self.weights, torch.stack(each))

    @staticmethod
    def check(spec: ModelSpec) -> None:
        """Refuse a neuron that cannot be recurrent where a view is spikes on lines."""
        parts = spec.domain.parts if isinstance(spec.domain, Views) else ()
        if any(_branch_of(domain) is RecurrentNetwork for _, domain in parts):
            RecurrentNetwork.check(spec)

    def twin(self, name: str) -> Twin:
        """The network of one view alone; its weight in the sum, which changes no answer, is 1."""
        check_one_of(name, self.branches, "view")
        return Twin(self.views, name, self.branches[name])


def _branch_of(domain: Domain) -> Callable[[ModelSpec, Domain], nn.Module]:
    """The network of a view."""
    if "sample" in domain.axes:
        return SmallTCN
    return SmallCNN if "channel" in domain.axes else RecurrentNetwork
