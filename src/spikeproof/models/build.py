"""From a name or a specification to a network with seeded weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

import torch
from torch import nn

from spikeproof.base import SettingError, check_one_of
from spikeproof.data import Dataset, Views
from spikeproof.models.cnn import SmallCNN
from spikeproof.models.dense import Dense
from spikeproof.models.encode import Encoder
from spikeproof.models.event_cnn import EventCNN
from spikeproof.models.fusion import SmallFusion
from spikeproof.models.fusions import AttentionFusion, EarlyFusion
from spikeproof.models.network import ModelSpec, Network
from spikeproof.models.recurrent import DeepRecurrentNetwork, RecurrentNetwork
from spikeproof.models.resnet import SEWResNet, SpikingResNet
from spikeproof.models.sound_tcn import GammatoneTCN, LearnedTCN, MelTCN, OnsetTCN
from spikeproof.models.tcn import SmallTCN
from spikeproof.models.vgg import VGG
from spikeproof.models.wrn import WRN
from spikeproof.neurons import Neuron

__all__ = ["architecture", "build", "check_model", "models", "spec_of"]


@dataclass(frozen=True, kw_only=True)
class _Architecture:
    """How to make one architecture, which domains it reads, its default size, and its choices.

    ``frames`` says that it convolves and so needs channels, height and width; ``uses`` names the
    settings, of those below, that mean something to it; ``check`` refuses what else it cannot be.
    """

    make: Callable[[ModelSpec, Any], nn.Module]
    check: Callable[[ModelSpec], object] = lambda spec: None
    kinds: tuple[str, ...] = ("image", "events")
    timesteps: int = 4
    width: int = 16
    frames: bool = True
    uses: tuple[str, ...] = ()


# Settings that only some architectures have a use for.
_CHOICES = ("norm", "pooling", "stem", "front_end")
_VGG = _Architecture(make=VGG, check=VGG.check, width=64, uses=("norm", "pooling"))
_SEW = _Architecture(make=SEWResNet, check=SEWResNet.check, width=64, uses=_CHOICES)
_SPIKING = _Architecture(make=SpikingResNet, check=SpikingResNet.check, width=64, uses=_CHOICES)
_OF_VIEWS: dict[str, Any] = {"kinds": ("views",), "frames": False, "uses": ("front_end",)}
_RECURRENT: dict[str, Any] = {
    "kinds": ("events",), "width": 128, "frames": False, "uses": ("norm",),
}  # fmt: skip
_SOUND: dict[str, Any] = {"kinds": ("audio",), "timesteps": 1, "frames": False}
_ARCHITECTURES = {
    "cnn-small": _Architecture(make=SmallCNN, uses=("pooling",)),
    "dense": _Architecture(make=Dense, width=256, frames=False, uses=("norm",)),
    "cnn-events": _Architecture(make=EventCNN, check=EventCNN.check, uses=("pooling",)),
    "fusion-attention": _Architecture(
        make=AttentionFusion,
        check=AttentionFusion.check,
        **(_OF_VIEWS | {"uses": ("pooling", "front_end")}),
    ),
    "fusion-early": _Architecture(make=EarlyFusion, **_OF_VIEWS),
    "fusion-small": _Architecture(make=SmallFusion, check=SmallFusion.check, **_OF_VIEWS),
    "recurrent": _Architecture(make=RecurrentNetwork, check=RecurrentNetwork.check, **_RECURRENT),
    "recurrent-2": _Architecture(
        make=DeepRecurrentNetwork, check=DeepRecurrentNetwork.check, **_RECURRENT
    ),
    "sew-resnet-18": _SEW,
    "sew-resnet-34": _SEW,
    "sew-resnet-50": _SEW,
    "spiking-resnet-18": _SPIKING,
    "spiking-resnet-34": _SPIKING,
    "spiking-resnet-50": _SPIKING,
    "tcn-gammatone": _Architecture(make=GammatoneTCN, **_SOUND),
    "tcn-learned": _Architecture(make=LearnedTCN, **_SOUND),
    "tcn-mel": _Architecture(make=MelTCN, **_SOUND),
    "tcn-onsets": _Architecture(make=OnsetTCN, **_SOUND),
    "tcn-small": _Architecture(make=SmallTCN, uses=("front_end",), **_SOUND),
    "vgg-11": _VGG,
    "vgg-13": _VGG,
    "vgg-16": _VGG,
    "vgg-5": _VGG,
    "vgg-9": _VGG,
    "wrn-16-4": _Architecture(make=WRN, uses=("norm",)),
}


def models() -> list[str]:
    """Return the names that ``build`` knows."""
    return sorted(_ARCHITECTURES)


def architecture(name: str) -> Callable[[ModelSpec, Any], nn.Module]:
    """Return what makes the modules of an architecture, from a specification and its domain.

    Args:
        name: One of ``models()``.
    Raises:
        SettingError: there is no such architecture; the nearest name is suggested.
    Example:
        >>> architecture("vgg-9")
        <class 'spikeproof.models.vgg.VGG'>
    """
    return _ARCHITECTURES[check_model(name)].make


def check_model(name: str) -> str:
    """Return the architecture of a model's name, without the view that a twin is of.

    Args:
        name: One of ``models()``; of a fusion also ``"fusion-small@audio"``, its unimodal twin.
    Raises:
        SettingError: there is no such architecture, or it has no twins.
    Example:
        >>> check_model("fusion-small@audio")
        'fusion-small'
    """
    # A damaged file may hold anything where the name stands.
    base, at, view = name.partition("@") if isinstance(name, str) else (name, "", "")
    check_one_of(base, _ARCHITECTURES, "model")
    if at and (not view or _ARCHITECTURES[base].kinds != ("views",)):
        fusions = [n for n, a in _ARCHITECTURES.items() if a.kinds == ("views",)]
        raise SettingError(
            f"{name!r} names no twin; write a fusion and one of its views, such as "
            f"'fusion-small@audio' (fusions: {', '.join(sorted(fusions))})."
        )
    return base


def build(
    spec: ModelSpec | str,
    data: Dataset | None = None,
    *,
    neuron: Neuron | None = None,
    timesteps: int | None = None,
    width: int | None = None,
    encoder: Encoder | None = None,
    norm: str | None = None,
    pooling: str | None = None,
    stem: str | None = None,
    front_end: str | None = None,
    seed: int = 0,
) -> Network:
    """Build a network with freshly drawn weights.

    Args:
        spec: A name from ``models()``, with ``data``; or a complete specification, alone. Of a
            fusion, ``"fusion-small@audio"`` is its unimodal twin: the same branch with the same
            first weights.
        data: Fixes input domain and classes.
        neuron: The neuron of every spiking layer; LIF with leak 0.5 by default.
        timesteps: Simulation length of images.
        width: Channels of the first spiking layer.
        encoder: How images become input over time; direct coding by default.
        norm: Batch normalisation, as ``ModelSpec`` lists them.
        pooling: ``"average"`` (the default) or ``"max"``.
        stem: ``"cifar"`` (the default) or ``"imagenet"``.
        front_end: What waveforms meet first, ``"tones"`` (the default) or ``"log-mel"``.
        seed: The weights depend on nothing else.
    Returns:
        The network, in training mode.
    Raises:
        SettingError: an unknown name, an architecture or encoder that cannot read this modality or
            images this small, or a setting that it has no use for.
    Example:
        >>> import spikeproof as sp
        >>> model = sp.build("cnn-small", sp.load("digits"), neuron=sp.LIF(leak=0.5), timesteps=4)
        >>> model.spec.width
        16
    """
    named: dict[str, Any] = {"neuron": neuron, "timesteps": timesteps, "width": width}
    named |= {"encoder": encoder, "norm": norm, "pooling": pooling, "stem": stem}
    named["front_end"] = front_end
    if isinstance(spec, str):
        spec = spec_of(spec, data, **named)
    elif data is not None or any(value is not None for value in named.values()):
        raise SettingError("build() takes a complete specification alone; use replace() on it.")
    architecture = _fitting(spec)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        body: Any = architecture.make(spec, spec.domain)
        # A twin is cut out of the fusion, so that it begins with the same weights.
        view = spec.name.partition("@")[2]
        return Network(spec, body.twin(view) if view else body)


def spec_of(
    name: str,
    data: Dataset | None,
    *,
    neuron: Neuron | None = None,
    timesteps: int | None = None,
    width: int | None = None,
    encoder: Encoder | None = None,
    norm: str | None = None,
    pooling: str | None = None,
    stem: str | None = None,
    front_end: str | None = None,
) -> ModelSpec:
    """Return the specification of a named architecture on a data set, without building it.

    Args:
        name: One of ``models()``.
        data: Fixes input domain and classes.
        neuron: As for :func:`build`, like all that follow.
        timesteps: Simulation length of images.
        width: Channels of the first spiking layer.
        encoder: How images become input over time.
        norm: Batch normalisation.
        pooling: ``"average"`` or ``"max"``.
        stem: ``"cifar"`` or ``"imagenet"``.
        front_end: ``"tones"`` or ``"log-mel"``.
    Returns:
        The specification; ``build`` makes a network of it.
    Raises:
        SettingError: what ``build`` refuses is refused here.
    Example:
        >>> import spikeproof as sp
        >>> spec_of("vgg-9", sp.load("digits"), width=8).timesteps
        4
        >>> spec_of("vgg-13", sp.load("digits"))
        Traceback (most recent call last):
        spikeproof.base.errors.SettingError: vgg-13 halves its images 5 times and needs ...
    """
    base = check_model(name)
    if data is None:
        raise SettingError(f"build({name!r}) needs the data set, for input shape and classes.")
    usual = _ARCHITECTURES[base]
    named: dict[str, Any] = {"neuron": neuron, "encoder": encoder, "norm": norm}
    named |= {"pooling": pooling, "stem": stem, "front_end": front_end}
    named |= {"timesteps": timesteps, "width": width}
    given: dict[str, Any] = {"timesteps": usual.timesteps, "width": usual.width}
    given |= {key: value for key, value in named.items() if value is not None}
    spec = ModelSpec(name=name, domain=data.domain, classes=data.spec.classes, **given)
    _fitting(spec)
    return spec


def _fitting(spec: ModelSpec) -> _Architecture:
    """The architecture, if it reads the specification's domain and uses all its settings."""
    architecture, kind = _ARCHITECTURES[check_model(spec.name)], spec.domain.kind
    if kind not in architecture.kinds:
        fits = [name for name, a in _ARCHITECTURES.items() if kind in a.kinds]
        raise SettingError(
            f"{spec.name} reads {' or '.join(architecture.kinds)}, not {kind}. "
            f"For {kind} use: {', '.join(fits) or 'none yet'}."
        )
    axes = 4 if kind == "events" else 3
    if architecture.frames and len(spec.domain.shape) != axes:
        raise SettingError(
            f"{spec.name} needs channels, height and width; items are {spec.domain.shape}. "
            "Use dense, or recurrent."
        )
    usual = {field.name: field.default for field in fields(ModelSpec)}
    for name in _CHOICES:
        if name not in architecture.uses and getattr(spec, name) != usual[name]:
            raise SettingError(
                f"{spec.name} has no choice of {name}; leave it at {usual[name]!r}, "
                f"not {getattr(spec, name)!r}."
            )
    if spec.front_end != usual["front_end"] and not spec.domain.sounds:
        raise SettingError(
            f"front_end={spec.front_end!r} is for waveforms, and no view of these data is one; "
            "leave it out."
        )
    architecture.check(spec)
    view = spec.name.partition("@")[2]
    if view and isinstance(spec.domain, Views):
        check_one_of(view, [name for name, _ in spec.domain.parts], "view")
    return architecture
