"""Training by two gloo processes on the CPU follows the path of one."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F

from spikeproof.base import SettingError
from spikeproof.train import LOG, WALL, Group
from spikeproof.train.loop.parallel import _normalise


@pytest.fixture(scope="module")
def told(
    told_by: Callable[[str, Path], dict[str, Any]], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    """What the script says."""
    if not hasattr(os, "fork") or not torch.distributed.is_available():
        pytest.skip("needs fork and torch.distributed")
    return told_by("two_processes", tmp_path_factory.mktemp("p"))


def numbers(value: Any, where: str = "") -> dict[str, float]:
    """Every number in a record, by its place."""
    if isinstance(value, dict):
        return {k: v for n, one in value.items() for k, v in numbers(one, f"{where}.{n}").items()}
    if isinstance(value, list):
        return {
            k: v for n, one in enumerate(value) for k, v in numbers(one, f"{where}.{n}").items()
        }
    return {} if value is None or isinstance(value, str) else {where: float(value)}


def test_both_processes_end_with_the_same_bytes(told: dict[str, Any]) -> None:
    assert told["both"][0] == told["both"][1]


@pytest.mark.parametrize("kind", ["smooth", "spiking", "noisy"])
def test_two_processes_follow_the_path_of_one_to_rounding(told: dict[str, Any], kind: str) -> None:
    alone, both = told["alone"][kind], told["both"][0][kind]
    one, two = numbers(alone["history"]), numbers(both["history"])
    assert one.keys() == two.keys() and len(one) > 30
    for place in one:
        # The watched items go through every process.
        counted = place.endswith((".forward", ".backward"))
        assert counted or two[place] == pytest.approx(one[place], rel=1e-8), place
    weights, others = numbers(alone["weights"]), numbers(both["weights"])
    for place in weights:
        assert others[place] == pytest.approx(weights[place], rel=1e-7, abs=1e-9), place
    losses = [epoch["loss"] for epoch in alone["history"]["history"]]
    assert losses[-1] < losses[0], "something was learnt"


def test_what_inputs_remember_is_counted_over_all_processes(told: dict[str, Any]) -> None:
    alone, both = told["memory"]
    assert sum(alone["memory.eat.seen"]) == 3 * 47, "every item in every epoch"
    assert both == alone


def test_one_process_writes_the_files(told: dict[str, Any]) -> None:
    assert told["files"] == [LOG, "training.safetensors", WALL]


@pytest.mark.parametrize("shape", [(12, 3), (12, 3, 5), (12, 3, 2, 4)])
def test_the_shared_batch_norm_is_the_ordinary_one_where_there_is_one_process(
    shape: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.distributed.all_reduce", lambda x: None)
    torch.manual_seed(0)
    x = torch.randn(shape, dtype=torch.float64, requires_grad=True)
    weight, bias = (torch.rand(3, dtype=torch.float64, requires_grad=True) for _ in range(2))
    results = []
    for normalise in (F.batch_norm, _normalise):
        mean, var = torch.zeros(3, dtype=torch.float64), torch.ones(3, dtype=torch.float64)
        given = {"running_mean": mean, "running_var": var, "weight": weight, "bias": bias}
        out = normalise(input=x, **given, training=True, momentum=0.3, eps=1e-3)
        (grad,) = torch.autograd.grad(out.pow(3).sum(), x, create_graph=True)
        (second,) = torch.autograd.grad(grad.square().sum(), x)
        results.append((out, mean, var, grad, second))
    for one, two in zip(*results, strict=True):
        torch.testing.assert_close(one, two)


def test_fewer_items_than_processes_are_refused() -> None:
    Group(rank=0, size=3).check(3)
    with pytest.raises(SettingError, match="smallest batch has 2 items for 3 processes"):
        Group(rank=0, size=3).check(2)


def test_shares_of_a_batch_are_disjoint_and_whole() -> None:
    which = torch.arange(11)
    parts = [Group(rank=rank, size=3).share(which) for rank in range(3)]
    assert torch.equal(torch.cat(parts), which)
