"""Every block of docs/audit-your-network.md, walk by walk, and the front door beside ``adapt``.

A block that begins with ``# name.py`` is that file; other ``py`` blocks are one script, ``sh``
blocks are run, and a ``text`` block is what the block before it prints, but for its numbers.
"""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import spikeproof as sp
from spikeproof.cli.main import run
from support.printed import compare
from tests.foreign.same_network import NETWORKS, filled, trained
from tests.foreign.test_adapters import pytestmark as pytestmark  # skipped where those are

PAGE = Path(__file__).resolve().parents[2] / "docs" / "audit-your-network.md"
FENCE = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"# (\w+\.py)\n")
WALKS = {
    walk.splitlines()[0]: FENCE.findall(walk)
    for walk in re.split(r"^## ", PAGE.read_text("utf-8"), flags=re.MULTILINE)[1:]
}


def test_the_page_has_four_walks_that_show_what_is_printed() -> None:
    assert list(WALKS) == ["SpikingJelly", "snnTorch", "norse", "Plain torch"]
    for blocks in WALKS.values():
        kinds = [kind for kind, _ in blocks]
        assert {"py", "sh", "text"} == set(kinds) and FILE.match(blocks[0][1])
        assert kinds.count("text") >= 3
    withheld = WALKS["Plain torch"]
    assert any("STOP state" in text for kind, text in withheld if kind == "text")


def test_other_words_and_shares_far_off_are_found() -> None:
    compare("robust 84.0 % of 100", "robust\n 83.0 %  of 99")
    for printed in ("robust 84.0 % of 100 items", "robust 20.0 % of 100"):
        with pytest.raises(AssertionError):
            compare("robust 84.0 % of 100", printed)


@pytest.mark.parametrize("name", WALKS)
def test_a_walk_runs_and_prints_what_the_page_shows(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    script: dict[str, object] = {"__name__": "__main__"}
    printed, files = "", []
    try:
        for kind, text in WALKS[name]:
            if kind == "text":
                compare(text, printed)
            elif file := FILE.match(text):
                Path(file[1]).write_text(text, encoding="utf-8")
                files.append(file[1].removesuffix(".py"))
            else:
                capsys.readouterr()
                (script_ran if kind == "py" else commands_ran)(text, script)
                printed = capsys.readouterr().out
    finally:
        for module in files:
            sys.modules.pop(module, None)


def script_ran(text: str, script: dict[str, object]) -> None:
    """One block of the script."""
    exec(compile(text, PAGE.name, "exec", dont_inherit=True), script)


def commands_ran(text: str, script: dict[str, object]) -> None:
    """Command lines, which end well."""
    for line in text.splitlines():
        program, *arguments = shlex.split(line)
        assert program == "spikeproof" and run(arguments) == 0, line


# As a library's users hand it in: one call answers for all steps.
@pytest.mark.parametrize("name", ["jelly-m-inside", "jelly-s-inside", "snn", "plain"])
def test_the_front_door_takes_the_network_itself(name: str) -> None:
    values, data = trained()
    make: Callable[[], Any] = NETWORKS[name][0]
    x, y = data.validation.x[:40], data.validation.y[:40]
    check_the_same(filled(make(), values), sp.adapt(filled(make(), values), example=x), x, y)


def test_the_front_door_takes_a_network_of_norse_itself() -> None:
    from norse import torch as norse

    data = sp.load("digits")
    x, y = data.validation.x[:40], data.validation.y[:40]

    class Net(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.cells = norse.SequentialState(
                torch.nn.Linear(64, 48), norse.LIFBoxCell(), torch.nn.Linear(48, 10)
            )

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            state, total = None, torch.zeros(len(x), 10)
            for _ in range(4):
                answer, state = self.cells(60 * x.flatten(1), state)
                total = total + answer
            return total / 4

    torch.manual_seed(0)
    net = Net()
    y = sp.adapt(net, example=x)(x).argmax(1)  # its own answers: an untrained one is right, too
    check_the_same(net, sp.adapt(net, example=x), x, y)


def check_the_same(net: Any, adapted: Any, x: torch.Tensor, y: torch.Tensor) -> None:
    """``attack`` and ``robust_accuracy`` of a network and of the adapted one agree."""
    before = {key: value.clone() for key, value in net.state_dict().items()}
    # One that nobody adapted has no rule that reaches it: the attack goes by its own gradient.
    attacks = [sp.attack(one, x, y, eps=0.08) for one in (net, adapted)]
    assert attacks[0].clean_accuracy > 0.8 and attacks[0].success.any()
    assert (attacks[0].success == attacks[1].success).mean() >= 0.975
    assert ((attacks[0].x_adv - attacks[1].x_adv).abs() <= 1e-6).float().mean() >= 0.98
    found = [
        sp.robust_accuracy(one, x, y, threats="linf:0.08", suite="quick") for one in (net, adapted)
    ]
    assert found[0].clean_accuracy == found[1].clean_accuracy
    # Only libraries are adapted unasked; rules make the suite no weaker on what was.
    rules = [any(flag.name == "rules" for flag in one.flags) for one in found]
    assert rules == [type(net).__name__ == "Plain", False]
    assert 0 <= float(found[0]) - float(found[1]) <= (0.05 if rules[0] else 0)
    assert all(torch.equal(value, before[key]) for key, value in net.state_dict().items())
