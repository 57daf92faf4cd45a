"""Early fusion of views, and fusion by attention over the spikes of all of them."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from spikeproof.base import check_one_of
from spikeproof.data import Views
from spikeproof.models.layers import OverTime
from spikeproof.models.network import ModelSpec
from spikeproof.models.views import Twin, at_steps, currents_of, tokens_of
from spikeproof.neurons import Recurrent, Spiking, time_mean

__all__ = ["AttentionFusion", "EarlyFusion"]


class _Early(nn.Module):
    """From currents over time to logits: two spiking layers that see all views at once."""

    def __init__(self, spec: ModelSpec, features: int) -> None:
        super().__init__()
        self.spikes_1 = Spiking(spec.neuron)
        self.between = OverTime(nn.Linear(features, features, bias=False), nn.BatchNorm1d(features))
        self.spikes_2 = Spiking(spec.neuron)
        self.readout = nn.Linear(features, spec.classes)

    def forward(self, current: Tensor) -> Tensor:
        """Logits ``(N, K)`` of currents ``(T, N, F)``."""
        logits: Tensor = self.readout(
            time_mean(self.spikes_2(self.between(self.spikes_1(current))))
        )
        return logits


class EarlyFusion(nn.Module):
    r"""Add the currents of all views step by step, before the first spiking layer.

    .. math:: I[t] = \sum_v W_v x_v[t], \qquad z = A\,\overline{s_2[t]}

    Each view is a linear map to the same neurons (a waveform through its filter bank), brought to
    the steps of the longest one. Logits are the mean over time of the readout.

    Args:
        spec: Its width times eight is the neurons of each spiking layer.
        views: The packed views.
    """

    def __init__(self, spec: ModelSpec, views: Views) -> None:
        super().__init__()
        features = 8 * spec.width
        self.views = views
        self.currents = nn.ModuleDict(
            {name: currents_of(spec, domain, features) for name, domain in views.parts}
        )
        self.trunk = _Early(spec, features)

    def forward(self, x: Tensor) -> Tensor:
        """Logits ``(N, K)`` for packed items ``(N, D)``."""
        views = self.views.unpack(x)
        each = [current(views[name]) for name, current in self.currents.items()]
        steps = max(map(len, each))
        logits: Tensor = self.trunk(torch.stack([at_steps(z, steps) for z in each]).sum(0))
        return logits

    def twin(self, name: str) -> Twin:
        """The same network with the current of one view alone."""
        check_one_of(name, self.currents, "view")
        return Twin(self.views, name, nn.Sequential(self.currents[name], self.trunk))


class _Attending(nn.Module):
    """From the spikes of one or several views to logits."""

    def __init__(self, spec: ModelSpec, features: int) -> None:
        super().__init__()
        self.query = nn.Parameter(torch.randn(features) / math.sqrt(features))
        self.readout = nn.Linear(features, spec.classes)

    def forward(self, tokens: Tensor) -> Tensor:
        """Logits ``(N, K)`` of spikes ``(T, N, F)``."""
        share = torch.softmax(tokens @ self.query, dim=0)
        logits: Tensor = self.readout(torch.einsum("tn,tnf->nf", share, tokens))
        return logits


class AttentionFusion(nn.Module):
    r"""Weigh every step of every view by a learned query, item by item, and read the weighted mean.

    .. math:: z = A \sum_{v,t} \alpha_{v,t}\, s_v[t], \qquad
              \alpha = \mathrm{softmax}_{v,t}(q \cdot s_v[t])

    with the spikes :math:`s_v[t]` of each view's own spiking layers. How much a view counts is
    decided by what it says: an attacker may buy weight for the view that it owns.

    Args:
        spec: Its width times four is the features of each step.
        views: The packed views.
    """

    def __init__(self, spec: ModelSpec, views: Views) -> None:
        super().__init__()
        features = 4 * spec.width
        self.views = views
        self.branches = nn.ModuleDict(
            {name: tokens_of(spec, domain, features) for name, domain in views.parts}
        )
        self.head = _Attending(spec, features)

    @staticmethod
    def check(spec: ModelSpec) -> None:
        """Refuse a neuron that cannot be recurrent where a view is spikes on lines."""
        parts = spec.domain.parts if isinstance(spec.domain, Views) else ()
        if any(domain.timed and "channel" not in domain.axes for _, domain in parts):
            Recurrent.check(spec.neuron)

    def forward(self, x: Tensor) -> Tensor:
        """Logits ``(N, K)`` for packed items ``(N, D)``."""
        views = self.views.unpack(x)
        each = [branch(views[name]) for name, branch in self.branches.items()]
        logits: Tensor = self.head(torch.cat(each))
        return logits

    def twin(self, name: str) -> Twin:
        """The same network with the spikes of one view alone."""
        check_one_of(name, self.branches, "view")
        return Twin(self.views, name, nn.Sequential(self.branches[name], self.head))
