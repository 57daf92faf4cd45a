"""Late fusion of views, each read by its own small spiking network."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from spikeproof.base import InputError
from spikeproof.data import Views
from spikeproof.models.cnn import SmallCNN
from spikeproof.models.network import ModelSpec
from spikeproof.models.tcn import SmallTCN

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
            branch = SmallTCN if "sample" in domain.axes else SmallCNN
            branches[name] = branch(spec, domain)
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
