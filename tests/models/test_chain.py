"""A chain computes what its network does, bit for bit."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from spikeproof.data import Domain
from spikeproof.models import Chained, ModelSpec, TimeMean, build, chain
from spikeproof.neurons import Spiking

IMAGE = Domain(kind="image", shape=(1, 12, 12))
EVENTS = Domain(kind="events", shape=(3, 2, 8, 8), high=6.0, integer=True)


@pytest.mark.parametrize("pooling", ["average", "max"])
@pytest.mark.parametrize("domain", [IMAGE, EVENTS], ids=["image", "events"])
@pytest.mark.parametrize("name", ["cnn-small", "dense", "vgg-5", "vgg-11"])
def test_one_layer_after_the_other_is_the_network(name: str, domain: Domain, pooling: str) -> None:
    if name == "dense" and pooling == "max":
        pytest.skip("dense pools nothing")
    model = build(
        ModelSpec(name=name, domain=domain, classes=3, width=8, timesteps=3, pooling=pooling),
        seed=1,
    ).eval()
    x = torch.rand(4, *domain.shape, generator=torch.Generator().manual_seed(0))
    out = 6 * x.round() if domain is EVENTS else x
    with torch.no_grad():
        expected = model(out)
        for layer in chain(model):
            out = layer(out)
    assert isinstance(model.body, Chained) and torch.equal(out, expected)
    kinds = [type(layer) for layer in chain(model)]
    assert kinds.count(TimeMean) == 1 and Spiking in kinds and kinds[-1] is nn.Linear


def test_what_is_no_chain_stays_one_layer() -> None:
    model = build(ModelSpec(name="sew-resnet-18", domain=IMAGE, classes=3, width=4, timesteps=1))
    assert chain(model) == (model.body,)

    class Odd(nn.Sequential):
        """A sequence that may do anything."""

    odd = Odd(nn.Linear(1, 1))
    assert chain(nn.Sequential(odd, nn.Sequential(nn.ReLU())))[0] is odd
