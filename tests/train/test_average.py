"""The running average of the weights, and what a run ends with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor, nn

from spikeproof.data import Dataset
from spikeproof.models import model_digest
from spikeproof.train import fit
from spikeproof.train.loop.average import WeightAverage
from support.small_runs import ERROR, QUICK


def test_the_average_follows_its_formula_and_is_what_the_run_ends_with(
    model: Callable[..., Any], data: Dataset
) -> None:
    class Kept(WeightAverage):
        seen: ClassVar[list[dict[str, Tensor]]] = []

        def update(self, model: nn.Module, step: int) -> None:
            super().update(model, step)
            Kept.seen.append({n: t.clone() for n, t in model.state_dict().items()})

    first = {name: t.clone() for name, t in model().state_dict().items()}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("spikeproof.train.loop.run.WeightAverage", Kept)
        nets = {}
        for keep in ("average", "weights"):
            Kept.seen = []
            nets[keep] = model()
            settings = replace(QUICK, average=0.6, keep=keep, select="last")
            fit(nets[keep], data, ERROR, epochs=3, settings=settings)
    expected = first["body.0.weight"]
    for step, weights in enumerate(Kept.seen):
        share = min(0.6, (1 + step) / (10 + step))
        expected = share * expected + (1 - share) * weights["body.0.weight"]
    torch.testing.assert_close(nets["average"].body[0].weight.detach(), expected)
    assert torch.equal(nets["weights"].body[0].weight, Kept.seen[-1]["body.0.weight"])
    plain = model()
    fit(plain, data, ERROR, epochs=3, settings=replace(QUICK, select="last"))
    assert model_digest(plain) == model_digest(nets["weights"]), "averaging changes no step"
