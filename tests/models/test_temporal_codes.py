"""Temporal codes and stochastic quantised levels: by hand, by counting, against other codes."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from spikeproof.base import SettingError, seeds
from spikeproof.models import SQE, Poisson, Temporal
from spikeproof.neurons import averaging, drawing


def pixels(*values: float) -> Tensor:
    """One image of one row, in float64."""
    return torch.tensor(values, dtype=torch.float64).view(1, 1, 1, -1)


def slopes(encoder: Temporal | SQE, value: float, timesteps: int) -> list[float]:
    """The derivative of the code of one pixel at each step."""
    x = pixels(value).requires_grad_(True)
    code = encoder(x, timesteps).flatten()
    return [torch.autograd.grad(s, x, retain_graph=True)[0].item() for s in code]


@pytest.mark.parametrize(
    ("code", "value", "train"),
    [
        ("pre", 0.0, "00000"),
        ("pre", 0.1, "10000"),
        ("pre", 0.2, "10000"),  # 1/5 < .2 is false
        ("pre", 0.21, "11000"),
        ("pre", 1.0, "11111"),
        ("post", 0.0, "00000"),
        ("post", 0.19, "00000"),
        ("post", 0.25, "00001"),  # 4/5 > .75
        ("post", 0.5, "00011"),  # 3/5 > .5
        ("post", 1.0, "01111"),  # 0 > 0 is false
    ],
)
def test_a_train_lasts_as_long_as_its_pixel_is_bright(code: str, value: float, train: str) -> None:
    found = Temporal(code=code)(pixels(value), 5).flatten()
    assert found.tolist() == [float(spike) for spike in train]


@given(st.integers(0, 256), st.integers(1, 12))
def test_a_pre_train_is_one_run_of_spikes_from_the_first_step(level: int, steps: int) -> None:
    train = Temporal()(pixels(level / 256), steps).flatten()
    assert int(train.sum()) == math.ceil(steps * level / 256)  # exact: a power of two below
    assert (train.diff() <= 0).all()
    assert (Temporal(code="post")(pixels(level / 256), steps).flatten().diff() >= 0).all()


def test_the_mean_slope_passes_everywhere_and_the_published_one_where_a_spike_is() -> None:
    assert slopes(Temporal(), 0.3, 4) == [1, 1, 1, 1]
    assert slopes(Temporal(slope="spike"), 0.3, 4) == [1, 1, 0, 0]
    assert slopes(Temporal(code="post", slope="spike"), 0.3, 4) == [0, 0, 0, 1]
    assert slopes(Temporal(slope="spike"), 0.0, 4) == [0, 0, 0, 0]


def test_the_mean_of_a_step_over_all_greys_rises_by_one() -> None:
    greys = pixels(*torch.linspace(0, 1, 1001).tolist())
    for code in ("pre", "post"):
        steps = Temporal(code=code)(greys, 6)[:, 0, 0, 0]
        assert (steps[:, 0] == 0).all() and (steps[1:, -1] == 1).all()
        assert (steps.diff(dim=1) >= 0).all()


def test_one_level_is_a_poisson_code_and_many_are_the_image() -> None:
    x = torch.rand(3, 2, 4, 4, generator=torch.Generator().manual_seed(0))
    with drawing(seeds(0, n=3)):
        one = SQE(levels=1)(x, 7)
    with drawing(seeds(0, n=3)):
        poisson = Poisson()(x, 7)
    assert torch.equal(one, poisson)
    assert ((SQE(levels=4096)(x, 7) - x).abs() < 1 / 4096).all()


def test_levels_have_the_pixel_as_mean_and_the_variance_that_was_worked_out() -> None:
    x, n, draws = pixels(0.0, 0.1, 0.25, 0.4, 0.9, 1.0), 3, 40_000
    with drawing(seeds(0, n=1)):
        code = SQE(levels=n)(x, draws)[:, 0, 0, 0]
    up = x[0, 0, 0] * n - (x[0, 0, 0] * n).floor()
    variance = up * (1 - up) / n**2
    assert ((code.mean(0) - x[0, 0, 0]).abs() <= 4.5 * (variance / draws).sqrt() + 1e-12).all()
    torch.testing.assert_close(code.var(0), variance, rtol=0.04, atol=1e-12)
    scaled = code * n
    assert ((scaled - scaled.round()).abs() < 1e-9).all()
    assert (code - x[0, 0, 0]).abs().max() < 1 / n


def test_a_level_stays_itself_though_a_draw_may_be_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("spikeproof.models.encode_sqe.draw_spikes", torch.ones_like)
    assert SQE(levels=4)(pixels(0.0, 0.25, 1.0, 0.3), 1).flatten().tolist() == [0, 0.25, 1, 0.5]


def test_the_expectation_of_the_levels_is_the_image() -> None:
    x = pixels(0.0, 0.3, 0.77, 1.0)
    with averaging():
        torch.testing.assert_close(SQE(levels=3)(x, 2), x.expand(2, *x.shape))


@pytest.mark.parametrize("levels", [0, 2.5, True, 1 << 20])
def test_levels_that_are_none_are_refused(levels: int) -> None:
    with pytest.raises(SettingError, match=r"SQE\.levels must be a whole number 1 to 65536"):
        SQE(levels=levels)


def test_an_unknown_code_or_slope_names_the_nearest() -> None:
    with pytest.raises(SettingError, match="Did you mean 'post'"):
        Temporal(code="pots")
    with pytest.raises(SettingError, match="Did you mean 'spike'"):
        Temporal(slope="spikes")
