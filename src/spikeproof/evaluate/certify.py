"""Certificates: items that provably no legal input breaks, whatever the attack."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from spikeproof.base import SettingError, check_labels
from spikeproof.data import Dataset
from spikeproof.evaluate.bounds import Box
from spikeproof.evaluate.forward import margins, plain_logits
from spikeproof.evaluate.layer_bounds import Place, bounded, check_layer, margin_bound, unit_of
from spikeproof.evaluate.lengths import allowance
from spikeproof.evaluate.sealed import open_test
from spikeproof.metrics import wilson
from spikeproof.models import chain, evaluating
from spikeproof.threats import Threat

__all__ = ["Certificate", "certify", "certify_test"]

# Bounds memory: every bound holds several float64 copies of a layer's output.
_BATCH = 64


@dataclass(frozen=True, eq=False, kw_only=True)
class Certificate:
    """What no attack can do, per item.

    Args:
        threat: What the attacker may do.
        bound: The attacker's margin, best wrong logit minus the true one, is nowhere above this,
            float64 ``(N,)``.
        correct: Whether the model is right at the clean input, bool ``(N,)``.
    """

    threat: Threat
    bound: Tensor
    correct: Tensor

    def __len__(self) -> int:
        return len(self.bound)

    @property
    def certified(self) -> Tensor:
        """Whether every legal input is answered right, bool ``(N,)``; a tie counts as wrong."""
        return self.bound < 0

    @property
    def accuracy(self) -> float:
        """Share of certified items: no attack brings robust accuracy below it."""
        return float(self.certified.double().mean())

    def to_dict(self) -> dict[str, Any]:
        """The numbers as plain data."""
        right, sure = int(self.correct.sum()), int(self.certified.sum())
        return {
            "schema": 1,
            "threat": self.threat.name,
            "radius": self.threat.radius,
            "n": len(self),
            "clean_accuracy": right / len(self),
            "certified": sure,
            "certified_accuracy": self.accuracy,
            "certified_interval": list(wilson(sure, len(self))),
            "bounds": [float(bound) for bound in self.bound],
        }


def certify(model: nn.Module, x: Tensor, y: Tensor, threat: Threat) -> Certificate:
    r"""Bound from above what any attack can reach, by intervals pushed through the network.

    Every layer maps an interval of inputs to one that holds all its outputs. Of a linear layer
    with weights :math:`W = W^+ + W^-`

    .. math:: [\,W^+ l + W^- h + b,\; W^+ h + W^- l + b\,],

    of a neuron, step by step, :math:`s_l = 1[u_l \ge \theta]`, :math:`s_h = 1[u_h \ge \theta]`, and
    of a hard reset :math:`v \in \{0\}` where it fires in any case, :math:`[u_l, u_h]` where it does
    not, :math:`[\min(u_l, 0), \max(\theta, 0)]` where it may. The last linear layer is taken as the
    difference of the rows of two classes.

    A certified item stays right at every input that :func:`verify` accepts, under the plain forward
    pass in float32 or float64 on the CPU: bounds are float64 and widened by the rounding of every
    sum, in whatever order it is taken. Not covered are kernels that round more (TF32, Winograd,
    autocast). An item that is not certified may still be robust: bounds grow loose with depth,
    time and radius.

    Args:
        model: A chain of layers (see :func:`spikeproof.models.chain`): ``dense``, ``cnn-small`` and
            the VGGs, or an ``nn.Sequential``; taken in evaluation mode.
        x: Clean inputs, ``(N, *shape)``.
        y: True classes, int64 ``(N,)``.
        threat: l_inf; or l_2 or l_1, of which the enclosing box is bounded, legal but loose.
    Returns:
        Bounds per item.
    Raises:
        SettingError: a layer, coding or neuron without a rule, or a threat of another kind.
        InputError: inputs or labels that do not fit.
    Cost:
        About five forward passes in float64.
    Differs from the paper:
        Soft resets, batch normalisation and rounding are bounded too. A hard reset under a constant
        current (the first neurons of a repeated image) fires with a period, and is bounded by the
        periods it may have; the published bound lets every step of it be either.
    Example:
        >>> from spikeproof.data import Domain
        >>> from spikeproof.threats import Linf
        >>> threat = Threat(Linf(), 0.25, Domain(kind="real", shape=(2,), low=-9.0, high=9.0))
        >>> model, x = torch.nn.Linear(2, 2, bias=False), torch.tensor([[1.0, 0.0], [1.0, 0.75]])
        >>> _ = model.weight.data.copy_(torch.eye(2))
        >>> certificate = certify(model, x, torch.tensor([0, 0]), threat)
        >>> [round(bound, 4) for bound in certificate.bound.tolist()], certificate.accuracy
        ([-0.5, 0.25], 0.5)

    References:
        liang2022sibp
    """
    logits = plain_logits(model, threat.check(x))
    check_labels(y, logits.shape[1], len(x))
    _check_chain(model, x[:_BATCH], logits[:_BATCH])
    unit = unit_of(model)
    with torch.no_grad():
        bounds = [
            _bound(model, _ball(part, threat), labels, unit)
            for part, labels in zip(torch.split(x, _BATCH), torch.split(y, _BATCH), strict=True)
        ]
    return Certificate(threat=threat, bound=torch.cat(bounds), correct=margins(logits, y) < 0)


def certify_test(
    model: nn.Module, data: Dataset, threat: Threat, *, items: int | None = None
) -> Certificate:
    """Certify the test items of a data set, which are opened here.

    Args:
        model: As for :func:`certify`.
        data: The data set.
        threat: What the attacker may do.
        items: How many test items; all where absent. See :func:`open_test` for which.
    Returns:
        Bounds per item, in the order of :func:`open_test`.
    Raises:
        SettingError: what :func:`certify` refuses.
        InputError: no such number of items, or items that do not fit the model.
    """
    split = open_test(data, items)
    return certify(model, split.x, split.y, threat)


def _ball(x: Tensor, threat: Threat) -> Box:
    """The box that holds every legal input."""
    order = threat.order
    if order is None or order < 1:
        raise SettingError(
            f"certify bounds boxes: linf, or l2 and l1 inside theirs; got {threat.name}, which "
            "has none but the whole domain."
        )
    exact, radius = x.detach().double(), allowance(threat)
    floor, ceiling = threat.domain.bounds(exact)
    if threat.domain.integer:
        radius = math.floor(radius)
    return Box(
        torch.maximum(exact - radius, floor).clamp(max=exact),
        torch.minimum(exact + radius, ceiling).clamp(min=exact),
    )


def _bound(model: nn.Module, box: Box, y: Tensor, unit: float) -> Tensor:
    """The bound of one batch."""
    names = {id(module): name for name, module in model.named_modules()}
    *layers, last = (
        (layer, Place(unit, names.get(id(layer), type(layer).__name__))) for layer in chain(model)
    )
    for layer, at in layers:
        box = bounded(layer, box, at)
    layer, at = last
    if isinstance(layer, nn.Linear):
        check_layer(layer, at)
        return margin_bound(layer, box, y, unit)
    box = bounded(layer, box, at)
    others = box.high.scatter(1, y[:, None], -torch.inf).amax(1)
    return others - box.low.gather(1, y[:, None]).squeeze(1)


def _check_chain(model: nn.Module, x: Tensor, logits: Tensor) -> None:
    """Refuse a model that computes something other than its layers, one after the other."""
    with evaluating(model), torch.no_grad():
        for layer in chain(model):
            x = layer(x)
    if x.shape != logits.shape or not torch.allclose(x, logits, rtol=1e-4, atol=1e-5):
        raise SettingError(
            f"certify: {type(model).__name__} does not compute what its layers do one after the "
            "other (a forward pass or a hook of its own?), so no bound would hold."
        )
