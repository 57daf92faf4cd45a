"""What else decides a result: the file of another model, and what the machine is asked for."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from spikeproof.base import FileProblem, digest_file
from spikeproof.data import load
from spikeproof.models import build, save_model
from spikeproof.study import (
    Cell,
    CellsFailed,
    InputsPlan,
    Plan,
    Progress,
    Resources,
    cells_of,
    run,
    status,
)


def saved(path: Path, *, model: str = "cnn-small", seed: int = 0) -> Path:
    """The file of a network for digits."""
    save_model(build(model, load("digits"), timesteps=1, width=2, seed=seed), path)
    return path


def transferred(tiny: Plan, source: Path) -> Plan:
    """A training on what an attack finds on another network, and one without."""
    attack = {"kind": "transfer", "source": str(source), "attack": {"kind": "fgsm"}}
    other = dataclasses.replace(
        tiny.training[0], name="AT", inputs=InputsPlan(attack=attack, threat="linf")
    )
    return dataclasses.replace(tiny, training=(tiny.training[0], other))


def ids(plan: Plan) -> dict[str, str]:
    return {cell.title: cell.id for cell in cells_of(plan)}


def test_the_file_that_a_transfer_reads_decides_the_id(tmp_path: Path, tiny: Plan) -> None:
    source = saved(tmp_path / "other.safetensors")
    plan = transferred(tiny, source)
    before = ids(plan)
    train = next(cell for cell in cells_of(plan) if cell.title.endswith("AT · seed 0 · train"))
    assert train.files == {str(source): digest_file(source)}
    assert ids(plan) == before
    saved(source, seed=1)
    stale = {title for title, id in ids(plan).items() if before[title] != id}
    assert stale == {title for title in before if " AT " in title}
    source.unlink()
    with pytest.raises(FileProblem, match=str(source)):
        cells_of(plan)


def test_the_code_of_the_other_network_counts_too(tmp_path: Path, tiny: Plan) -> None:
    plan = transferred(tiny, saved(tmp_path / "other.safetensors"))
    before = {cell.title: cell.code_sha256 for cell in cells_of(plan)}
    saved(tmp_path / "other.safetensors", model="dense")
    stale = {cell.title for cell in cells_of(plan) if before[cell.title] != cell.code_sha256}
    assert stale == {"digits · AT · seed 0 · train"}


def test_a_file_that_changes_under_a_running_study_fails_its_cell(
    tmp_path: Path, tiny: Plan
) -> None:
    source = saved(tmp_path / "other.safetensors")
    data = dataclasses.replace(tiny.data[0], epochs=1, timesteps=1, threats=("linf",))
    plan = dataclasses.replace(transferred(tiny, source), data=(data,))
    plan = dataclasses.replace(plan, training=plan.training[1:])

    def swapped(step: Progress) -> None:
        if not step.title:
            saved(source, seed=2)

    with pytest.raises(CellsFailed, match=r"other.safetensors changed while the study ran"):
        run(plan, tmp_path / "run", progress=swapped)
    assert run(plan, tmp_path / "run").complete
    records = [json.loads(p.read_text()) for p in (tmp_path / "run").glob("cells/*/record.json")]
    (train,) = [record for record in records if record["cell"]["kind"] == "train"]
    assert train["inputs"]["files"] == {str(source): digest_file(source)}
    assert all("files" not in r["inputs"] for r in records if r is not train)
    assert status(tmp_path / "run").complete


def test_every_cell_says_what_it_needs_of_a_machine(tiny: Plan) -> None:
    for cell in cells_of(tiny):
        assert cell.resources == Resources(threads=1, device="cpu")
        assert Cell.from_record(cell.record()) == cell
    # The device enters an id where it is not the one that every number so far was made on.
    there = {"threads": 1, "device": "cuda", "arithmetic": "deterministic, no TF32"}
    assert Resources(device="cuda").record() == Resources(device="cuda:1").record() == there
    assert Resources(batch_size=8).record() == Resources().record() == {"threads": 1}
