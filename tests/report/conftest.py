"""A made-up run, the page about it, and a browser."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from spikeproof.analysis import results, verdicts
from spikeproof.report import compose


def _load(name: str) -> ModuleType:
    """A file beside this one, which is no test."""
    full = f"spikeproof_tests_report_{name}"
    if full not in sys.modules:
        spec = importlib.util.spec_from_file_location(full, Path(__file__).with_name(f"{name}.py"))
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[full] = module
        spec.loader.exec_module(module)
    return sys.modules[full]


@pytest.fixture(scope="session")
def write_run() -> Callable[..., Path]:
    """Write a made-up run folder."""
    made: Callable[..., Path] = _load("synthetic").write_run
    return made


@pytest.fixture(scope="session")
def html_of() -> Callable[[Path], str]:
    """The page about a run, with few resamples so that tests stay fast."""

    def make(folder: Path) -> str:
        found = results(folder, draws=40)
        return compose(found, verdicts(found))

    return make


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory, write_run: Callable[..., Path]) -> Path:
    """A run with every modality and four trainings."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    names = ("digits", "digits-events", "digits-audio", "digits-av")
    return write_run(folder, data=names, trainings=("plain", "SR", "AT"), n=16)


@pytest.fixture(scope="session")
def page(whole: Path, html_of: Callable[[Path], str]) -> Path:
    """The page about the whole run."""
    path = whole.parent / "report.html"
    path.write_text(html_of(whole), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """A headless browser; tests that need one are skipped where there is none."""
    module = _load("browser")
    if module.CHROMIUM is None or module.DRIVER is None:
        pytest.skip("no chromium and chromedriver on this machine")
    with module.chromium() as browser:
        yield browser
