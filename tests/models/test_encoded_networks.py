"""Networks with an encoder: gradients down to the raw input, draws by item, records."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

import spikeproof as sp
from spikeproof.base import SettingError, seeds
from spikeproof.data import Views
from spikeproof.models import (
    ENCODERS,
    SQE,
    Direct,
    Encoder,
    Latency,
    ModelSpec,
    Phase,
    Poisson,
    Temporal,
    build,
    load_model,
    save_model,
)
from spikeproof.neurons import drawing
from support.coded import AUDIO, IMAGE, SPEC


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
    assert eval(repr(encoder), {**globals(), "SQE": SQE, "Temporal": Temporal}) == encoder


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
