"""What each kind of layer makes of a box; a kind without a rule is refused, never passed over."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from spikeproof.base import SettingError
from spikeproof.evaluate.bounds import Box, rounding, spikes_of
from spikeproof.models import Direct, OverTime, PerStepNorm, SpikePool, Stem, TimeMean
from spikeproof.neurons import IF, LIF, PLIF, NoisyLIF, Spiking

__all__ = ["Place", "bounded", "check_layer", "margin_bound", "supported", "unit_of"]


@dataclass(frozen=True)
class Place:
    """Which layer is bounded, and how far its arithmetic is trusted.

    Args:
        unit: Twice what one operation of the network may round, relatively.
        where: Name of the layer, for errors.
    """

    unit: float
    where: str = ""

    def inside(self, name: str) -> Place:
        """A layer inside."""
        return Place(self.unit, f"{self.where}.{name}")


def unit_of(model: nn.Module) -> float:
    """Return the unit roundoff that bounds are widened with, twice what one operation may lose.

    Raises:
        SettingError: parameters that are neither float32 nor float64.
    """
    kinds = {p.dtype for p in model.parameters()}
    if not kinds <= {torch.float32, torch.float64}:
        names = ", ".join(sorted(map(str, kinds)))
        raise SettingError(
            f"certify bounds the rounding of float32 and float64 networks only; got {names}."
        )
    coarse = max((torch.finfo(kind).eps for kind in kinds), default=2.0**-23)
    # eps is twice the roundoff u of a single operation; n of them lose at most n u / (1 - n u).
    # The second term is what these bounds, in float64, lose themselves.
    return coarse + 2.0**-51


def bounded(layer: nn.Module, box: Box, at: Place) -> Box:
    """Return what a layer makes of a box.

    Raises:
        SettingError: a layer without a rule; ``at.where`` names it.
    """
    check_layer(layer, at)
    return _RULES[type(layer)](layer, box, at)


def check_layer(layer: nn.Module, at: Place) -> None:
    """Refuse a layer without a rule, or one that hooks change."""
    if type(layer) not in _RULES:  # of this very class: a subclass may compute anything
        raise _refused(layer, at)
    if layer._forward_hooks or layer._forward_pre_hooks:
        raise _refused(layer, at, " with hooks")


def margin_bound(layer: nn.Linear, box: Box, y: Tensor, unit: float) -> Tensor:
    """Largest ``max_{j != y} z_j - z_y`` of a last linear layer, float64 ``(N,)``.

    The difference is taken between rows of weights, so that what both logits share cancels.
    """
    weight, bias = _weights(layer)
    apart = weight[None] - weight[:, None]  # (true, other, features)
    rise = _product(functional.linear, apart.clamp(min=0).flatten(0, 1), box.high)
    rise = rise + _product(functional.linear, apart.clamp(max=0).flatten(0, 1), box.low)
    classes = len(weight)
    rise = rise.view(len(box.low), classes, classes)[torch.arange(len(y)), y]
    rounded = rounding(layer.in_features, unit) * (box.size @ weight.abs().T + bias.abs())
    own = rounded.gather(1, y[:, None])
    margins = rise + bias - bias[y][:, None] + 2 * (rounded + own)
    highest = Box(margins, margins).wider(torch.zeros_like(margins)).high
    return highest.scatter(1, y[:, None], -torch.inf).amax(1)


def supported() -> list[str]:
    """Names of the layers that have a rule."""
    return sorted(kind.__name__ for kind in _RULES)


def _refused(layer: nn.Module, at: Place, what: str = "") -> SettingError:
    """What is refused, where, and what is not."""
    return SettingError(
        f"certify cannot bound the layer {at.where!r}, {type(layer).__name__}{what}; it bounds "
        f"chains of {', '.join(supported())}, with LIF, IF and PLIF neurons and Direct coding."
    )


def _inner(layers: nn.Module, box: Box, at: Place) -> Box:
    """One layer after the other."""
    for name, layer in layers.named_children():
        box = bounded(layer, box, at.inside(name))
    return box


def _stem(layer: Stem, box: Box, at: Place) -> Box:
    """From raw items to currents over time."""
    if layer.has_time:
        return _in_time(box.mapped(lambda x: x.transpose(0, 1)), partial(_inner, layer, at=at))
    if not isinstance(layer.encoder, Direct):
        raise _refused(layer, at, f" with {type(layer.encoder).__name__} coding")
    once = _inner(layer, box, at)
    low, high = (end.expand(layer.timesteps, *end.shape) for end in (once.low, once.high))
    return Box(low, high, constant=True)


def _over_time(layer: OverTime, box: Box, at: Place) -> Box:
    """Stateless layers at every step."""
    return _in_time(box, lambda frames: _inner(layer.layers, frames, at))


def _in_time(box: Box, inner: Callable[[Box], Box]) -> Box:
    """Steps and items merged for ``inner``, and apart again."""
    shape = box.low.shape[:2]
    out = inner(box.mapped(lambda x: x.flatten(0, 1)))
    return out.mapped(lambda x: x.reshape(*shape, *x.shape[1:]))


def _weights(layer: Any) -> tuple[Tensor, Tensor]:
    """Weight and bias in float64; a bias of 0 where there is none."""
    weight = layer.weight.detach().double()
    bias = weight.new_zeros(len(weight)) if layer.bias is None else layer.bias.detach().double()
    return weight, bias


def _product(function: Callable[..., Tensor], weight: Tensor, x: Tensor) -> Tensor:
    return function(x, weight)


def _weighted(layer: Any, function: Callable[..., Tensor], terms: int, box: Box, u: float) -> Box:
    """A linear map: positive weights keep the ends of the box, negative ones swap them."""
    weight, bias = _weights(layer)
    up, down = weight.clamp(min=0), weight.clamp(max=0)
    shift = bias.view(-1, *[1] * (box.low.ndim - 2))
    low = function(box.low, up) + function(box.high, down) + shift
    high = function(box.high, up) + function(box.low, down) + shift
    slack = rounding(terms, u) * (function(box.size, weight.abs()) + shift.abs())
    return Box(low, high).wider(2 * slack)


def _linear(layer: nn.Linear, box: Box, at: Place) -> Box:
    return _weighted(layer, functional.linear, layer.in_features, box, at.unit)


def _conv(layer: nn.Conv2d, box: Box, at: Place) -> Box:
    if layer.padding_mode != "zeros":
        raise _refused(layer, at, f" padded by {layer.padding_mode!r}")
    apply = partial(
        functional.conv2d,
        stride=layer.stride,
        padding=layer.padding,
        dilation=layer.dilation,
        groups=layer.groups,
    )
    return _weighted(layer, apply, layer.weight[0].numel(), box, at.unit)


def _norm(layer: Any, box: Box, at: Place) -> Box:
    """Batch normalisation with its running statistics."""
    if layer.running_mean is None:
        raise _refused(layer, at, " without running statistics")
    weight, bias = (None, None) if layer.weight is None else (layer.weight, layer.bias)
    eps, steps = getattr(layer, "eps", 1e-5), layer.running_mean.ndim == 2
    means = layer.running_mean if steps else layer.running_mean[None]
    variances = layer.running_var if steps else layer.running_var[None]
    parts = zip(
        box.low.chunk(len(means)), box.high.chunk(len(means)), means, variances, strict=True
    )
    done = [_affine(Box(a, b), mean, var + eps, weight, bias, at.unit) for a, b, mean, var in parts]
    return Box(torch.cat([one.low for one in done]), torch.cat([one.high for one in done]))


def _affine(
    box: Box, mean: Tensor, variance: Tensor, weight: Tensor | None, bias: Tensor | None, u: float
) -> Box:
    """``(x - mean) / sqrt(variance) * weight + bias`` for every channel, the second axis."""
    scale = variance.double().rsqrt()
    scale = scale if weight is None else scale * weight.detach().double()
    shift = torch.zeros_like(scale) if bias is None else bias.detach().double()
    shape = (1, -1, *[1] * (box.low.ndim - 2))
    scale, shift, mean = (v.view(shape) for v in (scale, shift, mean.double()))
    ends = (box.low - mean) * scale + shift, (box.high - mean) * scale + shift
    slack = rounding(8, u) * (scale.abs() * (box.size + mean.abs()) + shift.abs())
    return Box(torch.minimum(*ends), torch.maximum(*ends)).wider(slack)


def _average(layer: nn.AvgPool2d, box: Box, at: Place) -> Box:
    # Larger than any window of the box: a window that leaves the image sums fewer values.
    size = layer.kernel_size
    terms = size * size if isinstance(size, int) else size[0] * size[1]
    return box.mapped(layer).wider(rounding(terms, at.unit) * layer(box.size))


def _exact(layer: nn.Module, box: Box, at: Place) -> Box:
    """Layers that rise with their input and only choose or move values."""
    return box.mapped(layer)


def _mean(layer: nn.Module, box: Box, at: Place) -> Box:
    mean = box.mapped(lambda x: x.mean(0))
    return mean.wider(rounding(len(box.low), at.unit) * box.size.mean(0))


def _spiking(layer: Spiking, box: Box, at: Place) -> Box:
    """A layer of neurons."""
    neuron = layer.neuron
    calm = isinstance(neuron, NoisyLIF) and not neuron.noise
    if type(neuron) not in (LIF, IF, PLIF) and not calm:
        raise _refused(layer, at, f" of {type(neuron).__name__} neurons")
    assert isinstance(neuron, LIF | IF)
    dynamics = neuron.dynamics
    leak, gain = float(dynamics.leak), float(dynamics.gain)
    if isinstance(neuron, PLIF):
        learned = layer.weight.detach().sigmoid()  # in the layer's own type, as it computes it
        leak = float(learned)
        gain = float(1 - learned) if neuron.decay_input else 1.0
    return spikes_of(box, dynamics, leak, gain, at.unit)


_RULES: dict[type[nn.Module], Callable[[Any, Box, Place], Box]] = {
    Stem: _stem,
    OverTime: _over_time,
    Spiking: _spiking,
    nn.Linear: _linear,
    nn.Conv2d: _conv,
    nn.BatchNorm1d: _norm,
    nn.BatchNorm2d: _norm,
    PerStepNorm: _norm,
    nn.AvgPool2d: _average,
    SpikePool: _average,
    nn.MaxPool2d: _exact,
    nn.Flatten: _exact,
    nn.Identity: _exact,
    nn.ReLU: _exact,
    nn.Dropout: lambda layer, box, at: box,
    TimeMean: _mean,
}
