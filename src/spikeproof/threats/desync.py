"""The geometry of desynchronisation: one view is shifted in time against the others."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from spikeproof.base import Seeds, SettingError, check_count, suggestion
from spikeproof.data import Domain, Views
from spikeproof.threats.facts import ThreatFacts
from spikeproof.threats.geometry import Finite, Radius

__all__ = ["Desync"]

Floats = npt.NDArray[np.float64]
_Worth = Callable[[Tensor], Tensor]


@dataclass(frozen=True, kw_only=True)
class Desync(Finite):
    r"""One view comes up to ``radius`` steps earlier or later than the others, and no more.

    .. math:: x'_v[t] = x_v[t - s\,u], \qquad |s| \le r

    with :math:`u` entries of the time axis in a step, and 0 (silence, no events) where the shift
    leaves the recording. The legal points are these ``2 r + 1`` shifts and no others, so that every
    one can be tried (see :class:`~spikeproof.attacks.Exhaustive`).

    Args:
        view: Which view is shifted: one with a time axis.
        unit: Entries of its time axis in a step, e.g. 80 samples of 10 ms each at 8 kHz; 1 is one
            frame of an event recording.
    Raises:
        SettingError: a unit below 1.
    Example:
        >>> views = Views((("image", Domain(kind="image", shape=(1, 2, 2))),
        ...                ("audio", Domain(kind="audio", shape=(4,), low=-1.0))))
        >>> x = torch.tensor([[0.0, 0.0, 0.0, 0.0, 0.1, 0.2, 0.3, 0.4]])
        >>> for point in Desync(view="audio").points(x, 1.0, views):
        ...     print([round(v, 1) for v in views.unpack(point)["audio"][0].tolist()])
        [0.1, 0.2, 0.3, 0.4]
        [0.0, 0.1, 0.2, 0.3]
        [0.2, 0.3, 0.4, 0.0]

    References:
        tian2021can
    """

    facts: ClassVar[Mapping[str, ThreatFacts]] = {
        "desync": ThreatFacts(
            symbol="desync",
            title="steps by which one view is shifted against the others",
            unit="steps",
            settings=None,
        )
    }
    grid: ClassVar[bool] = True  # a shift of whole counts is one of whole counts

    view: str
    unit: int = 1

    def __post_init__(self) -> None:
        check_count(self, "unit")

    @classmethod
    def of(cls, views: Domain | Views, rate_hz: int | None, step_ms: float = 10.0) -> Desync:
        """The shift of the last view with a time axis, by a frame or by a time of sound.

        Args:
            views: Legal inputs.
            rate_hz: Samples per second of sound.
            step_ms: Length of a step of sound, ms.
        Raises:
            SettingError: no view has a time axis, or nobody knows how long a sample of it is.
        """
        timed = [(n, d) for n, d in getattr(views, "parts", ()) if _axis(d)]
        if not timed or len(views.parts if isinstance(views, Views) else ()) < 2:
            raise SettingError(
                "desync shifts one view against another, and these items have no two views of "
                "which one has a time axis."
            )
        name, domain = timed[-1]
        if domain.timed:
            return cls(view=name)
        if rate_hz is None:
            raise SettingError(
                f"desync needs the sampling rate of view {name!r}, which the data set does not "
                "say; make Desync(view=..., unit=...) yourself."
            )
        return cls(view=name, unit=max(1, round(rate_hz * step_ms / 1000)))

    @property
    def name(self) -> str:
        """``"desync"``."""
        return "desync"

    @property
    def convex(self) -> bool:
        """False."""
        return False

    def how_many(self, radius: float, domain: Domain | Views) -> int:
        """``2 r + 1``."""
        return 2 * int(self.rounded(radius)) + 1

    def rounded(self, radius: Radius) -> Radius:
        """A whole number of steps."""
        if isinstance(radius, Tensor):
            return (radius + 1e-9).floor()
        return float(math.floor(radius + 1e-9))

    def points(self, x: Tensor, radius: float, domain: Domain | Views) -> Iterator[Tensor]:
        """Every shift: 0, 1 later, 1 earlier, 2 later, and so on."""
        for shift in _shifts(int(self.rounded(radius))):
            yield self._shifted(x, shift, domain)

    def distance(self, x_adv: Tensor, x: Tensor, domain: Domain | Views) -> Tensor:
        """The smallest shift that makes one of the other; inf where none does, float64 ``(N,)``."""
        out = torch.full((len(x),), torch.inf, dtype=torch.float64, device=x.device)
        for shift in _shifts(self._most(domain)):
            open_ = out.isinf().nonzero().flatten()
            if not len(open_):
                break
            same = (self._shifted(x[open_], shift, domain) == x_adv[open_]).all(1)
            out[open_[same]] = float(abs(shift))
        return out

    def length_between(self, x_adv: Floats, x: Floats, domain: Domain | Views) -> Floats:
        """The same from the definition, entry by entry, without the code of ``distance``."""
        assert isinstance(domain, Views)
        where = domain.slices()[self.view]
        steps = np.arange(dict(domain.parts)[self.view].shape[0])
        rest = np.ones(x.shape[1], dtype=bool)
        rest[where] = False
        shape = (len(x), len(steps), -1)
        near, far = x[:, where].reshape(shape), x_adv[:, where].reshape(shape)
        out = np.full(len(x), np.inf)
        for s in range(-((len(steps) - 1) // self.unit), (len(steps) - 1) // self.unit + 1):
            source = steps - s * self.unit
            inside = (source >= 0) & (source < len(steps))
            moved = np.where(inside[None, :, None], near[:, np.clip(source, 0, len(steps) - 1)], 0)
            out = np.where((moved == far).all((1, 2)), np.minimum(out, abs(s)), out)
        same = (x[:, rest] == x_adv[:, rest]).all(1)
        return np.asarray(np.where(same, out, np.inf))

    def reach(self, x: Tensor, domain: Domain | Views) -> Tensor:
        """The most steps that leave a part of the view inside the recording, float64 ``(N,)``."""
        most = float(self._most(domain))
        return torch.full((len(x),), most, dtype=torch.float64, device=x.device)

    def project(self, z: Tensor, x: Tensor, radius: Radius, domain: Domain | Views) -> Tensor:
        """The shift that is nearest to ``z``."""
        return self._best(x, radius, domain, lambda point: -(point - z).double().square().sum(1))

    def relax(self, z: Tensor, x: Tensor, radius: Radius, domain: Domain | Views) -> Tensor:
        """``z`` itself: between queries an iterate may be anywhere."""
        return z

    def step(
        self, grad: Tensor, z: Tensor, x: Tensor, radius: Radius, domain: Domain | Views
    ) -> Tensor:
        """The way to the shift that is best to first order; none without a gradient."""
        goal = self._best(x, radius, domain, lambda point: (point * grad).double().sum(1))
        some = (grad != 0).any(1, keepdim=True)
        return torch.where(some, goal - z, torch.zeros_like(z))

    def draw(self, x: Tensor, seeds: Seeds, radius: float, domain: Domain | Views) -> Tensor:
        """A shift drawn at random, 0 among them, as a change."""
        most = int(self.rounded(radius))
        u = seeds.uniform((1,), torch.float64)[:, 0].to(x.device)
        drawn = (u * (2 * most + 1)).floor().clamp(max=2 * most) - most
        out = torch.zeros_like(x)
        for shift in sorted(set(drawn.cpu().tolist())):
            rows = (drawn == shift).nonzero().flatten()
            out[rows] = self._shifted(x[rows], int(shift), domain) - x[rows]
        return out

    def check(self, radius: float, domain: Domain | Views) -> None:
        """Refuse an unknown view, one without time, parts of a step, and too many steps."""
        if not isinstance(domain, Views) or len(domain.parts) < 2:
            raise SettingError("Desync needs a domain with two named views or more.")
        parts = dict(domain.parts)
        if self.view not in parts:
            raise SettingError(
                f"Desync: unknown view {self.view!r}. {suggestion(self.view, list(parts))}"
            )
        part = parts[self.view]
        if not _axis(part) or not part.low <= 0 <= part.high:
            raise SettingError(
                f"Desync: view {self.view!r} has no time axis, or 0 is not legal in it; shift an "
                "event recording or a sound."
            )
        if radius != self.rounded(radius) or radius > self._most(domain):
            raise SettingError(
                f"The desync radius counts whole steps of {self.unit} entries, at most "
                f"{self._most(domain)} for view {self.view!r}; got {radius:g}."
            )

    def _most(self, domain: Domain | Views) -> int:
        """The most steps that leave something of the view."""
        assert isinstance(domain, Views)
        return (dict(domain.parts)[self.view].shape[0] - 1) // self.unit

    def _shifted(self, x: Tensor, shift: int, domain: Domain | Views) -> Tensor:
        """All items with the view ``shift`` steps later, 0 where nothing was recorded."""
        assert isinstance(domain, Views)
        out, where = x.clone(), domain.slices()[self.view]
        view = x[:, where].reshape(len(x), dict(domain.parts)[self.view].shape[0], -1)
        moved, by = torch.zeros_like(view), abs(shift) * self.unit
        if shift >= 0:
            moved[:, by:] = view[:, : view.shape[1] - by]
        else:
            moved[:, :-by] = view[:, by:]
        out[:, where] = moved.flatten(1)
        return out

    def _best(self, x: Tensor, radius: Radius, domain: Domain | Views, worth: _Worth) -> Tensor:
        """The allowed shift that is worth most to each item; of equal ones the smallest."""
        allowed = torch.as_tensor(self.rounded(radius), device=x.device).flatten()
        best, most = x.clone(), torch.full((len(x),), -torch.inf, dtype=torch.float64)
        most = most.to(x.device)
        for shift in _shifts(min(int(allowed.max()), self._most(domain))):
            point = self._shifted(x, shift, domain)
            value = worth(point)
            better = (value > most) & (abs(shift) <= allowed)
            most = torch.where(better, value, most)
            best = torch.where(better[:, None], point, best)
        return best


def _axis(domain: Domain) -> bool:
    """Whether the first axis of a view is time."""
    return domain.axes[0] in ("time", "sample")


def _shifts(most: int) -> Iterator[int]:
    """0, 1, -1, 2, -2, ..."""
    yield 0
    for steps in range(1, most + 1):
        yield from (steps, -steps)
