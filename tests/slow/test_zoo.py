"""Every entry of the zoo: its truth is shown again or not, and its verdict is the stored one."""

from __future__ import annotations

import json
import warnings

import pytest

from research import RESULTS
from research.masking.judging import FOUND
from spikeproof.evaluate.doctor import diagnose
from tests.zoo import broken, fresh, second, sound
from tests.zoo.entry import ENTRIES, half, registered
from tests.zoo.truth import established

_ = broken, fresh, second, sound
_ROWS = json.loads((RESULTS / "masking.json").read_text(encoding="utf-8"))["entries"]
STORED = {row["entry"]: row for row in _ROWS}


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in ENTRIES if name in STORED])
def test_the_truth_and_the_verdict_are_what_the_record_says(name: str) -> None:
    entry, split = ENTRIES[name], "validation" if half(name) == "design" else "test"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        case = entry.build()
        assert established(entry, case, split).agrees == STORED[name]["agrees"]
        with registered(case):
            found = diagnose(
                case.model, case.data, threats=case.threat, attack=case.claimed,
                items=entry.items, split=split,
            )  # fmt: skip
    assert (found.verdict in FOUND) == (STORED[name]["fixed"] in FOUND), found.text()
