"""Random cases for every registered attack, and a judge of its own in numpy.

The judge knows what a norm, a box, a grid and a pixel are from their definitions; it shares no line
with the package, neither with the threats nor with ``verify``.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from spikeproof.attacks import (
    ATTACKS,
    PGD,
    SDA,
    Attack,
    Countdown,
    GuidedSearch,
    Random,
    Restarts,
    Targeted,
    Transfer,
    serves,
)
from spikeproof.base import seeds
from spikeproof.data import Domain, Views
from spikeproof.oracle import Oracle
from spikeproof.rescore import sound_length
from spikeproof.threats import (
    GEOMETRIES,
    L0,
    L1,
    L2,
    Band,
    ChannelShift,
    Counts,
    Flips,
    Joint,
    Linf,
    Masked,
    Misclassification,
    Relative,
    Retiming,
    Snr,
    Threat,
    TimestampShift,
    Within,
)
from support.event_judge import event_lengths

IMAGE = Domain(kind="image", shape=(2, 3, 3))
EVENTS = Domain(kind="events", shape=(2, 2, 2, 3), high=3.0, integer=True)
BITS = Domain(kind="events", shape=(3, 2, 2, 3), high=1.0, integer=True)
AUDIO = Domain(kind="audio", shape=(16,), low=-1.0)
VIEWS = Views((("image", IMAGE), ("audio", AUDIO)))
REAL = (IMAGE, EVENTS.relaxed(), AUDIO, VIEWS)

# Name of the threat → domains in turn, and radii in turn.
Case = tuple[Any, tuple[Any, ...], tuple[float, ...]]
CASES: dict[str, Case] = {
    "linf": (Linf(), (*REAL, EVENTS), (8 / 255, 1.0, 0.3, 0.9, 0.05, 1e-3, 0.7)),
    "l2": (L2(), (*REAL, EVENTS), (0.5, 1.5, 0.1, 2.0, 2.5, 0.01, 3.0)),
    "l1": (L1(), (*REAL, EVENTS), (0.3, 2.0, 5.0, 1.0, 4.0, 0.05, 9.0)),
    "l0": (L0(), (*REAL, EVENTS), (1.0, 3.0, 2.0, 9.0, 5.0, 0.0, 4.0)),
    "l0-features": (L0(pixels=False), (*REAL, EVENTS), (1.0, 3.0, 2.0, 16.0, 5.0, 0.0, 7.0)),
    "counts": (Counts(), (EVENTS,), (1.0, 3.0, 8.0, 20.0, 0.0, 2.0)),
    "joint": (
        Joint({"image": (Linf(), 0.1), "audio": (Linf(), 0.25)}),
        (VIEWS,),
        (1.0, 2.0, 0.5, 0.0, 4.0, 0.1),
    ),
    "joint-l2": (
        Joint({"image": (L2(), 0.5), "audio": (L2(), 0.25)}),
        (VIEWS,),
        (1.0, 2.0, 0.5, 0.0, 4.0, 0.1),
    ),
    "joint-mixed": (
        Joint({"image": (L0(), 2.0), "audio": (L1(), 0.5)}),
        (VIEWS,),
        (1.0, 2.0, 0.5, 0.0, 4.0, 0.1),
    ),
    "band": (Band(((1000.0, 3000.0),), 8000.0), (AUDIO,), (0.3, 1.0, 0.1, 0.01, 0.0, 2.0)),
    "masked": (Masked(8000.0, 8, 2), (AUDIO,), (1.0, 10.0, 3.0, 100.0, 0.0)),
    "snr": (Snr(), (AUDIO,), (0.1, 1.0, 0.3, 0.01, 0.0, 0.7)),
    "joint-one-view": (Joint({"audio": (Linf(), 0.5)}), (VIEWS,), (1.0, 0.5, 0.0, 2.0)),
}
# Threats on events that pass by in turns, each with its domain and radius.
FLIPS: tuple[Threat, ...] = (
    Threat(Flips(), 3.0, BITS),
    Threat(Flips(exclusive=True), 4.0, BITS),
    Threat(Within(Flips("insert"), "dash", 2), 2.0, BITS),
    Threat(Flips("insert", exclusive=True), 2.0, BITS),
    Threat(Flips("delete"), 0.0, BITS),
    Threat(Within(Counts(), "patch", 1), 3.0, EVENTS),
)
SHARES: tuple[Threat, ...] = (
    Threat(Relative(Flips()), 0.2, BITS),
    Threat(Relative(Counts()), 0.1, EVENTS),
    Threat(Relative(Flips(exclusive=True)), 0.3, BITS),
    Threat(Relative(Flips("delete")), 0.0, BITS),
)
TIMES: tuple[Threat, ...] = (
    Threat(Retiming("inf"), 1.0, BITS),
    Threat(Retiming("l1"), 4.0, BITS),
    Threat(Retiming("l0"), 3.0, EVENTS),
    Threat(Relative(Retiming("l1")), 0.3, EVENTS),
    Threat(Retiming("inf"), 2.0, BITS),
    Threat(Relative(Retiming("l0")), 0.2, BITS),
    Threat(Retiming("l1"), 0.0, BITS),
)
LINES = Domain(kind="events", shape=(4, 6), integer=True)
RASTERS: tuple[Threat, ...] = (
    Threat(ChannelShift(), 2.0, LINES),
    Threat(TimestampShift(5), 10.0, LINES),
    Threat(ChannelShift(), 0.0, LINES),
    Threat(TimestampShift(), 1.0, LINES),
)
TURNED = {"flips": FLIPS, "shares": SHARES, "times": TIMES, "rasters": RASTERS}
TRIED = {type(geometry) for geometry, _, _ in CASES.values()}
TRIED |= {type(threat.geometry) for threats in TURNED.values() for threat in threats}
assert set(GEOMETRIES.members.values()) == TRIED

# Cheap settings; other attacks get four steps where they have steps, and their defaults else.
CHEAP: dict[str, Attack] = {
    "countdown": Countdown(steps=4, proposals=4),
    "sda": SDA(steps=2, growth=3),
    "guided_search": GuidedSearch(steps=8, ascent=4, every=4),
    "random": Random(draws=3),
    "restarts": Restarts(attack=PGD(steps=2), times=2),
    "targeted": Targeted(attack=PGD(steps=2), rivals=2),
    "transfer": Transfer(source="unused", attack=PGD(steps=3)),
}


def cheap(kind: str) -> Attack:
    """An attack of this kind with settings under which ten thousand items cost little."""
    if kind in CHEAP:
        return CHEAP[kind]
    cls: Any = ATTACKS[kind]
    return cls(steps=4) if "steps" in {field.name for field in fields(cls)} else cls()


def pairs() -> list[tuple[str, str]]:
    """Kind of attack and name of threat, wherever the one serves the other."""
    names = (*CASES, *TURNED)
    return [(kind, name) for kind in ATTACKS for name in names if serves(cheap(kind), at(name, 0))]


def at(name: str, turn: int) -> Threat:
    """The threat of a name in its turn: domains and radii pass by in different periods."""
    if name in TURNED:
        return TURNED[name][turn % len(TURNED[name])]
    geometry, domains, radii = CASES[name]
    domain, radius = domains[turn % len(domains)], radii[turn % len(radii)]
    if domain.integer and isinstance(geometry, Linf | L2 | L1):
        radius = max(1.0, round(2 * radius))
    return Threat(geometry, radius, domain)


class Plane(nn.Module):
    """A linear model of three classes."""

    def __init__(self, size: int, seed: int) -> None:
        super().__init__()
        draws = torch.Generator().manual_seed(seed)
        self.weight = nn.Parameter(torch.randn(size, 3, generator=draws, dtype=torch.float64))

    def forward(self, x: Tensor) -> Tensor:
        """Logits."""
        return x.flatten(1) @ self.weight.to(x.dtype)


class Spikes(Plane):
    """Ten leaky neurons over three time steps; tied spike counts and zero gradients abound."""

    def __init__(self, size: int, seed: int) -> None:
        super().__init__(size, seed)
        draws = torch.Generator().manual_seed(seed + 1)
        self.weight = nn.Parameter(torch.randn(size, 10, generator=draws, dtype=torch.float64))
        self.out = nn.Parameter(torch.randn(10, 3, generator=draws, dtype=torch.float64).round())

    def forward(self, x: Tensor) -> Tensor:
        """Logits."""
        current = super().forward(x) / x[0].numel() ** 0.5
        u, count = torch.zeros_like(current), torch.zeros_like(current)
        for _ in range(3):
            u = 0.5 * u + current
            soft = self.soft(u)
            spike = (u >= 1).to(u) + (soft - soft.detach())
            u, count = u * (1 - spike.detach()), count + spike
        return count @ self.out.to(x.dtype)

    def soft(self, u: Tensor) -> Tensor:
        """What the backward pass sees: a rectangle, so that many gradients are exactly zero."""
        return u.clamp(0.5, 1.5)


class Still(nn.Module):
    """A constant model with gradient zero; class 0 leads by one."""

    def forward(self, x: Tensor) -> Tensor:
        """Logits."""
        zero = 0 * x.flatten(1).sum(1, keepdim=True)
        return torch.cat([zero + 1, zero, zero], dim=1)


@dataclass(frozen=True)
class Handed:
    """Transfer from a model in memory."""

    attack: Transfer
    other: nn.Module

    def __call__(self, oracle: Oracle, x: Tensor, goal: Any, threat: Threat, **more: Any) -> Tensor:
        """Run it."""
        return self.attack.using(self.other, oracle, x, goal, threat, **more)


def inputs(domain: Domain | Views, n: int, turn: int) -> Tensor:
    """Legal items: many values on the bounds, some right beside them, some nearly zero."""
    draws = torch.Generator().manual_seed(turn)
    dtype = torch.float64 if turn % 3 == 2 else torch.float32
    u = torch.rand(n, *domain.shape, generator=draws, dtype=dtype)
    kind = torch.randint(0, 8, u.shape, generator=draws)
    low, high = (b.expand_as(u) for b in domain.bounds(u))
    x = low + u * (high - low)
    for number, value in enumerate([low, high, torch.nextafter(low, high), high - 1e-7 * u]):
        x = torch.where(kind == number, value, x)
    x = torch.where((kind == 4) & (low <= 0), (1e-40 * u).to(dtype), x)
    x = torch.minimum(torch.maximum(x, low), high)
    return x.round() if domain.integer else x


def turns(kind: str, name: str, count: int, n: int) -> Iterator[tuple[Threat, nn.Module, Any]]:
    """Threat, model, and (x, y, x_adv) of each turn; turns the attack refuses are passed over."""
    served = (turn for turn in itertools.count() if serves(cheap(kind), at(name, turn)))
    for turn in itertools.islice(served, count):
        threat = at(name, turn)
        size = threat.domain.size
        model = [Plane(size, turn), Spikes(size, turn), Plane(size, turn), Still()][turn % 4]
        x = inputs(threat.domain, n, turn)
        attack: Any = cheap(kind)
        if isinstance(attack, Transfer):
            attack = Handed(attack, Plane(size, turn + 1))
        with torch.no_grad():
            y = model(x).argmax(1)
        y = torch.where(torch.arange(n) % 10 == 9, (y + 1) % 3, y)  # some are wrong when clean
        y = torch.zeros_like(y) if isinstance(model, Still) else y
        with Oracle(model) as oracle:
            x_adv = attack(oracle, x, Misclassification(y), threat, seeds=seeds(turn, n=n))
        yield threat, model, (x, y, x_adv)


def violations(threat: Threat, x: Tensor, x_adv: Tensor) -> dict[str, int]:
    """How many items broke which rule; empty where none did."""
    a, b = (t.detach().double().numpy().reshape(len(x), -1) for t in (x_adv, x))
    bad: dict[str, Any] = {"finite": ~np.isfinite(a).all(1)}
    domain, geometry = threat.domain, threat.geometry
    parts = [("", domain)] if isinstance(domain, Domain) else list(domain.parts)
    first = 0
    for name, part in parts:
        own = slice(first, first + math.prod(part.shape))
        first = own.stop
        z, clean = a[:, own], b[:, own]
        bad[f"box {name}"] = ~((z >= part.low) & (z <= part.high)).all(1)
        if part.integer:
            bad[f"grid {name}"] = (z != np.rint(z)).any(1)
        if isinstance(geometry, Joint):
            if name in geometry.views:
                ball, radius = geometry.views[name]
                bad[f"ball {name}"] = ~inside(ball.name, radius * threat.radius, part, z, clean)
            else:
                bad[f"still {name}"] = (z != clean).any(1)
    if isinstance(geometry, Flips | Relative | Retiming | Within):
        bad["ball"] = ~inside_events(threat, a, b)
    elif isinstance(geometry, Band | Masked):
        length = sound_length(GEOMETRIES.record(geometry), a - b, b)
        bad["ball"] = ~(length <= threat.radius * (1 + 1e-6))
    elif isinstance(geometry, ChannelShift | TimestampShift):
        shape = threat.domain.shape
        far, near = a.reshape(-1, *shape), b.reshape(-1, *shape)
        turn, unit = isinstance(geometry, ChannelShift), getattr(geometry, "step_ms", 1)
        far, near = (v.swapaxes(1, 2) if turn else v for v in (far, near))
        length = event_lengths("retiming-inf", far.shape[1:], far, near)
        bad["ball"] = ~(length * unit <= threat.radius)
    elif not isinstance(geometry, Joint):
        bad["ball"] = ~inside(geometry.name, threat.radius, domain, a, b)
    return {rule: int(found.sum()) for rule, found in bad.items() if found.any()}


def inside_events(threat: Threat, z: Any, x: Any) -> Any:
    """The same for threats on single events, bool."""
    geometry, radius = threat.geometry, np.full(len(x), threat.radius)
    assert isinstance(threat.domain, Domain)
    allowed = np.ones(len(x), dtype=bool)
    if isinstance(geometry, Relative):  # in whole numbers: units <= radius * events
        geometry, radius = geometry.geometry, np.floor(radius * x.sum(1) + 1e-9)
    if isinstance(geometry, Within):
        moved = (z != x).reshape(len(x), -1, *threat.domain.shape[-2:]).any(1)
        allowed = ~(moved & ~geometry.mask(threat.domain).numpy()).any((1, 2))
        geometry = geometry.geometry
    if isinstance(geometry, Counts):
        return allowed & (np.abs(z - x).sum(1) <= radius)
    return allowed & (event_lengths(geometry.name, threat.domain.shape, z, x) <= radius)


def inside(norm: str, radius: float, domain: Any, z: Any, x: Any) -> Any:
    """Whether each item lies in the ball, bool; real lengths may exceed it by one in 10^9."""
    d = np.abs(z.astype(np.longdouble) - x.astype(np.longdouble))
    if norm in ("linf", "l2", "l1"):
        power = {"linf": np.inf, "l2": 2, "l1": 1}[norm]
        length = d.max(1) if power == np.inf else (d**power).sum(1) ** (1 / np.longdouble(power))
        return length <= radius * (1 + 1e-9)
    if norm == "snr":
        noise, signal = (np.linalg.norm(part.astype(float), axis=1) for part in (d, x))
        return noise <= radius * signal * (1 + 1e-9)
    if norm == "counts":
        return np.rint(d).astype(np.int64).sum(1) <= int(radius)
    changed = np.asarray(z != x)
    if norm == "l0-features":
        return changed.sum(1) <= int(radius)
    parts = [domain] if isinstance(domain, Domain) else [part for _, part in domain.parts]
    count, first = np.zeros(len(z), dtype=np.int64), 0
    for part in parts:
        own = changed[:, first : first + math.prod(part.shape)].reshape(len(z), *part.shape)
        first += math.prod(part.shape)
        channels = {"image": 1, "events": 2}.get(part.kind)
        own = own if channels is None else own.any(axis=channels)
        count += own.reshape(len(z), -1).sum(1)
    return count <= math.floor(radius + 1e-9)


def gaps(model: nn.Module, x: Tensor, y: Tensor) -> Any:
    """Best wrong logit minus the true one, written out again; at least 0 is a success."""
    with torch.no_grad():
        logits = model(x).double().numpy()
    rows = np.arange(len(y))
    own = logits[rows, y.numpy()].copy()
    logits[rows, y.numpy()] = -np.inf
    return logits.max(1) - own
