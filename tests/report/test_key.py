"""The key spells every training and network out, and provenance leads to every cell."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from spikeproof.analysis import results, summarise
from spikeproof.base import references, write_json
from spikeproof.report import compose
from spikeproof.report.citations import citations, plain_text
from spikeproof.report.provenance import cell_links, provenance
from spikeproof.report.spelled import key
from spikeproof.study import load_plan

PGD = {
    "kind": "pgd", "steps": 2, "step_size": 0.7, "last": 1.0, "random_start": True, "stop": False,
}  # fmt: skip
NEURON = {
    "kind": "lif", "leak": 0.5, "threshold": 1.0, "reset": "hard",
    "surrogate": {"shape": "triangle", "sharpness": 1.0},
}  # fmt: skip
MODEL = {"name": "cnn-small", "timesteps": 4, "width": 12, "neuron": NEURON, "norm": "batch"}


def trained(
    name: str, terms: dict[str, Any], inputs: Any = None, data: str = "digits", **also: Any
) -> Any:
    """A train cell."""
    cell = {"objective": {"terms": terms, "inputs": inputs}, "model": MODEL, "epochs": 5, **also}
    return SimpleNamespace(
        kind="train", holds_network=True, data=data, training=name, cell=cell,
        result={"parameters": 1234},
    )  # fmt: skip


def told(*cells: Any) -> dict[str, list[str]]:
    """Training → its row of the key."""
    by_data: dict[str, list[str]] = {}
    for cell in cells:
        names = by_data.setdefault(cell.data, [])
        names += [] if cell.training in names else [cell.training]
    one = [SimpleNamespace(data=data, trainings=names) for data, names in by_data.items()]
    summary: Any = SimpleNamespace(cells=cells, data=one)
    return {row[0]: row[1:] for row in key(summary).trainings}


ERROR = {"kind": "cross_entropy", "weight": 1.0}
UNDER = {
    "kind": "adversarial", "attack": PGD, "loss": "cross_entropy",
    "threat": {"name": "linf", "radius": 0.1},
}  # fmt: skip


def test_trainings_are_spelled_out() -> None:
    sparse = {"error": ERROR, "sparse": {"kind": "sparse_gradient", "weight": 0.05}}
    trades = {
        "error": {"kind": "clean_cross_entropy", "weight": 1.0},
        "agree": {"kind": "trades", "weight": 5.0},
    }
    rows = told(
        trained("plain", {"error": ERROR}),
        trained("SR", sparse),
        trained("AT", {"error": ERROR}, UNDER),
        trained("TRADES", trades, UNDER),
        trained("SR+AT", sparse, UNDER),
    )
    assert [row[0] for row in rows.values()] == [
        "plain training",
        "sparse-gradient regularisation",
        "adversarial training",
        "TRADES",
        "sparse-gradient regularisation with adversarial training",
    ]
    assert rows["plain"][1:] == ["cross-entropy", "clean", "5 epochs"]
    assert "0.05 × a norm of the input gradient" in rows["SR"][1]
    assert rows["AT"][2] == (
        "attacked under ℓ∞ 0.1 (PGD: 2 steps, each 0.7 of the radius, from a random start, "
        "maximising cross-entropy)"
    )
    assert rows["TRADES"][1].startswith("cross-entropy on the unattacked items + 5 × divergence")


def test_what_differs_between_data_sets_is_told_for_each() -> None:
    longer = trained("plain", {"error": ERROR}, data="digits-audio")
    longer.cell["epochs"] = 1
    (row,) = told(trained("plain", {"error": ERROR}), longer).values()
    assert row[3] == "images: 5 epochs; sounds: 1 epoch"
    assert row[1] == "cross-entropy"
    terms = [
        {"error": ERROR, "sr": {"kind": "sparse_gradient", "weight": w}} for w in (0.05, 0.003)
    ]
    cells = [
        trained("SR", t, data=d) for t, d in zip(terms, ("digits", "digits-audio"), strict=True)
    ]
    (row,) = told(*cells).values()
    assert row[1].startswith("cross-entropy + 0.05 / 0.003 × a norm of the input gradient")
    assert row[1].endswith("(SR) (images / sounds)")


@pytest.mark.parametrize("name", ["demo", "recipes"])
def test_every_training_of_the_shipped_plans_has_words(name: str) -> None:
    for training in load_plan(name).training:
        record = json.loads(json.dumps(load_plan(name).record()))
        table = next(one for one in record["training"] if one["name"] == training.name)
        inputs = table["inputs"]
        (row,) = told(trained(training.name, table["terms"], inputs, rules=table["rules"])).values()
        assert all(row)
        assert row[0] != "another objective"
        assert "_" not in row[0]


def test_networks_are_told_with_time_steps_neuron_and_surrogate() -> None:
    summary: Any = SimpleNamespace(
        cells=[trained("plain", {"error": ERROR}), trained("AT", {"error": ERROR}, UNDER)],
        data=[SimpleNamespace(data="digits", trainings=["plain", "AT"])],
    )
    assert key(summary).networks == [[
        "Images", "plain and AT", "cnn-small, width 12, batch norm", "4",
        "LIF, leak 0.5, threshold 1, hard reset", "triangle, sharpness 1", "1,234",
    ]]  # fmt: skip


def test_provenance_names_commands_commit_dates_and_hosts_by_number(
    tmp_path: Path, write_run: Callable[..., Path]
) -> None:
    folder = write_run(tmp_path / "run", n=8, probes=False, gallery=False)
    call = {"command": ["spikeproof", "study", "run", "a plan.toml"], "begun": "t", "commit": "ab1"}
    write_json(folder / "wall.json", {"calls": [call, call]})
    for number, wall in enumerate(sorted((folder / "cells").glob("*/wall.json"))):
        host = {"system": "Linux" if number else "Darwin", "machine": "arm64", "cpus": 1}
        write_json(wall, {"seconds": 60.0, "host": host, "finished": f"2026-01-0{1 + number % 2}"})
    summary = summarise(results(folder, draws=40))
    found = provenance(summary)
    rows = dict(found.rows)
    assert rows["command"] == "spikeproof study run 'a plan.toml' (2 times)"
    assert rows["git commit of spikeproof"] == "ab1"
    assert rows["computed (UTC)"] == "2026-01-01 to 2026-01-02"
    hosts = [value for name, value in found.rows if name.startswith("host ")]
    assert sorted(hosts) == [
        "Darwin, arm64, 1 processor (1 cell)",
        f"Linux, arm64, 1 processor ({len(summary.cells) - 1} cells)",
    ]
    assert rows["time of computing"] == f"{len(summary.cells)}.0 min"
    assert not any("0000000" in value for _, value in found.rows)


def test_every_number_of_the_matrix_leads_to_a_row_with_its_cell(
    tmp_path: Path, write_run: Callable[..., Path]
) -> None:
    folder = write_run(tmp_path / "run", n=8, probes=False, gallery=False)
    summary = summarise(results(folder, draws=40))
    rows = {f"cell-{row.id}": row.values for row in provenance(summary).cells}
    assert len(rows) == len(summary.cells)
    links = cell_links(summary)
    assert rows[links["digits", "AT", "l2"]][:5] == ["Images", "AT", "0", "attack", "ℓ₂"]
    html = compose(summary)
    for (_, training, _), link in links.items():
        assert f'href="#{link}"' in html
        assert f'<tr id="{link}">' in html
        assert rows[link][1] == training
        assert (folder / rows[link][-1] / "record.json").is_file()


def test_only_works_of_the_run_are_cited_and_none_with_latex_left_in(
    tmp_path: Path, write_run: Callable[..., Path]
) -> None:
    for work in citations(references()):
        shown = work.authors + work.title + work.place
        assert not set(shown) & set("${}\\^~"), shown
    assert plain_text(r"{$\sigma$}-zero: of {$\ell_0$}-norm, $l_p$") == "σ-zero: of ℓ₀-norm, ℓₚ"
    summary = summarise(results(write_run(tmp_path / "run", n=8), draws=40))
    html = compose(summary)
    cited = html[html.index('id="references"') :]
    assert "Statistical Inference" in cited
    assert "Deep Residual Learning" not in cited
    assert cited.count("<li>") == len(summary.works) < len(references())
