"""From a name or a specification to a network with seeded weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from spikeproof.base import SettingError, check_one_of
from spikeproof.data import Dataset
from spikeproof.models.cnn import SmallCNN
from spikeproof.models.encode import Encoder
from spikeproof.models.fusion import SmallFusion
from spikeproof.models.network import ModelSpec, Network
from spikeproof.models.tcn import SmallTCN
from spikeproof.neurons import Neuron

__all__ = ["build", "models"]


@dataclass(frozen=True, kw_only=True)
class _Architecture:
    """How to make one architecture, which domains it reads, and its default size."""

    make: Callable[[ModelSpec, Any], nn.Module]
    kinds: tuple[str, ...]
    timesteps: int
    width: int


_ARCHITECTURES = {
    "cnn-small": _Architecture(make=SmallCNN, kinds=("image", "events"), timesteps=4, width=16),
    "fusion-small": _Architecture(make=SmallFusion, kinds=("views",), timesteps=4, width=16),
    "tcn-small": _Architecture(make=SmallTCN, kinds=("audio",), timesteps=1, width=16),
}


def models() -> list[str]:
    """Return the names that ``build`` knows."""
    return sorted(_ARCHITECTURES)


def build(
    spec: ModelSpec | str,
    data: Dataset | None = None,
    *,
    neuron: Neuron | None = None,
    timesteps: int | None = None,
    width: int | None = None,
    encoder: Encoder | None = None,
    seed: int = 0,
) -> Network:
    """Build a network with freshly drawn weights.

    Args:
        spec: A name from ``models()``, with ``data``; or a complete specification, alone.
        data: Fixes input domain and classes.
        neuron: The neuron of every spiking layer; LIF with leak 0.5 by default.
        timesteps: Simulation length of images.
        width: Channels of the first spiking layer.
        encoder: How images become input over time; direct coding by default.
        seed: The weights depend on nothing else.
    Returns:
        The network, in training mode.
    Raises:
        SettingError: an unknown name, or an architecture or encoder that cannot read this
            modality.
    Example:
        >>> import spikeproof as sp
        >>> model = sp.build("cnn-small", sp.load("digits"), neuron=sp.LIF(leak=0.5), timesteps=4)
        >>> model.spec.width
        16
    """
    named = {"neuron": neuron, "timesteps": timesteps, "width": width, "encoder": encoder}
    given = {name: value for name, value in named.items() if value is not None}
    if isinstance(spec, str):
        spec = _complete(spec, data, given)
    elif data is not None or given:
        raise SettingError("build() takes a complete specification alone; use replace() on it.")
    kind = spec.domain.kind
    check_one_of(spec.name, _ARCHITECTURES, "model")
    architecture = _ARCHITECTURES[spec.name]
    if kind not in architecture.kinds:
        fits = [name for name, a in _ARCHITECTURES.items() if kind in a.kinds]
        raise SettingError(
            f"{spec.name} reads {' or '.join(architecture.kinds)}, not {kind}. "
            f"For {kind} use: {', '.join(fits) or 'none yet'}."
        )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Network(spec, architecture.make(spec, spec.domain))


def _complete(name: str, data: Dataset | None, given: dict[str, Any]) -> ModelSpec:
    """The specification of a named architecture on a data set."""
    check_one_of(name, _ARCHITECTURES, "model")
    if data is None:
        raise SettingError(f"build({name!r}) needs the data set, for input shape and classes.")
    architecture = _ARCHITECTURES[name]
    sizes = {"timesteps": architecture.timesteps, "width": architecture.width}
    settings: dict[str, Any] = {**sizes, **given}
    return ModelSpec(name=name, domain=data.domain, classes=data.spec.classes, **settings)
