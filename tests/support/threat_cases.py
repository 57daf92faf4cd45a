"""Domains, geometries and awkward inputs that every threat is tried on."""

from __future__ import annotations

import torch
from torch import Tensor

from spikeproof.data import Domain, Views
from spikeproof.threats import L0, L1, L2, Counts, Flips, Joint, Linf, Retiming, Threat

IMAGE = Domain(kind="image", shape=(3, 4, 4))
EVENTS = Domain(kind="events", shape=(3, 2, 4, 4), high=5.0, integer=True)
BITS = Domain(kind="events", shape=(4, 2, 3, 4), high=1.0, integer=True)
AUDIO = Domain(kind="audio", shape=(40,), low=-1.0)
VIEWS = Views((("image", IMAGE), ("audio", AUDIO)))
DOMAINS = {"image": IMAGE, "events": EVENTS, "audio": AUDIO, "views": VIEWS}

_REAL = [
    (Linf(), 0.1),
    (L2(), 0.7),
    (L1(), 2.0),
    (L1(share=0.1), 2.0),
    (L0(), 3.0),
    (L0(pixels=False), 4.0),
]
THREATS: list[Threat] = [
    Threat(geometry, radius, domain.relaxed())
    for domain in DOMAINS.values()
    for geometry, radius in _REAL
]
THREATS += [
    Threat(geometry, radius, EVENTS)
    for geometry, radius in [(Linf(), 1.0), (L2(), 2.5), (L1(), 4.0), (L0(), 3.0), (Counts(), 5.0)]
]
FLIPS = [Flips(), Flips("insert"), Flips("delete"), Flips(exclusive=True)]
FLIPS += [Flips("insert", exclusive=True)]
TIMES = [(Retiming("inf"), 1.0), (Retiming("l1"), 5.0), (Retiming("l0"), 4.0)]
THREATS += [Threat(geometry, 4.0, BITS) for geometry in FLIPS]
THREATS += [
    Threat(geometry, radius, domain) for geometry, radius in TIMES for domain in (BITS, EVENTS)
]
THREATS += [
    Threat(Joint({"image": (Linf(), 0.1), "audio": (Linf(), 0.02)}), 1.5, VIEWS),
    Threat(Joint({"image": (L0(), 2.0), "audio": (L2(), 0.3)}), 1.0, VIEWS),
    Threat(Joint({"audio": (L1(), 0.5)}), 1.0, VIEWS),
]


def label(threat: Threat) -> str:
    """A readable test id."""
    return f"{threat.geometry!r} on {threat.domain.kind}{' grid' if threat.domain.integer else ''}"


def draw(domain: Domain | Views, n: int, seed: int, dtype: torch.dtype = torch.float32) -> Tensor:
    """Legal items, a third of their values on the bounds of the box."""
    generator = torch.Generator().manual_seed(seed)
    low, high = domain.bounds(torch.zeros((), dtype=dtype))
    u = torch.rand(n, *domain.shape, generator=generator, dtype=dtype)
    u = torch.where(u < 1 / 6, 0.0, torch.where(u > 5 / 6, 1.0, u)).to(dtype)
    x = low + u * (high - low)
    return domain.snap(x.round(), x.new_zeros(x.shape)) if domain.integer else x
