"""``spikeproof doctor``, and verdicts that audits carry on request."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import spikeproof as sp
from spikeproof.analysis import masking_word, results
from spikeproof.cli.doctor import CODES
from spikeproof.evaluate import VERDICTS, Audit, Diagnosis
from spikeproof.evaluate.doctor import members
from support.saying import Said

FEW = ["--data", "digits", "--threat", "linf:0.1", "--items", "2"]


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Attacks of few steps: what is tested here is what becomes of a verdict."""
    for name, value in {"STEPS": 2, "QUERIES": 5, "LONGEST": 4, "DRAWS": 2}.items():
        monkeypatch.setattr(members, name, value)


@pytest.fixture(scope="module")
def untrained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network of four neurons that knows nothing."""
    path = tmp_path_factory.mktemp("models") / "model.safetensors"
    data = sp.load("digits")
    sp.save_model(sp.build("dense", data, neuron=sp.LIF(), timesteps=2, width=4), path)
    return path


def test_every_verdict_has_an_exit_code_of_its_own() -> None:
    assert set(CODES) == set(VERDICTS)
    assert len(set(CODES.values())) == len(CODES) and not {1, 2} & set(CODES.values())


def test_a_network_that_guesses_is_suspicious(said: Said, untrained: Path) -> None:
    code, out, _ = said("doctor", untrained, *FEW, "--json")
    record = json.loads(out)
    found = Diagnosis.from_record(record)
    assert record["verdict"] == found.verdict == "suspicious" and code == CODES["suspicious"]
    (one,) = found.verdicts
    assert one.threat == "linf:0.1" and "chance" in {check.name for check in one.raised}
    assert record["passes"]["forward"] == found.forward > 0


def test_an_audit_carries_its_verdict(said: Said, untrained: Path, tmp_path: Path) -> None:
    run = ["--suite", "quick", "--folder", tmp_path / "run", "--doctor"]
    code, out, _ = said("audit", untrained, *FEW, *run)
    audit = Audit.load(tmp_path / "run")
    assert code == 0 and audit.diagnosis is not None
    word = audit.diagnosis.verdict
    assert word != "sound"  # of two items nothing is
    assert f"Gradient masking: {word} (linf:0.1 {word})." in out
    assert masking_word(results(tmp_path / "run").masking) == word
    audit.save(tmp_path / "saved")
    assert Audit.load(tmp_path / "saved").diagnosis == audit.diagnosis
    code, out, _ = said("compare", tmp_path / "run", tmp_path / "saved")
    assert code == 0 and out.count(f": gradient masking {word}.") == 2
    code, out, _ = said("report", tmp_path / "run")
    page = (tmp_path / "run" / "report.html").read_text("utf-8")
    assert 'id="masking"' in page and f"Verdict on gradient masking: {word}" in page


def test_what_is_no_threat_or_attack_is_refused(said: Said, untrained: Path) -> None:
    code, _, err = said("doctor", untrained, "--data", "digits", "--threat", "linff")
    assert code == 2 and "linf" in err
    code, _, err = said("doctor", untrained, *FEW, "--attack", "pgdd")
    assert code == 1 and "pgd" in err
