"""A page is made from one summary, in which everything is computed once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from spikeproof.analysis import Results, results, summarise
from spikeproof.report import compose


def test_nothing_is_computed_twice_and_nothing_after_the_summary(
    tmp_path: Path, write_run: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    counts: Counter[str] = Counter()

    def counted(name: str) -> None:
        method = getattr(Results, name)

        def call(self: Results, *args: Any, **settings: Any) -> Any:
            counts[name] += 1
            return method(self, *args, **settings)

        monkeypatch.setattr(Results, name, call)

    once = ("matrix", "transfer", "competing", "timing", "gallery", "provenance")
    per_training = ("clean", "probes", "activity")
    for name in (*once, *per_training, "curve"):
        counted(name)
    run = results(write_run(tmp_path / "run", n=8), draws=40)
    found = summarise(run)
    assert counts == dict.fromkeys(once, 1) | dict.fromkeys(per_training, 3) | {"curve": 12}
    assert "synthetic" in compose(found)
    assert sum(counts.values()) == 6 + 9 + 12
