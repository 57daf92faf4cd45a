"""A second look at kept inputs: the numbers of the package, and nothing that is forged."""

from __future__ import annotations

import ast
import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from spikeproof.base import read_arrays, write_arrays
from spikeproof.cli.main import run as command
from spikeproof.data import Domain, Views, domain_record, load
from spikeproof.evaluate import Audit, open_test, plain_logits, rescore_run
from spikeproof.evaluate.lengths import allowance, measured
from spikeproof.models import Network, build, load_model, save_model, spec_of
from spikeproof.neurons import IF, LIF, NoisyLIF
from spikeproof.rescore import KeptLadder, StoredNetwork, illegal, rescore, unknown_threat
from spikeproof.rescore.layers import StoredNeuron
from spikeproof.runs import sealed_record
from spikeproof.study import RunFolder, audit_plan, run
from spikeproof.threats import L0, L1, L2, Counts, Joint, Linf, Threat
from spikeproof.train import CrossEntropy, Objective, fit
from support.run_files import contents

ROOM = Path("src/spikeproof/rescore")


def test_the_room_imports_numpy_and_the_base_and_nothing_that_attacks() -> None:
    root = Path(__file__).resolve().parents[2]
    allowed = ("__future__", "collections", "dataclasses", "json", "numpy", "pathlib", "struct")
    allowed += ("typing", "spikeproof.base", "spikeproof.rescore")
    for path in (root / ROOM).glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = [node.module] if isinstance(node, ast.ImportFrom) else []
            names += [a.name for a in node.names] if isinstance(node, ast.Import) else []
            for name in names:
                assert str(name).startswith(allowed), f"{path.name} imports {name}"


@pytest.mark.parametrize(
    ("neuron", "spikes"),
    [
        # u = .75, .375 + .75 = 1.125 fires, 0 + .75, .375 + 1.5 fires
        (StoredNeuron(0.5, 1.0, 1.0, 0.0, False), [0, 1, 0, 1]),
        # IF, soft: .75, 1.5 fires and leaves .5, 1.25 fires and leaves .25, 1.75 fires
        (StoredNeuron(1.0, 1.0, 1.0, 0.0, True), [0, 1, 1, 1]),
        # a membrane at the threshold fires: .75, 1.5 = 1.5
        (StoredNeuron(1.0, 1.0, 1.5, 0.0, False), [0, 1, 0, 1]),
        # with a synapse that keeps half: currents .75, 1.125, 1.3125, 2.15625; u = .75, 1.5 fires,
        # 1.3125 fires, 2.15625 fires
        (StoredNeuron(0.5, 1.0, 1.0, 0.5, False), [0, 1, 1, 1]),
    ],
)
def test_a_neuron_fires_as_worked_out_by_hand(neuron: StoredNeuron, spikes: list[int]) -> None:
    currents = np.array([0.75, 0.75, 0.75, 1.5]).reshape(4, 1, 1)
    fired, nearest = neuron.fire(currents)
    assert fired.flatten().tolist() == spikes
    assert nearest.tolist() == [0.0] if neuron.threshold == 1.5 else nearest[0] > 0


@pytest.mark.parametrize(
    ("data", "model", "settings"),
    [
        ("digits", "cnn-small", {"neuron": LIF(leak=0.9, reset="soft")}),
        ("digits", "cnn-small", {"neuron": LIF(synapse=0.3), "pooling": "max"}),
        ("digits", "dense", {"neuron": IF()}),
        ("digits-events", "cnn-small", {"neuron": LIF(decay_input=True, threshold=0.5)}),
        ("digits-events", "dense", {"neuron": LIF()}),
        ("digits-audio", "tcn-small", {"neuron": LIF()}),
        ("digits-audio", "tcn-small", {"front_end": "log-mel"}),
    ],
)
def test_logits_are_those_of_the_package(
    data: str, model: str, settings: dict[str, Any], tmp_path: Path
) -> None:
    found = load(data)
    network = build(spec_of(model, found, width=4, **settings), seed=1).eval()
    for name, buffer in network.named_buffers():  # statistics as after training
        if name.endswith("running_var"):
            buffer.fill_(0.3)
    save_model(network, tmp_path / "model.safetensors")
    x = found.validation.x[:12]
    stored = StoredNetwork.read(tmp_path / "model.safetensors")
    assert stored is not None
    logits, nearest = stored.logits(x.numpy())
    package = plain_logits(network, x).numpy()
    clear = nearest > 1e-5
    assert clear.sum() >= 6
    assert np.abs(logits - package)[clear].max() < 1e-4
    assert len(set(package.argmax(1))) > 1 or np.ptp(package) > 0


@pytest.mark.parametrize(
    "settings", [{"encoder": "poisson"}, {"neuron": NoisyLIF()}, {"neuron": "plif"}]
)
def test_a_network_of_another_kind_is_left_to_its_own_forward_pass(
    settings: dict[str, Any], tmp_path: Path
) -> None:
    from spikeproof.models import ENCODERS
    from spikeproof.neurons import NEURONS

    known = {"encoder": ENCODERS, "neuron": NEURONS}
    built = {k: known[k].build(v) if isinstance(v, str) else v for k, v in settings.items()}
    network = build(spec_of("cnn-small", load("digits"), width=2, timesteps=2, **built), seed=0)
    save_model(network, tmp_path / "model.safetensors")
    assert StoredNetwork.read(tmp_path / "model.safetensors") is None


IMAGE = Domain(kind="image", shape=(3, 4, 4))
EVENTS = Domain(kind="events", shape=(2, 2, 3, 3), high=8.0, integer=True)
SOUND = Domain(kind="audio", shape=(5,), low=-1.0)
BOTH = Views((("image", IMAGE), ("audio", SOUND)))


@pytest.mark.parametrize(
    "threat",
    [
        Threat(Linf(), 0.1, IMAGE),
        Threat(L2(), 0.7, IMAGE),
        Threat(L1(), 2.0, SOUND),
        Threat(L0(), 3, IMAGE),
        Threat(L0(pixels=False), 3, IMAGE),
        Threat(Counts(), 4, EVENTS),
        Threat(L0(), 2, BOTH),
        Threat(L2(), 0.5, EVENTS.relaxed()),
        Threat(Joint({"image": (Linf(), 0.1), "audio": (L2(), 0.2)}), 0.5, BOTH),
    ],
    ids=lambda threat: f"{threat.name}-{threat.space}",
)
def test_lengths_and_places_are_those_of_the_definition(threat: Threat) -> None:
    from spikeproof.base import seeds

    shape, n = threat.domain.shape, 40
    source = np.random.default_rng(3)
    x = torch.from_numpy(source.uniform(0.2, 0.8, (n, *shape)).astype(np.float32))
    if threat.domain.kind == "events":
        x = (x * 5).round()
    record = {**threat.record(), "radii": [threat.radius]}
    domain = domain_record(EVENTS if threat.space == "frames" else threat.domain)
    legal = threat.sample(x, seeds(0, n))
    allowed = np.full(n, threat.radius)
    assert illegal(record, domain, allowed, legal.numpy(), x.numpy()) == [""] * n
    # Just too short a radius for what was drawn, item by item.
    length = measured(threat, legal, x)
    moved = length > 0
    assert moved.sum() > n // 2
    less = np.where(moved, length * (1 - 1e-4), 0.0)
    reasons = illegal(record, domain, less, legal.numpy(), x.numpy())
    assert [bool(reason) for reason in reasons] == moved.tolist()
    assert allowance(threat) >= length.max()
    # Outside the box, and not a number.
    far, none = legal.clone(), legal.clone()
    far.view(n, -1)[:, 0] = 99.0
    none.view(n, -1)[:, 0] = torch.nan
    for bad in (far, none):
        reasons = illegal(record, domain, np.full(n, 1e9), bad.numpy(), x.numpy())
        assert all("outside the box" in reason for reason in reasons)
    if threat.domain.integer:
        off = (legal + 0.25).clamp(0, 8)
        assert all(illegal(record, domain, np.full(n, 1e9), off.numpy(), x.numpy()))


def test_a_threat_of_another_package_is_not_guessed() -> None:
    assert unknown_threat({"geometry": {"kind": "my-geometry"}})
    assert not unknown_threat({"geometry": {"kind": "joint"}})


def trained(neuron: Any) -> Network:
    """A tiny network that answers most items right."""
    data = load("digits")
    network = build(spec_of("cnn-small", data, width=4, timesteps=2, neuron=neuron), seed=0)
    objective = Objective({"error": (1.0, CrossEntropy())})
    fit(network, data, objective, epochs=2, seed=0, progress=False)
    return network


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An audit that kept what broke the items; do not change the folder."""
    folder = tmp_path_factory.mktemp("kept")
    data = load("digits")
    save_model(trained(LIF()), folder / "net.safetensors")
    plan = audit_plan(
        folder / "net.safetensors", data, ["linf", "l0"], suite="quick", items=40,
        keep_adversarials=True,
    )  # fmt: skip
    run(plan, folder / "run")
    return folder / "run"


def ladder_of(run_folder: Path) -> tuple[KeptLadder, np.ndarray[Any, Any], Any, Any, Any]:
    """The first ladder of a run as a second look takes it."""
    from spikeproof.evaluate.run_files import StoredRun

    holder, cells = StoredRun.read(run_folder).attacked()
    split, arrays = open_test(load("digits"), 40), cells[0].arrays()
    inputs = cells[0].arrays("adversarials.npz")
    ladder = KeptLadder(
        threat=cells[0].cell["threat"],
        domain=holder.cell["model"]["domain"],
        **{name: arrays[name] for name in ("items", "correct", "broken")},
        **{f"kept_{name}": array for name, array in inputs.items()},
    )
    path = holder.folder / "model.safetensors"
    return ladder, split.x.numpy(), split.y.numpy(), StoredNetwork.read(path), load_model(path)


def test_what_was_kept_holds_and_gives_the_recorded_numbers(kept: Path, tmp_path: Path) -> None:
    found = rescore_run(kept)
    assert [one.holds for one in found] == [True, True]
    shares = {o.name: o.robust_accuracy for o in Audit.load(kept).outcomes}
    assert found[0].rescored is not None and found[1].rescored is not None
    assert list(found[0].rescored.found) == shares["linf"]
    assert list(found[1].rescored.found) == shares["l0"]
    assert found[0].rescored.inputs + found[1].rescored.inputs > 5
    assert "by a forward pass of its own" in found[0].sentence
    # Its bytes are those of any other run, and a run that keeps none has the same numbers.
    plan, _ = RunFolder(kept).planned()
    run(plan, tmp_path / "again")
    assert contents(tmp_path / "again" / "cells") == contents(kept / "cells")
    run(dataclasses.replace(plan, keep_adversarials=False), tmp_path / "none")
    assert Audit.load(tmp_path / "none").to_dict() == Audit.load(kept).to_dict()
    assert rescore_run(tmp_path / "none") == []
    assert not list((tmp_path / "none").rglob("adversarials.npz"))


def test_every_kind_of_forgery_is_named_by_item(kept: Path) -> None:
    ladder, x, y, network, model = ladder_of(kept)

    def plain(z: Any, at: Any) -> Any:
        from spikeproof.evaluate.forward import margins

        return margins(plain_logits(model, torch.from_numpy(z)), torch.from_numpy(y[at])).numpy()

    def look(**changes: Any) -> Any:
        return rescore(dataclasses.replace(ladder, **changes), x, y, network, plain)

    assert look().holds
    place = {int(item): n for n, item in enumerate(ladder.items)}
    first = int(ladder.kept_items[0])
    at = place[first]
    clean = ladder.kept_x_adv.copy()
    clean[0] = x[at]
    found = look(kept_x_adv=clean)
    assert not found.holds
    assert "is answered right: its input does not hold" in str(found.disagreements[0])
    assert found.disagreements[0].item == first
    assert found.found != found.recorded
    far = ladder.kept_x_adv.copy()
    far[0] = np.clip(x[at] + 0.9, 0, 1)
    assert "moved" in str(look(kept_x_adv=far).disagreements[0])
    outside = ladder.kept_x_adv.copy()
    outside[0, 0, 0, 0] = 1.5
    assert "outside the box" in str(look(kept_x_adv=outside).disagreements[0])
    missing = {
        name: getattr(ladder, name)[1:] for name in ("kept_items", "kept_level", "kept_x_adv")
    }
    (one,) = look(**missing).disagreements
    assert (one.item, one.what[:24]) == (first, "is broken in the record,")
    # An item that is said to stand, though an input breaks it.
    stands = ladder.broken.copy()
    stands[:, at] = False
    found = look(broken=stands)
    assert [d.item for d in found.disagreements] == [first]
    # An item said to break at a smaller radius than its input allows.
    late = np.flatnonzero(ladder.kept_level > 0)
    if len(late):
        level, broken = ladder.kept_level.copy(), ladder.broken.copy()
        level[late[0]] -= 1
        broken[level[late[0]] :, place[int(ladder.kept_items[late[0]])]] = True
        assert "moved" in str(look(kept_level=level, broken=broken).disagreements[0])
    right = ladder.correct.copy()
    right[at] = False
    assert "is right when clean" in str(look(correct=right).disagreements[0])
    stray = ladder.kept_items.copy()
    stray[0] = 10**6
    assert any("is no item of the ladder" in str(d) for d in look(kept_items=stray).disagreements)


def test_a_forgery_that_fits_its_hashes_is_found(
    kept: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import json
    import shutil

    from spikeproof.base import digest_file

    folder = tmp_path / "run"
    shutil.copytree(kept, folder)
    path = next(folder.glob("cells/*/adversarials.npz"))
    arrays = read_arrays(path)
    arrays["x_adv"] = np.clip(arrays["x_adv"] + 0.4, 0, 1)
    write_arrays(path, arrays)
    with pytest.raises(Exception, match="adversarials.npz"):
        rescore_run(folder)
    record = json.loads((path.parent / "record.json").read_text())
    record["files"]["adversarials.npz"] = digest_file(path)
    del record["sha256"]
    (path.parent / "record.json").write_text(json.dumps(sealed_record(record)))
    found = [one for one in rescore_run(folder) if not one.holds]
    assert len(found) == 1 and "NOT what the record says" in found[0].sentence
    # Without the manifest of the run nothing but the second look can tell.
    (folder / "manifest.json").unlink()
    assert command(["verify", str(folder)]) == 1
    said = capsys.readouterr().out
    assert "what its records say" in said and "its input does not hold" in said
    assert command(["verify", str(kept), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["sound"] and [one["disagreements"] for one in told["rescored"]] == [[], []]


def test_the_card_of_a_run_made_just_now_holds(kept: Path, tmp_path: Path) -> None:
    from spikeproof.cards import verify_card, write_cards

    (card,) = write_cards(kept, tmp_path / "card")
    found = verify_card(card.folder)
    assert found.holds and found.look is not None, found.problem
    assert found.look.inputs == sum(
        one.rescored.inputs for one in rescore_run(kept) if one.rescored is not None
    )


def test_a_network_that_draws_is_scored_by_its_own_draws(tmp_path: Path) -> None:
    data = load("digits")
    save_model(trained(NoisyLIF(noise=0.3)), tmp_path / "net.safetensors")
    plan = audit_plan(
        tmp_path / "net.safetensors", data, ["linf"], suite="quick", items=6,
        keep_adversarials=True, draws=2,
    )  # fmt: skip
    run(plan, tmp_path / "run")
    (found,) = rescore_run(tmp_path / "run")
    assert (
        found.rescored is not None
        and found.holds
        and found.rescored.inputs
        and not found.rescored.own
    )
    assert "plain forward pass" in found.sentence
