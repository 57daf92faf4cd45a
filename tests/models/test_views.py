"""Networks of several views, their unimodal twins, and networks for event recordings."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import spikeproof as sp
from spikeproof.base import SettingError
from spikeproof.data import Domain, Views
from spikeproof.models import ModelSpec, Network, build, check_model, load_model, save_model
from spikeproof.models.views import at_steps
from spikeproof.neurons import LIF, PSN, Surrogate
from spikeproof.study import load_plan

IMAGE = Domain(kind="image", shape=(1, 8, 8))
AUDIO = Domain(kind="audio", shape=(1200,), low=-1.0)
EVENTS = Domain(kind="events", shape=(5, 2, 16, 16), high=4.0, integer=True)
LINES = Domain(kind="events", shape=(12, 40), high=3.0, integer=True)
PAIRS = {
    "image and sound": Views((("image", IMAGE), ("audio", AUDIO))),
    "recording and sound": Views((("events", EVENTS), ("audio", AUDIO))),
    "recording and lines": Views((("events", EVENTS), ("cochlea", LINES))),
}
FUSIONS = ("fusion-attention", "fusion-early", "fusion-small")
NEURON = LIF(threshold=0.5, surrogate=Surrogate("arctan", 1.0))


def spec(name: str, domain: Domain | Views) -> ModelSpec:
    """A small network."""
    return ModelSpec(name=name, domain=domain, classes=4, width=4, timesteps=3, neuron=NEURON)


def items(domain: Domain | Views, n: int = 6) -> Tensor:
    """Legal items."""
    low, high = domain.bounds(torch.zeros(()))
    x = low + torch.rand(n, *domain.shape, generator=torch.Generator().manual_seed(1)) * (
        high - low
    )
    return domain.snap(x, torch.zeros_like(x))


def warmed(model: Network, x: Tensor) -> Network:
    """In evaluation mode with statistics of these items."""
    for module in model.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            module.momentum = None
    with torch.no_grad():
        model(x)
    return model.eval()


@pytest.mark.parametrize("pair", PAIRS)
@pytest.mark.parametrize("name", FUSIONS)
def test_a_fusion_hears_every_view_and_its_twin_only_its_own(name: str, pair: str) -> None:
    views = PAIRS[pair]
    x = items(views)
    model = warmed(build(spec(name, views), seed=3), x)
    z = x.clone().requires_grad_()
    logits = model(z)
    assert logits.shape == (6, 4)
    (grad,) = torch.autograd.grad(logits.square().sum(), z)
    state = model.state_dict()
    for view, where in views.slices().items():
        assert grad[:, where].abs().sum() > 0
        twin = build(spec(f"{name}@{view}", views), seed=3)
        fresh = build(spec(name, views), seed=3).state_dict()
        shared = _shared(twin, build(spec(name, views), seed=3), view)
        assert shared  # the same first weights, tensor by tensor
        for mine, other in shared.items():
            assert torch.equal(twin.state_dict()[mine], fresh[other])
        twin = warmed(twin, x)
        z = x.clone().requires_grad_()
        (own,) = torch.autograd.grad(twin(z).square().sum(), z)
        rest = torch.ones(views.size, dtype=torch.bool)
        rest[where] = False
        assert own[:, where].abs().sum() > 0 and not own[:, rest].any()
        other = x.clone()
        other[:, rest] = 0
        assert torch.equal(twin(other), twin(x))
    assert state.keys() == model.state_dict().keys()


def _shared(twin: Network, fusion: Network, view: str) -> dict[str, str]:
    """Every tensor of a twin, by what the fusion calls it."""
    body = fusion.body
    parts = {
        "SmallFusion": {"body.body.": f"body.branches.{view}."},
        "EarlyFusion": {"body.body.0.": f"body.currents.{view}.", "body.body.1.": "body.trunk."},
        "AttentionFusion": {"body.body.0.": f"body.branches.{view}.", "body.body.1.": "body.head."},
    }[type(body).__name__]
    out = {}
    for name in twin.state_dict():
        start = next(s for s in parts if name.startswith(s))
        out[name] = parts[start] + name.removeprefix(start)
    return out


def test_early_and_late_fusion_are_their_twins_where_the_other_view_says_nothing() -> None:
    views, x = PAIRS["image and sound"], items(PAIRS["image and sound"])
    late = warmed(build(spec("fusion-small", views), seed=1), x)
    twins = [late.body.twin(view).eval() for view in ("image", "audio")]  # type: ignore[operator]
    torch.testing.assert_close(late(x), twins[0](x) + twins[1](x))
    early = warmed(build(spec("fusion-early", views), seed=1), x)
    current = early.body.currents["audio"]  # type: ignore[index, union-attr]
    nn.init.zeros_(current.norm.weight), nn.init.zeros_(current.norm.bias)
    twin = early.body.twin("image")  # type: ignore[operator]
    # The image is direct-coded: repeated for 13 steps beside the sound, for 3 alone.
    image = views.unpack(x)["image"]
    steps = at_steps(early.body.currents["image"](image), 13)  # type: ignore[index, union-attr]
    torch.testing.assert_close(early(x), early.body.trunk(steps))  # type: ignore[union-attr, operator]
    assert twin(x).shape == (6, 4)


def test_attention_weighs_steps_by_a_softmax_worked_out_by_hand() -> None:
    head = build(spec("fusion-attention", PAIRS["image and sound"])).body.head  # type: ignore[union-attr]
    tokens = torch.zeros(2, 1, 16)
    tokens[0, 0, 0] = tokens[1, 0, 1] = 1.0
    with torch.no_grad():
        head.query[:2] = torch.tensor([2.0, 2.0 + torch.log(torch.tensor(3.0))])  # type: ignore[index]
        weight, bias = head.readout.weight, head.readout.bias  # type: ignore[union-attr]
    by_hand = 0.25 * weight[:, 0] + 0.75 * weight[:, 1] + bias
    torch.testing.assert_close(head(tokens)[0], by_hand)  # type: ignore[operator]


def test_steps_are_taken_where_time_is_nearest() -> None:
    seven = torch.arange(7.0)[:, None]
    assert at_steps(seven, 3).flatten().tolist() == [1, 3, 5]
    assert at_steps(seven, 7) is seven
    assert at_steps(seven, 14).flatten().tolist() == [i // 2 for i in range(14)]


@pytest.mark.parametrize(
    ("name", "domain", "sentence"),
    [
        ("fusion-small@video", PAIRS["image and sound"], "Unknown view 'video'"),
        ("fusion-small@", PAIRS["image and sound"], "names no twin; write a fusion"),
        ("cnn-small@image", IMAGE, "names no twin"),
        ("fusion-late", PAIRS["image and sound"], "Unknown model 'fusion-late'"),
        ("fusion-early", IMAGE, "fusion-early reads views, not image"),
        ("cnn-events", IMAGE, "needs 16 pixels a side"),
        ("cnn-events", LINES, "needs channels, height and width"),
        ("recurrent-2", IMAGE, "recurrent-2 reads events, not image"),
    ],
)
def test_what_cannot_be_built_is_refused_in_a_sentence(
    name: str, domain: Domain | Views, sentence: str
) -> None:
    with pytest.raises(SettingError, match=sentence):
        build(spec(name, domain))


def test_a_view_of_lines_needs_a_neuron_that_can_be_recurrent() -> None:
    for name in ("fusion-small", "fusion-attention"):
        one = replace(spec(name, PAIRS["recording and lines"]), neuron=PSN(timesteps=12))
        with pytest.raises(SettingError, match="cannot be recurrent"):
            build(one)
    with pytest.raises(SettingError, match="cannot be recurrent"):
        build(replace(spec("recurrent-2", LINES), neuron=PSN(timesteps=12)))


@pytest.mark.parametrize(
    ("shape", "places"), [((10, 2, 34, 34), 16), ((8, 2, 32, 32), 16), ((3, 2, 16, 18), 4)]
)
def test_the_event_network_has_the_size_counted_by_hand(
    shape: tuple[int, ...], places: int
) -> None:
    domain = Domain(kind="events", shape=shape, high=5.0, integer=True)
    model = build(spec("cnn-events", domain))
    convolutions = 4 * 2 * 25 + 8 * 4 * 9 + 16 * 8 * 9
    assert sum(p.numel() for p in model.parameters()) == (
        convolutions + 2 * (4 + 8 + 16) + 16 * places * 4 + 4
    )
    x = items(domain, 2)
    warmed(model, x)
    assert model(x).shape == (2, 4) and [type(m) for m in sp.models.chain(model)]


def test_a_twin_comes_back_from_a_file_and_from_its_record(tmp_path: Path) -> None:
    views = PAIRS["image and sound"]
    twin = build(spec("fusion-attention@audio", views), seed=2)
    assert build(ModelSpec.from_record(twin.spec.record()), seed=2).spec == twin.spec
    path = tmp_path / "twin.safetensors"
    save_model(twin, path)
    x = items(views)
    assert torch.equal(load_model(path).eval()(x), twin.eval()(x))
    assert check_model("fusion-attention@audio") == "fusion-attention"


def test_a_plan_names_a_twin(tmp_path: Path) -> None:
    text = """
name = "twins"
suite = "quick"
seeds = [0]
[[data]]
name = "digits-av"
model = "MODEL"
[[training]]
name = "plain"
terms = { error = { kind = "cross_entropy", weight = 1.0 } }
"""
    plan, bad = tmp_path / "twins.toml", tmp_path / "bad.toml"
    plan.write_text(text.replace("MODEL", "fusion-early@audio"))
    bad.write_text(text.replace("MODEL", "cnn-small@audio"))
    assert load_plan(str(plan)).data[0].model == "fusion-early@audio"
    with pytest.raises(SettingError, match="names no twin"):
        load_plan(str(bad))


def test_spikes_on_seven_hundred_lines_are_learned_by_their_order() -> None:
    # Both classes have the same spikes on each line; only which half comes first tells them apart.
    draws = torch.Generator().manual_seed(0)
    y = torch.arange(64) % 2
    x = torch.zeros(64, 20, 700)
    for item, label in enumerate(y.tolist()):
        rows = torch.randint(0, 350, (2, 60), generator=draws) + torch.tensor([[0], [350]])
        steps = torch.randint(0, 10, (2, 60), generator=draws)
        steps[label] += 10
        x[item].index_put_((steps.flatten(), rows.flatten()), torch.tensor(1.0))
    domain = Domain(kind="events", shape=(20, 700), high=3.0, integer=True)
    model = build(replace(spec("recurrent-2", domain), classes=2, width=16), seed=0)
    adam = torch.optim.Adam(model.parameters(), lr=0.02)
    for _ in range(15):
        adam.zero_grad()
        F.cross_entropy(model(x), y).backward()
        adam.step()
    assert (model.eval()(x).argmax(1) == y).float().mean() > 0.9
