"""Plans: what comes with the package, what is refused, and that a record rebuilds a plan."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

import spikeproof as sp
from spikeproof.analysis import QUESTIONS, SEVEN
from spikeproof.base import FileProblem, SettingError, SpikeproofError
from spikeproof.models import ModelSpec, Phase
from spikeproof.neurons import IF, LIF, Surrogate
from spikeproof.study import DataPlan, Plan, cells_of, job_of, load_plan, plans

GOOD = """
name = "mine"
seeds = [0, 1]
items = 20

[[data]]
name = "digits"
model = "cnn-small"
epochs = 3
threats = ["linf", "l0"]

[[training]]
name = "plain"
terms = { error = { kind = "cross_entropy", weight = 1.0 } }

[[training]]
name = "AT"
terms = { error = { kind = "cross_entropy", weight = 1.0 } }
inputs = { attack = { kind = "pgd", steps = 3 }, threat = "linf", level = 0 }
"""


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "plan.toml"
    path.write_text(text)
    return path


def test_a_plan_is_read_with_its_defaults(tmp_path: Path) -> None:
    plan = load_plan(written(tmp_path, GOOD))
    assert (plan.name, plan.seeds, plan.items, plan.suite) == ("mine", (0, 1), 20, "quick")
    assert plan.data[0].threats == ("linf", "l0")
    assert plan.training[1].inputs is not None
    assert plan.training[1].inputs.level == 0


def test_the_network_of_a_plan_has_the_neuron_encoder_and_choices_it_names(tmp_path: Path) -> None:
    text = GOOD.replace(
        'model = "cnn-small"',
        """model = "sew-resnet-18"
width = 4
neuron = { kind = "lif", leak = 0.9, surrogate = { shape = "arctan", sharpness = 2.0 } }
encoder = { kind = "phase", bits = 4 }
norm = "tdbn"
stem = "imagenet"
pooling = "max\"""",
    )
    plan = load_plan(written(tmp_path, text))
    assert Plan.from_record(json.loads(json.dumps(plan.record()))) == plan
    spec = ModelSpec.from_record(dict(cells_of(plan)[0].cell["model"]))
    assert spec.neuron == LIF(leak=0.9, surrogate=Surrogate("arctan", 2.0))
    assert spec.encoder == Phase(bits=4)
    assert (spec.norm, spec.stem, spec.pooling) == ("tdbn", "imagenet", "max")
    plain = load_plan(written(tmp_path, GOOD.replace("epochs = 3", 'epochs = 3\nneuron = "if"')))
    assert ModelSpec.from_record(dict(cells_of(plain)[0].cell["model"])).neuron == IF()


def test_hooks_are_read_under_their_old_name_with_a_notice_and_the_hash_stays(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    text = """
name = "old"
data = [{ name = "digits", model = "cnn-small" }]
[[training]]
name = "pulled"
terms = { error = { kind = "cross_entropy", weight = 1.0 } }
rules = [{ kind = "retraction", strength = 0.004 }]
"""
    old, new = tmp_path / "old.toml", tmp_path / "new.toml"
    old.write_text(text)
    new.write_text(text.replace("rules =", "hooks ="))
    monkeypatch.setattr("spikeproof.base.notices._told", set())
    plan = load_plan(new)
    assert capsys.readouterr().err == ""
    assert load_plan(old) == plan
    said = "[[training]] 'pulled': rules is now written hooks; the old spelling is still read."
    assert capsys.readouterr().err == f"{old}: {said}\n"
    # As version 1 wrote it; the key decides the hash by which a run knows its plan.
    record = plan.record()
    assert record["training"][0]["rules"] == ({"kind": "retraction", "strength": 0.004},)
    assert "hooks" not in record["training"][0]
    assert Plan.from_record(record) == plan
    assert capsys.readouterr().err == ""
    old.write_text(text + "hooks = []\n")
    with pytest.raises(SettingError, match="unknown setting 'rules'"):
        load_plan(old)


def test_a_plan_survives_json_and_keeps_its_hash(tmp_path: Path) -> None:
    plan = load_plan(written(tmp_path, GOOD))
    again = Plan.from_record(json.loads(json.dumps(plan.record())))
    assert again == plan
    assert again.sha256 == plan.sha256
    assert load_plan(written(tmp_path, GOOD.replace("20", "21"))).sha256 != plan.sha256


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("items = 20", "itmes = 20", r"unknown setting 'itmes'\. Did you mean 'items'\?"),
        ("epochs = 3", "epoch = 3", r"\[\[data\]\] 'digits': unknown setting 'epoch'"),
        ('"digits"', '"digts"', r"Unknown data set 'digts'\. Did you mean 'digits'\?"),
        ("cnn-small", "cnn-smal", r"Unknown model 'cnn-smal'\. Did you mean 'cnn-small'\?"),
        ('["linf", "l0"]', '["linf", "l7"]', "Unknown threat for digits 'l7'"),
        ('["linf", "l0"]', '"most"', "threats must be 'all' or a list of names; got 'most'"),
        ('["linf", "l0"]', "[]", "threats is empty"),
        ("cross_entropy", "cross_entropie", "Did you mean 'cross_entropy'"),
        ('"cross_entropy", weight', '"cross_entropy", wight', "term 'error' needs a weight"),
        ('kind = "pgd", steps', 'kind = "pgd", stepz', "unknown setting 'stepz'. Did you mean"),
        ("level = 0", "levle = 0", "inputs: unknown setting 'levle'"),
        ("level = 0", "level = 3", "inputs.level 3 does not exist; linf on digits has the radii"),
        ("level = 0", "level = 0, radius = 0.1", "level or radius, not both"),
        ('threat = "linf"', 'threat = "counts"', "Unknown threat for digits 'counts'"),
        ("epochs = 3", 'neuron = "lief"', r"\[\[data\]\] 'digits': Unknown neuron 'lief'. Did you"),
        (
            "epochs = 3",
            'neuron = { kind = "lif", leek = 1 }',
            "'digits': neuron 'lif': unknown .*leak",
        ),
        ("epochs = 3", 'neuron = { kind = "lif", leak = 2 }', "'digits': .*leak must lie in"),
        ("epochs = 3", "encoder = { bits = 4 }", "'digits': Every encoder needs a 'kind'"),
        ("epochs = 3", 'norm = "tdnb"', r"'digits': Unknown norm 'tdnb'. Did you mean 'tdbn'"),
        ("epochs = 3", "pooling = 2", "pooling: .*valid string"),
        ("epochs = 3", 'epochs = "three"', r"epochs: .*valid integer.*; got 'three'"),
        ("epochs = 3", "epochs = 0", "epochs must be a whole number >= 1; got 0"),
        ("seeds = [0, 1]", "seeds = []", "has no seeds"),
        ("seeds = [0, 1]", "seeds = [1, 1]", "seeds 1 is there twice"),
        ('name = "mine"', "", "name: Field required"),
        ('model = "cnn-small"', "", r"\[\[data\]\] 'digits' has no model, which"),
        ('name = "AT"', 'name = "plain"', "training plain is there twice"),
        (
            'name = "mine"',
            'name = "mine"\nsuite = "fast"',
            "suite: .*'quick', 'core', 'standard' or 'full'",
        ),
        ('name = "AT"', 'name = "AT"\ndata = ["nmnist"]', "Unknown data set of this plan"),
    ],
)
def test_a_mistake_in_a_plan_is_named_with_its_place(
    tmp_path: Path, old: str, new: str, sentence: str
) -> None:
    assert old in GOOD
    with pytest.raises(SettingError, match=sentence) as caught:
        load_plan(written(tmp_path, GOOD.replace(old, new)))
    assert "plan.toml" in str(caught.value) or "pgd" in sentence or "stepz" in sentence


def test_a_table_that_is_no_list_of_tables_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match=r"data must be written as tables headed \[\[data\]\]"):
        load_plan(written(tmp_path, GOOD.replace("[[data]]", "[data]")))


def test_broken_toml_names_file_and_line(tmp_path: Path) -> None:
    path = written(tmp_path, GOOD.replace("seeds = [0, 1]", "seeds = [0, 1"))
    with pytest.raises(FileProblem, match=r"plan\.toml is not TOML: .*line 4"):
        load_plan(path)


def test_a_missing_plan_names_the_nearest_that_exists(tmp_path: Path) -> None:
    with pytest.raises(FileProblem, match="There is no plan at demoo. Did you mean 'demo'"):
        load_plan("demoo")
    with pytest.raises(FileProblem, match="There is no plan at .*none.toml"):
        load_plan(tmp_path / "none.toml")
    (tmp_path / "raw.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(FileProblem, match="is not UTF-8 text"):
        load_plan(tmp_path / "raw.toml")


def test_the_plans_that_come_with_the_package_are_whole() -> None:
    assert plans() == ["demo", "demo-real", "quick", "recipes"]
    demo, quick = load_plan("demo"), load_plan("quick")
    assert [data.name for data in demo.data] == [
        "digits",
        "digits-events",
        "digits-audio",
        "digits-av",
    ]
    assert [t.name for t in demo.training] == ["plain", "SR", "AT", "AT-l2", "AT-l1", "SR+AT"]
    assert {t.name for t in demo.training if t.data} == {"AT-l2", "AT-l1"}
    assert len(demo.seeds) >= 2
    norms = {"linf", "l2", "l1", "l0"}
    extra = {"digits-events": {"counts"}, "digits-av": {"joint"}}
    for data in demo.data:
        assert set(data.threats) == norms | extra.get(data.name, set())
    assert [t.name for t in quick.training] == ["plain", "SR"]
    assert len(cells_of(quick)) == 14


@pytest.mark.parametrize("text", ["{} = 1", "[{}]", "[[{}]]", "a = 1\n{}.b = 2"])
def test_a_key_of_thousands_of_parts_is_refused_at_once(tmp_path: Path, text: str) -> None:
    plan = tmp_path / "plan.toml"
    for key in ("a." * 20_000 + "b", " . ".join(["'a'"] * 20_000)):
        plan.write_text(text.format(key), encoding="utf-8")
        with pytest.raises(FileProblem, match="nested too deep"):
            load_plan(plan)
    plan.write_text(text.format("x" * 100_000), encoding="utf-8")
    with pytest.raises(SpikeproofError, match="unknown setting|xxx"):
        load_plan(plan)


def test_a_question_and_claims_change_neither_cells_nor_the_hash_of_plans_without(
    tmp_path: Path,
) -> None:
    plain = load_plan(written(tmp_path, GOOD))
    asking = load_plan(
        written(tmp_path, 'question = "Which?"\nclaims = ["noise-is-survived"]\n' + GOOD)
    )
    assert (asking.question, asking.claims) == ("Which?", ("noise-is-survived",))
    assert [cell.id for cell in cells_of(asking)] == [cell.id for cell in cells_of(plain)]
    assert "question" not in plain.record()
    assert "claims" not in plain.record()
    assert plain.sha256 != asking.sha256
    assert Plan.from_record(json.loads(json.dumps(asking.record()))) == asking


@pytest.mark.parametrize("text", ["", " ", "a\u202eb", "two\nlines", "x" * 201])
def test_a_question_that_no_page_can_show_is_refused(tmp_path: Path, text: str) -> None:
    plan = load_plan(written(tmp_path, GOOD))
    with pytest.raises(SettingError, match="The question of plan 'mine' must be one line"):
        replace(plan, question=text)


def test_the_demo_asks_its_question_and_names_the_seven_claims() -> None:
    for name in ("demo", "quick"):
        assert load_plan(name).question in QUESTIONS
        assert load_plan(name).claims == SEVEN
    assert load_plan("recipes").claims is None


def test_weights_of_a_data_set_turn_no_term_on_that_a_training_has_off() -> None:
    data = sp.load("digits")
    part = DataPlan(name="digits", model="cnn-small", epochs=1, weights={"sparse": 0.2})
    found = {
        training.name: job_of(part, training, data).objective.terms.get("sparse", (0.0,))[0]
        for training in load_plan("recipes").training
        if training.name in ("SR+E-AT", "multinorm")
    }
    assert found == {"SR+E-AT": 0.2, "multinorm": 0.0}
