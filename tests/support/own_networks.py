"""Files as a stranger has them: a network in plain torch with its own surrogate, and weights."""

from __future__ import annotations

from pathlib import Path

import torch

from spikeproof.adapters import user_network

__all__ = ["LAYERS", "NETS", "write_nets", "write_weights"]

LAYERS = '''
import torch


class Spike(torch.autograd.Function):
    """A step forwards, an arctan backwards."""

    @staticmethod
    def forward(ctx, v):
        ctx.save_for_backward(v)
        return (v > 0).float()

    @staticmethod
    def backward(ctx, grad):
        (v,) = ctx.saved_tensors
        return grad / (1 + (3.14 * v) ** 2)
'''

NETS = """
import torch
from torch import nn

from layers import Spike


class Net(nn.Module):
    def __init__(self, width=16, steps=3):
        super().__init__()
        self.first = nn.Linear(64, width)
        self.last = nn.Linear(width, 10)
        self.steps = steps

    def forward(self, x):
        x, v, out = x.flatten(1), 0, 0
        for _ in range(self.steps):
            v = 0.5 * v + self.first(x)
            spikes = Spike.apply(v - 0.3)
            v, out = v - 0.3 * spikes, out + self.last(spikes)
        return out / self.steps


def build(width=16):
    return Net(width)
"""


def write_nets(folder: Path) -> Path:
    """The files of a network, in a folder; the one that is named."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "layers.py").write_text(LAYERS, encoding="utf-8")
    (folder / "nets.py").write_text(NETS, encoding="utf-8")
    return folder / "nets.py"


def write_weights(nets: Path, name: str = "w.pt", *, scale: float = 1.5) -> Path:
    """Weights of its network, as torch writes them."""
    network = user_network(f"{nets}:build", example=torch.rand(2, 1, 8, 8))
    path = nets.with_name(name)
    torch.save({key: scale * tensor for key, tensor in network.tensors.items()}, path)
    return path
