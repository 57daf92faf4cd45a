"""Square, SparseRS, Transfer: what they ask for, what they leave alone, what they refuse."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest
import torch
from torch import Tensor, nn

from spikeproof.attacks import ATTACKS, PGD, Attack, Restarts, SparsePGD, SparseRS, Square, Transfer
from spikeproof.attacks.pieces.schedule import share_at
from spikeproof.attacks.pieces.windows import Canvas
from spikeproof.attacks.square import MARKS
from spikeproof.base import FileProblem, InputError, SettingError, seeds
from spikeproof.data import Domain, Views
from spikeproof.models import ModelSpec, build, save_model
from spikeproof.oracle import Oracle
from spikeproof.threats import (
    L0,
    L1,
    L2,
    Counts,
    Geometry,
    Joint,
    Linf,
    Misclassification,
    Threat,
    ThreatFacts,
)

IMAGE = Domain(kind="image", shape=(3, 8, 8))
EVENTS = Domain(kind="events", shape=(4, 2, 6, 6), high=4.0, integer=True)
AUDIO = Domain(kind="audio", shape=(50,), low=-1.0)
VIEWS = Views((("image", IMAGE), ("audio", AUDIO)))


class Asked(nn.Module):
    """A step function without a gradient that remembers every input; class 1 above 0.45."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[Tensor] = []

    def forward(self, x: Tensor) -> Tensor:
        """Logits."""
        self.seen.append(x.clone())
        value = (x.flatten(1).mean(1) > 0.45).to(x)
        return torch.stack([torch.full_like(value, 0.5), value], dim=1)


@pytest.mark.parametrize(
    ("attack", "threat"),
    [
        (Square(steps=30), Threat(Linf(), 0.3, IMAGE)),
        (SparseRS(steps=30), Threat(L0(), 40.0, IMAGE)),
    ],
    ids=repr,
)
def test_a_won_item_is_left_alone_and_the_others_get_what_they_get_alone(
    attack: Attack, threat: Threat
) -> None:
    x = torch.full((3, 3, 8, 8), 0.3)
    x[0], x[2] = 0.449, 0.01  # soon won, perhaps won, never won
    goal, keys = Misclassification(torch.zeros(3, dtype=torch.int64)), seeds(0, n=3)
    model = Asked()
    with Oracle(model) as oracle:
        together = attack(oracle, x, goal, threat, seeds=keys)
    sizes = [len(seen) for seen in model.seen]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] == 3 and sizes[-1] < 3 and len(sizes) == 32
    assert oracle.passes.forward == sum(sizes) and oracle.passes.backward == 0
    with Oracle(Asked()) as oracle:
        alone = attack(oracle, x[2:], goal[2:], threat, seeds=keys[2:])
    assert torch.equal(together[2:], alone)


def test_square_costs_what_it_says() -> None:
    threat, x = Threat(L2(), 0.5, IMAGE), torch.full((2, 3, 8, 8), 0.3)
    with Oracle(Asked()) as oracle:
        Square(steps=9)(
            oracle, x, Misclassification(torch.tensor([0, 0])), threat, seeds=seeds(0, n=2)
        )
    assert (oracle.passes.forward, oracle.passes.backward) == (2 * 11, 0)


def test_windows_shrink_by_the_published_table_whatever_the_number_of_queries() -> None:
    at = [10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000]
    full = [0.8 / share_at(k + 1, 10_000, 0.8, MARKS) for k in at]
    assert full == pytest.approx([2, 4, 8, 16, 32, 64, 128, 256, 512])
    tenth = [0.8 / share_at(k // 10 + 1, 1000, 0.8, MARKS) for k in at]
    assert tenth == pytest.approx(full)
    assert share_at(0, 5, 0.8, MARKS) == 0.8


@pytest.mark.parametrize("share", [0.8, 0.1, 0.001])
def test_windows_are_squares_boxes_or_spans(share: float) -> None:
    side = max(1, round((share * 64) ** 0.5))
    for threat in (Threat(Linf(), 0.1, d) for d in (IMAGE, EVENTS.relaxed(), AUDIO)):
        canvas = Canvas(threat)
        u = seeds(0, n=40).uniform((canvas.numbers,), torch.float64)
        part = canvas.pick(u[:, 0])
        found = canvas.window(share, part, u, full=True)
        inside = found.inside.view(40, *threat.domain.shape)
        assert torch.equal(found.signs != 0, found.inside)
        assert torch.equal(found.shape != 0, found.inside)
        if threat.domain is IMAGE:
            counts = inside.flatten(1).sum(1)
            assert (counts == 3 * side * side).all()
            assert (inside.any(1).any(1).sum(1) == side).all()  # columns
            assert len(inside.flatten(1).unique(dim=0)) > 1
        elif threat.domain.kind == "events":
            steps = inside.flatten(2).any(2).sum(1)
            assert set(steps.tolist()) == {1, 4}  # one time step or all
        else:
            length = max(1, round(share * 50))
            ends = inside.int().diff(dim=1).ne(0).sum(1)
            assert (inside.sum(1) == length).all() and (ends <= 2).all()


def test_windows_of_packed_views_lie_in_one_view_and_never_in_a_fixed_one() -> None:
    keys = seeds(0, n=60)
    canvas = Canvas(Threat(L2(), 0.5, VIEWS))
    u = keys.uniform((canvas.numbers + 1,), torch.float64)
    inside = canvas.window(0.2, canvas.pick(u[:, 0]), u[:, 1:], full=False).inside
    image, audio = inside[:, :192].any(1), inside[:, 192:].any(1)
    assert (image ^ audio).all() and image.any() and audio.any()
    canvas = Canvas(Threat(Joint({"audio": (L2(), 0.5)}), 1.0, VIEWS))
    inside = canvas.window(0.2, canvas.pick(u[:, 0]), u[:, 1:], full=False).inside
    assert not inside[:, :192].any() and inside[:, 192:].any(1).all()


def test_square_serves_norms_and_says_no_to_counts() -> None:
    yes = [Threat(Linf(), 0.1, VIEWS), Threat(L1(), 3.0, EVENTS)]
    yes += [Threat(Joint({"image": (L2(), 0.1), "audio": (L2(), 1.0)}), 1.0, VIEWS)]
    no = [Threat(L0(), 3.0, IMAGE), Threat(Counts(), 3.0, EVENTS)]
    no += [Threat(Joint({"image": (L2(), 0.1), "audio": (Linf(), 0.1)}), 1.0, VIEWS)]
    assert all(Square().serves(t) for t in yes) and not any(Square().serves(t) for t in no)
    with Oracle(Asked()) as oracle, pytest.raises(SettingError, match="SparseRS"):
        Square()(
            oracle,
            torch.zeros(1, 3, 8, 8),
            Misclassification(torch.tensor([0])),
            no[0],
            seeds=seeds(0, 1),
        )


@dataclass(frozen=True)
class Elsewhere(L2):
    """The Euclidean length under another name, as of another package."""

    facts: ClassVar[Mapping[str, ThreatFacts]] = {
        "elsewhere": ThreatFacts(symbol="e", title="length", order=2.0)
    }

    @property
    def name(self) -> str:
        return "elsewhere"


def test_square_serves_the_norms_of_other_packages() -> None:
    x, goal = torch.rand(2, 3, 8, 8), Misclassification(torch.tensor([0, 1]))

    def found(geometry: Geometry) -> Tensor:
        with Oracle(Asked()) as oracle:
            return Square(steps=20)(
                oracle, x, goal, Threat(geometry, 0.5, IMAGE), seeds=seeds(0, n=2)
            )

    assert torch.equal(found(Elsewhere()), found(L2()))
    assert not SparsePGD().serves(Threat(Elsewhere(), 0.5, IMAGE))
    assert SparsePGD().serves(Threat(L0(pixels=False), 2, IMAGE))
    assert not SparsePGD().serves(Threat(Counts(), 2, EVENTS)), "a count, but of whole events"


@pytest.mark.parametrize("kind", [Square, SparseRS])
def test_settings_that_make_no_sense_are_refused(kind: type[Square] | type[SparseRS]) -> None:
    with pytest.raises(SettingError, match=r"steps must be a whole number >= 1; got 0"):
        kind(steps=0)
    with pytest.raises(SettingError, match=r"share must lie in \(0, 1\]; got 0"):
        kind(share=0.0)


def saved(path: Path, seed: int = 0) -> nn.Module:
    """A network on disk."""
    spec = ModelSpec(name="dense", domain=IMAGE, classes=3, width=16, timesteps=2)
    model = build(spec, seed=seed)
    for _ in range(20):
        model(torch.rand(16, 3, 8, 8))
    save_model(model, path)
    return model


def test_a_model_transfers_to_itself_at_the_price_of_two_queries(tmp_path: Path) -> None:
    model = saved(tmp_path / "m.safetensors")
    x, keys = torch.rand(20, 3, 8, 8), seeds(0, n=20)
    threat, inner = Threat(Linf(), 0.3, IMAGE), PGD(steps=10)
    with Oracle(model) as oracle:
        goal = Misclassification(oracle.logits(x).argmax(1))
        white = goal.margin(oracle.logits(inner(oracle, x, goal, threat, seeds=keys)))
        before = oracle.passes
        attack = Transfer(source=str(tmp_path / "m.safetensors"), attack=inner)
        black = attack(oracle, x, goal, threat, seeds=keys)
        assert oracle.passes.forward - before.forward == 40
        assert oracle.passes.backward == before.backward
        torch.testing.assert_close(goal.margin(oracle.logits(black)), white)
    assert (white > 0).any()


def test_transfer_breaks_a_model_whose_gradient_is_gone(tmp_path: Path) -> None:
    model = saved(tmp_path / "m.safetensors")

    class Masked(nn.Module):
        """The same function, with gradient zero."""

        def forward(self, x: Tensor) -> Tensor:
            return model.eval()(x.detach()) + 0 * x.flatten(1).sum(1, keepdim=True)

    x, keys = torch.rand(20, 3, 8, 8), seeds(0, n=20)
    threat, inner = Threat(Linf(), 0.3, IMAGE), PGD(steps=10, random_start=False)
    with Oracle(Masked()) as oracle:
        goal = Misclassification(oracle.logits(x).argmax(1))
        direct = inner(oracle, x, goal, threat, seeds=keys)
        attack = Transfer(source=str(tmp_path / "m.safetensors"), attack=inner)
        through = attack(oracle, x, goal, threat, seeds=keys)
        won = [int((goal.margin(oracle.logits(p)) > 0).sum()) for p in (direct, through)]
    assert won[0] == 0 < won[1]


def test_transfer_refuses_missing_files_and_foreign_shapes(tmp_path: Path) -> None:
    saved(tmp_path / "m.safetensors")
    goal, keys = Misclassification(torch.tensor([0])), seeds(0, n=1)
    with Oracle(Asked()) as oracle:
        with pytest.raises(FileProblem, match="There is no model file"):
            Transfer(source=str(tmp_path / "no"))(
                oracle, torch.zeros(1, 3, 8, 8), goal, Threat(Linf(), 0.1, IMAGE), seeds=keys
            )
        with pytest.raises(InputError, match=r"shape \(3, 8, 8\); the attacked items have \(50,\)"):
            Transfer(source=str(tmp_path / "m.safetensors"))(
                oracle, torch.zeros(1, 50), goal, Threat(Linf(), 0.1, AUDIO), seeds=keys
            )


def test_records_of_attacks_around_others_are_plain_and_complete() -> None:
    attack = Transfer(source="runs/a.safetensors", attack=Restarts(attack=PGD(steps=3), times=2))
    record = ATTACKS.record(attack)
    assert record["source"] == "runs/a.safetensors"
    assert record["attack"]["attack"]["steps"] == 3
    assert ATTACKS.build(record) == attack
    with pytest.raises(SettingError, match="attack 'transfer': source: Field required"):
        ATTACKS.build("transfer")
    with pytest.raises(SettingError, match=r"unknown setting 'sorce'. Did you mean 'source'"):
        ATTACKS.build({"kind": "transfer", "sorce": "a"})
    with pytest.raises(SettingError, match="source: Input should be a valid string; got 3"):
        ATTACKS.build({"kind": "transfer", "source": 3})
