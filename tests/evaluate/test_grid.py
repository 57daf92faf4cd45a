"""The grid of joint budgets: closed form on a plane, invariants on every item, and going on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from spikeproof.attacks import PGD, Member, Suite
from spikeproof.base import FileProblem, InputError, SettingError, seeds
from spikeproof.data import Dataset, DataSpec, Domain, Split, Views, load
from spikeproof.evaluate import JointGrid, joint_grid, verify
from spikeproof.evaluate import grid_cells as engine
from spikeproof.metrics import cross_modal_rescue, fusion_gain, grid_violations, modality_gap
from spikeproof.threats import Counts, Joint, Linf, Threat

SIDE = Domain(kind="audio", shape=(3,), low=-50.0, high=50.0)
BOTH = Views((("left", SIDE), ("right", SIDE)))
OWN = {"left": 0.4, "right": 0.2}
FACTORS = (0.0, 0.5, 1.0, 1.5, 2.0)
ONE = Suite((Member(attack=PGD(steps=3, step_size=1.0, random_start=False)),))


class Plane(nn.Module):
    """Two classes on either side of a plane through both views, or through one."""

    def __init__(self, *views: str) -> None:
        super().__init__()
        normal = torch.tensor([2.0, -1.0, 1.0, 0.5, 3.0, -2.0]).double()
        for view, where in BOTH.slices().items():
            normal[where] *= view in views
        self.normal = nn.Parameter(normal)

    def forward(self, x: Tensor) -> Tensor:
        score = x @ self.normal
        return torch.stack([score, -score], 1)


def data(n: int = 60) -> Dataset:
    """Random pairs; about a tenth carries the wrong label."""
    x = seeds(3, n=n).normal((6,), torch.float64)
    y = (x @ Plane("left", "right").normal.detach() < 0).long()
    y[::10] = 1 - y[::10]
    split = Split(x, y, torch.arange(100, 100 + n))
    spec = DataSpec(
        name="pairs", version="1", classes=2, modality="audio-visual", licence="", source="",
        sha256="0" * 64, joint=OWN,
    )  # fmt: skip
    return Dataset(spec=spec, domain=BOTH, train=split, validation=split, sealed=split)


@pytest.fixture(scope="module")
def grid() -> JointGrid:
    """The grid of the plane through both views, with its twins."""
    twins = {view: Plane(view) for view in OWN}
    return joint_grid(
        Plane("left", "right"), data(), suite=ONE, twins=twins, draws=2, despite=("state",)
    )


def test_on_a_plane_every_item_falls_exactly_where_both_budgets_reach_the_border(
    grid: JointGrid,
) -> None:
    pairs, normal = data().sealed, Plane("left", "right").normal.detach()
    score = (pairs.x @ normal).abs().numpy()
    reach = {v: float(normal[where].abs().sum()) for v, where in BOTH.slices().items()}
    assert grid.views == ("left", "right")
    assert grid.radii("left") == pytest.approx((0.0, 0.2, 0.4, 0.6, 0.8))
    for i, a in enumerate(grid.radii("left")):
        for j, b in enumerate(grid.radii("right")):
            falls = score < a * reach["left"] + b * reach["right"]
            assert grid.broken[i, j].tolist() == (falls | ~grid.correct).tolist()
    assert grid.accuracy[0, 0] == 0.9 and grid.accuracy[4, 4] < 0.4
    for view, where in BOTH.slices().items():
        alone = (pairs.x[:, where] @ normal[where]).numpy()
        right = (alone < 0) == (pairs.y.numpy() == 1)
        for level, radius in enumerate(grid.radii(view)):
            holds = right & (np.abs(alone) > radius * reach[view])
            assert grid.standing_twin(view)[level].tolist() == holds.tolist()


def test_every_item_keeps_the_invariants_and_every_kept_input_holds_when_verified_again(
    grid: JointGrid,
) -> None:
    assert grid_violations(grid.broken) == {"first": 0, "second": 0, "single": 0}
    assert (np.diff(grid.margin, axis=0) >= 0).all() and (np.diff(grid.margin, axis=1) >= 0).all()
    pairs, again = data().sealed, np.broadcast_to(~grid.correct, grid.broken.shape).copy()
    for item, (i, j), x_adv in zip(
        grid.found_items, grid.found_cells, grid.found_x_adv, strict=True
    ):
        at = int(item) - 100
        budgets = {
            view: (Linf(), FACTORS[level] * OWN[view])
            for view, level in zip(grid.views, (i, j), strict=True)
            if level
        }
        near, far = pairs.x[at : at + 1], torch.from_numpy(x_adv)[None]
        threat = Threat(Joint(budgets), 1.0, BOTH)
        assert verify(Plane("left", "right"), near, far, pairs.y[at : at + 1], threat).won.all()
        for view, where in BOTH.slices().items():
            if view not in budgets:
                assert far[:, where].numpy().tobytes() == near[:, where].numpy().tobytes()
        again[i:, j:, at] = True
    assert (again == grid.broken).all()  # the kept inputs alone say the whole grid


def test_the_measures_of_the_grid_are_those_counted_by_hand(grid: JointGrid) -> None:
    left, right = grid.standing[2, 0], grid.standing[0, 2]
    assert modality_gap(left, right).value == pytest.approx(left.mean() - right.mean())
    twins = {view: grid.standing_twin(view)[2] for view in grid.views}
    best, gain = fusion_gain(grid.standing[2, 2], twins)
    assert twins[best].mean() == max(t.mean() for t in twins.values())
    assert gain.value == pytest.approx(grid.standing[2, 2].mean() - twins[best].mean())
    assert gain.low <= gain.value <= gain.high and gain.n == 60
    lost = grid.twins["left"].broken[2] & grid.twins["left"].correct
    saved = cross_modal_rescue(left, lost)
    assert saved.value == pytest.approx(left[lost].mean()) and 0 < saved.value <= 1


def test_a_killed_grid_goes_on_and_gives_the_same_bytes(
    grid: JointGrid, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    settings: dict[str, Any] = {
        "suite": ONE, "draws": 2, "despite": ("state",),
        "twins": {view: Plane(view) for view in OWN},
    }  # fmt: skip

    def stop(title: str, done: int, total: int) -> None:
        asked.append(title)
        assert total == 32
        if done == 9:
            raise KeyboardInterrupt

    place = tmp_path / "grid"
    with pytest.raises(KeyboardInterrupt):
        joint_grid(Plane("left", "right"), data(), folder=place, progress=stop, **settings)
    (place / "cells" / "fusion-0-2.npz").write_bytes(b"cut")
    rungs, run = [], engine.LadderEvaluation.rung

    def rung(self: Any, threat: Threat) -> None:
        rungs.append(threat)
        run(self, threat)

    monkeypatch.setattr(engine.LadderEvaluation, "rung", rung)
    after = joint_grid(Plane("left", "right"), data(), folder=place, **settings)
    assert len(rungs) == 32 - 9 + 1  # the damaged one again
    for one in (after, JointGrid.load(place)):
        for name in ("broken", "margin", "member", "found_items", "found_cells", "found_x_adv"):
            assert np.array_equal(getattr(one, name), getattr(grid, name)), name
        assert one.twins.keys() == grid.twins.keys()
    with pytest.raises(FileProblem, match="holds another grid of budgets"):
        joint_grid(Plane("left", "right"), data(), folder=place, seed=1, **settings)
    text = (place / "joint.json").read_text()
    (place / "joint.json").write_text(text.replace('"schema":1', '"schema": 1').replace("0.9", "1"))
    with pytest.raises(FileProblem, match="was changed"):
        JointGrid.load(place)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"factors": (0.5, 1.0)}, "ascend from 0"),
        ({"factors": (0.0, 1.0, 1.0)}, "ascend from 0"),
        ({"views": {"left": (Linf(), 0.1)}}, "has two views; got left of left, right"),
        ({"views": {"left": (Linf(), 0.1), "top": (Linf(), 0.1)}}, "unknown view 'top'"),
        ({"views": {"left": (Linf(), 0.1), "right": (Linf(), 0.0)}}, "needs a radius above 0"),
        (
            {"views": {"left": (Counts(), 1.0), "right": (Linf(), 0.1)}},
            r"radii \[0.0, 0.0, 1.0, 1.0, 2.0\] are not all different",
        ),
        ({"twins": {"top": Plane("left")}}, "twin of 'top'"),
        ({"draws": -1}, "draws"),
    ],
)
def test_what_makes_no_grid_is_refused_in_a_sentence(change: dict[str, Any], sentence: str) -> None:
    with pytest.raises(SettingError, match=sentence):
        joint_grid(Plane("left", "right"), data(), **{"suite": ONE, **change})


def test_one_view_makes_no_grid_and_measures_need_the_same_items() -> None:
    with pytest.raises(SettingError, match="digits has one"):
        joint_grid(nn.Linear(64, 10), load("digits"))
    with pytest.raises(InputError, match="verdicts on the same items"):
        modality_gap(np.ones(3, bool), np.ones(4, bool))
    with pytest.raises(InputError, match="at least one unimodal twin"):
        fusion_gain(np.ones(3, bool), {})
    with pytest.raises(InputError, match=r"is \(F, G, items\)"):
        grid_violations(np.ones((2, 2), bool))
    assert np.isnan(cross_modal_rescue(np.ones(3, bool), np.zeros(3, bool)).value)
