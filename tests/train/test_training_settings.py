"""Settings of training: schedules of the rate, records, and refusals."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import pytest

from spikeproof.base import SettingError
from spikeproof.train import TrainingSettings


def test_warm_up_rises_linearly_and_the_schedule_takes_over() -> None:
    cosine = TrainingSettings(learning_rate=0.4, warmup=0.2)
    rates = [cosine.rate(step, 20) for step in range(20)]
    assert rates[:4] == pytest.approx([0.1, 0.2, 0.3, 0.4])
    assert rates[4] == 0.4
    assert rates[12] == pytest.approx(0.2)
    assert rates[4:] == sorted(rates[4:], reverse=True)


def test_the_step_schedule_drops_at_its_milestones() -> None:
    steps = TrainingSettings(learning_rate=1.0, schedule="step", milestones=(0.5, 0.8), drop=0.1)
    rates = [round(steps.rate(step, 10), 6) for step in range(10)]
    assert rates == [1.0] * 5 + [0.1] * 3 + [0.01] * 2


def test_the_cosine_falls_from_the_rate_to_zero_and_the_constant_stays() -> None:
    cosine = TrainingSettings(learning_rate=0.2)
    rates = [cosine.rate(step, 10) for step in range(11)]
    assert rates[0] == 0.2
    assert rates[5] == pytest.approx(0.1)
    assert rates[10] == pytest.approx(0.0, abs=1e-15)
    assert rates == sorted(rates, reverse=True)
    assert TrainingSettings(learning_rate=0.2, schedule="constant").rate(9, 10) == 0.2


def test_settings_survive_a_record_of_lists() -> None:
    settings = TrainingSettings(schedule="step", milestones=(0.3, 0.6))
    assert TrainingSettings(**json.loads(json.dumps(asdict(settings)))) == settings


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"warmup": 1.0}, r"TrainingSettings.warmup must lie in \[0, 1\)"),
        ({"average": 1.0}, r"average must lie in \(0, 1\)"),
        ({"milestones": (0.5, 1.2)}, r"milestones and average must lie in \(0, 1\)"),
        ({"drop": 0.0}, "drop must be positive"),
        ({"patience": 0}, "patience must be a whole number >= 1"),
        ({"patience": 3, "select": "last"}, "patience waits for a better epoch"),
        ({"precision": "bf16"}, "Did you mean 'bfloat16'"),
        ({"keep": "averages"}, "Did you mean 'average'"),
        ({"select": "unions"}, "Did you mean 'union'"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, Any], sentence: str) -> None:
    with pytest.raises(SettingError, match=sentence):
        TrainingSettings(**settings)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"batch_size": 0}, "batch_size must be positive"),
        ({"batch_size": 2.5}, "batch_size must be a whole number"),
        ({"learning_rate": -1.0}, "learning_rate must be positive"),
        ({"momentum": 1.0}, "momentum must lie in"),
        ({"weight_decay": -0.1}, "weight_decay must be finite"),
        ({"gradient_clip": 0.0}, "gradient_clip must be positive"),
        ({"optimizer": "adm"}, "Did you mean 'adam'"),
        ({"schedule": "cos"}, "Did you mean 'cosine'"),
        ({"select": "best"}, "TrainingSettings.select"),
    ],
)
def test_training_settings_that_make_no_sense_are_refused(
    settings: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(SettingError, match=sentence):
        TrainingSettings(**settings)


def test_training_settings_rebuild_from_their_repr() -> None:
    settings = TrainingSettings(optimizer="sgd", gradient_clip=1.0)
    assert eval(repr(settings)) == settings
