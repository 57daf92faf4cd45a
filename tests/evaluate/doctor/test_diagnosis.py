"""Whole diagnoses: of networks whose gradient is true, turned round, or none at all."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

import spikeproof as sp
from spikeproof.base import InputError, SettingError
from spikeproof.evaluate import Diagnosis
from spikeproof.evaluate.doctor import members

N = 20


@pytest.fixture(autouse=True, scope="module")
def short() -> Iterator[None]:
    """Attacks of few steps, which are enough for four pixels."""
    told = {"STEPS": 17, "QUERIES": 24, "LONGER": 1, "LONGEST": 25, "DRAWS": 4}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in told.items():
            patch.setattr(members, name, value)
        yield
    diagnosed.cache_clear()


class Boundary(nn.Module):
    """Logits (2 - s, s - 2) of the sum s of four pixels, with a gradient of one's choice."""

    def __init__(self, gradient: str) -> None:
        super().__init__()
        self.gradient = gradient

    def forward(self, x: Tensor) -> Tensor:
        s = x.flatten(1).sum(1)
        if self.gradient == "turned":
            s = 2 * s.detach() - s
        elif self.gradient == "cut":
            s = s.detach()
        return torch.stack([2 - s, s - 2], 1)


def items() -> tuple[Tensor, Tensor]:
    """Twenty items of class 1, from .01 to .2 above the boundary in every pixel."""
    x = 0.5 + torch.arange(1, N + 1)[:, None, None, None] * 0.01 * torch.ones(1, 1, 2, 2)
    return x, torch.ones(N, dtype=torch.int64)


@cache
def diagnosed(gradient: str, again: int = 0) -> Diagnosis:
    """A diagnosis under l_inf 0.1: ten of the twenty items can be broken, to the last bit."""
    return sp.diagnose(Boundary(gradient), *items(), threats="linf:0.1001")


def test_a_true_gradient_is_sound() -> None:
    found = diagnosed("true")
    one = found.of("linf:0.1001")
    assert one.claimed == one.strongest == pytest.approx(0.5)
    assert found.verdict == "sound", one.because
    numbers = {check.name: check.number for check in one.checks}
    assert numbers["overstated"] == numbers["black-box"] == numbers["zero-gradient"] == 0
    assert numbers["gradient-agreement"] == 1 and numbers["unbounded"] == 0
    assert numbers["held-out"] is None and numbers["window"] is None  # no spikes: not made


@pytest.mark.parametrize("gradient", ["turned", "cut"])
def test_a_gradient_that_misleads_is_masked(gradient: str) -> None:
    one = diagnosed(gradient).of("linf:0.1001")
    assert one.verdict == "masked", one.because
    assert one.claimed is not None and one.claimed > 0.85
    assert one.strongest == pytest.approx(0.5, abs=0.05)
    raised = {check.name for check in one.raised}
    assert {"overstated", "black-box"} <= raised


def test_the_same_call_gives_the_same_record() -> None:
    assert diagnosed("turned").record() == diagnosed("turned", again=1).record()


def test_inputs_of_another_radius_are_found_out() -> None:
    x, y = items()
    found = sp.diagnose(Boundary("true"), x, y, threats="linf:0.1001", x_adv=x - 0.05)
    check = next(one for one in found.verdicts[0].checks if one.name == "unused")
    assert check.raised and check.number == pytest.approx(0.5, abs=0.01)
    assert found.verdict == "suspicious"


def test_what_makes_no_sense_is_refused() -> None:
    x, y = items()
    with pytest.raises(SettingError, match="at least one threat"):
        sp.diagnose(Boundary("true"), x, y, threats=[])
    with pytest.raises(InputError, match="one input per item"):
        sp.diagnose(Boundary("true"), x, y, threats="linf:0.1", x_adv=x[:2])
    with pytest.raises(SettingError, match="attack is a name"):
        sp.diagnose(Boundary("true"), x, y, threats="linf:0.1", attack=3)  # type: ignore[arg-type]


def test_the_page_names_every_check() -> None:
    page = (Path(__file__).resolve().parents[3] / "docs" / "gradient-masking.md").read_text("utf-8")
    found = diagnosed("true")
    missing = [one.name for one in found.verdicts[0].checks if f"`{one.name}`" not in page]
    assert not missing
    assert len(found.verdicts[0].checks) == 45
