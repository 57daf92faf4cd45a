"""Flags in audits: what is attacked and what is withheld, wherever it is read, and overrides."""

from __future__ import annotations

import json
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from spikeproof.attacks import PGD, Member, MemberStats, Square, Suite
from spikeproof.base import Doubtful, InputError, SettingError, Withheld
from spikeproof.evaluate import Audit, Flag, Outcome, audit, evaluate_ladder, review
from spikeproof.oracle import Passes
from spikeproof.threats import L2, Linf, Threat
from support.faults import DOMAIN, Carry, Foreign, Moves, Sum, X, Y, data_of, only_in_training


def robust(model: nn.Module, radius: float = 0.12, suite: str | Suite = "quick") -> float:
    """Union accuracy of the four items under one threat; each is 0.1 from the boundary of Sum."""
    return audit(model, data_of(), Threat(Linf(), radius, DOMAIN), suite).union_accuracy


def test_the_sound_network_falls_at_its_known_radius() -> None:
    assert robust(Sum(), 0.08) == 1.0
    assert robust(Sum(), 0.12) == 0.0


@pytest.mark.parametrize("suite", ["quick", "standard"])
def test_saturated_probabilities_are_attacked_as_the_logits_that_they_were_made_of(
    suite: str,
) -> None:
    model = Sum(1000.0, lambda z: z.softmax(1))
    assert robust(model, 0.12, suite) == 0.0
    assert robust(model, 0.08, suite) == 1.0
    for softmax in (nn.Softmax(1), lambda z: torch.softmax(z, dim=-1), nn.Softmax(dim=1)):
        assert robust(Sum(1000.0, softmax), 0.12) == 0.0
    with pytest.warns(Doubtful, match="probabilities"), pytest.raises(Withheld):
        robust(Sum(1000.0, lambda z: 1.0 * z.softmax(1)))


def test_margins_of_probabilities_are_those_of_the_logits_and_decide_the_same() -> None:
    """Before, they were differences of probabilities: 1 for every sure item."""
    threat = Threat(Linf(), 0.08, DOMAIN)
    (logits,) = audit(Sum(), data_of(), threat, "quick").outcomes
    net = Sum(after=lambda z: z.softmax(1))
    (soft,) = audit(net, data_of(), threat, "quick").outcomes
    np.testing.assert_allclose(soft.clean_margin, logits.clean_margin, rtol=1e-5)
    np.testing.assert_allclose(soft.clean_margin, -0.8, rtol=1e-5)  # 2 * (4 * 0.6 - 2)
    np.testing.assert_array_equal(soft.broken, logits.broken)
    before = evaluate_ladder(net, data_of().sealed, threat, "quick", seed=0)
    np.testing.assert_allclose(before.clean_margin, -np.tanh(0.4), rtol=1e-5)


def test_a_network_that_writes_into_its_input_changes_no_item_and_has_the_right_number() -> None:
    x = X.clone()
    for radius, wanted in ((0.05, 1.0), (0.06, 0.0)):  # 0.9 * (0.6 - r) * 4 = 2 at r = 0.044...
        found = audit(
            Sum(before=lambda x: x.mul_(0.9)), data_of(x), Threat(Linf(), radius - 0.01, DOMAIN)
        )
        assert found.union_accuracy == wanted
        assert torch.equal(x, X)
    assert "16 of 16 values" in found.table()


def test_buffers_are_what_they_were() -> None:
    model = Moves()
    with pytest.warns(Doubtful, match="batch"):
        audit(model, data_of(torch.rand(4, 1, 2, 2)), Threat(Linf(), 0.05, DOMAIN), "quick")
    assert float(model.bn.running_mean.abs().sum()) == 0.0  # type: ignore[union-attr]


def test_no_gradient_in_evaluation_mode_is_named_before_it_is_met() -> None:
    with (
        pytest.warns(Doubtful),
        pytest.raises(InputError, match=r"StepNeuron \(2\) is in training mode.*self.training"),
    ):
        robust(only_in_training())


def test_heads_and_what_is_no_network_are_refused_at_the_call() -> None:
    with pytest.raises(InputError, match="a tuple of 2"):
        robust(Sum(after=lambda z: (z, z)))  # type: ignore[arg-type, return-value]
    with pytest.raises(InputError, match="audit: model must be a torch.nn.Module; got weights"):
        robust(Sum().state_dict())  # type: ignore[arg-type]


def test_a_surrogate_of_no_width_is_withheld_and_a_wide_one_is_not() -> None:
    model, threat = Foreign(1e-6), Threat(Linf(), 0.05, DOMAIN)
    x = torch.rand(32, 1, 2, 2, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        y = model(x).argmax(1)
    with pytest.warns(Doubtful, match="exactly zero on"):
        found = audit(model, data_of(x, y), threat, "quick")
    assert found.withheld == ("zero-gradient",)
    assert audit(Foreign(1.0), data_of(x, y), threat, "quick").withheld == ()


@pytest.fixture(scope="module")
def carried() -> Audit:
    with pytest.warns(Doubtful, match="Robust accuracy will be withheld. The same 4 inputs"):
        return audit(Carry(), data_of(), Threat(Linf(), 0.12, DOMAIN), "quick")


def test_carried_state_withholds_the_number_everywhere(carried: Audit) -> None:
    assert carried.withheld == ("state",)
    with pytest.raises(Withheld, match=r"withheld \(state\).*v kept.*despite=\('state',\)"):
        _ = carried.union_accuracy
    content = carried.to_dict()
    assert content["union_accuracy"] is content["union_interval"] is None
    (row,) = content["threats"][0]["rows"]
    assert row["robust"] is row["interval"] is None
    assert content["clean_accuracy"] == 1.0
    assert [flag["name"] for flag in content["flags"]] == ["state", "rules"]
    assert content["withheld"] == ["state"]
    lines = carried.table().splitlines()
    assert [line.split()[-1] for line in lines if line.startswith(("linf", "union"))] == [
        "withheld",
        "withheld",
    ]
    assert any(line.startswith("STOP state: The same 4 inputs") for line in lines)
    assert any(line.startswith("flag rules: ") for line in lines)


def test_a_named_option_overrides_it_and_is_shown(tmp_path: Path) -> None:
    threat = Threat(Linf(), 0.12, DOMAIN)
    for despite in ((), ("state",), "state"):  # in one folder: what is stated is no other audit
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            found = audit(Carry(), data_of(), threat, "quick", folder=tmp_path, despite=despite)
        assert [w.category for w in said].count(Doubtful) == (0 if despite else 1)
        stored = json.loads((tmp_path / "audit.json").read_text())
        assert stored["despite"] == (["state"] if despite else [])
        assert Audit.load(tmp_path).to_dict() == found.to_dict()
    assert found.union_accuracy is not None and found.withheld == ()
    assert "Robust accuracy is stated despite state." in found.table()
    with pytest.raises(SettingError, match="unknown flag in audit: despite|state"):
        audit(Carry(), data_of(), threat, "quick", despite="stat")


def test_an_audit_from_before_there_were_flags_reads_as_before(tmp_path: Path) -> None:
    from spikeproof.base import sealed

    audit(Sum(), data_of(), Threat(Linf(), 0.12, DOMAIN), "quick").save(tmp_path)
    path = tmp_path / "audit.json"
    content = json.loads(path.read_text())
    for key in ("flags", "withheld", "despite", "sha256"):
        del content[key]
    path.write_text(json.dumps(sealed(content)))
    found = Audit.load(tmp_path)
    assert found.flags is None
    assert "flags" not in found.to_dict()
    assert "flag" not in found.table()


def outcome(
    broken: Sequence[Sequence[bool]],
    radii: Sequence[float] = (0.1, 0.2),
    *,
    stats: Sequence[MemberStats] = (),
    y: Sequence[int] = (),
    geometry: object = None,
) -> Outcome:
    """An outcome of which only who is broken, and by whom, matters."""
    marks = np.array(broken)
    count, n = marks.shape
    ladder = tuple(Threat(geometry or Linf(), r, DOMAIN) for r in radii)  # type: ignore[arg-type]
    none = np.zeros((count, n))
    return Outcome(
        ladder=ladder,
        items=np.arange(n),
        y=np.array(y or [0] * n),
        clean_margin=-np.ones(n),
        correct=np.ones(n, dtype=bool),
        broken=marks,
        margin=none,
        member=none.astype(np.int16),
        distance=none,
        length=none,
        random_correct=none,
        members=(*(f"attack-{i}" for i in range(len(stats))), "random draws"),
        stats=tuple(stats),
        passes=Passes(),
        gallery=None,
    )


def names(*outcomes: Outcome) -> list[tuple[str, bool]]:
    return [(flag.name, flag.stop) for flag in review(outcomes)]


def test_accuracy_that_does_not_fall_with_the_radius_is_seen() -> None:
    stands, falls = [False] * 20, [True] + [False] * 19
    assert names(outcome([stands, stands])) == [("radius", False)]
    assert names(outcome([stands, falls])) == []
    assert names(outcome([stands, stands], (0.1, 0.15))) == []  # not twice as large
    assert names(outcome([[False] * 8] * 2)) == []  # too few items to say so
    (flag,) = review(outcome([stands, stands]))
    assert "20 of 20 items stand at radius 0.1 and the same 20 at 0.2" in flag.seen


def test_no_network_can_stand_where_every_item_can_be_made_the_same_one() -> None:
    y = [0] * 6 + [1] * 4
    half = [[False] * 10]
    assert names(outcome(half, (0.5,), y=y)) == [("radius", True)]
    (flag,) = review(outcome(half, (0.5,), y=y))
    assert "at most 60.0 % can stand; 100.0 % of 10 do" in flag.seen
    assert names(outcome(half, (0.49,), y=y)) == []
    assert names(outcome([[False] * 6 + [True] * 4], (0.5,), y=y)) == []
    # In l_2 the middle of four values in [0, 1] is 1 away from every corner.
    assert names(outcome(half, (1.0,), y=y, geometry=L2())) == [("radius", True)]
    assert names(outcome(half, (0.99,), y=y, geometry=L2())) == []


def test_gradient_free_attacks_that_beat_gradients_are_seen() -> None:
    by_gradient = MemberStats(tried=20, broke=2, passes=Passes(9, 9))
    lucky = MemberStats(tried=18, broke=6, passes=Passes(900, 0))
    ends = [[True] * 8 + [False] * 12]
    assert names(outcome(ends, (0.1,), stats=[by_gradient, lucky])) == [
        ("gradient-free-wins", False)
    ]
    (flag,) = review(outcome(ends, (0.1,), stats=[by_gradient, lucky]))
    assert "attack-1, which take no gradient, broke 6 of 20 items" in flag.seen
    # First in the suite, it took nothing that a gradient had left.
    assert names(outcome(ends, (0.1,), stats=[lucky, by_gradient])) == []
    assert names(outcome(ends, (0.1,), stats=[by_gradient, by_gradient])) == []


def test_a_loss_that_still_rises_under_every_attack_is_seen() -> None:
    rising = MemberStats(tried=20, not_converged=15, passes=Passes(9, 9))
    flat = MemberStats(tried=20, not_converged=1, passes=Passes(9, 9))
    stands = [[False] * 20]
    assert names(outcome(stands, (0.1,), stats=[rising, rising])) == [("rising", False)]
    assert names(outcome(stands, (0.1,), stats=[rising, flat])) == []
    (flag,) = review(outcome(stands, (0.1,), stats=[rising]))
    assert "on 75 % of 20 turns that broke nothing" in flag.seen


def test_a_masked_network_is_seen_by_what_attacks_do() -> None:
    """The answer of a surrogate that points the wrong way, and a search that asks for none."""

    class Wrong(torch.autograd.Function):
        @staticmethod
        def forward(ctx: object, x: torch.Tensor) -> torch.Tensor:
            return x.clone()

        @staticmethod
        def backward(ctx: object, *grads: torch.Tensor) -> torch.Tensor:
            return -grads[0]

    suite = Suite((Member(attack=PGD(steps=3)), Member(attack=Square(steps=50))))
    x = X.repeat(5, 1, 1, 1)
    found = audit(
        Sum(before=Wrong.apply), data_of(x, Y.repeat(5)), Threat(Linf(), 0.12, DOMAIN), suite,
        draws=0,
    )  # fmt: skip
    assert "gradient-free-wins" in [flag.name for flag in found.flags or ()]
    assert found.union_accuracy == 0.0


def test_a_flag_has_a_known_name() -> None:
    with pytest.raises(SettingError, match="chance"):
        Flag(name="chances", stop=False, seen="", why="", mend="")
    flag = Flag(name="chance", stop=False, seen="a", why="b", mend="c")
    assert Flag.from_record(flag.record()) == flag
