"""A card for tests that only read it, and copies for those that change it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from spikeproof.cards import write_cards
from spikeproof.cli.main import run as command
from support.made_cards import kept_run
from support.saying import Said


@pytest.fixture(scope="session")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that kept what broke the items; do not change the folder."""
    return kept_run(tmp_path_factory.mktemp("carded"))


@pytest.fixture(scope="session")
def whole(kept: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its card; do not change the folder."""
    folder = tmp_path_factory.mktemp("cards") / "card"
    write_cards(kept, folder, licence="apache-2.0")
    return folder


@pytest.fixture
def card(whole: Path, tmp_path: Path) -> Path:
    """The card for a test that changes it."""
    return Path(shutil.copytree(whole, tmp_path / "card"))


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Said:
    """Run a command line; exit code, standard output, standard error."""

    def call(*arguments: object) -> tuple[int, str, str]:
        code = command([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call
