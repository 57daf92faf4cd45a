"""Every entry of the zoo: its truth is shown again, and its verdict is the right one."""

from __future__ import annotations

import warnings

import pytest

from research.masking.judging import FOUND
from spikeproof.evaluate.doctor import diagnose
from tests.zoo import broken, fresh, second, sound
from tests.zoo.entry import BROKEN, ENTRIES, half, registered
from tests.zoo.truth import established

_ = broken, fresh, second, sound


@pytest.mark.slow
@pytest.mark.parametrize("name", list(ENTRIES))
def test_the_truth_is_shown_and_the_verdict_is_right(name: str) -> None:
    entry, split = ENTRIES[name], "validation" if half(name) == "design" else "test"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        case = entry.build()
        assert established(entry, case, split).agrees
        with registered(case):
            found = diagnose(
                case.model, case.data, threats=case.threat, attack=case.claimed,
                items=entry.items, split=split,
            )  # fmt: skip
    assert (found.verdict in FOUND) == (entry.truth == BROKEN), found.text()
