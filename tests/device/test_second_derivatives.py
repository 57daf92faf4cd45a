"""Gradients that are differentiated again are made in the thread of the step, on every device."""

from __future__ import annotations

import threading

import pytest
import torch
from torch import Tensor, nn

from spikeproof.data import Domain
from spikeproof.models import ModelSpec, build
from spikeproof.neurons import LIF
from spikeproof.train import TERMS, Forward, Term
from support.pretend import DEVICES, moved

DOMAIN = Domain(kind="image", shape=(1, 4, 4))
TWICE = [t for t in TERMS.examples() if TERMS.kind(t) in ("gradient_norm", "participation_ratio",
                                                          "tg_reg")]  # fmt: skip


class Watched(nn.Module):
    """A network that notes which threads differentiate its logits."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        self.threads: set[int] = set()

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.network(x)
        logits.register_hook(lambda grad: self.threads.add(threading.get_ident()))
        return logits


@pytest.mark.usefixtures("reference_kernels")
@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("term", TWICE, ids=repr)
def test_no_term_leaves_the_order_of_its_sums_to_a_thread_of_the_device(
    device: str, term: Term
) -> None:
    spec = ModelSpec(
        name="dense", domain=DOMAIN, classes=3, width=6, timesteps=2, neuron=LIF(threshold=0.2)
    )
    model = Watched(moved(build(spec, seed=0), device))
    x = torch.rand(4, *DOMAIN.shape, generator=torch.Generator().manual_seed(0))
    forward = Forward(model, x.to(device), torch.tensor([0, 1, 2, 0]).to(device))
    assert term(forward).requires_grad
    assert model.threads == {threading.get_ident()}
