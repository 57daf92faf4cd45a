"""Encoders: codes and gradients worked out by hand, draws that belong to the item, and refusals."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

import spikeproof as sp
from spikeproof.base import InputError, SettingError, seeds
from spikeproof.data import Domain, Views
from spikeproof.models import (
    ENCODERS,
    Direct,
    Encoder,
    Latency,
    ModelSpec,
    Phase,
    Poisson,
    build,
    load_model,
    save_model,
)
from spikeproof.neurons import LIF, Surrogate, draw_normal, draw_uniform, drawing

IMAGE = Domain(kind="image", shape=(3, 8, 8))
EVENTS = Domain(kind="events", shape=(5, 2, 16, 16), high=6.0, integer=True)
AUDIO = Domain(kind="audio", shape=(800,), low=-1.0)
# Fires although it was never trained, and has a gradient everywhere.
ALIVE = LIF(threshold=0.1, surrogate=Surrogate("arctan", 1.0))
SPEC = ModelSpec(name="cnn-small", domain=IMAGE, classes=4, width=4, timesteps=6, neuron=ALIVE)
ALL: list[Encoder] = [Direct(), Poisson(), Latency(), Phase(), Phase(bits=3, weighted=True)]


def pixels(*values: float, dtype: torch.dtype = torch.float32) -> Tensor:
    """One image of one row."""
    return torch.tensor(values, dtype=dtype).view(1, 1, 1, -1)


def slopes(encoder: Encoder, value: float, timesteps: int) -> list[float]:
    """The derivative of the code of one pixel at each step."""
    x = pixels(value, dtype=torch.float64).requires_grad_(True)
    code = encoder(x, timesteps).flatten()
    return [torch.autograd.grad(s, x, retain_graph=True)[0].item() for s in code]


@pytest.fixture(params=ALL, ids=repr)
def encoder(request: pytest.FixtureRequest) -> Encoder:
    """Each encoder in turn."""
    chosen: Encoder = request.param
    return chosen


@pytest.fixture
def x() -> Tensor:
    """Three images in [0, 1] with black and white in them."""
    return torch.rand(3, *IMAGE.shape).mul(1.2).sub(0.1).clamp(0, 1)


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


# Draws


def test_permuting_and_rebatching_items_permutes_their_spikes(x: Tensor) -> None:
    keys, order = seeds(7, n=3), torch.tensor([2, 0, 1])
    with drawing(keys):
        whole = Poisson()(x, 6)
    with drawing(keys[order]):
        assert torch.equal(Poisson()(x[order], 6), whole[:, order])
    for item in range(3):
        with drawing(keys[item : item + 1]):
            assert torch.equal(Poisson()(x[item : item + 1], 6), whole[:, item : item + 1])


def test_fewer_timesteps_are_the_beginning_of_more(x: Tensor) -> None:
    with drawing(seeds(0, n=3)):
        short = Poisson()(x, 3)
    with drawing(seeds(0, n=3)):
        assert torch.equal(Poisson()(x, 6)[:3], short)


def test_draws_of_one_scope_differ_and_a_new_scope_repeats_them() -> None:
    like = torch.empty(2, 3, 50)
    with drawing(seeds(0, n=3)):
        first, second = draw_uniform(like), draw_uniform(like)
    with drawing(seeds(0, n=3)):
        again = draw_uniform(like)
    assert torch.equal(first, again) and not torch.equal(first, second)


def test_inner_scopes_end_and_none_returns_to_torchs_generator() -> None:
    like = torch.empty(1, 2, 5)
    torch.manual_seed(3)
    expected = torch.rand(1, 2, 5)
    with drawing(seeds(0, n=2)):
        before = draw_uniform(like)
        torch.manual_seed(3)
        with drawing(None):
            assert torch.equal(draw_uniform(like), expected)
        with drawing(seeds(0, n=2)):
            assert torch.equal(draw_uniform(like), before)
        assert not torch.equal(draw_uniform(like), before)


def test_a_scope_leaves_torchs_generator_alone_and_closes_after_an_error() -> None:
    state = torch.get_rng_state()
    said = "seeds for 2 items, but the network draws for 3"
    with pytest.raises(InputError, match=said), drawing(seeds(0, n=2)):
        draw_uniform(torch.empty(1, 3, 4))
    assert torch.equal(torch.get_rng_state(), state)
    draw_uniform(torch.empty(1, 3, 4))
    assert not torch.equal(torch.get_rng_state(), state)


def test_normal_draws_are_normal_and_belong_to_the_item() -> None:
    like = torch.empty(2, 3, 4000, dtype=torch.float64)
    with drawing(seeds(0, n=3)):
        draws = draw_normal(like)
    assert draws.dtype == torch.float64 and draws.shape == like.shape
    assert abs(draws.mean()) < 0.03 and abs(draws.std() - 1) < 0.03
    with drawing(seeds(0, n=3)[1:2]):
        assert torch.equal(draw_normal(like[:, 1:2]), draws[:, 1:2])


# Refusals


@pytest.mark.parametrize(
    "bad",
    [
        torch.full((1, 1, 2, 2), 1.5),
        torch.full((1, 1, 2, 2), -0.1),
        torch.full((1, 1, 2, 2), float("nan")),
        torch.zeros(1, 2, 2),
        torch.zeros(1, 3, 1, 2, 2),
        torch.zeros(1, 1, 2, 2, dtype=torch.uint8),
    ],
    ids=["above", "below", "nan", "rank 3", "rank 5", "bytes"],
)
def test_what_is_no_image_in_the_unit_range_is_refused(encoder: Encoder, bad: Tensor) -> None:
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


# Networks


def test_a_gradient_reaches_the_raw_input_through_the_network(encoder: Encoder, x: Tensor) -> None:
    model = build(replace(SPEC, encoder=encoder)).eval()
    x.requires_grad_(True)
    logits = model(x)
    (grad,) = torch.autograd.grad(logits.square().sum(), x)
    assert logits.shape == (3, 4)
    assert torch.isfinite(grad).all() and grad.flatten(1).abs().sum(1).gt(0).all()


def test_running_the_stem_at_every_step_is_the_fast_path_of_direct_coding(x: Tensor) -> None:
    model = build(SPEC).double().eval()
    fast = model(x.double())
    body = model.body
    current = body.stem._per_step(Direct()(x.double(), SPEC.timesteps))  # type: ignore[operator,union-attr]
    spikes = body.spikes_2(body.block(body.spikes_1(current)))  # type: ignore[operator,union-attr]
    assert 0 < spikes.mean() < 1
    torch.testing.assert_close(body.readout(spikes.mean(0)), fast)  # type: ignore[operator,union-attr]


def test_the_encoder_changes_no_weight(encoder: Encoder) -> None:
    plain, coded = build(SPEC, seed=1), build(replace(SPEC, encoder=encoder), seed=1)
    for name, value in plain.state_dict().items():
        assert torch.equal(coded.state_dict()[name], value), name


def test_a_poisson_network_answers_by_item_under_seeds_and_at_random_without(x: Tensor) -> None:
    model = build(replace(SPEC, encoder=Poisson())).double().eval()
    x = x.double()
    with drawing(seeds(0, n=3)):
        whole = model(x)
    with drawing(seeds(0, n=3)[1:]):
        torch.testing.assert_close(model(x[1:]), whole[1:], rtol=1e-12, atol=1e-12)
    assert not torch.equal(model(x), model(x))


def test_a_fusion_network_encodes_its_images_only() -> None:
    views = Views((("image", IMAGE), ("audio", AUDIO)))
    spec = replace(SPEC, name="fusion-small", domain=views, encoder=Latency())
    x = torch.rand(2, views.size, requires_grad=True)
    (grad,) = torch.autograd.grad(build(spec).eval()(x).square().sum(), x)
    assert grad[:, : IMAGE.size].abs().sum() > 0 and grad[:, IMAGE.size :].abs().sum() > 0


def test_the_sparse_gradient_term_may_probe_outside_the_box(encoder: Encoder, x: Tensor) -> None:
    model = build(replace(SPEC, encoder=encoder))
    objective = sp.Objective(
        {"error": (1.0, sp.CrossEntropy()), "sparse": (0.1, sp.SparseGradient())}
    )
    loss, _ = objective(model, x, torch.tensor([0, 1, 2]))
    loss.backward()
    assert torch.isfinite(loss)


# Records


def test_records_and_reprs_rebuild_the_encoder(encoder: Encoder) -> None:
    assert ENCODERS.build(json.loads(json.dumps(ENCODERS.record(encoder)))) == encoder
    assert eval(repr(encoder)) == encoder


def test_a_specification_keeps_its_encoder(encoder: Encoder, tmp_path: Path) -> None:
    spec = replace(SPEC, encoder=encoder)
    assert ModelSpec.from_record(json.loads(json.dumps(spec.record()))) == spec
    save_model(build(spec), tmp_path / "m.safetensors")
    assert load_model(tmp_path / "m.safetensors").spec == spec


def test_records_from_before_there_were_encoders_are_direct() -> None:
    record = SPEC.record()
    del record["encoder"]
    assert ModelSpec.from_record(record) == SPEC


def test_an_unknown_encoder_names_the_nearest() -> None:
    with pytest.raises(SettingError, match="Did you mean 'poisson'"):
        ModelSpec.from_record({**SPEC.record(), "encoder": {"kind": "poison"}})


def test_build_takes_an_encoder_by_name_of_the_network_only() -> None:
    model = build("cnn-small", sp.load("digits"), encoder=Phase(weighted=True))
    assert model.spec.encoder == Phase(weighted=True)
    with pytest.raises(SettingError, match="complete specification alone"):
        build(SPEC, encoder=Poisson())
