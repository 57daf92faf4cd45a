"""Arguments of the calls in Python: whole numbers of any library, and one sentence for the rest."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from spikeproof.attacks import PGD, Member, Suite
from spikeproof.base import InputError, SettingError, SpikeproofError, seeds
from spikeproof.data import Dataset, DataSpec, Domain, Split
from spikeproof.evaluate import audit, evaluate_ladder, probe
from spikeproof.threats import Linf, Threat
from spikeproof.train import CrossEntropy, Objective, RobustValidation, TrainingSettings, fit

DOMAIN = Domain(kind="real", shape=(2,), low=-9.0, high=9.0)
NEAR = Threat(Linf(), 0.1, DOMAIN)
FAST = Suite((Member(attack=PGD(steps=2, step_size=0.5)),))
ERROR = Objective({"error": (1.0, CrossEntropy())})


def data(n: int = 8) -> Dataset:
    x = torch.stack([torch.linspace(-1, 1, n), torch.zeros(n)], 1)
    split = Split(x, (x[:, 0] > 0).long(), torch.arange(n))
    spec = DataSpec(
        name="line", version="1", classes=2, modality="real", licence="CC0", source="by hand",
        sha256="",
    )  # fmt: skip
    return Dataset(spec=spec, domain=DOMAIN, train=split, validation=split, sealed=split)


class Sign(nn.Module):
    """Class 1 right of zero."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, x: Tensor) -> Tensor:
        z = self.scale * x[:, 0]
        return torch.stack([-z, z], 1)


def audited(**changes: Any) -> Any:
    return audit(Sign(), data(), **{"threats": NEAR, "suite": FAST, "draws": 1, **changes})


def laddered(**changes: Any) -> Any:
    given = {"ladder": NEAR, "suite": FAST, "seed": 0, "draws": 1, **changes}
    return evaluate_ladder(Sign(), given.pop("split", data().sealed), **given)


def trained(**changes: Any) -> Any:
    settings = TrainingSettings(batch_size=4, learning_rate=0.1)
    return fit(
        Sign(), data(), ERROR, **{"epochs": 1, "settings": settings, "progress": False, **changes}
    )


@pytest.mark.parametrize(
    ("call", "changes", "sentence"),
    [
        (audited, {"seed": 0.9}, "audit: seed must be a whole number of 64 bits; got 0.9."),
        (audited, {"seed": 10**26}, "audit: seed must be a whole number of 64 bits"),
        (audited, {"draws": -1}, "draws must be a whole number >= 0; got -1."),
        (audited, {"draws": 1.5}, "draws must be a whole number >= 0; got 1.5."),
        (audited, {"items": 0}, "Cannot evaluate 0 test items"),
        (audited, {"items": 2.5}, "items must be a whole number"),
        (audited, {"suite": PGD()}, "For one attack alone write Suite((Member(attack),))."),
        (audited, {"suite": None}, "A suite is one of quick, core, standard, full"),
        (audited, {"suite": "quik"}, "Unknown suite 'quik'. Did you mean 'quick'?"),
        (audited, {"threats": "linf"}, "threats must be Threat objects; got 'linf'."),
        (audited, {"threats": [Linf()]}, "threats must be Threat objects; got Linf()."),
        (audited, {"threats": []}, "An audit needs at least one threat."),
        (laddered, {"seed": 0.9}, "evaluate_ladder: seed must be a whole number of 64 bits"),
        (laddered, {"draws": -1}, "evaluate_ladder: draws must be a whole number >= 0; got -1."),
        (laddered, {"suite": PGD()}, "For one attack alone write"),
        (laddered, {"split": data(8).sealed[:0]}, "there are no items to attack"),
        (trained, {"seed": 0.9}, "fit: seed must be a whole number of 64 bits; got 0.9."),
        (trained, {"seed": 2**63}, "fit: seed must be a whole number of 64 bits"),
        (trained, {"epochs": 0}, "epochs must be a whole number >= 1; got 0."),
        (trained, {"epochs": 1.5}, "epochs must be a whole number >= 1; got 1.5."),
    ],
)  # fmt: skip
def test_an_argument_that_makes_no_sense_is_refused_at_the_call(
    call: Callable[..., Any], changes: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(SpikeproofError) as refusal:
        call(**changes)
    assert sentence in str(refusal.value)


def test_whole_numbers_of_numpy_are_taken_and_saved(tmp_path: Path) -> None:
    three = np.int64(3)
    found = audited(seed=three, draws=three, items=three)
    found.save(tmp_path)
    assert found.to_dict() == audited(seed=3, draws=3, items=3).to_dict()
    history, same = (
        trained(seed=three, epochs=three, directory=tmp_path / "a"),
        trained(seed=3, epochs=3, directory=tmp_path / "b"),
    )
    assert json.dumps(history.record()) == json.dumps(same.record())
    assert torch.equal(seeds(three, n=2).values, seeds(3, n=2).values)
    settings = TrainingSettings(batch_size=three, learning_rate=np.float32(0.5), patience=three)
    assert settings == TrainingSettings(batch_size=3, learning_rate=0.5, patience=3)
    assert repr(settings) == repr(TrainingSettings(batch_size=3, learning_rate=0.5, patience=3))
    assert Threat(Linf(), np.float32(0.5), DOMAIN) == Threat(Linf(), 0.5, DOMAIN)


def test_one_threat_is_a_list_of_one() -> None:
    assert audited(threats=NEAR).to_dict() == audited(threats=[NEAR]).to_dict()
    one, several = laddered(ladder=NEAR), laddered(ladder=[NEAR])
    assert np.array_equal(one.broken, several.broken)
    assert RobustValidation(threats=NEAR) == RobustValidation(threats=(NEAR,))  # type: ignore[arg-type]
    with pytest.raises(SettingError, match="draws must be a whole number >= 2"):
        probe(Sign(), data().sealed, NEAR, seed=0, draws=1)


def test_a_data_set_without_items_is_told() -> None:
    empty = data(0)
    with pytest.raises(InputError, match="Cannot evaluate test items: line has none"):
        audit(Sign(), empty, NEAR, FAST)
