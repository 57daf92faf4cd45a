"""The networks that the evidence about attacks is measured on: Fashion-MNIST, trained here.

Seven small convolutional networks on real images: without a defence, with sparse gradients, with
adversarial training and with both; leaky and non-leaky neurons; direct and Poisson coding. A
trained network is stored under ``runs/evidence`` and found again there, so the other scripts that
need it wait only once (about 25 minutes on one core for all).

    SPIKEPROOF_DATA=FOLDER python -m research.attack_evidence.networks
"""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Any

import torch

import spikeproof as sp
from research import ROOT
from spikeproof.data import Dataset
from spikeproof.models import Network, Poisson, load_model
from spikeproof.train import TrainingSettings

FOLDER = ROOT / "runs" / "evidence"
ITEMS, EPOCHS, VALIDATION = 4000, 8, 500
SPARSE = 0.05
# Name -> (what is penalised or attacked in training, settings of the network).
NETWORKS: dict[str, tuple[str, dict[str, Any]]] = {
    "plain-lif": ("plain", {}),
    "sr-lif": ("SR", {}),
    "at-lif": ("AT", {}),
    "sr-at-lif": ("SR+AT", {}),
    "at-if": ("AT", {"neuron": sp.LIF(leak=1.0)}),
    "plain-poisson": ("plain", {"encoder": Poisson(), "timesteps": 8}),
    "at-poisson": ("AT", {"encoder": Poisson(), "timesteps": 8}),
}


def data() -> Dataset:
    """Fashion-MNIST with the first items of its training and validation splits."""
    whole = sp.load("fashion-mnist")
    return replace(whole, train=whole.train[:ITEMS], validation=whole.validation[:VALIDATION])


def objective(kind: str, data: Dataset) -> sp.Objective:
    """The training that a name stands for."""
    terms: dict[str, Any] = {"error": (1.0, sp.CrossEntropy())}
    if "SR" in kind:
        terms["sparse"] = (SPARSE, sp.SparseGradient())
    if "AT" not in kind:
        return sp.Objective(terms)
    attack = sp.PGD(steps=2, step_size=0.7)
    return sp.Objective(terms, sp.Adversarial(attack, sp.standard_threats(data)["linf"][1]))


def network(name: str, data: Dataset) -> Network:
    """The trained network of a name, from its file or trained now."""
    kind, settings = NETWORKS[name]
    path = FOLDER / f"{name}.safetensors"
    if path.exists():
        loaded: Network = load_model(path)
        return loaded
    model = sp.build("cnn-small", data, **{"timesteps": 4, "width": 12, "seed": 0, **settings})
    history = sp.fit(
        model,
        data,
        objective(kind, data),
        epochs=EPOCHS,
        settings=TrainingSettings(batch_size=64, learning_rate=5e-3),
        directory=FOLDER / name,
        progress=False,
    )
    sp.save_model(model, path)
    print(name, history, flush=True)
    return model


def main() -> None:
    """Train what is not there yet; names as arguments choose."""
    torch.set_num_threads(1)
    FOLDER.mkdir(parents=True, exist_ok=True)
    split = data()
    for name in sys.argv[1:] or NETWORKS:
        network(name, split)


if __name__ == "__main__":
    main()
