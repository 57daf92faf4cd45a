"""Networks: shapes, determinism, round trips, and files that are refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from spikeproof.base import FileProblem, InputError, SettingError
from spikeproof.data import Domain, Views
from spikeproof.models import (
    FilterBank,
    ModelSpec,
    build,
    load_model,
    model_digest,
    models,
    save_model,
)
from spikeproof.neurons import IF, LIF, Surrogate

IMAGE = Domain(kind="image", shape=(3, 8, 8))
EVENTS = Domain(kind="events", shape=(5, 2, 16, 16), high=6.0, integer=True)
AUDIO = Domain(kind="audio", shape=(800,), low=-1.0)
LARGE = ("vgg-13", "vgg-16")  # five pools
SPECS = {
    "cnn-small image": ModelSpec(name="cnn-small", domain=IMAGE, classes=4, width=4),
    "cnn-small events": ModelSpec(name="cnn-small", domain=EVENTS, classes=4, width=4),
    "tcn-small": ModelSpec(
        name="tcn-small", domain=AUDIO, classes=4, width=4, neuron=IF(threshold=0.5)
    ),
    **{
        name: ModelSpec(name=name, domain=AUDIO, classes=4, width=4, neuron=IF(threshold=0.5))
        for name in ("tcn-gammatone", "tcn-learned", "tcn-mel", "tcn-onsets")
    },
    "fusion-small": ModelSpec(
        name="fusion-small",
        domain=Views((("image", IMAGE), ("audio", AUDIO))),
        classes=4,
        width=4,
        neuron=LIF(leak=0.9, surrogate=Surrogate("arctan", 2.0)),
    ),
    "recurrent": ModelSpec(name="recurrent", domain=EVENTS, classes=4, width=8),
    "recurrent-2": ModelSpec(name="recurrent-2", domain=EVENTS, classes=4, width=8),
    "cnn-events": ModelSpec(
        name="cnn-events",
        domain=Domain(kind="events", shape=(3, 2, 16, 16), high=4.0, integer=True),
        classes=4,
        width=4,
        neuron=LIF(threshold=0.5),
    ),
    **{
        name: ModelSpec(
            name=name,
            domain=Views((("image", IMAGE), ("audio", AUDIO))),
            classes=4,
            width=4,
            neuron=LIF(threshold=0.5),
        )
        for name in ("fusion-early", "fusion-attention", "fusion-early@audio")
    },
    **{
        name: ModelSpec(
            name=name,
            domain=Domain(kind="image", shape=(2, 32, 32)) if name in LARGE else IMAGE,
            classes=4,
            width=4,
            neuron=LIF(surrogate=Surrogate("arctan", 1.0)),
            timesteps=2,
        )
        for name in models()
        if name == "dense" or name.startswith(("vgg-", "wrn-", "sew-", "spiking-"))
    },
}


def inputs(spec: ModelSpec, n: int = 3) -> Tensor:
    """Legal random inputs."""
    x = torch.rand(n, *spec.domain.shape, generator=torch.Generator().manual_seed(0))
    return (4 * x).round() if spec.domain.integer else x


@pytest.fixture(params=sorted(SPECS))
def spec(request: pytest.FixtureRequest) -> ModelSpec:
    """Each specification in turn."""
    return SPECS[request.param]


def test_every_architecture_is_tried_here() -> None:
    assert {spec.name.partition("@")[0] for spec in SPECS.values()} == set(models())


def test_logits_have_one_row_per_item_and_a_gradient_reaches_the_raw_input(spec: ModelSpec) -> None:
    model, x = build(spec), inputs(spec).requires_grad_(True)
    logits = model(x)
    (grad,) = torch.autograd.grad(logits.square().sum(), x)
    assert logits.shape == (3, 4)
    assert torch.isfinite(grad).all() and grad.flatten(1).abs().sum(1).gt(0).all()


def test_the_same_seed_gives_the_same_weights_and_leaves_torchs_generator_alone(
    spec: ModelSpec,
) -> None:
    state = torch.get_rng_state()
    a, b, c = build(spec, seed=1), build(spec, seed=1), build(spec, seed=2)
    assert torch.equal(torch.get_rng_state(), state)
    assert model_digest(a) == model_digest(b) != model_digest(c)


def test_no_state_survives_a_call(spec: ModelSpec) -> None:
    model, x = build(spec).eval(), inputs(spec)
    first = model(x)
    model(inputs(spec, 5))
    assert torch.equal(model(x), first)


def test_items_do_not_see_each_other_in_evaluation_mode(spec: ModelSpec) -> None:
    model, x = build(spec).double().eval(), inputs(spec, 4).double()
    whole = model(x)
    x[0] = 0
    torch.testing.assert_close(model(x)[1:], whole[1:], rtol=1e-12, atol=1e-12)


def test_spec_and_record_round_trip_through_json() -> None:
    for spec in SPECS.values():
        assert ModelSpec.from_record(json.loads(json.dumps(spec.record()))) == spec


def test_a_saved_model_comes_back_bit_for_bit(spec: ModelSpec, tmp_path: Path) -> None:
    model = build(spec, seed=3).eval()
    save_model(model, tmp_path / "m.safetensors")
    again = load_model(tmp_path / "m.safetensors")
    assert again.spec == spec and model_digest(again) == model_digest(model)
    assert torch.equal(again(inputs(spec)), model(inputs(spec)))
    save_model(again, tmp_path / "n.safetensors")
    assert (tmp_path / "n.safetensors").read_bytes() == (tmp_path / "m.safetensors").read_bytes()


def test_a_truncated_model_file_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    save_model(build(SPECS["tcn-small"]), path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(FileProblem, match="m.safetensors is not a whole"):
        load_model(path)


@pytest.mark.parametrize("content", [b"", b"<html>not a model</html>", b"\x80\x04}."])
def test_files_of_another_kind_are_refused_and_never_unpickled(
    content: bytes, tmp_path: Path
) -> None:
    path = tmp_path / "m.safetensors"
    path.write_bytes(content)
    with pytest.raises(FileProblem, match="not a whole safetensors"):
        load_model(path)


def test_a_foreign_safetensors_file_is_refused(tmp_path: Path) -> None:
    save_file({"a": torch.zeros(2)}, tmp_path / "m.safetensors")
    with pytest.raises(FileProblem, match="was not written by spikeproof"):
        load_model(tmp_path / "m.safetensors")


def test_missing_and_unexpected_tensors_are_named(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    model = build(SPECS["cnn-small image"])
    save_model(model, path)
    header = {"spikeproof": json.dumps({"model": model.spec.record()})}
    tensors = load_file(path)
    tensors["body.extra"] = tensors.pop("body.readout.2.bias")
    save_file(tensors, path, metadata=header)
    with pytest.raises(FileProblem, match=r"missing \['body.readout.2.bias'\].*body.extra"):
        load_model(path)


def test_weights_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    model = build(SPECS["cnn-small image"])
    with torch.no_grad():
        model.body.readout[2].bias[0] = float("nan")  # type: ignore[union-attr,index]
    save_model(model, tmp_path / "m.safetensors")
    with pytest.raises(FileProblem, match="not finite"):
        load_model(tmp_path / "m.safetensors")


def test_a_missing_model_file_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(FileProblem, match="There is no model file at"):
        load_model(tmp_path / "nothing.safetensors")


def test_time_first_or_of_another_type_or_device_is_one_sentence(spec: ModelSpec) -> None:
    model, x = build(spec), torch.zeros(2, *spec.domain.shape)
    with pytest.raises(InputError, match="items first"):
        model(inputs(spec, 2).unsqueeze(0))
    for bad, got in ((x.double(), "float64 on cpu"), (x.byte(), "uint8"), (x.to("meta"), "meta")):
        with pytest.raises(InputError, match=f"must be torch.float32 on cpu .* got .*{got}"):
            model(bad)


def test_an_architecture_refuses_a_modality_it_cannot_read() -> None:
    with pytest.raises(SettingError, match="reads audio, not image. For image use: cnn-small"):
        build(ModelSpec(name="tcn-small", domain=IMAGE, classes=4))


def test_an_unknown_architecture_names_the_nearest() -> None:
    with pytest.raises(SettingError, match="Did you mean 'cnn-small'"):
        build(ModelSpec(name="cnn-smal", domain=IMAGE, classes=4))


def test_a_tone_lights_up_its_own_band() -> None:
    bank = FilterBank()
    hz = torch.logspace(
        torch.log10(torch.tensor(600.0)), torch.log10(torch.tensor(1800.0)), bank.bands
    )
    t = torch.arange(800) / 8000.0
    for band in (3, 15, 28):
        tone = 0.3 * torch.sin(2 * torch.pi * hz[band] * t)
        energy = bank(tone[None])[0].mean(1)
        assert int(energy.argmax()) == band
        # A unit-sum window returns the squared amplitude of a tone in the band's centre.
        expected = torch.log1p(torch.tensor(1000.0 * 0.3**2))
        torch.testing.assert_close(energy[band], expected, rtol=0.01, atol=0.0)
