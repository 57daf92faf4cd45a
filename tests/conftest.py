"""What every test may use: a model with a known answer and a small batch of each modality."""

from __future__ import annotations

import multiprocessing
import os
from dataclasses import dataclass
from multiprocessing import forkserver
from multiprocessing.context import ForkServerContext
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from hypothesis import settings
from torch import Tensor, nn

pytest.register_assert_rewrite("support")

# The same cases on every run and machine; a slow machine is no reason to fail.
settings.register_profile("spikeproof", deadline=None, derandomize=True)
settings.load_profile("spikeproof")


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> None:
    """Two test processes share the cores; more threads only wait for each other."""
    torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def _the_same_draws_on_every_run() -> None:
    """Tests may use torch's global generator for inputs; the package never does."""
    torch.manual_seed(0)


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Name bytes by their argument: what they hold may differ between the processes of one run."""
    return argname if isinstance(val, bytes) else None


class Linear(nn.Module):
    """Logits ``W x + b``: every attack on it has a closed form."""

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight)
        self.bias = nn.Parameter(bias)

    def forward(self, x: Tensor) -> Tensor:
        return x.flatten(1) @ self.weight.T + self.bias


@pytest.fixture
def linear() -> Linear:
    """A linear model of three classes on ``(1, 2, 3)`` inputs, float64."""
    generator = torch.Generator().manual_seed(0)
    weight = torch.randn(3, 6, generator=generator, dtype=torch.float64)
    return Linear(weight, torch.tensor([0.1, 0.0, -0.1], dtype=torch.float64))


@dataclass(frozen=True)
class Batch:
    """A few items and their labels."""

    x: Tensor
    y: Tensor


_SHAPES = {"image": (1, 8, 8), "events": (4, 2, 6, 6), "audio": (64,)}


@pytest.fixture(params=sorted(_SHAPES))
def batch(request: pytest.FixtureRequest) -> Batch:
    """Five legal items of each single modality in turn, labels 0..2."""
    generator = torch.Generator().manual_seed(1)
    shape = _SHAPES[request.param]
    x = torch.rand(5, *shape, generator=generator)
    if request.param == "events":
        x = (3 * x).floor()
    if request.param == "audio":
        x = 2 * x - 1
    return Batch(x, torch.tensor([0, 1, 2, 0, 1]))


@pytest.fixture(scope="session")
def server(root: Path) -> ForkServerContext:
    """Starts processes from one that has imported everything, so that a start costs nothing."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["support.preloaded"])
    places = [str(root / "tests"), os.environ.get("PYTHONPATH", "")]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join(filter(None, places)))
        forkserver.ensure_running()
    return context


@pytest.fixture
def quick_workers(server: ForkServerContext, monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers of a pool begin there too, where it does not matter how they begin."""
    there = SimpleNamespace(get_context=lambda how: server)
    monkeypatch.setattr("spikeproof.study.engine.pool.multiprocessing", there)


@pytest.fixture(scope="session")
def root() -> Path:
    """The root of the checkout."""
    return Path(__file__).resolve().parents[1]
