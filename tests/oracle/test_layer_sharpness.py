"""One sharpness per layer and item: by hand, item by item, and layer by layer."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from spikeproof.base import SettingError
from spikeproof.neurons import LIF, Spiking
from spikeproof.oracle import LayerSharpness, Oracle, name_of
from support.traces import ABOVE, CURRENTS, One, gradient, unrolled, weighted

MEAN = sum(abs(u) for u in ABOVE) / 3  # of .25, .125, .4375


def test_the_gradient_of_one_neuron_by_hand() -> None:
    s = 2 * math.tan(0.425 * math.pi) / math.pi / (MEAN + 1e-4)
    slopes = [(s / 2) / (1 + (math.pi / 2 * s * u) ** 2) for u in ABOVE]
    assert gradient(LayerSharpness()) == pytest.approx(unrolled(slopes))
    s = 1.5 / (MEAN + 1e-4)
    slopes = [s * max(0.0, 1 - s * abs(u)) for u in ABOVE]
    assert gradient(LayerSharpness(shape="triangle", reach=1.5)) == pytest.approx(unrolled(slopes))


def test_every_layer_has_its_own_number() -> None:
    """Two layers of one step: |u| = .5, then .75, and the slopes .5 a/.5 and .5 a/.75."""

    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layers = nn.ModuleList(Spiking(LIF()) for _ in range(2))

        def forward(self, x: Tensor) -> Tensor:
            spikes = self.layers[0](x.unsqueeze(0))
            logits: Tensor = self.layers[1](0.25 * spikes).squeeze(0)
            return logits

    rule = LayerSharpness(shape="rectangle", reach=0.9)
    with Oracle(Two(), gradient=rule) as oracle:
        x = torch.tensor([[1.5]], dtype=torch.float64)
        _, grad = oracle.logits_and_grad(x, lambda logits: logits[:, 0])
    expected = 0.5 * 0.9 / 0.5001 * 0.25 * 0.5 * 0.9 / 0.7501
    assert grad.item() == pytest.approx(expected)


def test_no_item_looks_at_another_and_nothing_is_remembered() -> None:
    x = torch.cat([CURRENTS, 3 * CURRENTS, 0.2 * CURRENTS]).float()
    with Oracle(One(), gradient=LayerSharpness()) as oracle:
        whole = oracle.logits_and_grad(x, lambda z: weighted(z.double()))[1]
        for item in range(3):
            rows = torch.tensor([item])
            alone = oracle.logits_and_grad(x[rows], lambda z: weighted(z.double()), rows)[1]
            assert torch.equal(alone[0], whole[item])


def test_names_and_settings() -> None:
    assert name_of(LayerSharpness()) == "layer-arctan"
    assert name_of(LayerSharpness(shape="triangle", reach=1.5)) == "layer-triangle-reach-1.5"
    with pytest.raises(SettingError):
        LayerSharpness(shape="straight-through")
    with pytest.raises(SettingError):
        LayerSharpness(reach=0.0)
