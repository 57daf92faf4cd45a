"""Encoders: codes and gradients worked out by hand, and refusals."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from spikeproof.base import InputError, SettingError, seeds
from spikeproof.data import Domain, Views
from spikeproof.models import ENCODERS, Direct, Encoder, Latency, ModelSpec, Phase, Poisson
from spikeproof.neurons import drawing
from support.coded import ALL, AUDIO, IMAGE

EVENTS = Domain(kind="events", shape=(5, 2, 16, 16), high=6.0, integer=True)


def pixels(*values: float, dtype: torch.dtype = torch.float32) -> Tensor:
    """One image of one row."""
    return torch.tensor(values, dtype=dtype).view(1, 1, 1, -1)


def slopes(encoder: Encoder, value: float, timesteps: int) -> list[float]:
    """The derivative of the code of one pixel at each step."""
    x = pixels(value, dtype=torch.float64).requires_grad_(True)
    code = encoder(x, timesteps).flatten()
    return [torch.autograd.grad(s, x, retain_graph=True)[0].item() for s in code]


def test_every_encoder_is_tried_here() -> None:
    assert {ENCODERS.kind(encoder) for encoder in ALL} == set(ENCODERS)


# Codes


@pytest.mark.parametrize(
    ("level", "bits"),
    [
        (0, "00000000"),
        (1, "00000001"),
        (127, "01111111"),
        (128, "10000000"),
        (161, "10100001"),
        (254, "11111110"),
        (255, "11111111"),
    ],
)
def test_a_phase_code_spells_the_grey_level(level: int, bits: str) -> None:
    code = Phase()(pixels(level / 255), 10).flatten()
    assert code.tolist() == [float(bit) for bit in bits + bits[:2]]  # steps 9, 10 begin again


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64])
def test_a_weighted_phase_code_sums_to_the_grey_level_over_256(dtype: torch.dtype) -> None:
    levels = torch.arange(256).view(1, 1, 16, 16)
    code = Phase(weighted=True)((levels.double() / 255).to(dtype), 8)
    assert code.dtype == dtype
    assert torch.equal(code.double().sum(0), levels.double() / 256)


def test_the_weights_of_a_phase_code_repeat_with_its_period() -> None:
    code = Phase(bits=3, weighted=True)(pixels(1.0), 7).flatten()
    assert code.tolist() == [0.5, 0.25, 0.125, 0.5, 0.25, 0.125, 0.5]


def test_values_between_two_levels_go_to_the_nearer_one() -> None:
    code = Phase(bits=2)(pixels(0.49 / 3, 0.51 / 3, 1.49 / 3, 2.51 / 3), 2)
    assert code[:, 0, 0, 0].T.tolist() == [[0, 0], [0, 1], [0, 1], [1, 1]]


def test_latency_times_are_linear_and_every_pixel_spikes_once() -> None:
    code = Latency()(pixels(1.0, 0.9, 0.8, 0.75, 0.5, 0.2, 0.0), 5)[:, 0, 0, 0]
    # (T - 1)(1 - x) = 0, .4, .8, 1, 2, 3.2, 4
    assert code.argmax(0).tolist() == [0, 0, 1, 1, 2, 3, 4]
    assert code.sum(0).tolist() == [1] * 7


def test_a_direct_code_is_the_image_itself(x: Tensor) -> None:
    code = Direct()(x, 3)
    assert torch.equal(code, torch.stack([x, x, x]))
    assert code.untyped_storage().data_ptr() == x.untyped_storage().data_ptr()


def test_a_poisson_code_has_the_pixel_as_its_mean() -> None:
    values = pixels(0.0, 0.1, 0.5, 0.9, 1.0)
    draws = 20_000
    rate = Poisson()(values, draws).mean(0)
    spread = (values * (1 - values) / draws).sqrt()
    assert ((rate - values).abs() <= 4.5 * spread).all()


def test_codes_have_time_first_and_the_type_of_the_image(encoder: Encoder, x: Tensor) -> None:
    for dtype in (torch.float32, torch.float64):
        code = encoder(x.to(dtype), 6)
        assert code.shape == (6, *x.shape) and code.dtype == dtype


def test_asking_for_the_gradient_never_changes_the_code(encoder: Encoder, x: Tensor) -> None:
    with drawing(seeds(0, n=3)):
        plain = encoder(x, 6)
    with drawing(seeds(0, n=3)):
        followed = encoder(x.clone().requires_grad_(True), 6)
    assert followed.requires_grad and torch.equal(plain, followed)


# Gradients


@pytest.mark.parametrize("value", [0.0, 0.3, 1.0])
def test_direct_and_poisson_have_slope_one(value: float) -> None:
    assert slopes(Direct(), value, 3) == slopes(Poisson(), value, 3) == [1, 1, 1]


def test_a_phase_code_has_the_slope_of_its_weights() -> None:
    assert slopes(Phase(bits=2), 0.4, 3) == [1, 1, 1]
    assert slopes(Phase(bits=2, weighted=True), 0.4, 3) == [0.5, 0.25, 0.5]
    # Over a period the slopes are those of the value it spells, x (1 - 2^-K).
    assert sum(slopes(Phase(weighted=True), 0.4, 8)) == 255 / 256


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.5, [0, 2, 0, -2, 0]),  # spikes at 2; brighter moves it towards 1, away from 3
        (0.45, [0, 2, 0, -2, 0]),
        (1.0, [4, -4, 0, 0, 0]),  # at the ends: the one neighbour there is
        (0.0, [0, 0, 0, 4, -4]),
    ],
)
def test_a_latency_code_has_the_slope_of_a_moving_spike(
    value: float, expected: list[float]
) -> None:
    assert slopes(Latency(), value, 5) == expected


@given(st.floats(0, 1), st.integers(2, 9))
def test_latency_slopes_cancel_and_point_to_earlier_spikes(value: float, timesteps: int) -> None:
    found = slopes(Latency(), value, timesteps)
    assert sum(found) == pytest.approx(0, abs=1e-9)
    # The mean time of the code falls by T - 1 per unit of brightness, exactly as the code does.
    moment = sum(step * slope for step, slope in enumerate(found))
    assert moment == pytest.approx(-(timesteps - 1))


# Refusals


def test_what_is_no_image_in_the_unit_range_is_refused(encoder: Encoder) -> None:
    for bad in (
        torch.full((1, 1, 2, 2), 1.5),
        torch.full((1, 1, 2, 2), -0.1),
        torch.full((1, 1, 2, 2), float("nan")),
        torch.zeros(1, 2, 2),
        torch.zeros(1, 3, 1, 2, 2),
        torch.zeros(1, 1, 2, 2, dtype=torch.uint8),
    ):
        with pytest.raises(InputError, match=r"needs floating-point images \(N, C, H, W\)"):
            encoder(bad, 4)


def test_an_empty_batch_is_encoded(encoder: Encoder) -> None:
    assert encoder(torch.empty(0, 1, 2, 2), 4).shape == (4, 0, 1, 2, 2)


def test_a_latency_code_of_one_step_is_refused() -> None:
    with pytest.raises(SettingError, match="at least 2 timesteps"):
        Latency()(pixels(0.5), 1)


@pytest.mark.parametrize("bits", [0, 17, 2.5])
def test_a_phase_code_without_a_period_is_refused(bits: int) -> None:
    with pytest.raises(SettingError, match=r"Phase\.bits"):
        Phase(bits=bits)


@pytest.mark.parametrize(
    ("name", "domain"),
    [
        ("cnn-small", EVENTS),
        ("tcn-small", AUDIO),
        ("fusion-small", Views((("events", EVENTS), ("audio", AUDIO)))),
        ("cnn-small", replace(IMAGE, high=255.0)),
    ],
)
def test_only_images_in_the_unit_range_may_be_encoded(name: str, domain: Domain | Views) -> None:
    ModelSpec(name=name, domain=domain, classes=4, encoder=Direct())
    with pytest.raises(SettingError, match="Poisson encodes images with values in"):
        ModelSpec(name=name, domain=domain, classes=4, encoder=Poisson())
