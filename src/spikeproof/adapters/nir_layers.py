"""The nodes of NIR as modules of torch: neurons in discrete time, and layers without state."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from spikeproof.base import InputError
from spikeproof.neurons import Surrogate

__all__ = ["NirLayer", "NirNeuron", "State"]

# What each node holds by the text of NIR, and what its versions leave out or add. A name that
# stands nowhere here is refused: taken for absent, a misspelt or damaged v_leak would become a
# silent 0.
_NEURON, _NONE = ("r", "v_leak"), ()
_FIELDS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "Affine": (("weight", "bias"), _NONE),
    "AvgPool2d": (("kernel_size", "stride", "padding"), _NONE),
    "Conv1d": (("weight", "bias", "stride", "padding", "dilation", "groups"), ("input_shape",)),
    "Conv2d": (("weight", "bias", "stride", "padding", "dilation", "groups"), ("input_shape",)),
    "CubaLI": (("tau_syn", "tau_mem", *_NEURON), ("w_in",)),
    "CubaLIF": (("tau_syn", "tau_mem", *_NEURON, "v_threshold"), ("w_in", "v_reset")),
    "Flatten": (("start_dim", "end_dim"), _NONE),
    "I": (("r",), _NONE),
    "IF": (("r", "v_threshold"), ("v_reset",)),
    "LI": (("tau", *_NEURON), _NONE),
    "LIF": (("tau", *_NEURON, "v_threshold"), ("v_reset",)),
    "Linear": (("weight",), _NONE),
    "Scale": (("scale",), _NONE),
    "SumPool2d": (("kernel_size", "stride", "padding"), _NONE),
    "Threshold": (("threshold",), _NONE),
}
# Stands at nodes of every type, and says nothing that the network needs.
_BESIDE = ("type", "metadata", "version", "input_type", "output_type", "name")

# NIR names no surrogate derivative: this one stands in until a gradient rule says another.
_SURROGATE = Surrogate("arctan", sharpness=2.0)
State = dict[str, Tensor]


class _Fire(torch.autograd.Function):
    """A step, with the derivative of an arctan."""

    @staticmethod
    def forward(ctx: Any, u: Tensor) -> Tensor:
        ctx.save_for_backward(u)
        return (u >= 0).to(u.dtype)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        (u,) = ctx.saved_tensors
        return grads[0] * _SURROGATE.derivative(u)


class NirNeuron(nn.Module):
    r"""A neuron of NIR in discrete time.

    .. math::
        c \leftarrow \kappa c + w I, \quad u = \lambda v + (1 - \lambda) v_0 + g\,c, \quad
        s = 1[u \ge \theta]

    and :math:`v = u (1 - s) + v_r s` (zero) or :math:`u - \theta s` (soft).

    Args:
        kind: The type of its node.
        values: The parameters of its node, arrays of the shape of the layer or single numbers.
        reset: ``"zero"`` or ``"soft"``.
        step: Seconds per time step.
        exact: Whether the leak is the exponential instead of the Euler step.
    """

    def __init__(
        self, kind: str, values: Mapping[str, Any], *, reset: str, step: float, exact: bool
    ) -> None:
        super().__init__()
        _checked(kind, values)
        self.fires = kind in ("LIF", "CubaLIF", "IF")
        self.soft, self.detached = reset == "soft", False
        one = torch.ones_like(_array(values.get("r", 1.0)))
        leak, gain = self._membrane(kind, values, one, (step, exact))
        self.synapse = kind.startswith("Cuba")
        kept = _leak(_array(values["tau_syn"]), step, exact) if self.synapse else 0 * one
        weigh = (1 - kept) * _array(values.get("w_in", 1.0)) if self.synapse else one
        made = {
            "leak": leak, "gain": gain, "kept": kept, "weigh": weigh,
            "rest": _array(values.get("v_leak", 0.0)),
            "threshold": _array(values.get("v_threshold", 1.0)),
            "back": _array(values.get("v_reset", 0.0)),
        }  # fmt: skip
        for name, value in made.items():
            self.register_buffer(name, value)

    @staticmethod
    def _membrane(
        kind: str, values: Mapping[str, Any], one: Tensor, time: tuple[float, bool]
    ) -> tuple[Tensor, Tensor]:
        """Leak and gain."""
        r = _array(values.get("r", 1.0))
        if kind in ("IF", "I"):
            # By the text of NIR the gain is r times a step; libraries that write r = 1 mean 1.
            return one, r if torch.equal(r, one) else r * time[0]
        leak = _leak(_array(values["tau_mem" if kind.startswith("Cuba") else "tau"]), *time)
        return leak, (1 - leak) * r

    def forward(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """Spikes, or membranes where it has no threshold, and the state after one step."""

        def of(name: str) -> Tensor:
            return _shaped(self.get_buffer(name), x.shape[1:])

        leak, rest = of("leak"), of("rest")
        drive, after = x, {}
        if self.synapse:
            drive = of("weigh") * x
            if "c" in state:
                drive = of("kept") * state["c"] + drive
            after["c"] = drive
        u = leak * state.get("v", rest.expand_as(x)) + (1 - leak) * rest + of("gain") * drive
        if not self.fires:
            return u, {**after, "v": u}
        threshold = of("threshold")
        spikes: Tensor = _Fire.apply(u - threshold)  # type: ignore[no-untyped-call]
        sent = spikes.detach() if self.detached else spikes
        v = u - threshold * sent if self.soft else u * (1 - sent) + of("back") * sent
        return spikes, {**after, "v": v}


class NirLayer(nn.Module):
    """A node without state."""

    weight: Tensor | None
    bias: Tensor | None

    def __init__(self, kind: str, values: Mapping[str, Any]) -> None:
        super().__init__()
        if kind not in _LAYERS:
            raise ValueError(
                f"nodes of this type are not served, only {', '.join(sorted(_FIELDS))}"
            )
        _checked(kind, values)
        self.kind = kind
        weight = values.get("weight", values.get("scale", values.get("threshold")))
        self.register_buffer("weight", None if weight is None else _array(weight))
        bias = values.get("bias")
        self.register_buffer("bias", None if bias is None else _array(bias))
        self.settings = {
            name: _numbers(values[name])
            for name in ("stride", "padding", "dilation", "groups", "kernel_size")
            if name in values
        }
        self.dims = int(values.get("start_dim", 0)), int(values.get("end_dim", -1))

    def forward(self, x: Tensor) -> Tensor:
        """Of items ``(N, ...)``."""
        made: Tensor = _LAYERS[self.kind](self, x)
        return made


def _checked(kind: str, values: Mapping[str, Any]) -> None:
    """Refuse a node that lacks what its type holds, or holds what is not known.

    Raises:
        ValueError: says which names.
    """
    needed, more = _FIELDS[kind]
    missing = [name for name in needed if values.get(name) is None]
    unknown = sorted(set(values) - {*needed, *more, *_BESIDE})
    if missing or unknown:
        seen = [f"{' and '.join(missing)} missing"] * bool(missing)
        seen += [f"{' and '.join(map(repr, unknown))} unknown"] * bool(unknown)
        raise ValueError(f"{', '.join(seen)}; expected {', '.join(needed)}")


def _conv(layer: NirLayer, x: Tensor) -> Tensor:
    """A convolution."""
    two = layer.kind == "Conv2d"
    given: Any = {**layer.settings, "groups": int(np.max(layer.settings.get("groups", 1)))}
    given.pop("kernel_size", None)
    assert layer.weight is not None
    run = functional.conv2d if two else functional.conv1d
    return run(x, layer.weight, layer.bias, **given)


def _pool(layer: NirLayer, x: Tensor) -> Tensor:
    """A mean or a sum of pixels."""
    size: Any = layer.settings["kernel_size"]
    more = {name: layer.settings[name] for name in ("stride", "padding") if name in layer.settings}
    mean = functional.avg_pool2d(x, size, **more)
    count = math.prod(size) if isinstance(size, tuple) else size**2
    return mean * count if layer.kind == "SumPool2d" else mean


def _flatten(layer: NirLayer, x: Tensor) -> Tensor:
    """Axes counted without that of the items."""
    first, last = (axis + 1 if axis >= 0 else axis for axis in layer.dims)
    return x.flatten(first, last)


def _fire(layer: NirLayer, x: Tensor) -> Tensor:
    """A threshold."""
    assert layer.weight is not None
    spikes: Tensor = _Fire.apply(x - _shaped(layer.weight, x.shape[1:]))  # type: ignore[no-untyped-call]
    return spikes


_LAYERS: dict[str, Any] = {
    "Affine": lambda layer, x: functional.linear(x, layer.weight, layer.bias),
    "AvgPool2d": _pool,
    "Conv1d": _conv,
    "Conv2d": _conv,
    "Flatten": _flatten,
    "Linear": lambda layer, x: functional.linear(x, layer.weight),
    "Scale": lambda layer, x: x * _shaped(layer.weight, x.shape[1:]),
    "SumPool2d": _pool,
    "Threshold": _fire,
}


def _array(value: Any) -> Tensor:
    """Numbers of a node, in single precision."""
    with np.errstate(over="ignore"):  # beyond single precision is infinite, and refused below
        made = torch.from_numpy(np.array(value, dtype=np.float32))
    if not torch.isfinite(made).all():
        raise ValueError("its numbers are not finite in single precision")
    return made


def _leak(tau: Tensor, step: float, exact: bool) -> Tensor:
    """What a membrane keeps per step."""
    if not (tau > 0).all():
        raise ValueError("a time constant is not above zero")
    return torch.exp(-step / tau) if exact else 1 - step / tau


def _numbers(value: Any) -> Any:
    """A setting of a layer: a word, a number or a pair."""
    if isinstance(value, bytes | str):
        return value.decode() if isinstance(value, bytes) else value
    flat = np.asarray(value).flatten().tolist()
    return int(flat[0]) if len(flat) == 1 else tuple(int(one) for one in flat)


def _shaped(value: Tensor, fit: torch.Size) -> Tensor:
    """A parameter of a layer beside items of this shape."""
    if value.numel() == 1:
        return value.reshape(())
    if value.shape == fit:
        return value
    if value.ndim == 1 and fit and len(value) == fit[0]:
        return value.view(-1, *[1] * (len(fit) - 1))
    raise InputError(
        f"A neuron of the NIR graph has parameters of shape {tuple(value.shape)} for a layer of "
        f"{tuple(fit)}; expected one number, or one per unit. Export the network again."
    )
