"""Which claims a run is judged by: those its plan names, ours or others'."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from spikeproof.analysis import CLAIMS, Results, Verdict, claims_of, results, verdicts
from spikeproof.analysis.claims import SEVEN
from spikeproof.base import SettingError
from support import made_run
from support.resealed import write_plan


def made(folder: Path) -> Path:
    """A run in which half of the items survive l_inf."""
    run = made_run.MadeRun(folder / "run")
    run.train("digits", "plain", 0, made_run.PLAIN)
    run.attack("digits", "plain", 0, "linf", (0.1,), [True] * 8, [np.arange(8) >= 4])
    return run.plan()


def test_a_plan_names_the_claims_it_is_judged_by(tmp_path: Path) -> None:
    folder = made(tmp_path)
    path = folder / "plan.json"
    written = json.loads(path.read_text())
    for named in (["sparsity-bounds-gap", "first-order-prediction"], []):
        write_plan(folder, written | {"plan": written["plan"] | {"claims": named}})
        assert [row.claim for row in verdicts(results(folder))] == named


def test_a_claim_that_nobody_offers_is_refused_in_a_plan_and_undecided_in_a_run(
    tmp_path: Path,
) -> None:
    with pytest.raises(SettingError, match="Did you mean 'every-modality'"):
        claims_of({"claims": ["every-modalit"]})
    path = made(tmp_path) / "plan.json"
    written = json.loads(path.read_text())
    for named in ("every-modalit", {"kind": "every-modalit", "share": 0.5}):
        claims = [named, "noise-is-survived"]
        write_plan(path.parent, written | {"plan": written["plan"] | {"claims": claims}})
        absent, other = verdicts(results(path.parent))
        assert (absent.claim, absent.data) == ("every-modalit", "digits")
        assert (absent.verdict, absent.estimate) == ("undecided", None)
        assert "Did you mean 'every-modality'" in absent.explanation
        assert other.claim == "noise-is-survived"


@dataclass(frozen=True, kw_only=True)
class HalfSurvives:
    """A claim from outside: at least so much is left under l_inf."""

    key: ClassVar[str] = "half-survives"
    title: ClassVar[str] = "half survives"
    judged: ClassVar[str] = "Whether a share of the items survives l_inf."
    share: float = 0.5

    def judge(self, results: Results, data: str) -> Verdict:
        estimate = results.mean(results.survival(data, "plain", "linf"))
        assert estimate is not None
        answer = "supported" if estimate.value >= self.share else "contradicted"
        return Verdict(
            claim=self.key, title=self.title, judged=self.judged, data=data, verdict=answer,  # type: ignore[arg-type]
            estimate=estimate, unit="share of items", explanation="Counted.",
        )  # fmt: skip


def test_a_claim_from_outside_is_judged_like_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(CLAIMS.members, HalfSurvives.key, HalfSurvives)
    path = made(tmp_path) / "plan.json"
    written = json.loads(path.read_text())
    strict = {"kind": HalfSurvives.key, "share": 0.6}
    for named, answer in ((HalfSurvives.key, "supported"), (strict, "contradicted")):
        write_plan(path.parent, written | {"plan": written["plan"] | {"claims": [named]}})
        (row,) = verdicts(results(path.parent))
        assert (row.claim, row.verdict) == ("half-survives", answer)


def test_every_claim_is_registered_under_its_key() -> None:
    assert set(SEVEN) <= set(CLAIMS)
    assert all(CLAIMS[key].key == key for key in CLAIMS)
    assert all(CLAIMS[key].judged.startswith("Whether ") for key in SEVEN)
