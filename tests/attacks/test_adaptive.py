"""Adaptive suites: which items a member attacks, by what earlier members saw of them."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

import spikeproof as sp
from spikeproof.attacks import PGD, GuidedSearch, Member, Random, Square, Suite, suite
from spikeproof.attacks.suite.progress import STATES, ItemProgress
from spikeproof.base import Seeds, SettingError, seeds
from spikeproof.data import Domain, load
from spikeproof.models import Encoder, Latency, Phase, build
from spikeproof.oracle import Oracle
from spikeproof.threats import L0, L1, L2, Goal, Linf, Threat
from spikeproof.train import CrossEntropy, Objective

ROW = Domain(kind="audio", shape=(2,), low=-1.0, high=1.0)


class Shift(nn.Module):
    """Logits (0, a x_0 - b) of the first feature, so that margins can be written down."""

    def __init__(self, slope: float, away: float) -> None:
        super().__init__()
        self.slope, self.away = slope, away

    def forward(self, x: Tensor) -> Tensor:
        rival = self.slope * x[:, 0] - self.away
        return torch.stack([torch.zeros_like(rival), rival], 1)


def tried(model: nn.Module, members: tuple[Member, ...], threat: Threat) -> list[tuple[int, int]]:
    """Items tried and passed over, per member, of four items at 0 with the true class 0."""
    x, y = torch.zeros(4, 2), torch.zeros(4, dtype=torch.int64)
    found = Suite(members)(model, x, y, threat, seeds=seeds(0, n=4))
    return [(one.tried, one.skipped) for one in found.stats]


FIRST = Member(attack=PGD(steps=20, step_size=1.0, random_start=False))
MORE = Member(attack=PGD(steps=3), on=("close", "near", "blind"))


@pytest.mark.parametrize(
    ("slope", "attacked"),
    [
        (4.0, True),  # radius .2 gains .8 of 1: a fifth is left
        (3.0, False),  # .6 gained, .4 left: far under l_inf
        (0.2, True),  # .04 gained: no gradient has seen anything
    ],
)
def test_far_items_are_left_alone_and_near_and_blind_ones_are_not(
    slope: float, attacked: bool
) -> None:
    done = tried(Shift(slope, 1.0), (FIRST, MORE), Threat(Linf(), 0.2, ROW))
    assert done == [(4, 0), (4, 0) if attacked else (0, 4)]


def test_items_are_near_for_longer_where_few_features_carry_the_change() -> None:
    done = tried(Shift(3.0, 1.0), (FIRST, MORE), Threat(L1(), 0.2, ROW))
    assert done == [(4, 0), (4, 0)]


def test_a_state_does_not_depend_on_the_scale_of_the_logits() -> None:
    for scale in (1e-3, 1.0, 1e3):
        done = tried(Shift(3 * scale, scale), (FIRST, MORE), Threat(Linf(), 0.2, ROW))
        assert done == [(4, 0), (0, 4)]


def test_the_first_member_meets_every_item_whatever_it_asks_for() -> None:
    done = tried(Shift(3.0, 1.0), (MORE, MORE), Threat(Linf(), 0.2, ROW))
    assert done[0] == (4, 0)


def test_rules_at_odds_keep_an_item_near() -> None:
    progress, still = ItemProgress(torch.tensor([-1.0])), torch.zeros(1, dtype=torch.bool)
    progress.note(torch.tensor([0]), torch.tensor([-0.9]), still)
    progress.note(torch.tensor([0]), torch.tensor([-0.5]), still)
    assert STATES[int(progress.states()[0])] == "near"


def test_what_a_search_without_gradients_left_puts_no_rules_at_odds() -> None:
    progress, still = ItemProgress(torch.tensor([-1.0])), torch.zeros(1, dtype=torch.bool)
    progress.note(torch.tensor([0]), torch.tensor([-0.5]), still)
    progress.note(torch.tensor([0]), torch.tensor([-1.0]), still, followed=False)
    assert STATES[int(progress.states()[0])] == "far"


@pytest.mark.parametrize(
    ("searched", "continued", "state"),
    [
        (-0.4, False, "misled"),  # nearer than what followed the gradient
        (-0.54, False, "misled"),  # about as near, though it is the shorter
        (-0.56, False, "far"),
        (-0.4, True, "far"),  # a search that gradients helped says nothing of them
    ],
)
def test_gradients_mislead_where_a_short_search_comes_as_near(
    searched: float, continued: bool, state: str
) -> None:
    progress, still = ItemProgress(torch.tensor([-1.0])), torch.zeros(1, dtype=torch.bool)
    progress.note(torch.tensor([0]), torch.tensor([-0.5]), still)
    progress.note(
        torch.tensor([0]), torch.tensor([searched]), still, followed=continued, continued=continued
    )
    assert STATES[int(progress.states()[0])] == state


def test_what_a_search_made_misled_still_meets_the_members_for_open_items() -> None:
    for name in ("core", "standard"):
        kept = [m for m in suite(name).members if m.on != ("misled",)]
        assert all(("near" in m.on) == ("misled" in m.on) for m in kept)


@pytest.mark.parametrize("name", ["core", "standard"])
@pytest.mark.parametrize(("encoder", "all_"), [(Latency(), True), (Phase(), True), (None, False)])
def test_behind_a_code_every_item_counts_as_misled(
    name: str, encoder: Encoder | None, all_: bool
) -> None:
    data = load("digits")
    net = build("dense", data, width=8, encoder=encoder)
    found = suite(name).fitted(net, data.validation.x[:1]).members
    assert any(isinstance(m.attack, Square) and m.on == ("misled",) for m in suite(name).members)
    for member, fitted in zip(suite(name).members, found, strict=True):
        assert fitted.on == (STATES if all_ and "misled" in member.on else member.on)


def test_what_is_misled_is_searched_from_where_the_long_search_ended() -> None:
    square, guided = suite("standard").members[-2:]
    assert isinstance(square.attack, Square) and isinstance(guided.attack, GuidedSearch)
    assert square.on == guided.on == ("misled",) and guided.continues


def test_behind_a_code_the_last_members_break_what_a_long_search_breaks() -> None:
    data = load("digits")
    net = build("dense", data, width=32, encoder=Latency(), seed=1)
    objective = Objective({"error": (1.0, CrossEntropy())})
    sp.fit(net, data, objective, epochs=6, seed=1, progress=False)
    x, y = data.validation.x[:24], data.validation.y[:24]
    threat, keys = Threat(L2(), 0.2, data.domain), seeds(5, n=24)
    follows = Member(attack=PGD(steps=5, step_size=0.5))
    last = suite("core").members[-2:]
    assert [type(member.attack) for member in last] == [Square, Square]

    def broken(*members: Member) -> Tensor:
        return Suite(members)(net.eval(), x, y, threat, seeds=keys).won

    right = net.eval()(x).argmax(1) == y
    alone = broken(Member(attack=Square(steps=1000))) & right
    assert int((alone & ~broken(follows)).sum()) >= 2
    assert int((broken(follows, *last) & right).sum()) >= int(alone.sum())


def test_a_rising_loss_keeps_an_item_near_until_another_member_has_stopped() -> None:
    progress = ItemProgress(torch.tensor([-1.0]))
    progress.note(torch.tensor([0]), torch.tensor([-0.5]), torch.tensor([True]))
    assert STATES[int(progress.states()[0])] == "near"
    progress.note(torch.tensor([0]), torch.tensor([-0.5]), torch.tensor([False]))
    assert STATES[int(progress.states()[0])] == "far"


def test_every_member_meets_every_item_where_members_are_compared() -> None:
    x, y = torch.zeros(4, 2), torch.zeros(4, dtype=torch.int64)
    found = Suite((FIRST, MORE))(
        Shift(3.0, 1.0), x, y, Threat(Linf(), 0.2, ROW), seeds=seeds(0, n=4), every=True
    )
    assert [one.tried for one in found.stats] == [4, 4]


class Here:
    """An attack that moves nowhere; ``given`` keeps where it was told to begin."""

    def __init__(self) -> None:
        self.given: list[Tensor | None] = []

    def __call__(
        self, oracle: Oracle, x: Tensor, goal: Goal, threat: Threat, *, seeds: Seeds,
        start: Tensor | None = None,
    ) -> Tensor:  # fmt: skip
        self.given.append(start)
        return x


def test_a_member_that_continues_begins_at_the_best_point_of_all() -> None:
    here = Here()
    x, y, threat = torch.zeros(4, 2), torch.zeros(4, dtype=torch.int64), Threat(Linf(), 0.2, ROW)
    both = (
        Member(attack=here),
        FIRST,
        Member(attack=Random()),
        Member(attack=here, continues=True),
    )
    Suite(both)(Shift(4.0, 1.0), x, y, threat, seeds=seeds(0, n=4))
    assert here.given[0] is None and here.given[1] is not None
    assert torch.allclose(here.given[1][:, 0], torch.full((4,), 0.2))


def test_what_a_member_attacks_is_in_its_record() -> None:
    assert Member.from_record(MORE.record()) == MORE
    assert "on" not in Member().record()
    assert Member(on=("blind", "near")) == Member(on=("near", "blind"))


@pytest.mark.parametrize("on", [(), ("hopeless",)])
def test_states_that_do_not_exist_are_refused(on: tuple[str, ...]) -> None:
    with pytest.raises(SettingError, match=r"Member\.on"):
        Member(on=on)


def test_standard_gives_near_and_blind_items_searches_without_gradients() -> None:
    members = suite("standard").members
    assert all("blind" in m.on or m.on == ("misled",) for m in members)
    assert any("near" in m.on and "far" not in m.on for m in members)
    assert any(isinstance(m.attack, GuidedSearch) and m.continues for m in members)
    assert any(isinstance(m.attack, Square) for m in members if "blind" in m.on)


def test_a_member_for_lengths_leaves_counts_alone() -> None:
    x, y = torch.zeros(4, 2), torch.zeros(4, dtype=torch.int64)
    members = (Member(attack=PGD(steps=2), radius="length"), Member(attack=PGD(steps=2)))
    counted = Suite(members)(Shift(0.5, 1.0), x, y, Threat(L0(), 1, ROW), seeds=seeds(0, n=4))
    length = Suite(members)(Shift(0.5, 1.0), x, y, Threat(Linf(), 0.2, ROW), seeds=seeds(0, n=4))
    assert [one.tried for one in counted.stats] == [0, 4]
    assert [one.tried for one in length.stats] == [4, 4]
    assert not Member(attack=PGD(), radius="count").serves(Threat(Linf(), 0.2, ROW))
    with pytest.raises(SettingError, match=r"Member\.radius"):
        Member(radius="long")


def test_what_stands_of_many_batches_fills_one() -> None:
    sizes: list[int] = []

    class Watched:
        def __call__(
            self, oracle: Oracle, x: Tensor, goal: Goal, threat: Threat, *, seeds: Seeds,
            start: Tensor | None = None,
        ) -> Tensor:  # fmt: skip
            sizes.append(len(x))
            return x

    model = Shift(1.0, 0.15)
    # Every third item is out of reach; the first member breaks the others.
    x = torch.where(torch.arange(12) % 3 == 0, -0.5, 0.0)[:, None].repeat(1, 2)
    y = torch.zeros(12, dtype=torch.int64)
    members = (FIRST, Member(attack=Watched()))
    Suite(members)(model, x, y, Threat(Linf(), 0.2, ROW), seeds=seeds(0, n=12), batch_size=4)
    assert sizes == [4]


def test_no_item_is_far_where_outputs_are_probabilities() -> None:
    # .4 of the margin of the logits is left, and of that of the probabilities tanh(.6) / tanh(1.5).
    logits = Shift(9.0, 3.0)
    assert tried(logits, (FIRST, MORE), Threat(Linf(), 0.2, ROW)) == [(4, 0), (0, 4)]
    both = nn.Sequential(logits, nn.Softmax(1))
    assert tried(both, (FIRST, MORE), Threat(Linf(), 0.2, ROW)) == [(4, 0), (4, 0)]
