"""Recipes in plans and on data: every one can be named, and what does not fit is refused."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import spikeproof as sp
from spikeproof.attacks import PGD
from spikeproof.base import SettingError, seeds
from spikeproof.data import Dataset, Domain, Views
from spikeproof.models import ModelSpec
from spikeproof.study import Plan, cells_of, load_plan
from spikeproof.threats import L2, Linf, Threat
from spikeproof.train import (
    AVG,
    HOOKS,
    INPUTS,
    TERMS,
    Adversarial,
    CorruptionNoise,
    CrossEntropy,
    GaussianNoise,
    Objective,
    OverfittingWatch,
    Ramp,
    Trades,
    TrainingSettings,
    fit,
)

ERROR = {"error": (1.0, CrossEntropy())}


@pytest.fixture(scope="module")
def cells() -> dict[str, Any]:
    """The train cell of every recipe."""
    return {c.cell["training"]: c.cell for c in cells_of(load_plan("recipes")) if c.kind == "train"}


def test_every_term_inputs_and_rule_has_a_recipe(cells: dict[str, Any]) -> None:
    demo = {c.cell["training"]: c.cell for c in cells_of(load_plan("demo")) if c.kind == "train"}
    objectives = [cell["objective"] for cell in [*cells.values(), *demo.values()]]
    terms = {term["kind"] for o in objectives for term in o["terms"].values()}
    inputs = {o["inputs"]["kind"] for o in objectives if o["inputs"]}
    rules = {rule["kind"] for o in objectives for rule in o["rules"]}

    def shipped(registry: Any) -> set[str]:
        return {k for k in registry if registry[k].__module__.startswith("spikeproof.")}

    assert (terms, inputs, rules) == (shipped(TERMS), shipped(INPUTS), shipped(HOOKS))


def test_every_recipe_takes_a_step_on_its_data(cells: dict[str, Any]) -> None:
    data = sp.load("digits")
    x, y = data.train.x[:6], data.train.y[:6]
    for name, cell in cells.items():
        objective = Objective.from_record(cell["objective"], domain=data.domain)
        objective.check(data)
        model = sp.build(ModelSpec.from_record({**cell["model"], "width": 4}))
        loss, parts = objective(model, x, y, seeds=seeds(0, n=6), progress=0.5)
        loss.backward()
        assert loss.isfinite(), name
        assert set(parts) == set(cell["objective"]["terms"]), name
        judged = objective.judged.look(model.eval(), x, y, seeds=seeds(0, n=6))
        assert len(judged.x) == 6, name
    assert cells["TGO"]["model"]["neuron"]["kind"] == "noisy-lif"
    assert cells["latency"]["model"]["encoder"]["kind"] == "latency"


PLAN = """
name = "mine"
[[data]]
name = "digits"
model = "cnn-small"
threats = ["linf"]
[[training]]
name = "it"
terms = { error = { kind = "cross_entropy", weight = 1.0 } }
"""


def planned(tmp_path: Path, more: str) -> Plan:
    """A plan of one training with more lines in its table."""
    path = tmp_path / "plan.toml"
    path.write_text(PLAN + more)
    return load_plan(path)


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ('inputs = { kind = "maxx" }', "Unknown kind of inputs 'maxx'. Did you mean 'max'"),
        ('inputs = { kind = "max", threats = ["linf", "l2"] }', "'max' needs 'attack'"),
        ('inputs = { attack = { kind = "pgd" } }', "'adversarial' needs 'threat'"),
        ('inputs = { kind = "gaussian", threat = "linf" }', "has no use for 'threat'"),
        ('inputs = { kind = "gaussian", nois = 0.1 }', "unknown setting 'nois'"),
        ('inputs = { kind = "msd", threats = ["linf", "l9"] }', "Unknown threat for digits 'l9'"),
        ('inputs = { kind = "msd", threats = ["linf", "l2"], radius = 1 }', "give radii"),
        ('inputs = { kind = "msd", threats = ["linf", "l2"], radii = { l1 = 1 } }', "radii 'l1'"),
        ('inputs = { kind = "msd", threats = ["linf", "l2"], level = 9 }', "does not exist"),
        ('hooks = [{ kind = "retract" }]', "Unknown hook 'retract'. Did you mean 'retraction'"),
        ('hooks = [{ kind = "ssdp" }]', "SSDP.layers must list"),
        ("network = { neurons = 1 }", "Did you mean 'neuron'"),
    ],
)
def test_a_recipe_that_makes_no_sense_is_refused_by_the_plan(
    tmp_path: Path, line: str, sentence: str
) -> None:
    with pytest.raises(SettingError, match=sentence):
        planned(tmp_path, line)


def test_plans_give_several_threats_radii_of_their_own(tmp_path: Path) -> None:
    line = 'inputs = { kind = "msd", threats = ["linf", "l2"], radii = { l2 = 0.7 }, level = 0, '
    plan = planned(tmp_path, line + "steps = 3 }")
    inputs = next(c for c in cells_of(plan) if c.kind == "train").cell["objective"]["inputs"]
    ladder = sp.load("digits").spec.radii["linf"]
    assert [t["radius"] for t in inputs["threats"]] == [ladder[0], 0.7]
    assert inputs["steps"] == 3
    assert Plan.from_record(plan.record()) == plan


def test_weights_must_be_finite_and_not_negative() -> None:
    for weight in (-1.0, math.nan, math.inf):
        with pytest.raises(SettingError, match="must be a finite number >= 0; got"):
            Objective({"agree": (weight, Trades())})


def attacked(domain: Any) -> Adversarial:
    """A fast attack on a domain."""
    return Adversarial(PGD(steps=1), Threat(Linf(), 0.1, domain))


OTHER = Domain(kind="audio", shape=(5,))


@pytest.mark.parametrize(
    ("objective", "sentence"),
    [
        (Objective(ERROR, attacked(OTHER)), r"was made for inputs \(audio \(5,\) in \[0, 1\]\)"),
        (Objective({"t": (1, Trades())}), "compares items with their attacks; give the objective"),
        (Objective({"r": (1, Ramp())}), "needs the inputs 'avg' over at least 2 threats"),
        (Objective(ERROR, hooks=(OverfittingWatch(),)), "OverfittingWatch compares attacks"),
    ],
)
def test_objectives_that_do_not_fit_the_data_are_refused_before_training(
    model: Callable[..., Any], data: Dataset, objective: Objective, sentence: str
) -> None:
    net = model()
    with pytest.raises(SettingError, match=sentence):
        fit(net, data, objective, epochs=1)
    assert not net.modes


@pytest.mark.parametrize(("source", "least"), [(0, 2), (2, 3)])
def test_ramp_asks_for_attacks_side_by_side(
    model: Callable[..., Any], data: Dataset, source: int, least: int
) -> None:
    objective = Objective({"r": (1, Ramp(source=source))}, attacked(data.domain))
    with pytest.raises(SettingError, match=f"needs the inputs 'avg' over at least {least} threats"):
        fit(model(), data, objective, epochs=1)


def test_recipes_train_without_validation_items_only_to_the_last_epoch(
    model: Callable[..., Any], data: Dataset, dataset: Callable[..., Dataset]
) -> None:
    members = attacked(data.domain), Adversarial(PGD(steps=1), Threat(L2(), 0.2, data.domain))
    objective = Objective(ERROR, AVG(members))
    blind = dataset(data.train, data.train[:0])
    with pytest.raises(SettingError, match="needs validation items and there are none"):
        fit(model(), blind, objective, epochs=1)
    fit(
        model(),
        blind,
        objective,
        epochs=1,
        settings=TrainingSettings(select="last"),
        progress=False,
    )


EVENTS = Domain(kind="events", shape=(3, 1, 2, 2), high=2.0, integer=True)
VIEWS = Views((("image", Domain(kind="image", shape=(1, 2, 2))), ("events", EVENTS)))


def test_noise_on_the_wrong_modality_is_refused() -> None:
    for domain in (EVENTS, VIEWS):
        with pytest.raises(SettingError, match="does not fit a domain of whole numbers"):
            GaussianNoise(domain)
    with pytest.raises(SettingError, match="uniform does not fit a events domain of whole"):
        CorruptionNoise(EVENTS, kinds=("uniform",))
    with pytest.raises(SettingError, match="jitter does not fit a audio domain of real"):
        CorruptionNoise(OTHER, kinds=("jitter",))
    with pytest.raises(SettingError, match="Did you mean 'uniform'"):
        CorruptionNoise(OTHER, kinds=("uniforms",))
    with pytest.raises(SettingError, match="strength must be at most 1"):
        CorruptionNoise(OTHER, strength=2)
    with pytest.raises(SettingError, match="noise must be positive"):
        GaussianNoise(OTHER, noise=math.nan)


@pytest.mark.parametrize("domain", [OTHER, EVENTS, VIEWS], ids=["audio", "events", "views"])
def test_noise_belongs_to_the_item_and_is_legal(domain: Domain | Views) -> None:
    makers = [CorruptionNoise(domain, strength=1.0)]
    makers += [GaussianNoise(domain, noise=0.5)] if domain is OTHER else []  # type: ignore[list-item]
    for inputs in makers:
        x = torch.rand(9, *domain.shape)
        x = x if domain is OTHER else (2 * x).round().clamp(0, 1)
        y, keys, rows = torch.zeros(9, dtype=torch.int64), seeds(0, n=9), torch.tensor([4, 1])
        noisy = inputs(nn.Identity(), x, y, seeds=keys)
        assert domain.contains(noisy).all()
        assert not torch.equal(noisy, x)
        assert torch.equal(inputs(nn.Identity(), x[rows], y[rows], seeds=keys[rows]), noisy[rows])
        assert INPUTS.build(INPUTS.record(inputs), domain) == inputs


def test_gaussian_noise_has_its_deviation_and_its_share() -> None:
    domain = Domain(kind="audio", shape=(500,), low=-9.0, high=9.0)
    x, y = torch.zeros(200, 500), torch.zeros(200, dtype=torch.int64)
    noisy = GaussianNoise(domain, noise=0.7, share=0.4)(nn.Identity(), x, y, seeds=seeds(0, n=200))
    hit = (noisy != 0).any(1)
    assert abs(float(hit.double().mean()) - 0.4) < 0.1
    assert float(noisy[hit].std()) == pytest.approx(0.7, rel=0.02)
