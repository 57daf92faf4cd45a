"""How long a run still takes, from made-up times of the cells that are done."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from spikeproof.study import Cell
from spikeproof.study.status import seconds_left


def cell(kind: str, threat: str = "", *, cost: float = 100.0, training: str = "own") -> Cell:
    """A cell with its expected effort."""
    content = {"kind": kind, "data": "digits", "training": training, "seed": 0}
    if threat:
        content["threat"] = {"name": threat}
    where = f"{kind} {threat} {training}"
    return Cell(
        id=where, cell=content, parent=None, data_sha256="", code_sha256="", cost=cost
    )  # fmt: skip


def after(cells: Sequence[Cell], spent: Sequence[float], *, workers: int = 1) -> float | None:
    """What is left when the first cells took so long."""
    done = cells[: len(spent)]
    took = {one.id: seconds for one, seconds in zip(done, spent, strict=True)}
    return seconds_left(done, took, cells[len(spent) :], workers=workers)


# As measured of an audit of digits: the checks take a tenth of a second, a ladder six to nine.
AUDIT = [
    cell("network", cost=0.0),
    cell("diagnosis", cost=0.13),
    *(cell("attack", norm, cost=143.87) for norm in ("linf", "l2", "l1", "l0")),
]
TOOK = [0.04, 0.065, 8.2, 9.2, 9.8, 6.1]


def test_checks_of_a_tenth_of_a_second_say_nothing_of_ladders() -> None:
    """They did: 4 x 143.87 at .5 s a unit are "about 5 min", and half a minute was left."""
    assert after(AUDIT, TOOK[:1]) is None
    assert after(AUDIT, TOOK[:2]) is None
    for number in (3, 4, 5):
        left = after(AUDIT, TOOK[:number])
        assert left is not None and left == pytest.approx(sum(TOOK[number:]), rel=0.6)
    assert after(AUDIT, TOOK) == 0.0


def test_cheap_and_dear_cells_that_alternate_are_told_apart() -> None:
    """Equal efforts, 1 s under linf and 60 s under l0: what is left is what these threats took."""
    cells = [
        cell("attack", threat, training=f"t{number}")
        for number in range(6)
        for threat in ("linf", "l0")
    ]
    took = [1.0, 60.0] * 6
    for number in range(2, len(cells)):
        assert after(cells, took[:number]) == pytest.approx(sum(took[number:]))
    # A slower training is known from its other threats only by those of others: seeds tell more.
    again = [*cells, *(cell("attack", "l0", training=f"t{n}") for n in range(6))]
    slow = [1.0, 60.0] * 5 + [1.0, 600.0]
    assert after(again, slow) == pytest.approx(5 * 60 + 600)


def test_a_dear_cell_counts_for_more_than_a_cheap_one() -> None:
    cells = [
        cell("probe", cost=1.0, training="a"),
        cell("probe", cost=1000.0, training="b"),
        cell("probe", cost=500.0, training="c"),
    ]
    assert after(cells, [5.0, 100.0]) == pytest.approx(500 * 105 / 1001)


def test_a_kind_that_was_not_seen_goes_at_the_speed_of_all_that_take_their_time() -> None:
    cells = [
        cell("train", cost=150.0),
        cell("diagnosis", cost=0.13),
        cell("attack", "linf", cost=140.0),
        cell("diagnosis", cost=0.13, training="other"),
    ]
    left = after(cells, [15.0, 0.065])
    assert left == pytest.approx(14.0 + 0.065)
    assert after([cells[0], *cells[2:]], [15.0]) == pytest.approx(14.0 + 0.013)


def test_more_workers_than_cells_do_not_split_a_cell() -> None:
    cells = [cell("attack", "linf", training=f"t{number}") for number in range(5)]
    assert after(cells, [10.0], workers=2) == pytest.approx(20.0)
    assert after(cells, [10.0] * 4, workers=4) == pytest.approx(10.0)
