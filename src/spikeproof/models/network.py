"""A network: a frozen specification, the modules it describes, and batch-first logits."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from torch import Tensor, nn

from spikeproof.base import (
    SettingError,
    check_count,
    check_like,
    check_one_of,
    check_shape,
)
from spikeproof.data import Domain, Views, domain_from
from spikeproof.models.encode import ENCODERS, Direct, Encoder
from spikeproof.neurons import LIF, NEURONS, Neuron

__all__ = ["FRONT_ENDS", "NORMS", "POOLINGS", "STEMS", "ModelSpec", "Network"]

NORMS = ("batch", "per-step", "tdbn")
POOLINGS = ("average", "max")
STEMS = ("cifar", "imagenet")
FRONT_ENDS = ("tones", "log-mel")
_MOST = 1 << 16  # classes, steps and channels: beyond, no machine holds what they ask for


@dataclass(frozen=True, kw_only=True)
class ModelSpec:
    """Everything that determines a network but its weights.

    Args:
        name: Architecture, one of ``models()``.
        domain: Legal inputs; fixes the input shape.
        classes: Number of classes.
        neuron: The neuron of every spiking layer.
        timesteps: Simulation length; event data and audio bring their own.
        width: Channels of the first spiking layer.
        encoder: How images (and image views) become input over time.
        norm: ``"batch"`` (statistics over steps and items), ``"tdbn"`` (the same, weights start
            at the threshold) or ``"per-step"`` (statistics of its own for every step).
        pooling: ``"average"`` or ``"max"``, wherever the architecture pools between layers.
        stem: ``"cifar"`` (3x3) or ``"imagenet"`` (7x7 stride 2, then a 3x3 pool of stride 2).
        front_end: What a waveform meets first: ``"tones"`` (narrow bands from 600 to 1800 Hz) or
            ``"log-mel"`` (mel bands from 100 to 3800 Hz, loud and quiet sounds alike; for speech).
    Raises:
        SettingError: a size that is no whole number above 0, an unknown norm, pooling, stem or
            front end, or an encoder other than ``Direct`` where no image in [0, 1] is to be
            encoded. A setting that an architecture has no use for is refused by ``build``.
    """

    name: str
    domain: Domain | Views
    classes: int
    neuron: Neuron = field(default_factory=LIF)
    timesteps: int = 4
    width: int = 16
    encoder: Encoder = field(default_factory=Direct)
    norm: str = "batch"
    pooling: str = "average"
    stem: str = "cifar"
    front_end: str = "tones"

    def __post_init__(self) -> None:
        check_count(self, "classes", "timesteps", "width", most=_MOST)
        check_one_of(self.norm, NORMS, "norm")
        check_one_of(self.pooling, POOLINGS, "pooling")
        check_one_of(self.stem, STEMS, "stem")
        check_one_of(self.front_end, FRONT_ENDS, "front end")
        if not (isinstance(self.encoder, Direct) or _encodable(self.domain)):
            raise SettingError(
                f"{type(self.encoder).__name__} encodes images with values in [0, 1], which this "
                f"domain of kind {self.domain.kind} does not hold; use the encoder Direct()."
            )

    def record(self) -> dict[str, Any]:
        """Plain data that ``ModelSpec.from_record`` rebuilds."""
        domain: dict[str, Any]
        if isinstance(self.domain, Views):
            domain = {"views": [[name, _domain(part)] for name, part in self.domain.parts]}
        else:
            domain = _domain(self.domain)
        record = {
            "name": self.name,
            "domain": domain,
            "classes": self.classes,
            "neuron": NEURONS.record(self.neuron),
            "timesteps": self.timesteps,
            "width": self.width,
            "encoder": ENCODERS.record(self.encoder),
            "norm": self.norm,
            "pooling": self.pooling,
            "stem": self.stem,
        }
        if self.front_end != "tones":  # records of before the choice stay what they were
            record["front_end"] = self.front_end
        return record

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> ModelSpec:
        """Rebuild a specification; raises SettingError where the record is not one."""
        try:
            values = dict(record)
            domain = values.pop("domain")
            neuron = NEURONS.build(values.pop("neuron"))
            encoder = ENCODERS.build(values.pop("encoder", "direct"))  # older records have none
            return cls(domain=domain_from(domain), neuron=neuron, encoder=encoder, **values)
        except (AttributeError, KeyError, TypeError, ValueError) as problem:
            raise SettingError(f"This is not the record of a model: {problem}.") from None


def _encodable(domain: Domain | Views) -> bool:
    """Whether there are images, and all of them lie in [0, 1]."""
    parts = [part for _, part in domain.parts] if isinstance(domain, Views) else [domain]
    images = [part for part in parts if part.kind == "image"]
    return bool(images) and all((part.low, part.high) == (0, 1) for part in images)


def _domain(domain: Domain) -> dict[str, Any]:
    return {**asdict(domain), "shape": list(domain.shape)}


class Network(nn.Module):
    """A spiking network from raw inputs ``(N, *shape)`` to logits ``(N, K)``.

    It holds no state between calls, so the same input gives the same output unless its encoder
    draws (see ``spikeproof.neurons.drawing``), and everything between the raw input and the
    logits is inside: coding, front end, normalisation.

    Args:
        spec: What it is.
        body: The modules, from raw input to logits.
    """

    def __init__(self, spec: ModelSpec, body: nn.Module) -> None:
        super().__init__()
        self.spec = spec
        self.body = body

    def forward(self, x: Tensor) -> Tensor:
        """Logits ``(N, K)`` for inputs ``(N, *shape)``."""
        check_shape(x, self.spec.domain.shape, "The network's input")
        check_like(x, next(self.parameters()), "The network's input")
        out: Tensor = self.body(x)
        return out
