"""When a loss counts as still rising."""

from __future__ import annotations

import torch

from spikeproof.oracle import Trend


def noted(*series: list[float]) -> Trend:
    trend = Trend()
    for scores in zip(*series, strict=True):
        trend.note(torch.arange(len(series)), torch.tensor(scores))
    return trend


def test_the_last_ten_steps_decide_against_the_whole_gain() -> None:
    steady = [float(k) for k in range(100)]  # the last ten gain 10 of 99
    late = [0.0] * 89 + [1.0] * 11  # all before the last ten
    slow = [k**0.25 for k in range(100)]  # 2.5 % in the last ten
    still = [3.0] * 100
    falling = [-float(k) for k in range(100)]
    assert noted(steady, late, slow, still, falling).not_converged(5).tolist() == [
        True, False, False, False, False,
    ]  # fmt: skip


def test_a_short_run_is_never_trusted_and_an_unasked_item_is_not_rising() -> None:
    trend = noted([1.0] * 10)
    assert trend.not_converged(3).tolist() == [True, False, False]
    trend.note(torch.tensor([0]), torch.tensor([1.0]))
    assert trend.not_converged(3).tolist() == [False, False, False]


def test_items_keep_their_own_series_when_others_are_dropped() -> None:
    trend = Trend()
    for k in range(40):
        rows = torch.tensor([0, 1, 2]) if k < 15 else torch.tensor([2, 0])
        score = torch.tensor([float(k), 0.0, 0.0]) if k < 15 else torch.tensor([0.0, float(k)])
        trend.note(rows, score)
    assert trend.not_converged(3).tolist() == [True, False, False]
