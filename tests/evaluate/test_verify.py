"""The second look: what it measures, what it refuses, and that it trusts nobody."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from spikeproof.base import IllegalAdversarial, InputError, seeds
from spikeproof.data import Domain, Views
from spikeproof.evaluate import plain_logits, verify
from spikeproof.threats import L0, L1, L2, Counts, Joint, Linf, Misclassification, Threat

IMAGE = Domain(kind="image", shape=(2, 4, 4))
EVENTS = Domain(kind="events", shape=(3, 2, 4, 4), high=5.0, integer=True)
RASTER = Domain(kind="events", shape=(3, 8), high=5.0, integer=True)
VIEWS = Views(
    (
        ("image", Domain(kind="image", shape=(1, 2, 2))),
        ("audio", Domain(kind="audio", shape=(5,), low=-1.0)),
        ("other", Domain(kind="audio", shape=(3,), low=-1.0)),
    )
)
JOINT = Joint({"image": (Linf(), 0.1), "audio": (L2(), 0.2)})
THREATS = {
    "linf": Threat(Linf(), 0.1, IMAGE),
    "l2": Threat(L2(), 0.7, IMAGE),
    "l1": Threat(L1(), 2.0, IMAGE),
    "l0": Threat(L0(), 3, IMAGE),
    "l0-features": Threat(L0(pixels=False), 3, IMAGE),
    "frames": Threat(L2(), 2.0, EVENTS.relaxed()),
    "counts": Threat(Counts(), 6, EVENTS),
    "event pixels": Threat(L0(), 4, EVENTS),
    "raster spikes": Threat(L0(), 4, RASTER),
    "joint": Threat(JOINT, 1.5, VIEWS),
}


class Mean(nn.Module):
    """Two classes: the mean of the input, and one half."""

    def forward(self, x: Tensor) -> Tensor:
        mean = x.flatten(1).mean(1)
        return torch.stack([mean, torch.full_like(mean, 0.5)], 1)


def clean(threat: Threat, n: int = 4) -> Tensor:
    """Legal inputs in the middle of the domain."""
    x = torch.zeros(n, *threat.domain.shape)
    return x + 2 if isinstance(threat.domain, Domain) and threat.domain.integer else x + 0.5


def look(threat: Threat, x: Tensor, x_adv: Tensor) -> object:
    return verify(Mean(), x, x_adv, torch.zeros(len(x), dtype=torch.int64), threat)


@pytest.mark.parametrize("name", THREATS)
@given(seed=st.integers(0, 10**6))
def test_the_checker_and_the_geometry_agree_on_random_points(name: str, seed: int) -> None:
    threat = THREATS[name]
    x = clean(threat, 3)
    x_adv = threat.sample(x, seeds(seed, n=3))
    found = look(threat, x, x_adv)
    torch.testing.assert_close(found.distance, threat.distance(x_adv, x), rtol=1e-12, atol=1e-15)
    length = (x_adv.double() - x.double()).flatten(1).norm(dim=1)
    torch.testing.assert_close(found.length, length, rtol=1e-12, atol=1e-15)


def too_far(name: str, x: Tensor) -> Tensor:
    """A point just outside the ball, inside box and grid."""
    z = x.clone()
    flat = z[1].view(-1)
    if name == "linf":
        flat[3] += 0.1 * (1 + 3e-6)
    elif name == "l2":
        flat[:2] += 0.7 * (1 + 3e-6) / math.sqrt(2)
    elif name == "l1":
        flat[:5] += 0.4 * (1 + 3e-6)
    elif name == "l0":
        z[1, 0, 0, :4] += 0.1
    elif name == "l0-features":
        z[1, :, 0, :2] += 0.1
    elif name == "frames":
        flat[:4] += 1 + 3e-6
    elif name == "counts":
        flat[:7] += 1
    elif name == "event pixels":
        z[1, :, 1, 0, 0] += 1
        z[1, :2, 0, 1, 1] -= 1
    elif name == "raster spikes":
        z[1, :2, 3:6] += 1
    else:
        z[1, 0] += 0.15 * (1 + 3e-6)
    return z


@pytest.mark.parametrize("name", THREATS)
def test_a_point_just_outside_the_ball_is_refused_and_named(name: str) -> None:
    threat = THREATS[name]
    x = clean(threat)
    with pytest.raises(IllegalAdversarial, match=rf"Item 1 moved .* under {threat.name} where"):
        look(threat, x.double(), too_far(name, x.double()))


@pytest.mark.parametrize("name", ["linf", "l2", "l1"])
def test_rounding_within_a_millionth_of_the_radius_passes(name: str) -> None:
    threat = THREATS[name]
    x = clean(threat).double()
    z = x + (too_far(name, x) - x) * (1 - 2.5e-6)
    assert float(look(threat, x, z).distance[1]) > threat.radius


def test_a_view_that_the_joint_threat_does_not_name_must_not_change() -> None:
    threat = THREATS["joint"]
    x = clean(threat)
    z = x.clone()
    z[2, -1] += 1e-6
    with pytest.raises(IllegalAdversarial, match="Item 2 moved inf under joint"):
        look(threat, x, z)


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        (float("nan"), "Item 3 holds values that are not finite"),
        (float("inf"), "Item 3 holds values that are not finite"),
        (-1.0, r"Item 3 lies outside the domain \(values -1..2\)"),
        (5.5, "or off its grid"),
        (2.25, "or off its grid"),
    ],
)
def test_points_outside_box_and_grid_are_refused(value: float, sentence: str) -> None:
    threat = Threat(Counts(), 100, EVENTS)
    x = clean(threat)
    z = x.clone()
    z[3, 0, 0, 0, 0] = value
    with pytest.raises(IllegalAdversarial, match=sentence):
        look(threat, x, z)


def test_errors_name_the_item_by_its_number_in_the_data_set() -> None:
    threat = THREATS["linf"]
    x = clean(threat)
    items = torch.tensor([40, 41, 42, 43])
    with pytest.raises(IllegalAdversarial, match="Item 41 moved"):
        verify(
            Mean(), x, too_far("linf", x), torch.zeros(4, dtype=torch.int64), threat, items=items
        )


def test_a_geometry_that_lies_about_distances_is_found_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Linf, "distance", lambda self, x_adv, x, domain: torch.zeros(len(x)))
    threat = THREATS["linf"]
    x = clean(threat)
    with pytest.raises(IllegalAdversarial, match=r"moved 0\.19999"):
        look(threat, x, x + 0.2)


def test_success_is_that_of_the_plain_forward_pass_and_ties_count() -> None:
    threat = Threat(Linf(), 0.5, Domain(kind="audio", shape=(2,)))
    x = torch.full((3, 2), 0.6)
    x_adv = torch.tensor([[0.7, 0.7], [0.5, 0.5], [0.4, 0.4]])
    y = torch.zeros(3, dtype=torch.int64)
    found = verify(Mean(), x, x_adv, y, threat)
    assert found.won.tolist() == [False, True, True]
    assert torch.equal(found.won, Misclassification(y).margin(plain_logits(Mean(), x_adv)) > 0)
    assert found.predicted.tolist() == [0, 0, 1]


def test_the_model_is_asked_in_evaluation_mode_and_gets_its_modes_back() -> None:
    model = nn.Sequential(nn.Flatten(), nn.BatchNorm1d(4), nn.Dropout(0.5), nn.Linear(4, 2))
    model[1].eval()
    x = torch.rand(6, 1, 2, 2, generator=torch.Generator().manual_seed(0))
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    one, two = plain_logits(model, x), plain_logits(model, x)
    assert torch.equal(one, two)
    assert [m.training for m in model] == [True, False, True, True]
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())


@pytest.mark.parametrize(
    ("model", "sentence"),
    [
        (nn.Flatten(0), r"N = 4, items first; got \(8,\)"),
        (nn.Identity(), r"got \(4, 2, 1\)"),
    ],
)
def test_a_model_with_another_layout_is_refused(model: nn.Module, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        plain_logits(model, torch.zeros(4, 2, 1))


def test_logits_that_are_not_finite_are_neither_right_nor_wrong() -> None:
    class Broken(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.stack([x[:, 0], 1 / x[:, 1]], 1)

    with pytest.raises(InputError, match="not finite, first for item 1 of a batch of 2"):
        plain_logits(Broken(), torch.tensor([[1.0, 1.0], [1.0, 0.0]]))


def test_shapes_and_labels_that_do_not_fit_are_refused() -> None:
    threat = THREATS["linf"]
    x = clean(threat)
    with pytest.raises(InputError, match="must have the shape of x"):
        look(threat, x, x[:2])
    with pytest.raises(InputError, match=r"Labels must lie in 0\.\.1; got 0\.\.7"):
        verify(Mean(), x, x, torch.tensor([0, 1, 7, 0]), threat)
