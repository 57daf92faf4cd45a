"""What attacks on energy make a network spend: brute force, invariants, control, going on."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from spikeproof.attacks import PGD
from spikeproof.base import FileProblem, SettingError
from spikeproof.cli.main import run as command
from spikeproof.data import Dataset, DataSpec, Domain, Split, load
from spikeproof.evaluate import EnergyAudit, energy_audit, energy_run, plain_logits, verify
from spikeproof.metrics import synops
from spikeproof.models import build, save_model
from spikeproof.neurons import LIF, Spiking, time_mean
from spikeproof.threats import Flips, Threat

BITS = Domain(kind="events", shape=(2, 3), high=1.0, integer=True)
THREATS = [Threat(Flips(), radius, BITS) for radius in (1.0, 2.0)]
STRONG: tuple[Any, ...] = ("pgd", PGD(steps=20, step_size=1.0))


class Lines(nn.Module):
    """Three lines of events that drive two neurons, and a readout."""

    def __init__(self) -> None:
        super().__init__()
        self.into, self.spikes = nn.Linear(3, 2, bias=False), Spiking(LIF(leak=0.5))
        self.out = nn.Linear(2, 2, bias=False)
        self.into.weight.data = torch.tensor([[1.2, 0.6, 0.0], [0.0, 0.7, 0.6]])
        self.out.weight.data = torch.tensor([[1.0, 0.2], [0.1, 1.0]])

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.out(time_mean(self.spikes(self.into(x.transpose(0, 1)))))
        return out


def every_input() -> Tensor:
    """All 64 recordings."""
    return torch.tensor(list(itertools.product((0.0, 1.0), repeat=6))).view(-1, 2, 3)


def data() -> Dataset:
    """Every recording, with the answer of the network where it has one; a tenth is wrong."""
    x = every_input()
    y = Lines()(x).argmax(1)
    y[::10] = 1 - y[::10]
    split = Split(x, y, torch.arange(len(x)))
    spec = DataSpec(
        name="bits", version="1", classes=2, modality="events", licence="", source="",
        sha256="0" * 64,
    )  # fmt: skip
    return Dataset(spec=spec, domain=BITS, train=split, validation=split, sealed=split)


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> EnergyAudit:
    folder = tmp_path_factory.mktemp("energy") / "audit"
    energy_audit(Lines(), data(), THREATS, attacks=STRONG, draws=3, folder=folder)
    return EnergyAudit.load(folder)


def test_nothing_is_dearer_than_by_brute_force_and_little_is_missed(found: EnergyAudit) -> None:
    x, net = every_input(), Lines()
    ops, answers = synops(net, x).total, net(x).argmax(1)
    tied = net(x)[:, 0] == net(x)[:, 1]
    y, right = torch.from_numpy(found.y), torch.from_numpy(found.correct)
    assert found.before.tolist() == ops.tolist() and 0 < right.sum() < len(x)
    for rung in found.rungs:
        flips = (x[:, None] != x[None]).flatten(2).sum(2)
        legal = (flips <= rung.radius) & ((answers[None] == y[:, None]) | tied[None])
        best = torch.where(legal, ops[None], ops[:, None]).amax(1)
        after = torch.from_numpy(rung.after)
        assert (after[right] <= best[right]).all() and (after[~right] == ops[~right]).all()
        assert (after == best)[right].double().mean() > 0.85
        assert (after / best.clamp(min=1))[right].mean() > 0.95


def test_every_input_is_legal_keeps_its_answer_and_costs_what_is_said(found: EnergyAudit) -> None:
    x, y, net = every_input(), torch.from_numpy(found.y), Lines()
    last = found.before
    for rung, threat in zip(found.rungs, THREATS, strict=True):
        far = torch.from_numpy(rung.x_adv)
        seen = verify(net, x, far, y, threat)
        assert (seen.margin.numpy()[found.correct] <= 0).all()
        assert np.allclose(seen.distance.numpy(), rung.distance)
        assert synops(net, far).total.tolist() == rung.after.tolist()
        assert (rung.after >= last).all() and (rung.after >= rung.random).all()
        untouched = rung.after == found.before
        assert (far.numpy()[untouched] == x.numpy()[untouched]).all()
        last = rung.after
    told = found.to_dict()["threats"]
    ratio = found.rungs[0].after[found.correct] / np.maximum(found.before[found.correct], 1)
    assert told[0]["ratio"]["value"] == pytest.approx(ratio.mean())
    assert told[0]["ratio"]["low"] <= ratio.mean() <= told[0]["ratio"]["high"]
    assert told[0]["dearer"] == pytest.approx((ratio > 1).mean())
    assert sum(told[1]["found_by"].values()) == ((found.rungs[1].member >= 0) & found.correct).sum()


def test_a_killed_audit_goes_on_and_gives_the_same_bytes(
    found: EnergyAudit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings: dict[str, Any] = {"attacks": STRONG, "draws": 3, "folder": tmp_path / "audit"}

    def stop(told: str, done: int, total: int) -> None:
        assert total == 2
        if done == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        energy_audit(Lines(), data(), THREATS, progress=stop, **settings)
    rungs, computed = energy_run.EnergyRun._rung, []

    def counted(self: Any, threat: Threat, before: Any) -> Any:
        computed.append(threat.radius)
        return rungs(self, threat, before)

    monkeypatch.setattr(energy_run.EnergyRun, "_rung", counted)
    again = energy_audit(Lines(), data(), THREATS, **settings)
    assert computed == [2.0]
    for one, other in zip(again.rungs, found.rungs, strict=True):
        for name in ("after", "random", "member", "distance", "x_adv"):
            assert np.array_equal(getattr(one, name), getattr(other, name)), name
    with pytest.raises(FileProblem, match="holds another energy audit"):
        energy_audit(Lines(), data(), THREATS, seed=1, **settings)
    record = tmp_path / "audit" / "energy.json"
    record.write_text(record.read_text().replace('"dearer"', '"cheaper"', 1))
    with pytest.raises(FileProblem, match="was changed"):
        EnergyAudit.load(tmp_path / "audit")


def test_what_makes_no_audit_is_refused_in_a_sentence() -> None:
    with pytest.raises(SettingError, match="none of retiming_search works under flips"):
        energy_audit(Lines(), data(), THREATS, attacks=("retiming_search",))
    with pytest.raises(SettingError, match="Unknown attack 'pdg'"):
        energy_audit(Lines(), data(), THREATS, attacks=("pdg",))
    with pytest.raises(SettingError, match="draws"):
        energy_audit(Lines(), data(), THREATS, draws=-1)


def test_the_command_prints_a_table_and_plain_data(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = tmp_path / "net.safetensors"
    save_model(build("recurrent", load("digits-events"), width=4, seed=1), model)
    words = ["energy", str(model), "--data=digits-events", "--threat=counts:5", "--attack=pgd"]
    words += ["--items=4", "--draws=1", f"--folder={tmp_path / 'audit'}"]
    assert command([*words, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["n"], told["members"]) == (4, ["pgd", "random draws"])
    assert [(row["threat"], row["radius"]) for row in told["threats"]] == [("counts", 5.0)]
    assert command(words) == 0
    said = capsys.readouterr().out
    assert "synaptic operations each" in said and "counts" in said
    assert command([*words, "--threat=nothing"]) == 2
    net = build("recurrent", load("digits-events"), width=4, seed=1)
    kept = EnergyAudit.load(tmp_path / "audit")
    answers = plain_logits(net, torch.from_numpy(kept.rungs[0].x_adv)).argmax(1).numpy()
    assert (answers == kept.y)[kept.correct].all()
