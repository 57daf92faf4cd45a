"""The models that attacks take from disk lie at hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from spikeproof.models import save_model
from support.contract_cases import MODELS, THREATS, network


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of every domain on disk; do not change the folder."""
    made = tmp_path_factory.mktemp("models")
    for kind in MODELS:
        threat = next(threat for threat in THREATS if threat.domain.kind == kind)
        save_model(network(threat, seed=1), made / f"{kind}.safetensors")
    return made


@pytest.fixture
def models_at_hand(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work where the models lie."""
    monkeypatch.chdir(folder)
