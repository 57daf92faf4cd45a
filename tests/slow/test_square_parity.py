"""Square beside AutoAttack's, at equal queries, on a network without spikes."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from spikeproof import load
from spikeproof.attacks import Square
from spikeproof.base import seeds
from spikeproof.oracle import Oracle
from spikeproof.threats import L1, L2, Geometry, Linf, Misclassification, Threat

pytestmark = pytest.mark.slow

QUERIES, ITEMS = 500, 200


def trained() -> tuple[nn.Module, Tensor, Tensor]:
    """A small convolutional network on the digits, and items it gets right."""
    data = load("digits")
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(16, 16, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(256, 10),
    )
    optimizer = torch.optim.Adam(model.parameters(), 3e-3)
    for _ in range(150):
        rows = torch.randint(0, len(data.train.x), (128,))
        loss = functional.cross_entropy(model(data.train.x[rows]), data.train.y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.eval().requires_grad_(False)
    x, y = data.validation.x, data.validation.y
    right = model(x).argmax(1) == y
    return model, x[right][:ITEMS], y[right][:ITEMS]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("geometry", "radius", "norm"),
    [(Linf(), 0.12, "Linf"), (L2(), 0.8, "L2"), (L1(), 4.0, "L1")],
    ids=["linf", "l2", "l1"],
)
def test_square_breaks_as_many_as_autoattack_does(
    geometry: Geometry,
    radius: float,
    norm: str,
    record_property: Callable[[str, object], None],
) -> None:
    theirs = pytest.importorskip(
        "pyautoattack.square", reason="pyautoattack is not installed; it is the other side"
    )
    model, x, y = trained()
    other = theirs.SquareAttack(
        model, norm=norm, n_queries=QUERIES, eps=radius, p_init=0.8, seed=0, device="cpu"
    )
    broken = (model(other.perturb(x, y)).argmax(1) != y).sum()
    threat = Threat(geometry, radius, load("digits").domain)
    with Oracle(model) as oracle:
        x_adv = Square(steps=QUERIES - 1)(
            oracle, x, Misclassification(y), threat, seeds=seeds(0, n=len(x))
        )
        ours = (oracle.logits(x_adv).argmax(1) != y).sum()
    left = [100 * (1 - float(count) / len(x)) for count in (ours, broken)]
    row = {
        "measure": "robust accuracy",
        "network": "conv, right items",
        "threat": f"{threat.name} {radius}",
        "attack": f"Square, {QUERIES} queries",
        "peer": "autoattack Square",
        "ours": left[0],
        "theirs": left[1],
    }
    print(f"\n{row}")
    record_property("row", row)
    # One random search against another: half a point, and what chance does to 200 items.
    assert ours >= broken - 0.04 * len(x)
