"""The same training by one process and by two; run as a script.

``python -m support.two_processes FOLDER`` prints one line of JSON: the histories and weights of
both, and what the files hold.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from spikeproof.attacks import PGD
from spikeproof.models import model_digest, read_tensors
from spikeproof.neurons import LIF, NoisyLIF, Spiking
from spikeproof.threats import L2, Linf, Threat
from spikeproof.train import (
    EAT,
    Adversarial,
    CrossEntropy,
    EpochFusion,
    Gain,
    NaturalFusion,
    Objective,
    Retraction,
    RobustValidation,
    SparseGradient,
    TrainingSettings,
    fit,
)
from support.toy import DOMAIN, two_sided

NEAR, WIDE = Threat(Linf(), 0.05, DOMAIN), Threat(L2(), 0.1, DOMAIN)


class Net(nn.Module):
    """Batch norm, then spikes or, where an attack would have to choose between equal margins
    by their last bit, something smooth."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.first, self.norm = nn.Linear(6, 16), nn.BatchNorm1d(16)
        neurons = {"spiking": LIF(), "noisy": NoisyLIF(noise=0.3)}
        self.spikes = Spiking(neurons[kind]) if kind in neurons else nn.Tanh()
        self.last = nn.Linear(16, 2)

    def forward(self, x: Tensor) -> Tensor:
        current = self.norm(self.first(x))
        logits: Tensor = self.last(self.spikes(current.expand(3, *current.shape))).mean(0)
        return logits


def make_net(rank: int, kind: str) -> Net:
    """Other first weights in every process: those of the first must count."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5 + rank)
        return Net(kind).double()


def train(folder: Path, rank: int, kind: str) -> dict[str, Any]:
    """Sparse-gradient training, of a smooth network against two threats with memory and rules, and
    with all that is shared out."""
    terms = {"error": (1.0, CrossEntropy()), "sparse": (0.01, SparseGradient())}
    attack = PGD(steps=2, step_size=0.5)
    attacked = EAT((Adversarial(attack, NEAR), Adversarial(attack, WIDE)))
    retraction = Retraction(strength=0.01, rows=8, share=0.5)
    rules = (NaturalFusion(share=0.2), retraction, EpochFusion(share=0.3))
    net, smooth = make_net(rank, kind), kind == "smooth"
    history = fit(
        net,
        two_sided(47, torch.float64),  # neither part divides by two
        Objective(terms, inputs=attacked, hooks=rules) if smooth else Objective(terms),
        epochs=3,
        settings=TrainingSettings(
            batch_size=12, learning_rate=0.02, optimizer="sgd", gradient_clip=1.0, average=0.9
        ),
        augment=(Gain(),),
        robust_validation=RobustValidation(threats=(NEAR,)) if smooth else None,
        directory=folder / kind,
        progress=False,
    )
    return {
        "history": history.record(),
        "digest": model_digest(net),
        "weights": {name: t.flatten().tolist() for name, t in net.state_dict().items()},
    }


def memory_of(folder: Path) -> dict[str, list[int]]:
    """What the inputs of a run remember, by its checkpoint."""
    tensors, _ = read_tensors(folder / "training.safetensors")
    return {name: t.tolist() for name, t in tensors.items() if name.startswith("memory.")}


def both_kinds(folder: Path, rank: int) -> dict[str, Any]:
    """The outcome of each kind of network."""
    return {kind: train(folder, rank, kind) for kind in ("smooth", "spiking", "noisy")}


def worker(folder: Path, rank: int, size: int) -> None:
    """One process of a group."""
    dist.init_process_group(
        "gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=size
    )
    outcome = both_kinds(folder / "run", rank)
    (folder / f"outcome{rank}.json").write_text(json.dumps(outcome))
    dist.destroy_process_group()


def main(base: Path) -> None:
    """Train alone, train in two processes, put both side by side."""
    torch.set_num_threads(1)
    together = base / "together"
    together.mkdir()
    children = []
    for rank in range(2):
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                worker(together, rank, 2)
                code = 0
            finally:
                os._exit(code)
        children.append(pid)
    for pid in children:
        assert os.waitpid(pid, 0)[1] == 0
    both = [json.loads((together / f"outcome{rank}.json").read_text()) for rank in range(2)]
    alone = both_kinds(base / "alone", 0)
    files = sorted(path.name for path in (together / "run" / "smooth").iterdir())
    memory = [memory_of(base / "alone" / "smooth"), memory_of(together / "run" / "smooth")]
    print(json.dumps({"alone": alone, "both": both, "files": files, "memory": memory}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
