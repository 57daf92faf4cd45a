"""A report of any data set shows its items and says nothing false, known to the package or not."""

from __future__ import annotations

import html as escaped
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from spikeproof.analysis import results
from spikeproof.base import write_arrays
from spikeproof.data import DATASETS, Cifar10, DigitsAudio, Domain, FashionMnist, Views, datasets
from spikeproof.models import ModelSpec
from spikeproof.report.origin import origin
from support.resealed import reseal

PICTURE = Domain(kind="image", shape=(1, 28, 28))
VIEWS = Views((
    ("image", Domain(kind="image", shape=(3, 8, 8), high=255.0)),
    ("audio", Domain(kind="audio", shape=(400,), low=-2.0, high=2.0)),
))  # fmt: skip
NOT_HERE = {
    "pictures": PICTURE,
    "pairs": VIEWS,
    "spikes": Domain(kind="events", shape=(6, 12), high=3.0, integer=True),
    "clips": Domain(kind="audio", shape=(400,), low=-1.0),
}
FACTS = {
    "digits": "small collection of handwritten digits",
    "digits-audio": "synthetic key tones",
    "digits-events": "event camera is simulated",
}
RADII = {"linf": (0.05, 0.1, 0.2)}

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write_run: Write) -> Write:
    """Write a run on sets of any domain, which its records name unless told otherwise."""
    synthetic = sys.modules[write_run.__module__]

    def run(sets: dict[str, Domain | Views], *, recorded: bool = True, classes: int = 4) -> Path:
        for name in sets:
            monkeypatch.setitem(synthetic.RADII, name, RADII)
        few: dict[str, Any] = {"seeds": (0,), "n": 12, "trainings": ("plain",)}
        folder = write_run(tmp_path / "run", data=list(sets), probes=False, gallery=False, **few)
        for path in (folder / "cells").glob("*/record.json"):
            record = json.loads(path.read_text())
            domain = sets[record["cell"]["data"]]
            if record["cell"]["kind"] == "train" and recorded:
                spec = ModelSpec(name="dense", domain=domain, classes=classes)
                record["cell"]["model"] = spec.record()
                path.write_text(json.dumps(record))
            if record["cell"]["kind"] == "attack":
                with np.load(path.with_name("items.npz")) as items:
                    first = np.flatnonzero(items["broken"][1] & items["correct"])[:2]
                    y = items["y"][first]
                write_arrays(path.with_name("gallery.npz"), gallery(domain, y))
        reseal(folder)
        return folder

    return run


def gallery(domain: Domain | Views, y: np.ndarray) -> dict[str, np.ndarray]:
    """Two legal items, attacked in their first value."""
    assert len(y) == 2
    low, high = (bound.numpy() for bound in domain.bounds(torch.zeros(1)))
    middle = np.round((np.nan_to_num(low) + np.nan_to_num(high)) / 2)
    x = np.broadcast_to(middle, (2, *domain.shape)).astype(np.float32)
    x_adv = x.copy()
    x_adv.reshape(2, -1)[:, 0] += 1 if domain.integer else 0.05
    return {"x": x, "x_adv": x_adv, "y": y, "predicted": y, "predicted_adv": (y + 1) % 10,
            "radius": np.array(0.1)}  # fmt: skip


def text_of(html: str) -> str:
    """What a reader of the page reads."""
    plain = re.sub(r"<(script|style)\b.*?</\1>", " ", html, flags=re.DOTALL)
    return re.sub(r"\s+", " ", escaped.unescape(re.sub(r"<[^>]+>", "", plain)))


@pytest.mark.parametrize("name", NOT_HERE)
def test_a_set_that_is_not_registered_is_shown_from_its_record(
    name: str, write: Write, html_of: Callable[[Path], str]
) -> None:
    assert name not in datasets()
    html = html_of(write({name: NOT_HERE[name]}))
    text = text_of(html)
    assert html.count('card shot"') == html.count('<td class="broken">') == 2
    assert "kept in this run" not in text
    for false in FACTS.values():
        assert false not in text
    assert "does not know the set" in text
    assert ("frame space" in text) == (name == "spikes")


def test_a_set_from_files_is_shown_and_nothing_about_digits_is_said(
    write: Write, html_of: Callable[[Path], str]
) -> None:
    sets: dict[str, Domain | Views] = {
        "fashion-mnist": FashionMnist().domain,
        "cifar10": Cifar10().domain,
    }
    html = html_of(write(sets, classes=10))
    text = text_of(html)
    assert html.count('card shot"') == html.count('<td class="broken">') == 4
    for false in (*FACTS.values(), "kept in this run", "does not know the set", "frame space"):
        assert false not in text
    assert "Fashion-MNIST" in text and "CIFAR-10" in text
    assert "1 of 784 pixels changed" in text and "1 of 1024 pixels changed" in text


@pytest.mark.parametrize("name", ["digits", "digits-events", "digits-audio", "digits-av"])
def test_what_a_set_says_of_itself_stands_in_its_own_report_only(
    name: str, write: Write, html_of: Callable[[Path], str]
) -> None:
    text = text_of(html_of(write({name: DATASETS[name]().domain}, classes=10)))
    for limit in DATASETS[name].facts.limits:
        assert limit in text
    others = {limit for other in DATASETS for limit in DATASETS[other].facts.limits}
    for limit in others - set(DATASETS[name].facts.limits):
        assert limit not in text


def test_among_several_sets_a_limit_names_those_it_is_about(
    write: Write, html_of: Callable[[Path], str]
) -> None:
    html = html_of(write({"digits-audio": DigitsAudio().domain, "clips": NOT_HERE["clips"]}))
    assert "Sounds: The sounds are synthetic key tones" in text_of(html)
    assert "clips: this package does not know the set" in text_of(html)


def test_ranges_rates_and_units_are_those_of_the_record(
    write: Write, html_of: Callable[[Path], str]
) -> None:
    folder = write({"pairs": VIEWS})
    html = html_of(folder)
    text = text_of(html)
    assert re.search(r"<span>0</span><i [^>]*></i><span>255</span><span>image</span>", html)
    assert "400 samples (left to right) up to half the sampling rate" in text
    assert " s (left to right)" not in text
    known = origin(results(folder).cells, "pairs")
    assert known.unit == "pixel intensity, 0 to 255 and amplitude, −2 to 2"
    assert (known.classes, known.facts) == (4, None)


def test_a_set_of_a_known_name_but_of_other_items_is_not_described(
    write: Write, html_of: Callable[[Path], str]
) -> None:
    text = text_of(html_of(write({"digits-audio": NOT_HERE["clips"]})))
    assert "synthetic key tones" not in text
    assert "digits-audio: this package does not know the set" in text


@pytest.mark.parametrize(
    ("domain", "recorded", "why"),
    [
        (PICTURE, False, "no record says what shape and range they have"),
        (
            Domain(kind="real", shape=(5,), low=-9.0, high=9.0),
            True,
            "their values are no picture, recording or sound",
        ),
    ],
)
def test_items_that_were_kept_and_cannot_be_shown_are_told_with_the_reason(
    domain: Domain, recorded: bool, why: str, write: Write, html_of: Callable[[Path], str]
) -> None:
    text = text_of(html_of(write({"mine": domain}, recorded=recorded)))
    assert "2 attacked items of mine were kept in this run, and cannot be shown" in text
    assert why in text


def test_without_a_gallery_the_page_says_that_none_was_kept(
    tmp_path: Path, write_run: Write, html_of: Callable[[Path], str]
) -> None:
    folder = write_run(tmp_path / "run", n=8, probes=False, gallery=False)
    assert "No attacked items of Images were kept in this run." in text_of(html_of(folder))


def test_the_claim_about_modalities_reads_them_from_the_records(
    write: Write, html_of: Callable[[Path], str]
) -> None:
    text = text_of(html_of(write({name: NOT_HERE[name] for name in ("pictures", "spikes")})))
    assert "this run holds no" not in text
