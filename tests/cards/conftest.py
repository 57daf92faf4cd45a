"""A card for tests that only read it, and copies for those that change it."""

from __future__ import annotations

import shutil
import tarfile
from pathlib import Path

import pytest

from spikeproof.cli.main import run as command
from support.saying import Said

STORED = Path(__file__).parents[1] / "stored" / "card.tar.gz"


@pytest.fixture(scope="session")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that kept what broke the items, and its card; do not change the folder."""
    folder = tmp_path_factory.mktemp("stored")
    with tarfile.open(STORED) as archive:
        archive.extractall(folder, filter="data")
    return folder


@pytest.fixture(scope="session")
def kept(stored: Path) -> Path:
    """The run; do not change the folder."""
    return stored / "run"


@pytest.fixture(scope="session")
def whole(stored: Path) -> Path:
    """The card; do not change the folder."""
    return stored / "card"


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
