"""Architectures: sizes counted by hand, direct coding, modes, and settings that are refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from torch import Tensor, nn

import spikeproof as sp
from spikeproof.base import SettingError
from spikeproof.data import Domain
from spikeproof.models import (
    SQE,
    ConvexCombination,
    Encoder,
    Latency,
    ModelSpec,
    Network,
    Phase,
    Poisson,
    Temporal,
    build,
    models,
)
from spikeproof.neurons import IF, PLIF, PSN, Neuron, NoisyLIF, Spiking

CIFAR = Domain(kind="image", shape=(3, 32, 32))
IMAGENET = Domain(kind="image", shape=(3, 224, 224))
CODED = sorted(
    name
    for name in models()
    if name == "dense" or name.startswith(("vgg-", "wrn-", "sew-", "spiking-"))
)
Tiny = Callable[..., ModelSpec]
Draw = Callable[..., Tensor]
Warmed = Callable[[ModelSpec], Network]


def weights(spec: ModelSpec) -> int:
    """How many parameters a network has, without making them."""
    with torch.device("meta"):
        return sum(p.numel() for p in build(spec).parameters())


def conv(before: int, after: int, kernel: int = 3, bias: int = 0) -> int:
    """Parameters of a convolution and the two per channel of its norm."""
    return before * after * kernel**2 + after * bias + 2 * after


def test_vgg_11_has_the_published_size() -> None:
    # Convolutions with bias, their norms, and three linear layers on 512 * 4 * 4 features.
    convolutions = 1792 + 73856 + 295168 + 1180160 + 4 * 2359808
    norms = 2 * (64 + 128 + 256 + 5 * 512)
    linear = (8192 * 4096 + 4096) + (4096 * 4096 + 4096) + (4096 * 10 + 10)
    spec = ModelSpec(name="vgg-11", domain=CIFAR, classes=10, width=64)
    assert weights(spec) == convolutions + norms + linear == 61_377_034


@pytest.mark.parametrize(
    ("name", "pixels", "by_hand"),
    [
        ("vgg-5", 8, conv(3, 64, 3, 1) + conv(64, 128, 3, 1) + conv(128, 128, 3, 1) + 535_562),
        # The published counts of configurations B and D with norms, for 1000 classes.
        ("vgg-13", 224, 133_053_736),
        ("vgg-16", 224, 138_365_992),
    ],
)
def test_the_other_vggs_have_the_size_of_their_tables(name: str, pixels: int, by_hand: int) -> None:
    # 535562 = 128 * 2 * 2 inputs to 1024 hidden units to 10 classes, with biases.
    domain = Domain(kind="image", shape=(3, pixels, pixels))
    classes = 10 if pixels == 8 else 1000
    assert weights(ModelSpec(name=name, domain=domain, classes=classes, width=64)) == by_hand


def test_vgg_9_has_seven_convolutions_and_two_linear_layers() -> None:
    model = build(ModelSpec(name="vgg-9", domain=CIFAR, classes=10, width=4))
    kinds = [type(m) for m in model.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    assert kinds == [nn.Conv2d] * 7 + [nn.Linear] * 2
    assert sum(isinstance(m, Spiking) for m in model.modules()) == 8


@pytest.mark.parametrize("family", ["sew-resnet", "spiking-resnet"])
def test_residual_networks_have_the_size_of_the_networks_they_are_made_after(family: str) -> None:
    # 18, counted by hand: stem, per stage two blocks of two convolutions, three projections.
    widths = [64, 128, 256, 512]
    stages = 4 * conv(64, 64)
    for before, after in pairwise(widths):
        stages += conv(before, after) + 3 * conv(after, after) + conv(before, after, 1)
    by_hand = conv(3, 64) + stages + 512 * 10 + 10
    spec = ModelSpec(name=f"{family}-18", domain=CIFAR, classes=10, width=64)
    assert weights(spec) == by_hand == 11_173_962
    # The published counts for 1000 classes and the large stem.
    large = replace(spec, domain=IMAGENET, classes=1000, stem="imagenet")
    counts = {"18": 11_689_512, "34": 21_797_672, "50": 25_557_032}
    for depth, count in counts.items():
        assert weights(replace(large, name=f"{family}-{depth}")) == count


def test_wrn_16_4_has_the_size_counted_by_hand() -> None:
    def stage(before: int, after: int) -> int:
        first = 2 * before + before * after * 9 + 2 * after + after * after * 9 + before * after
        return first + 2 * (2 * after + after * after * 9)

    shares = 6 * 2
    by_hand = 3 * 16 * 9 + stage(16, 64) + stage(64, 128) + stage(128, 256) + 2 * 256 + 2570
    spec = ModelSpec(name="wrn-16-4", domain=CIFAR, classes=10, width=16)
    assert weights(spec) == by_hand + shares == 2_748_890 + 12


def test_a_convex_combination_starts_at_one_half_and_stays_convex() -> None:
    mix, a, b = ConvexCombination(2), torch.rand(3), torch.rand(3)
    torch.testing.assert_close(mix(a, b), (a + b) / 2)
    nn.init.normal_(mix.scores, std=3.0)
    mixed = mix(a, b)
    assert (mixed >= torch.minimum(a, b)).all() and (mixed <= torch.maximum(a, b)).all()


def test_wrn_mixes_every_block_and_learns_the_shares(tiny: Tiny, draw: Draw) -> None:
    spec = tiny("wrn-16-4")
    model = build(spec).double()
    model(draw(spec)).square().sum().backward()
    mixes = [m for m in model.modules() if isinstance(m, ConvexCombination)]
    assert len(mixes) == 6
    assert all(m.scores.grad is not None and m.scores.grad.abs().sum() > 0 for m in mixes)


@pytest.mark.parametrize("name", CODED)
def test_an_image_is_the_same_as_equal_frames_at_every_step(
    name: str, tiny: Tiny, draw: Draw, warmed: Warmed
) -> None:
    spec = tiny(name)
    model, x = warmed(spec), draw(spec)
    frames = Domain(kind="events", shape=(spec.timesteps, *spec.domain.shape))
    shown = build(replace(spec, domain=frames)).double().eval()
    shown.load_state_dict(model.state_dict())
    again = shown(x.unsqueeze(1).expand(-1, spec.timesteps, -1, -1, -1))
    torch.testing.assert_close(model(x), again, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", [*CODED, "recurrent"])
def test_an_item_alone_has_the_logits_it_has_in_a_batch(
    name: str, tiny: Tiny, draw: Draw, warmed: Warmed
) -> None:
    spec = tiny(name, kind="events")
    model, x = warmed(spec), draw(spec)
    whole = model(x)
    assert not torch.equal(whole[0], whole[1]), "the inputs reach the logits"
    torch.testing.assert_close(model(x[1:2]), whole[1:2], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("norm", ["batch", "per-step", "tdbn"])
@pytest.mark.parametrize("kind", ["image", "events"])
@pytest.mark.parametrize("name", ["vgg-5", "wrn-16-4", "sew-resnet-18", "spiking-resnet-18"])
def test_a_gradient_reaches_every_weight_with_every_norm(
    name: str, kind: str, norm: str, tiny: Tiny, draw: Draw
) -> None:
    spec = tiny(name, kind=kind, norm=norm)
    model, x = build(spec).double(), draw(spec).requires_grad_(True)
    model(x).square().sum().backward()
    assert x.grad is not None and x.grad.flatten(1).abs().sum(1).gt(0).all()
    for key, weight in model.named_parameters():
        assert weight.grad is not None and torch.isfinite(weight.grad).all(), key


@pytest.mark.parametrize("name", ["dense", "vgg-5", "wrn-16-4", "sew-resnet-18"])
@pytest.mark.parametrize("encoder", [Latency(), Phase(weighted=True), Poisson(), Temporal(), SQE()])
def test_every_encoder_feeds_every_stem_and_the_pixels_hear_of_it(
    name: str, encoder: Encoder, tiny: Tiny, draw: Draw
) -> None:
    spec = tiny(name, encoder=encoder, norm="per-step")
    model, x = build(spec).double(), draw(spec).requires_grad_(True)
    model(x).square().sum().backward()
    assert x.grad is not None and x.grad.flatten(1).abs().sum(1).gt(0).all()


@pytest.mark.parametrize("neuron", [IF(reset="soft"), PLIF(), PSN(timesteps=3), NoisyLIF()])
@pytest.mark.parametrize("name", ["vgg-5", "wrn-16-4", "sew-resnet-18"])
def test_every_neuron_fits(name: str, neuron: Neuron, tiny: Tiny, draw: Draw) -> None:
    spec = tiny(name, neuron=neuron, norm="tdbn")
    logits = build(spec).double()(draw(spec))
    assert logits.shape == (3, 4) and torch.isfinite(logits).all()


@pytest.mark.parametrize("name", ["vgg-9", "wrn-16-4", "sew-resnet-18", "spiking-resnet-18"])
def test_channels_last_changes_no_logit(name: str, tiny: Tiny, draw: Draw, warmed: Warmed) -> None:
    spec = tiny(name)
    model, x = warmed(spec), draw(spec)
    logits = model(x)
    model = model.to(memory_format=torch.channels_last)
    again = model(x.contiguous(memory_format=torch.channels_last))
    torch.testing.assert_close(again, logits, rtol=1e-9, atol=1e-9)


def test_sew_adds_spikes_and_spiking_resnet_stays_binary(
    tiny: Tiny, draw: Draw, warmed: Warmed
) -> None:
    top = {}
    for family in ("sew", "spiking"):
        spec = tiny(f"{family}-resnet-18")
        model, seen = warmed(spec), []
        blocks = model.body.blocks
        assert isinstance(blocks, nn.Sequential)
        for block in blocks:
            block.register_forward_hook(lambda module, args, out, seen=seen: seen.append(out))
        model(draw(spec))
        assert all(torch.equal(out, out.round()) and out.min() >= 0 for out in seen)
        top[family] = max(int(out.max()) for out in seen)
    assert top["spiking"] == 1 < top["sew"]


def test_pooling_and_stem_change_what_they_say(tiny: Tiny) -> None:
    kinds = {"average": nn.AvgPool2d, "max": nn.MaxPool2d}
    for pooling, kind in kinds.items():
        vgg = build(tiny("vgg-9", pooling=pooling))
        sew = build(tiny("sew-resnet-18", pooling=pooling, stem="imagenet"))
        small = build(tiny("cnn-small", pooling=pooling))
        other = kinds["max" if pooling == "average" else "average"]
        for model, count in ((vgg, 3), (sew, 1), (small, 1)):
            assert sum(isinstance(m, kind) for m in model.modules()) == count
            assert not any(isinstance(m, other) for m in model.modules())
    stem = next(m for m in sew.modules() if isinstance(m, nn.Conv2d))
    assert stem.kernel_size == (7, 7) and stem.stride == (2, 2)


def test_the_small_network_takes_the_largest_spike_of_every_step(
    tiny: Tiny, draw: Draw, warmed: Warmed
) -> None:
    # Written out: pool, flatten and read out at every step, then the mean over time.
    for pooling, pooled in (
        ("max", nn.functional.max_pool2d),
        ("average", nn.functional.avg_pool2d),
    ):
        spec = tiny("cnn-small", pooling=pooling)
        model, x = warmed(spec), draw(spec)
        seen: list[Tensor] = []
        spiking = model.body.spikes_2
        spiking.register_forward_hook(lambda module, args, out, seen=seen: seen.append(out))
        logits = model(x)
        linear = model.body.readout[2]
        steps = torch.stack([linear(pooled(spikes, 2).flatten(1)) for spikes in seen[0]])
        assert torch.allclose(logits, steps.mean(0), atol=1e-5)
    average, largest = (build(tiny("cnn-small", pooling=p)) for p in ("average", "max"))
    same = zip(average.state_dict().items(), largest.state_dict().items(), strict=True)
    assert all(a == b and torch.equal(v, w) for (a, v), (b, w) in same)


@pytest.mark.parametrize(
    ("name", "settings", "said"),
    [
        ("vgg-9", {"stem": "imagenet"}, "vgg-9 has no choice of stem; leave it at 'cifar'"),
        ("cnn-small", {"norm": "tdbn"}, "cnn-small has no choice of norm"),
        ("wrn-16-4", {"pooling": "max"}, "wrn-16-4 has no choice of pooling"),
        ("sew-resnet-18", {"pooling": "max"}, "pools only in the stem 'imagenet'"),
        ("dense", {"norm": "tdnb"}, "Unknown norm 'tdnb'. Did you mean 'tdbn'"),
        ("dense", {"stem": "imagnet"}, "Did you mean 'imagenet'"),
        ("vgg-12", {}, "Did you mean 'vgg-1"),
    ],
)
def test_settings_without_a_meaning_are_refused(
    name: str, settings: dict[str, str], said: str, tiny: Tiny
) -> None:
    with pytest.raises(SettingError, match=said):
        build(tiny(name, **settings))


def test_images_too_small_for_the_pools_are_one_sentence(tiny: Tiny) -> None:
    small = Domain(kind="image", shape=(3, 31, 40))
    with pytest.raises(SettingError, match="halves its images 5 times and needs at least 32 x 32"):
        build(tiny("vgg-16", domain=small))


def test_spike_trains_go_to_networks_that_do_not_convolve(tiny: Tiny) -> None:
    trains = Domain(kind="events", shape=(6, 7))
    for name in ("dense", "recurrent"):
        assert build(tiny(name, domain=trains))(torch.rand(2, 6, 7)).shape == (2, 4)
    with pytest.raises(SettingError, match="needs channels, height and width"):
        build(tiny("vgg-5", domain=trains))


def test_the_front_door_takes_names_and_choices() -> None:
    model = sp.build("vgg-9", sp.load("digits"), width=4, norm="tdbn", pooling="max")
    assert (model.spec.norm, model.spec.pooling, model.spec.stem) == ("tdbn", "max", "cifar")
    assert build(model.spec).spec == model.spec


def test_records_without_the_newer_settings_still_load(tiny: Tiny) -> None:
    record = tiny("cnn-small").record()
    for name in ("norm", "pooling", "stem"):
        record.pop(name)
    assert ModelSpec.from_record(record) == tiny("cnn-small")
