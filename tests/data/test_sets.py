"""One data set, one file: what a new set brings is all that is asked of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import ClassVar

import pytest
import torch
from torch import Tensor

from spikeproof.cli.main import run
from spikeproof.data import (
    DATASETS,
    Domain,
    Facts,
    Published,
    Source,
    Views,
    datasets,
    describe,
    embedded,
    load,
    sets,
    store,
)

FACTS = Facts(
    version="2",
    classes=3,
    title="Toys",
    unit="toys",
    licence="CC0",
    source="Made in a test.",
    radii={"linf": (1.0, 2.0, 3.0)},
)
WHERE = Source(files={}, places=(".",), url="https://example.org/toys")


@dataclass(frozen=True, kw_only=True)
class StoredCounts:
    """Thirty recordings whose counts are stored as bytes."""

    facts: ClassVar[Facts] = FACTS
    published: Source = WHERE

    @property
    def domain(self) -> Domain:
        return Domain(kind="events", shape=(2, 1, 1, 2), high=200.0, integer=True)

    def __call__(self, folder: Path) -> Published:
        x = torch.arange(120, dtype=torch.uint8).view(30, 2, 1, 1, 2)
        return Published(x, torch.arange(30) % 3, official=24)

    def values(self, stored: Tensor) -> Tensor:
        return stored.to(torch.float32)


@dataclass(frozen=True, kw_only=True)
class StoredPairs(StoredCounts):
    """Thirty pictures with sounds, stored as levels and 16-bit samples."""

    @property
    def domain(self) -> Views:  # type: ignore[override]
        return Views((
            ("image", Domain(kind="image", shape=(1, 2, 2))),
            ("audio", Domain(kind="audio", shape=(3,), low=-1.0)),
        ))  # fmt: skip

    def __call__(self, folder: Path) -> Published:
        levels = torch.arange(120).view(30, 4) * 2
        samples = torch.arange(90).view(30, 3) * 300 - 15000
        return Published(torch.cat([levels, samples], 1), torch.arange(30) % 3, official=24)

    def values(self, stored: Tensor) -> Tensor:
        return torch.cat([stored[:, :4] / 255, stored[:, 4:] / 32768], dim=1)


@dataclass(frozen=True, kw_only=True)
class Clicks:
    """Forty sounds of one click, in three classes."""

    facts: ClassVar[Facts] = replace(FACTS, limits=("Clicks are not speech.",))
    length: int = 5

    @property
    def domain(self) -> Domain:
        return Domain(kind="audio", shape=(self.length,), low=-1.0)

    def labels(self) -> Tensor:
        return torch.arange(40) % 3

    def __call__(self, items: Tensor, *, seed: int = 0) -> Tensor:
        return torch.nn.functional.one_hot(items % self.length, self.length).float()


@pytest.fixture
def toys(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Three more data sets."""
    for name, cls in {"clicks": Clicks, "counts": StoredCounts, "pairs": StoredPairs}.items():
        monkeypatch.setitem(DATASETS.members, name, cls)
    store._arrays_of.cache_clear()
    yield
    store._arrays_of.cache_clear()


@pytest.mark.usefixtures("toys")
def test_counts_stored_as_bytes_are_not_scaled(tmp_path: Path) -> None:
    data = load("counts", folder=tmp_path)
    every = torch.cat([data.train.x, data.validation.x, data.sealed.x])
    assert sorted(every.flatten().tolist()) == list(range(120))
    data.domain.check(every)
    assert describe("counts").modality == "events"


@pytest.mark.usefixtures("toys")
def test_a_set_of_files_may_hold_views(tmp_path: Path) -> None:
    data = load("pairs", folder=tmp_path)
    assert isinstance(data.domain, Views)
    data.domain.check(data.sealed.x)
    item = int(data.sealed.items[0])
    views = data.domain.unpack(data.sealed.x[:1])
    assert views["image"].flatten().tolist() == pytest.approx(
        [(8 * item + 2 * i) / 255 for i in range(4)]
    )
    assert views["audio"].flatten()[0] == (900 * item - 15000) / 32768
    assert describe("pairs").modality == "audio-visual"


@pytest.mark.usefixtures("toys")
def test_a_made_set_has_as_many_items_and_classes_as_it_says() -> None:
    data = load("clicks")
    assert "clicks" in embedded() and not {"counts", "pairs"} & set(embedded())
    assert data.spec.classes == 3 and data.spec.version == "2"
    items = torch.cat([data.train.items, data.validation.items, data.sealed.items])
    assert sorted(items.tolist()) == list(range(40))
    assert torch.equal(data.train.y, data.train.items % 3)


@pytest.mark.usefixtures("toys")
def test_a_new_set_is_listed_and_says_that_it_names_no_network(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # A package that adds sets says so by an entry point; without one the sets are not asked.
    monkeypatch.setattr("spikeproof.catalogue.guest_points", lambda: ["toys"])
    assert run(["data", "list"]) == 0
    assert "Made in a test." in capsys.readouterr().out
    assert run(["train", "--data", "clicks"]) == 2
    assert "clicks names no network to train; name one with --model" in capsys.readouterr().err


def test_a_file_in_the_folder_of_the_sets_is_all_that_a_set_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    header = Path(__file__).read_text(encoding="utf-8").split("@dataclass")[0]
    body = Path(__file__).read_text(encoding="utf-8").split("class Clicks:")[1].split("@pytest")[0]
    text = f"{header}\n__all__ = ['Clicks']\n\n@dataclass(frozen=True, kw_only=True)\nclass Clicks:"
    (tmp_path / "toy_clicks.py").write_text(text + body, encoding="utf-8")
    monkeypatch.setattr(sets, "__path__", [*sets.__path__, str(tmp_path)])
    found = sets._by_name()
    assert set(found) == {*DATASETS, "toy-clicks"}
    assert found["toy-clicks"].facts.limits == ("Clicks are not speech.",)


@pytest.mark.parametrize("name", embedded())
def test_a_set_is_trained_as_in_the_demo_where_nothing_else_is_said(name: str) -> None:
    from spikeproof.study import DataPlan, load_plan

    (part,) = (part for part in load_plan("demo").data if part.name == name)
    facts = DATASETS[name].facts
    apart = {
        "items",
        "threats",
        "levels",
        "weights",
        "epochs",
    }  # of what the demo measures, of its trainings, and of the time it has for them
    mine, demo = DataPlan(name=name, **facts.training), part
    for field in fields(DataPlan):
        if field.name not in apart:
            assert getattr(mine, field.name) == getattr(demo, field.name), field.name


@pytest.mark.parametrize("name", datasets())
def test_a_set_is_named_after_its_file(name: str) -> None:
    assert DATASETS[name].__module__ == f"spikeproof.data.sets.{name.replace('-', '_')}"
