"""Projections on an l_inf ball are remembered by the batch, never wrongly."""

import math

import torch

from spikeproof.data import Domain
from spikeproof.threats import Linf, Threat
from spikeproof.threats.box import Boxed

DOMAINS = (
    Domain(kind="image", shape=(1, 6, 6)),
    Domain(kind="audio", shape=(36,), low=-1.0),
    Domain(kind="image", shape=(1, 6, 6), low=-math.inf, high=math.inf),
)


def test_every_later_projection_is_the_one_in_double_precision() -> None:
    generator = torch.Generator().manual_seed(0)
    for domain, dtype in ((d, t) for d in DOMAINS for t in (torch.float32, torch.float64)):
        x = torch.rand(5, *domain.shape, generator=generator).to(dtype)
        x[0] = (x[0] * 255).round() / 255
        x[1] = (x[1] > 0.5).to(dtype)
        threat = Threat(Linf(), 8 / 255, domain)
        for scale in (0.5, 1.0, 1.0, 3.0):
            z = x + scale * 8 / 255 * torch.randn(x.shape, generator=generator).to(dtype)
            z[2] = x[2] + scale * 8 / 255  # exactly on the bound
            expected = Boxed.relax(Linf(), z, x, 8 / 255, domain)
            assert torch.equal(threat.project(z, x), expected), (domain, dtype, scale)
            assert torch.equal(threat.relax(z, x), expected), (domain, dtype, scale)


def test_a_changed_batch_radius_or_domain_is_another_question() -> None:
    domain = DOMAINS[0]
    x = torch.full((2, 1, 6, 6), 0.5)
    far = x + 1
    threat = Threat(Linf(), 0.25, domain)
    for _ in range(3):
        assert float(threat.project(far, x).max()) == 0.75
    assert float(threat.at(0.125).project(far, x).max()) == 0.625
    for _ in range(2):
        threat.project(far, x)
    x.numpy()[:] = 0.25  # behind torch's back
    assert float(threat.project(far, x).max()) == 0.5
    narrow = Domain(kind="image", shape=(1, 6, 6), high=0.375)
    for _ in range(3):
        assert float(Threat(Linf(), 0.25, narrow).project(far, x).max()) == 0.375
