"""A made-up run, the page about it, and a browser."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from spikeproof.analysis import results, summarise
from spikeproof.report import compose
from support import browser, synthetic


@pytest.fixture(scope="session")
def write_run() -> Callable[..., Path]:
    """Write a made-up run folder."""
    return synthetic.write_run


@pytest.fixture(scope="session")
def html_of() -> Callable[[Path], str]:
    """The page about a run, with few resamples so that tests stay fast."""

    def make(folder: Path) -> str:
        return compose(summarise(results(folder, draws=40)))

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
def chromium() -> Iterator[browser.Browser]:
    """A headless browser; tests that need one are skipped where there is none."""
    if browser.CHROMIUM is None or browser.DRIVER is None:
        pytest.skip("no chromium and chromedriver on this machine")
    with browser.chromium() as window:
        yield window
