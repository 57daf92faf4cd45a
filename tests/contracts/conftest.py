"""The models that attacks take from disk lie at hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.contract_cases import save_models


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of every domain on disk; do not change the folder."""
    return save_models(tmp_path_factory.mktemp("models"))


@pytest.fixture
def models_at_hand(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work where the models lie."""
    monkeypatch.chdir(folder)
