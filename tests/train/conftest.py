"""A tiny problem that a linear model solves, and models that count what is asked of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from spikeproof.data import Dataset, Domain, Split
from support.processes import scripted
from support.toy import SPEC


class Sealed(Dataset):
    """A data set whose test items cannot be looked at."""

    @property
    def sealed(self) -> Split:  # type: ignore[override]
        raise AssertionError("training opened the test items")

    @sealed.setter
    def sealed(self, value: Split) -> None:
        pass


def make_data(train: Split, validation: Split, domain: Domain | None = None) -> Dataset:
    """A data set of two classes around two splits; its test items are locked."""
    domain = domain or Domain(kind="audio", shape=(4,))
    parts = {"spec": SPEC, "domain": domain, "train": train, "validation": validation}
    data = object.__new__(Sealed)
    for name, value in parts.items():
        object.__setattr__(data, name, value)
    return data


@pytest.fixture
def data() -> Dataset:
    """60 items on both sides of a wide gap in four dimensions, float32 in [0, 1]."""
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(120, 4, generator=generator)
    y = (x[:, 0] + x[:, 1] > x[:, 2] + x[:, 3]).long()
    gap = (x[:, 0] + x[:, 1] - x[:, 2] - x[:, 3]).abs()
    items = torch.arange(120)
    far = gap > 0.3
    whole = Split(x[far], y[far], items[far])
    return make_data(whole[:40], whole[40:60])


class Counted(nn.Module):
    """A model that counts its forward passes and remembers the mode of each."""

    def __init__(self, body: nn.Module) -> None:
        super().__init__()
        self.body = body
        self.modes: list[bool] = []

    def forward(self, x: Tensor) -> Tensor:
        self.modes.append(self.training)
        logits: Tensor = self.body(x)
        return logits


def make_model(seed: int = 0) -> Counted:
    """Linear, batch norm, ReLU, dropout, linear; the same weights for the same seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        body = nn.Sequential(
            nn.Linear(4, 12), nn.BatchNorm1d(12), nn.ReLU(), nn.Dropout(0.1), nn.Linear(12, 2)
        )
    return Counted(body)


@pytest.fixture
def model() -> Callable[..., Any]:
    """The maker of small models."""
    return make_model


@pytest.fixture
def dataset() -> Callable[..., Dataset]:
    """The maker of data sets from splits."""
    return make_data


@pytest.fixture(scope="session")
def told_by(
    server: ForkServerContext, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str, Path], dict[str, Any]]:
    """Run a script of ``support`` on a folder; the last line that it prints, from JSON."""

    def tell(script: str, folder: Path) -> dict[str, Any]:
        told = tmp_path_factory.mktemp("told")
        out, err = told / "out", told / "err"
        process = server.Process(target=scripted, args=(script, folder, out, err))
        process.start()
        process.join(300)
        assert process.exitcode == 0, err.read_text()
        return dict(json.loads(out.read_text().splitlines()[-1]))

    return tell
