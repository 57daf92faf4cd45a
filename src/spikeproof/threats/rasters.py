"""Spike rasters of sounds: spikes move in time by whole milliseconds, or to other channels."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, TypeVar

import numpy as np
import numpy.typing as npt
from torch import Tensor

from spikeproof.base import Seeds, SettingError, check_count, check_one_of
from spikeproof.data import Domain, Views
from spikeproof.threats.facts import ThreatFacts
from spikeproof.threats.geometry import Geometry, Radius, whole_radius
from spikeproof.threats.retiming import Retiming

__all__ = ["ChannelShift", "TimestampShift"]

Floats = npt.NDArray[np.float64]
_Any = TypeVar("_Any", Tensor, Floats)


class _Shift(Geometry):
    """A retiming of a raster ``(T, channels)`` that was turned, or of another unit."""

    grid: ClassVar[bool] = True

    @property
    @abstractmethod
    def _retiming(self) -> Retiming:
        """What is measured on the turned raster."""

    @abstractmethod
    def _turned(self, x: _Any) -> _Any:
        """Rasters with the axis along which spikes move first; twice is once back."""

    @abstractmethod
    def _on(self, domain: Domain | Views) -> Domain:
        """The domain of turned rasters."""

    def _steps(self, radius: Radius) -> Radius:
        """The radius in steps of the axis."""
        return whole_radius(radius)

    @property
    def convex(self) -> bool:
        """False: spikes are whole."""
        return False

    def rounded(self, radius: Radius) -> Radius:
        """A whole number."""
        return whole_radius(radius)

    def distance(self, x_adv: Tensor, x: Tensor, domain: Domain | Views) -> Tensor:
        """The length of the shifts, float64 ``(N,)``; inf where a spike came or went."""
        return self._retiming.distance(self._turned(x_adv), self._turned(x), self._on(domain))

    def length_between(self, x_adv: Floats, x: Floats, domain: Domain | Views) -> Floats:
        """The same, spike by spike in their order."""
        far, near = self._turned(x_adv), self._turned(x)
        return self._retiming.length_between(far, near, self._on(domain))

    def reach(self, x: Tensor, domain: Domain | Views) -> Tensor:
        """Distance to the farthest shift, float64 ``(N,)``."""
        return self._retiming.reach(self._turned(x), self._on(domain))

    def project(self, z: Tensor, x: Tensor, radius: Radius, domain: Domain | Views) -> Tensor:
        """The nearest legal point."""
        far, near = self._turned(z), self._turned(x)
        moved = self._retiming.project(far, near, self._steps(radius), self._on(domain))
        return self._turned(moved)

    def relax(self, z: Tensor, x: Tensor, radius: Radius, domain: Domain | Views) -> Tensor:
        """Of the cells that spikes can reach, those in the box; ``x`` elsewhere."""
        far, near = self._turned(z), self._turned(x)
        moved = self._retiming.relax(far, near, self._steps(radius), self._on(domain))
        return self._turned(moved)

    def step(
        self, grad: Tensor, z: Tensor, x: Tensor, radius: Radius, domain: Domain | Views
    ) -> Tensor:
        """From ``z`` to the legal point that is best to first order."""
        slope, far, near = self._turned(grad), self._turned(z), self._turned(x)
        way = self._retiming.step(slope, far, near, self._steps(radius), self._on(domain))
        return self._turned(way)

    def draw(self, x: Tensor, seeds: Seeds, radius: float, domain: Domain | Views) -> Tensor:
        """Random shifts."""
        steps = float(self._steps(radius))
        return self._turned(
            self._retiming.draw(self._turned(x).contiguous(), seeds, steps, self._on(domain))
        )

    def check(self, radius: float, domain: Domain | Views) -> None:
        """Refuse parts of a step, and what is no raster."""
        if not (isinstance(domain, Domain) and domain.counts and len(domain.shape) == 2):
            raise SettingError(
                f"{self.name} needs a raster of whole spikes, (T, channels) with integer=True; "
                f"this {domain.kind} domain holds none. Use Retiming for recordings of a sensor."
            )
        self._retiming.check(float(self._steps(radius)), self._on(domain))


@dataclass(frozen=True)
class ChannelShift(_Shift):
    r"""Spikes move to neighbouring channels of a raster and stay in their step.

    Every step keeps its number of spikes, and a cell holds no more than the domain allows. It is
    :class:`Retiming` along the channels: spikes of a step are matched in order, and the radius is
    the largest shift (``inf``), the sum of all (``l1``) or how many moved (``l0``), in channels.

    Args:
        measure: ``"inf"``, ``"l1"`` or ``"l0"``.
    Raises:
        SettingError: another measure; on a domain that is no raster.
    Example:
        >>> import torch
        >>> from spikeproof.threats import Threat
        >>> raster = Domain(kind="events", shape=(1, 4), integer=True)
        >>> x, z = torch.tensor([[[1.0, 0, 0, 0]]]), torch.tensor([[[0.0, 0, 0, 1]]])
        >>> Threat(ChannelShift(), 2, raster).project(z, x).shape, Threat(
        ...     ChannelShift(), 3, raster).project(z, x)[0, 0].tolist()
        (torch.Size([1, 1, 4]), [0.0, 0.0, 0.0, 1.0])
    """

    facts: ClassVar[Mapping[str, ThreatFacts]] = {
        f"channels-{measure}": ThreatFacts(
            symbol=f"channels {sign}", title=title, unit=unit, settings={"measure": measure}
        )
        for measure, sign, title, unit in (
            ("inf", "∞", "largest shift of any spike over channels", "channels"),
            ("l1", "1", "shifts over channels of all spikes together", "channels"),
            ("l0", "0", "spikes moved to another channel", "spikes"),
        )
    }

    measure: str = "inf"

    def __post_init__(self) -> None:
        check_one_of(self.measure, ("inf", "l1", "l0"), "ChannelShift.measure")

    @property
    def name(self) -> str:
        """``"channels-inf"``, ``"channels-l1"`` or ``"channels-l0"``."""
        return f"channels-{self.measure}"

    @property
    def _retiming(self) -> Retiming:
        return Retiming(self.measure)

    def _turned(self, x: _Any) -> _Any:
        return x.swapaxes(1, 2)  # type: ignore[no-any-return]

    def _on(self, domain: Domain | Views) -> Domain:
        assert isinstance(domain, Domain)
        return replace(domain, shape=domain.shape[::-1])


@dataclass(frozen=True)
class TimestampShift(_Shift):
    r"""Every spike of a raster may come earlier or later by whole milliseconds.

    :class:`Retiming` under the largest shift, with the radius in milliseconds; what is no whole
    number of steps is rounded down.

    Args:
        step_ms: Milliseconds of one step of the raster, a whole number of at least 1.
    Raises:
        SettingError: another step; on a domain that is no raster; a radius below one step.
    Example:
        >>> from spikeproof.threats import Threat
        >>> raster = Domain(kind="events", shape=(100, 64), integer=True)
        >>> Threat(TimestampShift(), 5, raster).name
        'timestamps'
    """

    facts: ClassVar[Mapping[str, ThreatFacts]] = {
        "timestamps": ThreatFacts(
            symbol="timestamps", title="largest shift of any spike in time", unit="ms"
        )
    }

    step_ms: int = 1

    def __post_init__(self) -> None:
        check_count(self, "step_ms")

    @property
    def name(self) -> str:
        """``"timestamps"``."""
        return "timestamps"

    def distance(self, x_adv: Tensor, x: Tensor, domain: Domain | Views) -> Tensor:
        """The largest shift in milliseconds, float64 ``(N,)``; inf where a spike came or went."""
        return super().distance(x_adv, x, domain) * self.step_ms

    def length_between(self, x_adv: Floats, x: Floats, domain: Domain | Views) -> Floats:
        """The same, spike by spike in their order."""
        return super().length_between(x_adv, x, domain) * self.step_ms

    def reach(self, x: Tensor, domain: Domain | Views) -> Tensor:
        """The largest possible shift in milliseconds, float64 ``(N,)``."""
        return super().reach(x, domain) * self.step_ms

    def check(self, radius: float, domain: Domain | Views) -> None:
        """Refuse parts of a millisecond, less than a step, and what is no raster."""
        if radius != int(radius) or 0 < radius < self.step_ms:
            raise SettingError(
                f"The timestamps radius {radius:g} must be whole milliseconds, at least one step "
                f"of the raster ({self.step_ms} ms)."
            )
        super().check(radius, domain)

    @property
    def _retiming(self) -> Retiming:
        return Retiming("inf")

    def _steps(self, radius: Radius) -> Radius:
        return whole_radius(radius / self.step_ms)

    def _turned(self, x: _Any) -> _Any:
        return x

    def _on(self, domain: Domain | Views) -> Domain:
        assert isinstance(domain, Domain)
        return domain
