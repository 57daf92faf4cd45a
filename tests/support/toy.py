"""The data set of the tests of training; the scripts beside this file use it too."""

from __future__ import annotations

import torch

from spikeproof.data import Dataset, DataSpec, Domain, Split

SPEC = DataSpec(
    name="toy",
    version="1",
    classes=2,
    modality="audio",
    licence="CC0",
    source="made in the test",
    sha256="",
)
DOMAIN = Domain(kind="audio", shape=(6,))


def two_sided(train: int, dtype: torch.dtype = torch.float32) -> Dataset:
    """64 items, their class by which of two values is larger: ``train`` to train on, the others
    for validation."""
    x = torch.rand(64, 6, generator=torch.Generator().manual_seed(0), dtype=dtype)
    whole = Split(x, (x[:, 0] > x[:, 1]).long(), torch.arange(64))
    return Dataset(
        spec=SPEC, domain=DOMAIN, train=whole[:train], validation=whole[train:], sealed=whole[:0]
    )
