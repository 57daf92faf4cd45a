"""The compiled loops over lines return the bits of the tensor code that other devices take."""

from __future__ import annotations

import pytest
import torch

from spikeproof.data import Domain
from spikeproof.threats import Retiming, Threat, retiming, timing
from spikeproof.threats.timing import Worth, best_lines


def numbers(shape: tuple[int, ...], seed: int, *, tied: bool) -> torch.Tensor:
    """Random numbers; whole ones, of which many are equal, where they are to be tied."""
    draws = torch.Generator().manual_seed(seed)
    if tied:
        return torch.randint(-2, 3, shape, generator=draws).double()
    return torch.randn(shape, generator=draws, dtype=torch.float64)


def both(monkeypatch: pytest.MonkeyPatch, work: object) -> list[torch.Tensor]:
    """What the loops return, and what the tensor code does."""
    found = [work()]  # type: ignore[operator]
    for module in (timing, retiming):
        monkeypatch.setattr(module, "compiles", lambda *_: False)
    return [*found, work()]  # type: ignore[operator]


@pytest.mark.parametrize("tied", [False, True], ids=["apart", "tied"])
@pytest.mark.parametrize("priced", [False, True], ids=["free", "priced"])
@pytest.mark.parametrize(("most", "reach"), [(1.0, 2), (3.0, 1), (3.0, None), (float("inf"), 4)])
def test_the_best_lines_are_the_same(
    most: float, reach: int | None, priced: bool, tied: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps, lines = 7, 120
    draws = torch.Generator().manual_seed(5)
    x = torch.randint(0, 4, (steps, lines), generator=draws).clamp(max=most).double()
    x[:, ::7] = 0
    x[:, 1::7] = min(most, 3.0)  # a full line where there is an end
    price = numbers((lines,), 2, tied=tied).abs() if priced else None
    slope = numbers((steps, lines), 1, tied=tied)
    for worth in (Worth(slope, 0.0), Worth(2 * slope - x, 1.0)):
        with monkeypatch.context() as patch:
            one, other = both(
                patch, lambda worth=worth: best_lines(worth, x, most, reach=reach, price=price)
            )
        assert torch.equal(one, other)
        assert one.sum(0).equal(x.sum(0)) and (reach == 1 or not one.equal(x))


@pytest.mark.parametrize("tied", [False, True], ids=["apart", "tied"])
@pytest.mark.parametrize("measure", ["inf", "l1", "l0"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_projections_and_steps_are_the_same(
    dtype: torch.dtype, measure: str, tied: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    domain = Domain(kind="events", shape=(6, 2, 3, 4), high=1.0, integer=True)
    threat = Threat(Retiming(measure), 2.0, domain)
    x = (numbers((5, *domain.shape), 3, tied=False) > 0.7).to(dtype)
    z = numbers(x.shape, 4, tied=tied).to(dtype)
    for work in (lambda: threat.project(z, x), lambda: threat.step(z, x, x)):
        with monkeypatch.context() as patch:
            one, other = both(patch, work)
        assert torch.equal(one, other) and one.dtype == dtype
    z[0, 0, 0, 0, 0] = torch.inf  # what is not finite goes the way of the tensors
    assert (threat.distance(threat.project(z, x), x) <= 2).all()
