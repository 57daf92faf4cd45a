"""Texts as LaTeX, tables as booktabs, tables as CSV."""

from __future__ import annotations

import csv
import io

import numpy as np
import pytest

from spikeproof.base import csv_text
from spikeproof.data import Domain
from spikeproof.export.latex import escaped, radius_text, threat_sign
from spikeproof.export.words import attack_words, network_words, settings_words, training_words


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a_b & 50 %", r"a\_b \& 50 \%"),
        (r"\write18{rm}", r"\textbackslash{}write18\{rm\}"),
        ("x^2 ~ #1 $y$", r"x\textasciicircum{}2 \textasciitilde{} \#1 \$y\$"),
        ("ℓ₂ ≤ ∞", r"$\ell$$_2$ $\leq$ $\infty$"),
        ("α Ω Α ο", r"$\alpha$ $\Omega$ A o"),
        ("ϛ", r"\texttt{U+03DB}"),  # Greek, and no letter of TeX
        ("naïve Łódź", "naïve Łódź"),
        ("日本", r"\texttt{U+65E5}\texttt{U+672C}"),
        ("a\nb", "a b"),
        ("\x07", r"\texttt{U+0007}"),
        ("e\u0301", "é"),
    ],
)
def test_nothing_in_a_text_commands(text: str, shown: str) -> None:
    assert escaped(text) == shown


def test_radii_are_written_as_papers_do() -> None:
    image = Domain(kind="image", shape=(1, 2, 2))
    assert [radius_text(k / 255, image) for k in (1, 2, 8)] == ["1/255", "2/255", "8/255"]
    assert radius_text(8 / 255, Domain(kind="audio", shape=(4,), low=-1.0)) == "0.0313725"
    assert [radius_text(r, image) for r in (0.1, 0.5, 3.0)] == ["0.1", "0.5", "3"]
    assert threat_sign("a_threat_of_mine") == r"a\_threat\_of\_mine"


def test_csv_is_read_back_as_it_was_and_starts_no_formula() -> None:
    rows = [["a,b", 'say "x"', 0.1, None], ["=1+1", "-x", np.float64(1 / 3), float("nan")]]
    text = csv_text(["p", "q", "number", "none"], rows)
    assert text.endswith("\n") and "\r" not in text
    back = list(csv.reader(io.StringIO(text)))
    assert back[1] == ["a,b", 'say "x"', "0.1", ""]
    assert back[2] == ["'=1+1", "'-x", repr(1 / 3), ""]
    assert float(back[2][2]) == 1 / 3
    assert csv_text(["x"], [[-0.5], [True]]) == "x\n-0.5\ntrue\n"


def test_settings_are_said_in_words() -> None:
    assert settings_words({"kind": "pgd", "steps": 40, "stop": True, "wide": False}) == "steps 40"
    member = {
        "attack": {"kind": "pgd", "steps": 7},
        "gradient": {"kind": "backward", "reset": "detached", "gradient": {"shape": "arctan"}},
        "loss": "cross_entropy",
        "on": ["near"],
        "continues": True,
    }
    assert attack_words(member) == (
        "PGD (steps 7); gradient: arctan surrogate, reset detached; loss: cross-entropy; "
        "on items that are near; from the best point found before"
    )
    assert network_words({}) == "not recorded"
    made = network_words({"name": "nets.py:build", "source": {"libraries": {"snntorch": "1.0"}}})
    assert made == "made by nets.py:build; snntorch 1.0"
    inputs = {
        "kind": "eat",
        "members": [
            {"kind": "adversarial", "threat": {"name": "linf", "radius": 0.1}, "attack": {}},
            {"kind": "adversarial", "threat": {"name": "l1", "radius": 2.0}, "attack": {}},
        ],
    }
    cell = {"objective": {"terms": {"e": {"kind": "cross_entropy", "weight": 1.0}}}, "epochs": 3}
    told = training_words({**cell, "objective": {**cell["objective"], "inputs": inputs}})  # type: ignore[dict-item]
    assert told.startswith("1 cross entropy; E-AT of adversarial inputs under linf of radius 0.1")
    assert "and adversarial inputs under l1 of radius 2" in told and told.endswith("3 epochs")
